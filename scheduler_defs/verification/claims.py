"""Nothing is claimed twice: fires, launches and work items, by claimers on connections of their own.

What they claim is committed for a scratch tenant, planned for a day that no daemon sees and owned by no daemon, so that
nobody else claims it meanwhile, nor later what a killed verification left.
"""

from datetime import datetime, timedelta
from typing import Any

from resources.ids import new_id
from resources.records import Image, Launchable, NewRun, Run, Schedule, Trigger
from resources.scratch import ACTOR
from resources.states import CatchUp, JobKind, Overlap, TriggerKind
from scheduler_defs.sensors.claim import serve
from scheduler_defs.verification.check import Bench, Named, expect_equal
from scheduler_defs.verification.locks import RIVALS, ROUNDS, at_once

FAR = timedelta(days=50 * 365)
MINUTE, LEASE = timedelta(minutes=1), timedelta(minutes=10)
ITEMS, ITEMS_A_CLAIM, LAUNCHES = 60, 5, 20


def check_fires(bench: Bench) -> str:
    """Claimers at once fire each occurrence in one row, and what one has locked no other takes."""
    with bench.tenant() as tenant:
        far = _far(bench)
        schedule = _plant_trigger(bench, tenant, far)
        with bench.database.begin_system() as first, bench.database.begin_system() as second:
            locked = [one.id for one in first.schedules.lock_due([tenant], far, 10)]
            expect_equal("schedules that the first claimer locked", locked, [schedule.id])
            expect_equal("what a second one got beside it", second.schedules.lock_due([tenant], far, 10), [])
        for number in range(ROUNDS):
            at_once(lambda _, at=far + number * MINUTE: _serve(bench, tenant, at))  # type: ignore[misc]
        with bench.database.begin_system() as store:
            runs = store.runs.list(tenant).items
        expected = [far + number * MINUTE for number in reversed(range(ROUNDS))]
        expect_equal("occurrences in the ledger", [run.scheduled_for for run in runs], expected)
        launches = {run.launch_id for run in runs} - {None}
        expect_equal("launches of their own", len(launches), ROUNDS)
    return f"{ROUNDS} rounds of {RIVALS} claimers, one row and one launch an occurrence"


def check_launches(bench: Bench) -> str:
    """Ticks at once are offered each launch once between them."""
    with bench.tenant() as tenant:
        far = _far(bench)
        runs = [
            NewRun(tenant, new_id(), JobKind.GRAPH, TriggerKind.MANUAL, far, ACTOR) for _ in range(LAUNCHES)
        ]
        made = {new_id(): [Launchable(tenant, run.id, run.kind)] for run in runs}
        with bench.database.begin_system() as store:
            now = store.now()
            store.runs.create_many(runs, far)
            store.launches.create_many(dict.fromkeys(made, JobKind.GRAPH), tenant, now)
            store.runs.enqueue_many(made)

        def tick(_: int) -> list[object]:
            with bench.database.begin_system() as store:
                return [one.id for one in store.launches.offer(tenant, now, LEASE, LAUNCHES // 2)]

        offered = [one for offers in at_once(tick) + at_once(tick) for one in offers]
        expect_equal("launches offered", sorted(map(str, offered)), sorted(map(str, made)))
    return f"{LAUNCHES} launches offered once between {RIVALS} ticks"


def check_work_items(bench: Bench) -> str:
    """Workers at once take each work item once between them."""
    with bench.tenant() as tenant:
        run = _plant_items(bench, tenant)

        def work(_: int) -> list[object]:
            mine: list[object] = []
            worker = new_id()
            while True:
                with bench.database.begin(tenant) as store:
                    now = store.now()
                    taken = store.graph_jobs.claim(run, worker, now, lease=LEASE, limit=ITEMS_A_CLAIM)
                if not taken:
                    return mine
                mine += [one.id for one in taken]

        claimed = [one for items in at_once(work) for one in items]
        with bench.database.begin(tenant) as store:
            items = [one.id for one in store.graph_jobs.list_of_run(run)]
        expect_equal("items claimed", sorted(map(str, claimed)), sorted(map(str, items)))
    return f"{ITEMS} items claimed once between {RIVALS} workers"


def _far(bench: Bench) -> datetime:
    """A whole minute that comes in fifty years."""
    with bench.database.begin_system() as store:
        return (store.now() + FAR).replace(second=0, microsecond=0)


def _plant_trigger(bench: Bench, tenant: str, at: datetime) -> Schedule:
    made: dict[str, Any] = {"created_at": at, "updated_at": at}
    schedule = Schedule(
        tenant_id=tenant,
        id=new_id(),
        name="claims",
        kind=JobKind.GRAPH,
        created_by=ACTOR,
        updated_by=ACTOR,
        overlap=Overlap.ALLOW,
        catch_up=CatchUp.ALL,
        **made,
    )
    rule: dict[str, Any] = {"every": MINUTE, "anchor": at, "next_fire_at": at}
    trigger = Trigger(tenant, new_id(), schedule.id, TriggerKind.INTERVAL, **made, **rule)
    with bench.database.begin(tenant) as store:
        store.schedules.create(schedule)
        store.triggers.create(trigger)
    return schedule


def _serve(bench: Bench, tenant: str, now: datetime) -> None:
    with bench.database.begin_system() as store:
        serve(store, [tenant], tenant, now)


def _plant_items(bench: Bench, tenant: str) -> Run:
    far = _far(bench)
    wanted = NewRun(tenant, new_id(), JobKind.GRAPH, TriggerKind.MANUAL, far, ACTOR)
    images = [Image(tenant, new_id(), "", "verify", None, None, "verify", {}, new_id()) for _ in range(ITEMS)]
    with bench.database.begin(tenant) as store:
        store.runs.create_many([wanted], far)
        run = store.runs.get(tenant, wanted.id)
        store.graph_jobs.create_many(run, images, store.now())
    return run


CHECKS: tuple[Named, ...] = (
    ("claims: fires", check_fires),
    ("claims: launches", check_launches),
    ("claims: work items", check_work_items),
)

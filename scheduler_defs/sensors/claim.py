"""The claim: due triggers become runs, pending runs become launches, launches are offered; one transaction."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from resources.database import Database
from resources.records import Offer
from resources.states import Overlap
from resources.store import Store
from scheduler_defs.edits.surroundings import advance, read_calendars, read_events
from scheduler_defs.launching.packing import pack
from scheduler_defs.timing.fires import plan_fires

TENANTS_A_TICK = 100
TRIGGERS_A_TENANT = 200
TRIGGERS_A_TICK = 2000
RUNS_A_TENANT = 500
RUNS_A_TICK = 2000
OFFERS_A_CLAIM = 100
CLAIMS_A_TICK = 10
OFFER_LEASE = timedelta(seconds=20)
"""How long a tick's RunRequests have before a later tick returns the same launches again."""


def claim(store: Store, owner: str, now: datetime) -> list[Offer]:
    """Fires what is due, packs what is pending, returns launches for ``owner`` (a Dagster instance) to submit.

    The order of the locks is tenants, schedules, triggers; triggers are read and runs counted only in later
    statements. A second claimer at the same time takes other tenants. Bounded: the rest is a later tick's. Tenants
    with runs to launch have places of their own, so that they keep nobody's fires waiting.
    """
    due = store.tenants.lock_due(now, TENANTS_A_TICK)
    tenants = list(dict.fromkeys([*due, *store.tenants.lock_waiting(now, TENANTS_A_TICK)]))
    if tenants:
        serve(store, tenants, owner, now)
    return store.launches.offer(owner, now, OFFER_LEASE, OFFERS_A_CLAIM)


def serve(store: Store, tenants: Sequence[str], owner: str, now: datetime) -> None:
    """Fires what is due of some tenants and packs what is pending; a claim holds them locked."""
    _fire(store, tenants, now)
    store.runs.cancel_covered(tenants, now)
    store.runs.stop_superseded(tenants, now)
    _launch(store, tenants, owner, now)
    store.tenants.mark_served(tenants, now)


def claim_or_wait(
    database: Database,
    owner: str,
    *,
    patience: timedelta,
    poll: timedelta,
    sleep: Callable[[float], None],
) -> list[Offer]:
    """Claims until there is something to submit or ``patience`` is over; no transaction is open while it waits.

    While each claim finds more it claims again, up to CLAIMS_A_TICK times: Dagster takes seconds between ticks. What it
    has waited counts, not until when: a clock that is set back meanwhile does not keep it.
    """
    offers: list[Offer] = []
    claims, waited, pause = 0, timedelta(), timedelta()
    before: datetime | None = None
    with database.begin_system() as store:
        store.launches.see_owner(owner, store.now())
    while True:
        with database.begin_system() as store:
            now = store.now()
            more = claim(store, owner, now)
            next_due_at = None if more else store.triggers.next_due_at()
        offers += more
        claims += 1
        waited += max(pause, now - (before or now))
        before, pause = now, timedelta()
        if more and claims < CLAIMS_A_TICK:
            continue
        if offers or waited >= patience:
            return offers
        pause = min(poll, patience - waited)
        if next_due_at is not None and next_due_at > now:
            pause = min(pause, next_due_at - now)
        sleep(pause.total_seconds())


def _fire(store: Store, tenants: Sequence[str], now: datetime) -> None:
    schedules = store.schedules.lock_due(tenants, now, TRIGGERS_A_TENANT)
    if not schedules:
        return
    triggers = store.triggers.lock_due(schedules, now, TRIGGERS_A_TICK)
    limited = [one for one in schedules if one.max_runs_per_hour is not None or one.only_if]
    facts = store.runs.read_firing_facts(limited, now) if limited else []
    calendars, events = read_calendars(store, triggers), read_events(store, triggers)
    open_runs = store.runs.count_open([one for one in schedules if one.overlap is not Overlap.ALLOW])
    fires = plan_fires(schedules, triggers, open_runs, now, calendars, facts, events)
    if fires.cancels:
        store.runs.cancel_waiting_of(fires.cancels, now)
    store.runs.create_many(fires.runs, now)
    advance(store, fires.advances, events, now)


def _launch(store: Store, tenants: Sequence[str], owner: str, now: datetime) -> None:
    """Queues what may start; a launch whose runs were all cancelled meanwhile is never offered."""
    packed = pack(store.runs.read_launchable(tenants, now, RUNS_A_TENANT, RUNS_A_TICK))
    if not packed:
        return
    store.launches.create_many({key: runs[0].kind for key, runs in packed.items()}, owner, now)
    queued = set(store.runs.enqueue_many(packed))
    for launch_id, runs in packed.items():
        if queued.isdisjoint(run.id for run in runs):
            store.launches.bury(launch_id, now)

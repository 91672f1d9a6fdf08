"""The schedules of the first tenant: created once, fired at each start, and left as somebody left them."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from resources.ids import new_id
from resources.records import NewRun
from resources.selection import Selection
from resources.states import JobKind, PolicyMode, TriggerKind
from scheduler_defs.cli.demo import await_runs
from scheduler_defs.cli.first_tenant import (
    CHAIN,
    EXAMPLES,
    LIVE_IMAGE,
    SCHEDULES,
    TENANT,
    ensure_policy,
    ensure_schedules,
    load_first_tenant,
    silent_schedules,
    trigger_waiting,
)
from scheduler_defs.cli.stack import Stack
from scheduler_defs.edits.images import remove_image
from scheduler_defs.edits.policies import remove_policy
from scheduler_defs.edits.schedules import (
    NewSchedule,
    create_schedule,
    delete_schedule,
    pause_schedule,
    resume_schedule,
)
from scheduler_defs.edits.tenants import create_tenant
from scheduler_defs.inputs.policies import apply_policy
from scheduler_defs.inputs.sboms import Placement, ingest_sbom
from scheduler_defs.ops.attempt import carry_out
from scheduler_defs.ops.impact import find_impact
from scheduler_defs.ops.launches import close_run, finish_launch, open_launch
from scheduler_defs.sensors.claim import claim
from scheduler_defs.timing.rules import IntervalRule

GRAPH, IMPACT, POLICY = SCHEDULES


@pytest.fixture
def started(database):
    """A first start, whose schedules have fired."""
    with database.begin_system() as store:
        create_tenant(store, TENANT, "tests")
    start(database)
    fire(database)


def start(database):
    ensure_schedules(database)
    trigger_waiting(database)


def fire(database):
    with database.begin_system() as store:
        claim(store, "here", store.now())


def complete(database, run):
    """Carries out the launch of a queued impact run."""
    worker_id = new_id()
    fields = {"host": "h", "pid": 1, "kinds": ["impact"], "capacity": 1, "version": "0"}
    with database.begin_system() as store:
        store.workers.register(worker_id, dagster_run_id="d", now=store.now(), **fields)
    opened = open_launch(database, run.launch_id, run.kind, "d", worker_id)
    for one in opened.runs:
        assert close_run(database, carry_out(database, one, worker_id, find_impact, lambda *_: None))
    finish_launch(database, opened)


def state_of(database):
    with database.begin(TENANT) as store:
        found = store.schedules.list(TENANT, include_deleted=True).items
        return {
            one.name: (
                one.version,
                len(store.triggers.list_of_schedule(TENANT, one.id)),
                bool(one.deleted_at),
            )
            for one in found
        }


def test_the_first_start_fires_each_once_by_its_schedule(database, started, runs):
    assert state_of(database) == {
        **{GRAPH: (1, 2, False), IMPACT: (1, 1, False), POLICY: (1, 2, False)},
        **dict.fromkeys(CHAIN, (1, 1, False)),
    }
    fired = [(one.schedule_name, one.trigger_kind) for one in runs(TENANT)]
    assert {name for name, _ in fired} == {*SCHEDULES}
    assert TriggerKind.MANUAL not in {kind for _, kind in fired}


def test_news_of_advisories_go_through_the_chain(database, started, runs):
    def of_the_chain():
        return [one for one in runs(TENANT) if one.schedule_name in CHAIN]

    assert of_the_chain() == []
    with database.begin_system() as store:
        store.trigger_events.record("advisory_feed", store.now())
    fire(database)
    (impact,) = of_the_chain()
    assert (impact.schedule_name, impact.selection) == (CHAIN[0], {"since_last": True})
    complete(database, impact)
    fire(database)
    (policy,) = [one for one in of_the_chain() if one.id != impact.id]
    assert (policy.schedule_name, policy.selection) == (CHAIN[1], {"impacted": True})
    assert policy.mode is PolicyMode.INCREMENTAL


def test_later_starts_fire_by_hand_and_edit_nothing(database, started, runs):
    before = state_of(database)
    for count in (3, 6):
        start(database)
        by_hand = [one.schedule_name for one in runs(TENANT) if one.trigger_kind is TriggerKind.MANUAL]
        assert sorted(by_hand) == sorted([*SCHEDULES] * (count // 3))
    assert state_of(database) == before


def test_what_is_due_anyway_is_not_fired_by_hand_too(database, started, runs, admin):
    admin.execute(
        "UPDATE scheduler.triggers SET next_fire_at = now() - interval '5 minutes' WHERE kind <> 'once'"
    )
    start(database)
    assert [one for one in runs(TENANT) if one.trigger_kind is TriggerKind.MANUAL] == []


def test_what_somebody_paused_or_deleted_stays_so_and_is_told(database, started, runs):
    with database.begin(TENANT) as store:
        delete_schedule(store, TENANT, GRAPH, "eve")
        pause_schedule(store, TENANT, IMPACT, "noise", "eve")
    before = state_of(database)
    start(database)
    assert state_of(database) == before
    assert [one.schedule_name for one in runs(TENANT) if one.trigger_kind is TriggerKind.MANUAL] == [POLICY]
    assert [*map(str, silent_schedules(database))] == [
        f'schedule {GRAPH!r} is deleted; to have it fire: scheduler schedule restore "{GRAPH}" --tenant demo',
        f'schedule {IMPACT!r} is paused; to have it fire: scheduler schedule resume "{IMPACT}" --tenant demo',
    ]
    with database.begin(TENANT) as store:
        resume_schedule(store, TENANT, IMPACT, "eve")
    assert [one.name for one in silent_schedules(database)] == [GRAPH]


def test_the_demo_counts_runs_of_its_own_schedules_only(database, started, carry_out):
    with database.begin(TENANT) as store:
        since = store.now()
        other = NewSchedule("other", JobKind.GRAPH, [IntervalRule(timedelta(days=1), since)])
        create_schedule(store, TENANT, other, "eve", since)
    for name, kinds in (("other", set()), (GRAPH, {JobKind.GRAPH})):
        carry_out(TENANT, planned(database, name))
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
            stack = Stack("", Path(), process, leaves_server=False)
            assert await_runs(stack, database, since, timeout=0.1).keys() == kinds
            process.kill()


def planned(database, name):
    """A pending run as the first trigger of a schedule would have started it."""
    with database.begin(TENANT) as store:
        schedule = store.schedules.get_by_name(TENANT, name)
        trigger, *_ = store.triggers.list_of_schedule(TENANT, schedule.id)
        run = NewRun(
            tenant_id=TENANT,
            id=new_id(),
            kind=schedule.kind,
            trigger_kind=trigger.kind,
            trigger_id=trigger.id,
            scheduled_for=store.now() + timedelta(hours=1),
            requested_by="tests",
            selection={},
            schedule_id=schedule.id,
            schedule_version=schedule.version,
        )
        store.runs.create_many([run], store.now())
    return run.id


def test_what_somebody_made_of_the_first_input_stays_so(database):
    def state():
        with database.begin(TENANT) as store:
            images = {
                one.repository: (one.namespace, one.labels)
                for one in store.images.select(TENANT, Selection())
            }
            return images, [(one.name, one.revision) for one in store.policies.list(TENANT)]

    assert [one.image.repository for one in load_first_tenant(database)] == ["shop/storefront", "scheduler"]
    at_first = {
        "shop/storefront": ("shop", {"tier": "production"}),
        "scheduler": ("platform", {"tier": "internal"}),
    }
    assert state() == (at_first, [("default", 2)])
    own = (EXAMPLES / "policy.yaml").read_text().replace("default: ignore", "default: warn")
    with database.begin(TENANT) as store:
        apply_policy(store, TENANT, "ours", own, "ann")
    moved = Placement(namespace="lab", image=LIVE_IMAGE, labels={})
    ingest_sbom(database, TENANT, EXAMPLES / "shop.cdx.json", moved, "ann")
    assert [one.image.repository for one in load_first_tenant(database)] == ["scheduler"]
    kept = {"shop/storefront": at_first["shop/storefront"], "scheduler": ("lab", {})}
    assert state() == (kept, [("default", 3)])
    with database.begin(TENANT) as store:
        for image in store.images.select(TENANT, Selection()):
            remove_image(store, image, "ann")
    assert load_first_tenant(database) == []
    assert state() == ({}, [("default", 3)])


def test_a_removed_policy_stays_removed(database):
    def policies():
        ensure_policy(database)
        with database.begin(TENANT) as store:
            return [(one.name, one.revision) for one in store.policies.list(TENANT)]

    with database.begin_system() as store:
        create_tenant(store, TENANT, "tests")
    assert policies() == policies() == [("default", 2)]
    with database.begin(TENANT) as store:
        remove_policy(store, TENANT, "default", "ann")
    assert policies() == []

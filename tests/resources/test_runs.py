"""Table runs: the ledger's rows, its lists and what may be launched. Its transitions are in test_run_transitions.py."""

from datetime import timedelta

import pytest

from resources.errors import InvalidInput, NotFound
from resources.ids import new_id
from resources.records import Launchable, OpenRuns
from resources.states import JobKind, Overlap, PolicyMode, RunState, TriggerKind

MINUTE = timedelta(minutes=1)


def launchable(database, now, per_tenant=10, limit=10, tenants=("acme", "globex")):
    with database.begin_system() as store:
        return [one.id for one in store.runs.read_launchable(tenants, now, per_tenant, limit)]


def test_a_pending_run_is_stored_as_it_was_wanted(plant):
    run = plant.run(kind=JobKind.POLICY, mode=PolicyMode.SIMULATE, selection={"namespace": "web"}, priority=5)
    assert (run.kind, run.mode, run.selection, run.priority) == (
        *(JobKind.POLICY, PolicyMode.SIMULATE, {"namespace": "web"}, 5),
    )
    assert (run.state, run.attempt, run.fencing_token, run.launch_id) == (RunState.PENDING, 1, None, None)
    assert (run.scheduled_for, run.available_at, run.created_at) == (plant.now, plant.now, plant.now)
    assert (run.trigger_kind, run.requested_by, run.schedule_name) == (TriggerKind.MANUAL, "ann", None)


def test_a_skipped_range_is_one_row_that_counts(plant):
    schedule = plant.schedule("nightly")
    first, last = plant.now - 3 * MINUTE, plant.now - MINUTE
    run = plant.fired(
        *(plant.trigger(schedule), first),
        **{"reason": "catch_up", "skipped_count": 3, "skipped_first": first, "skipped_last": last},
    )
    assert (run.state, run.reason, run.finished_at) == (RunState.SKIPPED, "catch_up", plant.now)
    assert (run.skipped_count, run.skipped_first, run.skipped_last) == (3, first, last)
    assert (run.schedule_name, run.schedule_version) == ("nightly", 1)


def test_an_occurrence_is_accounted_for_once(database, plant):
    trigger = plant.trigger(plant.schedule())
    run = plant.fired(trigger, plant.now)
    fields = {"trigger_kind": trigger.kind, "schedule_id": trigger.schedule_id, "schedule_version": 1}
    again = plant.new_run(**fields, trigger_id=trigger.id, scheduled_for=plant.now, requested_by="again")
    following = plant.new_run(**fields, trigger_id=trigger.id, scheduled_for=plant.now + MINUTE)
    with database.begin_system() as store:
        assert store.runs.create_many([again, following], plant.now) == [following.id]
        assert store.runs.get("acme", run.id) == run
        with pytest.raises(NotFound):
            store.runs.get("acme", again.id)


def test_nothing_to_create_is_nothing_created(database, tenant):
    with database.begin_system() as store:
        assert store.runs.create_many([], store.now()) == []
        assert store.runs.list(tenant).items == []


def test_a_run_is_found_by_how_its_id_begins_or_ends(database, plant):
    run = plant.run()
    text = str(run.id)
    with database.begin("acme") as store:
        for name in (text, text[:13], text[-8:], f"  {text[-8:].upper()} "):
            assert store.runs.find("acme", name) == run


def test_a_name_of_several_runs_of_none_or_of_no_run_at_all_is_refused(database, plant):
    runs = [plant.run(), plant.run(), plant.run("globex")]
    common = str(runs[0].id)[:6]
    with database.begin("acme") as store:
        with pytest.raises(InvalidInput, match=r"run: .* several runs match"):
            store.runs.find("acme", common)
        for text in (str(runs[2].id), "0000", "a" * len(str(runs[0].id))):
            with pytest.raises(NotFound):
                store.runs.find("acme", text)
        for text in ("", "  ", "%", "xyz", "_"):
            with pytest.raises(InvalidInput, match="how one begins or ends"):
                store.runs.find("acme", text)


def test_an_unknown_run_is_not_found(database, tenant):
    with (
        database.begin(tenant) as store,
        pytest.raises(NotFound, match=r"run .* does not exist for this tenant"),
    ):
        store.runs.get(tenant, new_id())


def test_open_runs_are_counted_per_schedule(database, plant):
    busy, idle = plant.schedule("busy"), plant.schedule("idle")
    trigger = plant.trigger(busy)
    runs = [plant.fired(trigger, plant.now + n * MINUTE) for n in range(4)]
    plant.open(plant.launch(runs[0]))
    plant.launch(runs[1])
    with database.begin_system() as store:
        store.runs.cancel(runs[3], "no", plant.now)
        assert store.runs.count_open([busy, idle]) == [OpenRuns("acme", busy.id, active=2, pending=1)]
    plant.fired(trigger, plant.now + 5 * MINUTE, selection={"namespace": "web"})
    with database.begin_system() as store:
        assert store.runs.count_open([busy]) == [OpenRuns("acme", busy.id, active=3, pending=1)]
        (begun,) = [run for run in store.runs.list("acme").items if run.state is RunState.RUNNING]
        store.runs.retry_attempt(store.runs.begin_attempt(begun, plant.now), plant.now + MINUTE)
        assert store.runs.count_open([busy]) == [OpenRuns("acme", busy.id, active=3, pending=1)]
        assert store.runs.count_open([]) == []


def test_queued_and_running_runs_of_the_tenant_are_active(database, plant):
    assert plant.run().state is RunState.PENDING
    plant.launch(plant.run(), plant.run())
    running, ended = plant.running(), plant.running()
    plant.running(tenant="globex")
    with database.begin_system() as store:
        store.runs.finish(ended, RunState.COMPLETED, plant.now)
        assert store.runs.count_active("acme") == 3
        store.runs.finish(running, RunState.COMPLETED, plant.now)
        assert [store.runs.count_active(name) for name in ("acme", "globex", "nobody")] == [2, 1, 0]
    with database.begin("globex") as store:
        assert [store.runs.count_active(name) for name in ("acme", "globex")] == [0, 1]


def test_only_pending_runs_of_the_given_tenants_that_are_available_are_launchable(database, plant, admin):
    first, second, theirs = plant.run(), plant.run(), plant.run("globex")
    plant.launch(plant.run())
    assert set(launchable(database, plant.now)) == {first.id, second.id, theirs.id}
    assert launchable(database, plant.now, tenants=("globex",)) == [theirs.id]
    admin.execute("UPDATE scheduler.runs SET available_at = %s WHERE id = %s", [plant.now + MINUTE, first.id])
    assert launchable(database, plant.now, tenants=("acme",)) == [second.id]
    assert set(launchable(database, plant.now + MINUTE, tenants=("acme",))) == {first.id, second.id}


def test_launchable_runs_say_tenant_and_kind_and_come_by_kind(database, plant):
    policy = plant.run(kind=JobKind.POLICY, mode=PolicyMode.FULL)
    graph = plant.run("globex")
    with database.begin_system() as store:
        assert store.runs.read_launchable(["acme", "globex"], plant.now, 10, 10) == [
            Launchable("globex", graph.id, JobKind.GRAPH),
            Launchable("acme", policy.id, JobKind.POLICY),
        ]


def test_priority_then_the_planned_instant_decide_under_a_limit(database, plant):
    plant.run()
    early = plant.run(scheduled_for=plant.now - MINUTE)
    urgent = plant.run(priority=1, scheduled_for=plant.now + MINUTE)
    assert launchable(database, plant.now, per_tenant=1) == [urgent.id]
    assert set(launchable(database, plant.now, per_tenant=2)) == {urgent.id, early.id}
    assert len(launchable(database, plant.now, limit=1)) == 1


def test_a_tenant_gets_no_more_than_its_limit_of_queued_and_running_runs(database, plant, admin):
    admin.execute("UPDATE scheduler.tenants SET max_concurrent_runs = 3 WHERE tenant_id = 'acme'")
    plant.running()
    waiting = [plant.run() for _ in range(3)]
    assert len(launchable(database, plant.now)) == 2
    plant.launch(waiting[0])
    assert len(launchable(database, plant.now)) == 1
    plant.launch(waiting[1])
    assert launchable(database, plant.now) == []


@pytest.mark.parametrize("overlap", list(Overlap))
def test_fired_runs_of_a_schedule_go_out_one_at_a_time_unless_it_allows_overlap(database, plant, overlap):
    trigger = plant.trigger(plant.schedule(overlap=overlap))
    later, earlier = plant.fired(trigger, plant.now), plant.fired(trigger, plant.now - MINUTE)
    other = plant.fired(plant.trigger(plant.schedule("other")), plant.now)
    both = overlap is Overlap.ALLOW
    assert set(launchable(database, plant.now)) == {earlier.id, other.id} | ({later.id} if both else set())
    (running,) = plant.open(plant.launch(earlier))
    assert set(launchable(database, plant.now)) == {other.id} | ({later.id} if both else set())
    with database.begin_system() as store:
        store.runs.finish(running, RunState.COMPLETED, plant.now)
    assert set(launchable(database, plant.now)) == {other.id, later.id}


def test_runs_by_hand_do_not_wait_for_the_schedule(database, plant):
    schedule = plant.schedule()
    plant.open(plant.launch(plant.fired(plant.trigger(schedule), plant.now)))
    by_hand = plant.run(schedule_id=schedule.id, schedule_version=1)
    assert launchable(database, plant.now) == [by_hand.id]


def test_runs_that_ended_come_in_the_order_they_ended(database, plant):
    first, second = plant.running(), plant.running()
    plant.running()
    skipped = {"reason": "overlap", "skipped_count": 1, "skipped_first": plant.now, "skipped_last": plant.now}
    third = plant.run(**skipped)
    with database.begin_system() as store:
        store.runs.finish(second, RunState.COMPLETED, plant.now + MINUTE)
        store.runs.finish(first, RunState.FAILED, plant.now + 2 * MINUTE, error="boom")
    with database.begin("acme") as store:

        def ended(since, limit=10):
            return [run.id for run in store.runs.list_finished_since("acme", since, limit)]

        assert ended(plant.now - MINUTE) == [third.id, second.id, first.id]
        assert ended(plant.now) == [second.id, first.id]
        assert ended(plant.now, limit=1) == [second.id]
        assert ended(plant.now + 2 * MINUTE) == []


def test_running_runs_of_a_worker_that_is_dead_or_gone_are_abandoned(database, plant):
    alive, gone, dead = plant.running(), plant.running(), plant.running()
    plant.run()
    with database.begin_system() as store:
        assert store.runs.list_abandoned() == []
        for run in (alive, dead):
            store.workers.heartbeat(run.worker_id, plant.now + MINUTE)
        store.workers.deregister(gone.worker_id, plant.now)
        assert store.runs.list_abandoned() == [gone]
        store.workers.heartbeat(alive.worker_id, plant.now + 2 * MINUTE)
        store.workers.declare_dead(plant.now + 2 * MINUTE, timedelta(seconds=59))
        assert {run.id for run in store.runs.list_abandoned()} == {gone.id, dead.id}
        assert len(store.runs.list_abandoned(limit=1)) == 1
        store.runs.finish(gone, RunState.COMPLETED, plant.now)
        assert store.runs.list_abandoned() == [dead]

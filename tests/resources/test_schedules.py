"""Tables schedules and schedule_versions: deletion is soft, history is kept, claims skip what is locked."""

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from resources.errors import AlreadyExists, IllegalTransition, NotFound, VersionConflict
from resources.ids import new_id
from resources.states import CatchUp, JobKind, Overlap, PolicyMode, RunState, TriggerKind


def test_a_schedule_is_read_as_it_was_written(database, plant):
    wanted = plant.schedule(
        "full night scan",
        kind=JobKind.POLICY,
        mode=PolicyMode.INCREMENTAL,
        selection={"namespace": "web"},
        labels={"team": "a"},
        description="every night",
        priority=-7,
        overlap=Overlap.BUFFER_ONE,
        catch_up=CatchUp.ALL,
        catch_up_window=timedelta(hours=3),
        misfire_grace=timedelta(seconds=5),
        starts_at=plant.now,
        ends_at=plant.now + timedelta(days=1),
    )
    with database.begin("acme") as store:
        assert store.schedules.get("acme", wanted.id) == wanted
        assert store.schedules.get_by_name("acme", "full night scan") == wanted
        assert store.schedules.lock("acme", "full night scan") == wanted
        assert store.schedules.list("acme").items == [wanted]


def test_unknown_schedules_are_not_found(database, tenant):
    with database.begin(tenant) as store:
        for ask in (store.schedules.get_by_name, store.schedules.lock):
            with pytest.raises(NotFound, match="schedule 'weekly'"):
                ask(tenant, "weekly")
        with pytest.raises(NotFound):
            store.schedules.get(tenant, new_id())


def test_a_name_is_taken_within_its_tenant_only(database, plant):
    schedule = plant.schedule("nightly")
    plant.schedule("nightly", tenant="globex")
    with pytest.raises(AlreadyExists, match="schedule 'nightly'"), database.begin("acme") as store:
        store.schedules.create(replace(schedule, id=new_id()))


def test_lists_filter_and_page_by_name(database, plant):
    a = plant.schedule("a")
    b = plant.schedule("b", kind=JobKind.IMPACT)
    c = plant.schedule("c", enabled=False)
    plant.schedule("d", tenant="globex")
    with database.begin("acme") as store:
        assert store.schedules.list("acme").items == [a, b, c]
        assert store.schedules.list("acme", kind=JobKind.GRAPH).items == [a, c]
        assert store.schedules.list("acme", enabled=True).items == [a, b]
        assert store.schedules.list("acme", enabled=False).items == [c]
        first = store.schedules.list("acme", limit=1)
        assert store.schedules.list("acme", cursor=first.next_cursor, limit=1).items == [b]
        assert store.schedules.list("acme", kind=JobKind.POLICY).items == []


def test_a_deleted_schedule_stays_by_id_and_frees_its_name(database, plant):
    schedule = plant.schedule()
    with database.begin("acme") as store:
        assert store.schedules.soft_delete(schedule, "bob", plant.now) == 2
        deleted = store.schedules.get("acme", schedule.id)
        assert (deleted.deleted_at, deleted.deleted_by) == (plant.now, "bob")
        assert store.schedules.list("acme").items == []
        with pytest.raises(NotFound):
            store.schedules.get_by_name("acme", "nightly")
        with pytest.raises(VersionConflict):
            store.schedules.pause(schedule, None, "bob", plant.now)
    assert plant.schedule("nightly").id != schedule.id


def test_a_restored_schedule_lives_again(database, plant):
    schedule = plant.schedule()
    later = plant.now + timedelta(minutes=1)
    with database.begin("acme") as store:
        store.schedules.soft_delete(schedule, "bob", plant.now)
        deleted = store.schedules.lock_deleted("acme", "nightly")
        assert store.schedules.restore(deleted, "eve", later) == 3
        restored = replace(schedule, version=3, updated_at=later, updated_by="eve")
        assert store.schedules.get_by_name("acme", "nightly") == restored
        with pytest.raises(IllegalTransition, match="is active; it cannot become restored"):
            store.schedules.restore(restored, "eve", later)
        with pytest.raises(NotFound, match="deleted schedule 'nightly'"):
            store.schedules.lock_deleted("acme", "nightly")


def test_a_name_taken_meanwhile_is_not_restored(database, plant):
    schedule = plant.schedule()
    with database.begin("acme") as store:
        store.schedules.soft_delete(schedule, "bob", plant.now)
        deleted = store.schedules.get("acme", schedule.id)
    plant.schedule()
    with pytest.raises(AlreadyExists, match="schedule 'nightly'"), database.begin("acme") as store:
        store.schedules.restore(deleted, "eve", plant.now)


def test_the_last_deleted_of_a_name_is_the_one_restored(database, plant):
    for minutes in (2, 3, 1):
        schedule = plant.schedule(description=str(minutes))
        with database.begin("acme") as store:
            store.schedules.soft_delete(schedule, "bob", plant.now + timedelta(minutes=minutes))
    with database.begin("acme") as store:
        assert store.schedules.lock_deleted("acme", "nightly").description == "3"
    with database.begin("globex") as store, pytest.raises(NotFound):
        store.schedules.lock_deleted("globex", "nightly")


def test_a_version_is_read_as_it_was_kept(database, plant):
    schedule = plant.schedule()
    with database.begin("acme") as store:
        store.schedules.add_version("acme", schedule.id, 1, {"name": "nightly"}, "ann", plant.now)
        kept = store.schedules.get_version("acme", schedule.id, 1)
        assert (kept.valid_from, kept.changed_by, kept.content) == (plant.now, "ann", {"name": "nightly"})
        with pytest.raises(NotFound, match="version of the schedule 2"):
            store.schedules.get_version("acme", schedule.id, 2)
    with database.begin("globex") as store, pytest.raises(NotFound):
        store.schedules.get_version("globex", schedule.id, 1)


def test_what_is_due_is_read_without_locks(database, plant):
    late, early = plant.schedule("late"), plant.schedule("early")
    paused, deleted = plant.schedule("paused", enabled=False), plant.schedule("deleted")
    for schedule in (late, paused, deleted, plant.schedule("theirs", tenant="globex")):
        plant.trigger(schedule, next_fire_at=plant.now)
    for minutes in (1, 2):
        plant.trigger(early, next_fire_at=plant.now - timedelta(minutes=minutes))
    plant.trigger(plant.schedule("off"), next_fire_at=plant.now, enabled=False)
    plant.trigger(plant.schedule("soon"), next_fire_at=plant.now + timedelta(microseconds=1))
    with database.begin("acme") as store:
        store.schedules.soft_delete(deleted, "bob", plant.now)
    with database.begin_system() as claimer, database.begin("acme") as store:
        claimer.schedules.lock_due(["acme"], plant.now, 10)
        assert store.schedules.get_due("acme", plant.now) == [early, late]
        assert store.schedules.get_due("acme", plant.now, limit=1) == [early]
        assert store.schedules.get_due("acme", plant.now - timedelta(hours=1)) == []


def test_a_version_is_written_once_and_never_rewritten(database, plant, admin):
    schedule = plant.schedule()
    with database.begin("acme") as store:
        store.schedules.add_version("acme", schedule.id, 1, {"name": "nightly"}, "ann", plant.now)
    with pytest.raises(psycopg.errors.UniqueViolation), database.begin("acme") as store:
        store.schedules.add_version("acme", schedule.id, 1, {"name": "other"}, "eve", plant.now)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.begin("acme") as store:
        store.connection.execute("UPDATE scheduler.schedule_versions SET changed_by = 'eve'")
    for statement in ("UPDATE {} SET changed_by = 'eve'", "DELETE FROM {}", "TRUNCATE {}"):
        with pytest.raises(psycopg.Error, match="append-only"):
            admin.execute(statement.format("scheduler.schedule_versions"))
    found = admin.execute("SELECT version, valid_from, changed_by, content FROM scheduler.schedule_versions")
    assert found.fetchall() == [(1, plant.now, "ann", {"name": "nightly"})]


def test_only_active_schedules_of_the_given_tenants_with_a_due_trigger_are_locked(database, plant):
    due = plant.schedule("due")
    later, disabled = plant.schedule("later"), plant.schedule("disabled")
    paused, deleted = plant.schedule("paused", enabled=False), plant.schedule("deleted")
    theirs = plant.schedule(tenant="globex")
    for schedule in (due, paused, deleted, theirs):
        plant.trigger(schedule, next_fire_at=plant.now)
    plant.trigger(due, next_fire_at=plant.now)
    plant.trigger(later, next_fire_at=plant.now + timedelta(microseconds=1))
    plant.trigger(disabled, next_fire_at=plant.now, enabled=False)
    with database.begin_system() as store:
        store.schedules.soft_delete(deleted, "bob", plant.now)
    with database.begin_system() as store:
        assert store.schedules.lock_due(["acme"], plant.now, 10) == [due]
        assert store.schedules.lock_due(["globex"], plant.now, 10) == [theirs]
        assert store.schedules.lock_due([], plant.now, 10) == []


def test_due_triggers_count_towards_the_limit_of_a_tenant_oldest_first(database, plant):
    early, late = plant.schedule("early"), plant.schedule("late")
    for minutes in (2, 3):
        plant.trigger(early, next_fire_at=plant.now - timedelta(minutes=minutes))
    plant.trigger(late, next_fire_at=plant.now - timedelta(minutes=1))
    with database.begin_system() as store:
        assert store.schedules.lock_due(["acme"], plant.now, 2) == [early]
        assert {one.name for one in store.schedules.lock_due(["acme"], plant.now, 3)} == {"early", "late"}


def test_a_schedule_under_edit_is_left_to_a_later_tick(database, plant):
    plant.trigger(plant.schedule("a"), next_fire_at=plant.now)
    b = plant.schedule("b")
    plant.trigger(b, next_fire_at=plant.now)
    with database.begin("acme") as editor, database.begin_system() as claimer:
        editor.schedules.lock("acme", "a")
        assert claimer.schedules.lock_due(["acme"], plant.now, 10) == [b]


def test_a_claim_does_not_skip_a_schedule_that_a_new_run_refers_to(database, plant):
    schedule = plant.schedule()
    plant.trigger(schedule, next_fire_at=plant.now)
    with database.begin("acme") as writer, database.begin_system() as claimer:
        writer.runs.create_many([plant.new_run(schedule_id=schedule.id, schedule_version=1)], plant.now)
        assert claimer.schedules.lock_due(["acme"], plant.now, 10) == [schedule]


def test_a_schedule_is_locked_with_those_whose_triggers_wait_for_an_event(database, plant):
    event = {"kind": TriggerKind.EVENT, "every": None, "anchor": None, "event": "run_completed:a"}
    a, listener, other, deleted = (plant.schedule(name) for name in ("a", "listener", "other", "deleted"))
    theirs = plant.schedule("theirs", tenant="globex")
    for schedule in (listener, deleted, theirs):
        plant.trigger(schedule, **event)
    plant.trigger(other, **event | {"event": "run_completed:other"})
    with database.begin("acme") as store:
        store.schedules.soft_delete(deleted, "ann", plant.now)
    with database.begin("acme") as editor, database.begin_system() as claimer:
        assert editor.schedules.lock_with_listeners("acme", "a", "run_completed:a") == [a, listener]
        claimer.retention.limit_waiting(timedelta(milliseconds=30))
        with pytest.raises(psycopg.errors.LockNotAvailable), claimer.connection.transaction():
            claimer.schedules.lock("acme", "listener")
        assert claimer.schedules.lock("acme", "other") == other
    with database.begin("acme") as store:
        assert store.schedules.lock_with_listeners("acme", "nobody", "run_completed:nobody") == []


def test_a_schedule_fails_by_its_last_runs_since_its_last_edit(database, plant, admin):
    schedule = plant.schedule()
    other = plant.schedule("other")
    admin.execute("UPDATE scheduler.schedules SET pause_after_failures = 2")
    minute = timedelta(minutes=1)

    def end(state, after):
        run = plant.running(schedule_id=schedule.id, schedule_version=1)
        with database.begin("acme") as store:
            error = "boom" if state is RunState.FAILED else None
            store.runs.finish(run, state, plant.now + after * minute, error=error)
        with database.begin_system() as store:
            listed = store.schedules.list_failing()
            assert store.schedules.is_failing("acme", schedule.id) is (listed == [("acme", schedule.id)])
            assert not store.schedules.is_failing("acme", other.id)
        return bool(listed)

    failed, completed = RunState.FAILED, RunState.COMPLETED
    assert [end(failed, 1), end(completed, 2), end(failed, 3), end(failed, 4)] == [False, False, False, True]
    assert end(RunState.CANCELLED, 5)
    admin.execute("UPDATE scheduler.schedules SET updated_at = updated_at + interval '4 minutes'")
    assert not end(failed, 6)
    assert end(failed, 7)
    admin.execute("UPDATE scheduler.schedules SET pause_after_failures = NULL")
    assert not end(failed, 8)

"""Edits of a schedule's row: optimistic by version, each with its guard."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from resources.errors import AlreadyExists, IllegalTransition, NotFound, VersionConflict
from resources.ids import new_id
from resources.states import CatchUp, JobKind, Overlap, PolicyMode

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)

EDITS = {
    "upsert": lambda store, schedule: store.schedules.upsert(schedule, schedule.version),
    "pause": lambda store, schedule: store.schedules.pause(schedule, "holiday", "eve", NOW),
    "resume": lambda store, schedule: store.schedules.resume(schedule, "eve", NOW),
    "advance_version": lambda store, schedule: store.schedules.advance_version(schedule, "eve", NOW),
    "soft_delete": lambda store, schedule: store.schedules.soft_delete(schedule, "eve", NOW),
    "restore": lambda store, schedule: store.schedules.restore(schedule, "eve", NOW),
}


def test_pausing_and_resuming_count_versions_up(database, plant):
    schedule = plant.schedule()
    later = plant.now + timedelta(minutes=1)
    with database.begin("acme") as store:
        assert store.schedules.pause(schedule, "holiday", "bob", later) == 2
        paused = store.schedules.get("acme", schedule.id)
        assert paused == replace(
            schedule, enabled=False, paused_reason="holiday", version=2, updated_at=later, updated_by="bob"
        )
        assert store.schedules.resume(paused, "bob", later) == 3
        assert store.schedules.get("acme", schedule.id).paused_reason is None


@pytest.mark.parametrize("enabled", [True, False])
def test_pausing_and_resuming_leave_the_other_state_only(database, plant, enabled):
    schedule = plant.schedule(enabled=enabled, paused_reason=None if enabled else "holiday")
    again = EDITS["resume" if enabled else "pause"]
    state = "active" if enabled else "paused"
    with database.begin("acme") as store:
        with pytest.raises(IllegalTransition, match=f"is {state}; it cannot become {state}"):
            again(store, schedule)
        assert store.schedules.get("acme", schedule.id) == schedule


def test_upsert_creates_and_then_writes_every_editable_field(database, plant):
    first = plant.schedule("other", labels={"team": "a"})
    wanted = replace(first, id=new_id(), name="new", kind=JobKind.POLICY, mode=PolicyMode.FULL)
    changes = {
        **{
            "name": "renamed",
            "description": "d",
            "mode": PolicyMode.SIMULATE,
            "selection": {"namespace": "w"},
        },
        **{"labels": {"team": "b"}, "priority": 3, "overlap": Overlap.ALLOW, "catch_up": CatchUp.NONE},
        **{"catch_up_window": timedelta(1), "misfire_grace": timedelta(2), "starts_at": plant.now},
        **{"ends_at": plant.now + timedelta(3), "updated_at": plant.now + timedelta(4), "updated_by": "bob"},
    }
    with database.begin("acme") as store:
        assert store.schedules.upsert(wanted, None) == wanted
        after = store.schedules.upsert(replace(wanted, enabled=False, version=7, **changes), 1)
        assert after == replace(wanted, version=2, **changes) == store.schedules.get("acme", wanted.id)
        assert store.schedules.get("acme", first.id) == first


def test_upsert_refuses_a_name_in_use(database, plant):
    taken, schedule = plant.schedule("taken"), plant.schedule()
    with pytest.raises(AlreadyExists, match="schedule 'taken'"), database.begin("acme") as store:
        store.schedules.upsert(replace(schedule, name="taken"), 1)
    with pytest.raises(AlreadyExists, match="schedule 'taken'"), database.begin("acme") as store:
        store.schedules.upsert(replace(taken, id=new_id()), None)


def test_upsert_refuses_another_kind(database, plant):
    schedule = plant.schedule()
    with (
        database.begin("acme") as store,
        pytest.raises(IllegalTransition, match="is graph; it cannot become impact"),
    ):
        store.schedules.upsert(replace(schedule, kind=JobKind.IMPACT), 1)


def test_a_conflict_shows_both_and_who_was_first(database, plant):
    schedule = plant.schedule(priority=1, description="old")
    with database.begin("acme") as store:
        theirs = replace(schedule, priority=5, updated_by="bob", updated_at=plant.now + timedelta(minutes=1))
        store.schedules.upsert(theirs, 1)
        with pytest.raises(VersionConflict) as refused:
            store.schedules.upsert(replace(schedule, priority=9, updated_by="eve"), 1)
    error = refused.value
    assert (error.expected, error.found) == (1, 2)
    assert (error.changed_by, error.changed_at) == ("bob", plant.now + timedelta(minutes=1))
    assert error.differences == {"priority": (9, 5)}
    assert str(error) == (
        "schedule 'nightly' is at version 2, the edit was made from version 1: bob changed it at "
        "2026-03-14T12:01:00+00:00; priority: yours 9, theirs 5"
    )


def test_of_two_edits_at_once_one_wins_and_the_other_conflicts(database, plant):
    schedule = plant.schedule()
    with database.begin("acme") as first:
        first.schedules.upsert(replace(schedule, priority=1), 1)
    with database.begin("acme") as second, pytest.raises(VersionConflict):
        second.schedules.upsert(replace(schedule, priority=2), 1)
    with database.begin("acme") as store:
        assert store.schedules.get("acme", schedule.id).priority == 1


def test_an_edit_of_the_triggers_counts_as_one_of_the_schedule(database, plant):
    schedule = plant.schedule()
    later = plant.now + timedelta(minutes=1)
    with database.begin("acme") as store:
        assert store.schedules.advance_version(schedule, "bob", later) == 2
        after = store.schedules.get("acme", schedule.id)
    assert after == replace(schedule, version=2, updated_at=later, updated_by="bob")


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_from_an_old_version_is_refused_and_changes_nothing(database, plant, edit):
    schedule = plant.schedule()
    with database.begin("acme") as store:
        store.schedules.pause(schedule, None, "bob", plant.now)
        current = store.schedules.get("acme", schedule.id)
        with pytest.raises(
            VersionConflict, match=r"'nightly' is at version 2, .* from version 1: bob changed"
        ):
            EDITS[edit](store, schedule)
        assert store.schedules.get("acme", schedule.id) == current


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_a_schedule_of_another_tenant_finds_nothing(database, plant, edit):
    theirs = plant.schedule(tenant="globex", enabled=edit != "resume")
    with database.begin("acme") as store:
        with pytest.raises(NotFound):
            EDITS[edit](store, theirs)
        with pytest.raises(NotFound):
            EDITS[edit](store, replace(theirs, tenant_id="acme"))
    with database.begin("globex") as store:
        assert store.schedules.get("globex", theirs.id) == theirs


@pytest.mark.parametrize("edit", sorted(EDITS.keys() - {"restore"}))
def test_a_deleted_schedule_takes_no_more_edits_at_its_last_version(database, plant, edit):
    schedule = plant.schedule(enabled=edit != "resume")
    with database.begin("acme") as store:
        store.schedules.soft_delete(schedule, "bob", plant.now)
        deleted = store.schedules.get("acme", schedule.id)
        with pytest.raises(IllegalTransition, match="'nightly' is deleted"):
            EDITS[edit](store, deleted)
        assert store.schedules.get("acme", schedule.id) == deleted

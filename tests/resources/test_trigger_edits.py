"""Edits of a trigger's row: guarded by the version of its schedule; what is deleted is never due."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from resources.errors import IllegalTransition, NotFound, VersionConflict
from resources.ids import new_id
from resources.states import DstGap, DstOverlap, TriggerKind

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CRON = {
    "kind": TriggerKind.CRON,
    "cron": "0 9 * * *",
    "timezone": "Europe/Berlin",
    "every": None,
    "anchor": None,
}

EDITS = {
    "update": lambda store, one, version: store.triggers.update(replace(one, **CRON), version, NOW),
    "set_enabled": lambda store, one, version: store.triggers.set_enabled(one, False, version, NOW),
    "soft_delete": lambda store, one, version: store.triggers.soft_delete(one, version, NOW),
}


def test_an_update_writes_the_whole_rule_and_the_plan(database, plant):
    schedule = plant.schedule()
    trigger, other = plant.trigger(schedule, next_fire_at=plant.now), plant.trigger(schedule)
    rule = CRON | {"dst_gap": DstGap.SKIP, "dst_overlap": DstOverlap.BOTH, "next_fire_at": plant.now + MINUTE}
    with database.begin("acme") as store:
        after = store.triggers.update(
            replace(trigger, fire_count=9, enabled=False, **rule), 1, plant.now + MINUTE
        )
        assert after == replace(trigger, updated_at=plant.now + MINUTE, **rule)
        assert store.triggers.list_of_schedule("acme", schedule.id) == [after, other]


def test_a_trigger_is_switched_off_and_on(database, plant):
    trigger = plant.trigger(plant.schedule(), next_fire_at=plant.now)
    with database.begin("acme") as store:
        off = store.triggers.set_enabled(trigger, False, 1, plant.now + MINUTE)
        assert off == replace(trigger, enabled=False, updated_at=plant.now + MINUTE)
        with pytest.raises(IllegalTransition, match="is paused; it cannot become paused"):
            store.triggers.set_enabled(off, False, 1, plant.now)
        assert store.triggers.set_enabled(off, True, 1, plant.now) == trigger
        with pytest.raises(IllegalTransition, match="is active; it cannot become active"):
            store.triggers.set_enabled(off, True, 1, plant.now)


def test_a_deleted_trigger_stays_by_id_and_is_never_due(database, plant):
    schedule = plant.schedule()
    trigger, other = plant.trigger(schedule, next_fire_at=NOW), plant.trigger(schedule, next_fire_at=NOW)
    plant.fired(trigger, NOW - MINUTE)
    with database.begin("acme") as store:
        deleted = store.triggers.soft_delete(trigger, 1, NOW)
        assert deleted == replace(trigger, deleted_at=NOW, next_fire_at=None)
        assert store.triggers.get("acme", trigger.id) == deleted
        assert store.triggers.list_of_schedule("acme", schedule.id) == [other]
        assert store.triggers.get_due("acme", NOW) == [other]
        store.triggers.set_next_fire("acme", trigger.id, NOW, NOW)
        assert store.triggers.get("acme", trigger.id) == deleted
    with database.begin_system() as store:
        assert store.triggers.lock_due([schedule], NOW, 10) == [other]


def test_no_claim_finds_a_schedule_whose_only_trigger_is_deleted(database, plant):
    trigger = plant.trigger(plant.schedule(), next_fire_at=NOW)
    with database.begin_system() as store:
        assert store.tenants.lock_due(NOW, 10) == ["acme"]
        assert store.triggers.next_due_at() == NOW
        store.triggers.soft_delete(trigger, 1, NOW)
        assert store.tenants.lock_due(NOW, 10) == []
        assert store.schedules.lock_due(["acme"], NOW, 10) == []
        assert store.schedules.get_due("acme", NOW) == []
        assert store.triggers.next_due_at() is None


def test_no_statement_plans_a_deleted_trigger(database, plant, admin):
    trigger = plant.trigger(plant.schedule())
    with database.begin("acme") as store:
        store.triggers.soft_delete(trigger, 1, NOW)
    with pytest.raises(psycopg.errors.CheckViolation, match="deleted_is_never_due"):
        admin.execute("UPDATE scheduler.triggers SET next_fire_at = now()")


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_from_an_old_version_of_the_schedule_shows_both(database, plant, edit):
    schedule = plant.schedule()
    trigger = plant.trigger(schedule)
    with database.begin("acme") as store:
        store.schedules.advance_version(schedule, "bob", plant.now)
        store.triggers.update(replace(trigger, every=MINUTE), 2, plant.now)
        current = store.triggers.get("acme", trigger.id)
        with pytest.raises(VersionConflict, match=r"'nightly' is at version 2, .* version 1: bob") as refused:
            EDITS[edit](store, trigger, 1)
        assert refused.value.differences["every"][1] == MINUTE
        assert store.triggers.get("acme", trigger.id) == current


@pytest.mark.parametrize("edit", EDITS)
def test_a_deleted_trigger_takes_no_more_edits(database, plant, edit):
    trigger = plant.trigger(plant.schedule())
    with database.begin("acme") as store:
        deleted = store.triggers.soft_delete(trigger, 1, NOW)
        with pytest.raises(IllegalTransition, match="is deleted"):
            EDITS[edit](store, deleted, 1)
        assert store.triggers.get("acme", trigger.id) == deleted


@pytest.mark.parametrize("edit", EDITS)
def test_a_trigger_of_a_deleted_schedule_takes_no_more_edits(database, plant, edit):
    schedule = plant.schedule()
    trigger = plant.trigger(schedule)
    with database.begin("acme") as store:
        store.schedules.soft_delete(schedule, "bob", plant.now)
        with pytest.raises(IllegalTransition, match="is deleted"):
            EDITS[edit](store, trigger, 2)
        assert store.triggers.get("acme", trigger.id) == trigger


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_no_trigger_of_this_tenant_finds_nothing(database, plant, edit):
    theirs = plant.trigger(plant.schedule(tenant="globex"))
    with database.begin("acme") as store:
        for missing in (theirs, replace(theirs, tenant_id="acme"), replace(theirs, id=new_id())):
            with pytest.raises(NotFound):
                EDITS[edit](store, missing, 1)
    with database.begin("globex") as store:
        assert store.triggers.get("globex", theirs.id) == theirs
        EDITS[edit](store, theirs, 1)
        assert store.triggers.get("globex", theirs.id) != theirs

"""Table triggers: what is due, and how it moves on."""

from dataclasses import replace
from datetime import timedelta

import pytest

from resources.errors import NotFound
from resources.ids import new_id
from resources.records import Advance
from resources.states import DstGap, DstOverlap, TriggerKind

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    "rule",
    [
        {
            "kind": TriggerKind.CRON,
            "cron": "30 2 * * *",
            "timezone": "Europe/Berlin",
            "every": None,
            "anchor": None,
        }
        | {"dst_gap": DstGap.SHIFT, "dst_overlap": DstOverlap.BOTH},
        {"kind": TriggerKind.INTERVAL, "every": timedelta(days=40, seconds=1)},
        {"kind": TriggerKind.EVENT, "event": "advisories", "every": None, "anchor": None},
    ],
)
def test_a_trigger_is_read_as_it_was_written(database, plant, rule):
    schedule = plant.schedule()
    trigger = plant.trigger(schedule, **rule)
    with database.begin("acme") as store:
        assert store.triggers.list_of_schedule("acme", schedule.id) == [trigger]
        assert store.triggers.get("acme", trigger.id) == trigger


def test_an_unknown_trigger_is_not_found(database, plant):
    theirs = plant.trigger(plant.schedule(tenant="globex"))
    with database.begin("acme") as store:
        for trigger_id in (new_id(), theirs.id):
            with pytest.raises(NotFound, match="trigger"):
                store.triggers.get("acme", trigger_id)


def test_triggers_are_listed_by_kind_and_state(database, plant):
    schedule, other = plant.schedule("a"), plant.schedule("b")
    hourly, off = plant.trigger(schedule), plant.trigger(other, enabled=False)
    once = plant.trigger(schedule, kind=TriggerKind.ONCE, every=None, anchor=None, at=plant.now)
    plant.trigger(plant.schedule(tenant="globex"))
    with database.begin("acme") as store:
        gone = store.triggers.soft_delete(plant.trigger(schedule), 1, plant.now)
        by_id = sorted([hourly, off, once], key=lambda one: one.id)
        assert store.triggers.list("acme").items == by_id
        assert store.triggers.list("acme", kind=TriggerKind.ONCE).items == [once]
        assert store.triggers.list("acme", enabled=False).items == [off]
        assert store.triggers.list("acme", kind=TriggerKind.ONCE, enabled=False).items == []
        first = store.triggers.list("acme", limit=2)
        rest = store.triggers.list("acme", cursor=first.next_cursor, limit=2)
        assert first.items + rest.items == by_id
        assert rest.next_cursor is None
        assert store.triggers.get("acme", gone.id) == gone


def test_due_triggers_of_active_schedules_are_read_without_locks(database, plant):
    schedule, paused = plant.schedule("a"), plant.schedule("b", enabled=False)
    late = plant.trigger(schedule, next_fire_at=plant.now)
    early = plant.trigger(schedule, next_fire_at=plant.now - MINUTE)
    plant.trigger(schedule, next_fire_at=plant.now + MINUTE)
    plant.trigger(schedule, next_fire_at=plant.now, enabled=False)
    plant.trigger(paused, next_fire_at=plant.now)
    plant.trigger(plant.schedule(tenant="globex"), next_fire_at=plant.now)
    with database.begin_system() as claimer, database.begin("acme") as store:
        claimer.triggers.lock_due([schedule], plant.now, 10)
        assert store.triggers.get_due("acme", plant.now) == [early, late]
        assert store.triggers.get_due("acme", plant.now, limit=1) == [early]


def test_triggers_of_a_schedule_come_oldest_first(database, plant):
    schedule, other = plant.schedule("a"), plant.schedule("b")
    triggers = [plant.trigger(schedule) for _ in range(3)]
    plant.trigger(other)
    with database.begin("acme") as store:
        found = store.triggers.list_of_schedule("acme", schedule.id)
        assert {one.id for one in found} == {one.id for one in triggers}
        assert found == sorted(found, key=lambda one: one.id)


def test_a_plan_is_set_and_taken_away(database, plant):
    schedule = plant.schedule()
    trigger, other = plant.trigger(schedule), plant.trigger(schedule, next_fire_at=plant.now)
    with database.begin("acme") as store:
        store.triggers.set_next_fire("acme", trigger.id, plant.now + MINUTE, plant.now + MINUTE)
        planned = replace(trigger, next_fire_at=plant.now + MINUTE, updated_at=plant.now + MINUTE)
        assert {one.id: one for one in store.triggers.list_of_schedule("acme", schedule.id)} == {
            trigger.id: planned,
            other.id: other,
        }
        store.triggers.set_next_fire("acme", trigger.id, None, plant.now)
        found = store.triggers.list_of_schedule("acme", schedule.id)
        assert next(one for one in found if one.id == trigger.id) == trigger


def test_due_triggers_come_earliest_first_up_to_the_limit(database, plant):
    schedule, other = plant.schedule("a"), plant.schedule("b")
    late = plant.trigger(schedule, next_fire_at=plant.now)
    early = plant.trigger(other, next_fire_at=plant.now - MINUTE)
    plant.trigger(schedule, next_fire_at=plant.now + MINUTE)
    plant.trigger(schedule, next_fire_at=plant.now - MINUTE, enabled=False)
    with database.begin_system() as store:
        assert store.triggers.lock_due([schedule, other], plant.now, 10) == [early, late]
        assert store.triggers.lock_due([schedule, other], plant.now, 1) == [early]
        assert store.triggers.lock_due([schedule], plant.now, 10) == [late]
        assert store.triggers.lock_due([], plant.now, 10) == []


def test_a_trigger_that_another_claimer_holds_is_left_to_it(database, plant):
    schedule = plant.schedule()
    trigger = plant.trigger(schedule, next_fire_at=plant.now)
    with database.begin_system() as first, database.begin_system() as second:
        assert first.triggers.lock_due([schedule], plant.now, 10) == [trigger]
        assert second.triggers.lock_due([schedule], plant.now, 10) == []


def test_advancing_counts_fires_and_misfires_and_keeps_the_last_fire(database, plant):
    schedule = plant.schedule()
    fired = plant.trigger(schedule, next_fire_at=plant.now)
    spent = plant.trigger(schedule, next_fire_at=plant.now)
    untouched = plant.trigger(schedule, next_fire_at=plant.now)
    moved = Advance("acme", fired.id, plant.now + MINUTE, plant.now, fires=1, misfires=2)
    with database.begin_system() as store:
        store.triggers.advance_many([moved, Advance("acme", spent.id, None, None, 0, 5)], plant.now)
        store.triggers.advance_many([replace(moved, last_fire_at=None, fires=0, misfires=1)], plant.now)
        found = {one.id: one for one in store.triggers.list_of_schedule("acme", schedule.id)}
    assert found == {
        fired.id: replace(
            fired, next_fire_at=plant.now + MINUTE, last_fire_at=plant.now, fire_count=1, misfire_count=3
        ),
        spent.id: replace(spent, next_fire_at=None, misfire_count=5),
        untouched.id: untouched,
    }


def test_an_advance_names_the_tenant_too(database, plant):
    schedule = plant.schedule()
    trigger = plant.trigger(schedule, next_fire_at=plant.now)
    with database.begin_system() as store:
        store.triggers.advance_many([Advance("globex", trigger.id, None, None, 1, 1)], plant.now)
        assert store.triggers.list_of_schedule("acme", schedule.id) == [trigger]


def test_the_next_due_instant_is_the_earliest_of_all_tenants(database, plant):
    with database.begin_system() as store:
        assert store.triggers.next_due_at() is None
    plant.trigger(plant.schedule(), next_fire_at=plant.now + MINUTE)
    theirs = plant.schedule(tenant="globex")
    plant.trigger(theirs, next_fire_at=plant.now)
    plant.trigger(theirs, next_fire_at=plant.now - MINUTE, enabled=False)
    plant.trigger(theirs)
    with database.begin_system() as store:
        assert store.triggers.next_due_at() == plant.now


def test_a_trigger_keeps_its_terms_and_is_due_later_than_planned(database, plant):
    schedule = plant.schedule()
    terms = {"jitter": MINUTE, "calendars": ["a", "b"], "max_fires": 3, "due_delay": 5 * MINUTE}
    trigger = plant.trigger(schedule, next_fire_at=plant.now, **terms)
    with database.begin("acme") as store:
        found = store.triggers.get("acme", trigger.id)
        assert (found, found.next_due_at) == (trigger, plant.now + 5 * MINUTE)
        assert store.triggers.get_due("acme", plant.now + 4 * MINUTE) == []
        assert store.triggers.get_due("acme", plant.now + 5 * MINUTE) == [trigger]
        store.triggers.set_next_fire("acme", trigger.id, plant.now, plant.now, MINUTE)
        assert store.triggers.get("acme", trigger.id).next_due_at == plant.now + MINUTE


def test_triggers_of_a_calendar_are_delayed_anew(database, plant):
    schedule = plant.schedule()
    with_it = plant.trigger(schedule, next_fire_at=plant.now, calendars=["night", "b"])
    plant.trigger(schedule, next_fire_at=plant.now, calendars=["other"])
    plant.trigger(schedule, next_fire_at=None, calendars=["night"])
    plant.trigger(plant.schedule(tenant="globex"), next_fire_at=plant.now, calendars=["night"])
    with database.begin("acme") as store:
        assert store.triggers.lock_of_calendar("acme", "night") == [with_it]
        late = replace(with_it, due_delay=MINUTE)
        moved_on = replace(with_it, next_fire_at=plant.now + MINUTE, due_delay=9 * MINUTE)
        store.triggers.delay_many([late, moved_on], plant.now)
        assert store.triggers.get("acme", with_it.id).next_due_at == plant.now + MINUTE


def test_no_claim_takes_a_schedule_whose_calendar_is_edited(database, plant):
    schedule = plant.schedule()
    plant.trigger(schedule, next_fire_at=plant.now, calendars=["night"])
    with database.begin("acme") as store:
        store.triggers.lock_of_calendar("acme", "night")
        with database.begin_system() as claimer:
            assert claimer.schedules.lock_due(["acme"], plant.now, 10) == []

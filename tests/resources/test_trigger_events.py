"""Table trigger_events: what triggers of kind event fire by."""

from datetime import timedelta

from resources.records import Advance, WaitingEvent
from resources.states import TriggerKind

SECOND = timedelta(seconds=1)
EVENT = {"kind": TriggerKind.EVENT, "event": "sbom_ingested", "every": None, "anchor": None}


def test_only_active_triggers_of_an_event_hear_of_it(database, plant):
    schedule = plant.schedule("a")
    heard = plant.trigger(schedule, **EVENT)
    plant.trigger(schedule, **EVENT, enabled=False)
    plant.trigger(schedule, **EVENT | {"event": "advisory_feed"})
    plant.trigger(plant.schedule("paused", enabled=False), **EVENT)
    theirs = plant.trigger(plant.schedule(tenant="globex"), **EVENT)
    with database.begin("acme") as store:
        store.triggers.soft_delete(plant.trigger(schedule, **EVENT), 1, plant.now)
        assert store.trigger_events.record("sbom_ingested", plant.now, "acme") == 1
        assert store.triggers.get("acme", heard.id).next_fire_at == plant.now
        found = store.trigger_events.list_waiting([heard, theirs], 10)
        assert found == [WaitingEvent("acme", heard.id, plant.now)]
    with database.begin_system() as store:
        assert store.trigger_events.record("sbom_ingested", plant.now + SECOND) == 2


def test_the_oldest_event_that_waits_is_the_next_occurrence(database, plant):
    trigger = plant.trigger(plant.schedule(), **EVENT)
    with database.begin("acme") as store:
        for seconds in (5, 3, 9, 5):
            store.trigger_events.record("sbom_ingested", plant.now + seconds * SECOND, "acme")
        assert store.triggers.get("acme", trigger.id).next_fire_at == plant.now + 3 * SECOND
        waiting = [one.at - plant.now for one in store.trigger_events.list_waiting([trigger], 10)]
        assert waiting == [3 * SECOND, 5 * SECOND, 9 * SECOND]
        assert len(store.trigger_events.list_waiting([trigger], 2)) == 2


def test_what_lies_before_the_next_occurrence_is_handled(database, plant):
    trigger = plant.trigger(plant.schedule(), **EVENT)
    with database.begin("acme") as store:
        for seconds in (1, 2, 3):
            store.trigger_events.record("sbom_ingested", plant.now + seconds * SECOND, "acme")
        third = plant.now + 3 * SECOND
        store.trigger_events.handle_many([Advance("acme", trigger.id, third, None, 2, 0)], plant.now)
        assert [one.at for one in store.trigger_events.list_waiting([trigger], 10)] == [third]
        store.trigger_events.handle_many([Advance("acme", trigger.id, None, None, 1, 0)], plant.now)
        assert store.trigger_events.list_waiting([trigger], 10) == []


def test_old_events_are_pruned_once_they_are_handled(database, plant):
    trigger = plant.trigger(plant.schedule(), **EVENT)
    with database.begin_system() as store:
        for seconds in (1, 2, 3):
            store.trigger_events.record("sbom_ingested", plant.now + seconds * SECOND)
        done = Advance("acme", trigger.id, plant.now + 3 * SECOND, None, 2, 0)
        store.trigger_events.handle_many([done], plant.now)
        assert store.retention.prune_trigger_events("acme", plant.now, 10) == 0
        assert store.retention.prune_trigger_events("acme", plant.now + SECOND, 1) == 1
        assert store.retention.prune_trigger_events("acme", plant.now + SECOND, 10) == 1
        assert len(store.trigger_events.list_waiting([trigger], 10)) == 1

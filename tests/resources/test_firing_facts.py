"""What rates and conditions of schedules are held against."""

from datetime import timedelta

from resources.ids import new_id
from resources.records import FiringFacts, NewRun
from resources.states import JobKind, TriggerKind

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def fired(schedule, trigger, at, **changes):
    wanted = {"kind": JobKind.GRAPH, "trigger_kind": TriggerKind.INTERVAL, "requested_by": "fire_due"}
    wanted |= {"schedule_id": schedule.id, "schedule_version": 1, "trigger_id": trigger.id}
    return NewRun(schedule.tenant_id, new_id(), scheduled_for=at, **(wanted | changes))


def test_fires_of_the_last_hour_count_and_skips_and_manual_runs_do_not(database, plant):
    schedule, other = plant.schedule("a"), plant.schedule("b")
    trigger = plant.trigger(schedule)
    skipped = {"reason": "rate", "skipped_count": 1}
    by_hand = {"trigger_id": None, "trigger_kind": TriggerKind.MANUAL}
    with database.begin_system() as store:
        for minutes in (61, 60, 59, 0):
            at = plant.now - minutes * MINUTE
            store.runs.create_many([fired(schedule, trigger, at)], at)
        ago = plant.now - 5 * MINUTE
        ends = {"skipped_first": ago, "skipped_last": ago}
        store.runs.create_many([fired(schedule, trigger, ago, **skipped, **ends)], ago)
        store.runs.create_many([fired(schedule, trigger, ago, **by_hand)], ago)
        found = store.runs.read_firing_facts([schedule, other], plant.now)
    facts = {one.schedule_id: one for one in found}
    assert (facts[schedule.id].fired, facts[other.id].fired) == (2, 0)
    assert facts[other.id] == FiringFacts("acme", other.id, 0, None, True, True)


def test_a_tenant_learns_nothing_of_anothers_schedules(database, plant):
    theirs = plant.schedule(tenant="globex")
    with database.begin("acme") as store:
        assert store.runs.read_firing_facts([theirs], plant.now) == []


def test_what_fired_by_a_clock_that_was_set_back_since_does_not_count(database, plant):
    """But what another claimer wrote by a clock read a moment later does."""
    schedule = plant.schedule()
    trigger = plant.trigger(schedule)
    with database.begin_system() as store:
        for ahead in (MINUTE, 2 * MINUTE, 600 * MINUTE):
            store.runs.create_many([fired(schedule, trigger, plant.now + ahead)], plant.now + ahead)
        (facts,) = store.runs.read_firing_facts([schedule], plant.now)
    assert facts.fired == 1

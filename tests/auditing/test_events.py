"""What happened and the ledger must agree, both ways."""

from datetime import timedelta

import pytest

from scheduler_defs.edits.calendars import NewCalendar, create_calendar
from scheduler_defs.edits.schedules import edit_schedule, pause_schedule, resume_schedule
from scheduler_defs.timing.rules import EventRule, IntervalRule
from tests.auditing.conftest import NOW

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
EVENT = "sbom_ingested"


@pytest.fixture
def happen(world):
    """happen(at) records the event."""

    def happen(at):
        with world.database.begin(world.tenant) as store:
            return store.trigger_events.record(EVENT, at, world.tenant)

    return happen


@pytest.fixture
def hour(world, happen):
    """Three events at 12:10, 12:20 and 12:30, each fired within a second."""
    schedule = world.make(EventRule(EVENT))
    for number in (1, 2, 3):
        happen(NOW + number * 10 * MINUTE)
        world.tick(NOW + number * 10 * MINUTE + SECOND)
    return schedule


def delete(world, table, column, *instants):
    world.admin.execute("SET session_replication_role = replica")
    found = world.admin.execute(f"DELETE FROM scheduler.{table} WHERE {column} = ANY(%s)", [[*instants]])
    assert found.rowcount == len(instants)


def faults(report):
    return {str(fault): count for fault, count in report.total.faults.items() if count}


def test_what_happened_is_expected_and_its_lateness_measured(world, hour):
    report = world.audit(NOW, NOW + HOUR)
    assert (report.total.expected, report.total.fired, faults(report)) == (3, 3, {})
    assert [*report.total.lateness] == [1, 1, 1]


def test_an_event_without_a_row_is_missing_once_it_is_due(world, hour, happen):
    delete(world, "runs", "scheduled_for", NOW + 20 * MINUTE)
    happen(NOW + 40 * MINUTE)
    happen(NOW + HOUR)
    report = world.audit(NOW, NOW + HOUR)
    assert (report.total.expected, report.total.pending, faults(report)) == (5, 1, {"missing": 2})
    assert [found.at for _, found in report.findings] == [NOW + 20 * MINUTE, NOW + 40 * MINUTE]


def test_a_row_of_what_never_happened_is_extra_once_the_audit_can_know(world, hour):
    delete(world, "trigger_events", "at", NOW + 20 * MINUTE)
    report = world.audit(NOW, NOW + HOUR)
    assert (report.total.expected, faults(report)) == (2, {"extra": 1})


def test_a_row_younger_than_the_audit_may_be_of_an_event_that_it_did_not_read(world, hour):
    delete(world, "trigger_events", "at", NOW + 30 * MINUTE)
    assert faults(world.audit(NOW, NOW + 30 * MINUTE)) == {}
    assert faults(world.audit(NOW, NOW + 30 * MINUTE, as_of=NOW + 32 * MINUTE)) == {"extra": 1}


@pytest.mark.parametrize(("count", "found"), [(2, {"missing": 1}), (3, {}), (4, {"extra": 1})])
def test_a_range_of_events_must_count_them(world, happen, count, found):
    world.make(EventRule(EVENT), terms={"jitter": 9 * HOUR})
    for number in (1, 2, 3):
        happen(NOW + number * MINUTE)
    world.edit(NOW + 5 * MINUTE, pause_schedule, "nightly", "")
    happen(NOW + 6 * MINUTE)
    world.admin.execute("SET session_replication_role = replica")
    world.admin.execute("UPDATE scheduler.runs SET skipped_count = %s", [count])
    assert faults(world.audit(NOW, NOW + HOUR)) == found


def test_of_a_range_only_what_the_window_has_of_it_is_counted(world, happen):
    world.make(EventRule(EVENT), terms={"jitter": 9 * HOUR})
    for number in (1, 2, 3):
        happen(NOW + number * 10 * MINUTE)
    world.edit(NOW + 50 * MINUTE, pause_schedule, "nightly", "")
    report = world.audit(NOW + 15 * MINUTE, NOW + 25 * MINUTE, as_of=NOW + HOUR)
    assert (report.total.skipped, faults(report)) == ({"paused": 1}, {})


def test_jitter_and_calendars_delay_events_too(world, happen):
    world.edit(NOW - HOUR, create_calendar, NewCalendar("freeze", [{"window": "12:00-12:35"}]))
    world.make(EventRule(EVENT), terms={"calendars": ["freeze"]})
    for minutes in (10, 40):
        happen(NOW + minutes * MINUTE)
        world.tick(NOW + minutes * MINUTE)
    report = world.audit(NOW, NOW + HOUR)
    assert (report.total.skipped, report.total.fired, faults(report)) == ({"calendar:freeze": 1}, 1, {})


def test_what_waits_is_due_by_the_terms_of_now(world, happen):
    world.make(EventRule(EVENT))
    world.edit(NOW + 10 * MINUTE, edit_schedule, "nightly", {}, terms={"jitter": 9 * HOUR})
    happen(NOW + 10 * MINUTE - SECOND)
    report = world.audit(NOW, NOW + 20 * MINUTE)
    assert (report.total.pending, faults(report)) == (1, {})


def test_a_spent_trigger_does_not_fire_what_happens_later_or_by_a_clock_set_back(world, happen):
    world.make(EventRule(EVENT), terms={"max_fires": 1})
    for minutes in (30, 40, 10):
        happen(NOW + minutes * MINUTE)
        world.tick(NOW + minutes * MINUTE)
    report = world.audit(NOW, NOW + HOUR)
    assert (report.total.expected, report.total.fired, faults(report)) == (1, 1, {})
    delete(world, "runs", "scheduled_for", NOW + 30 * MINUTE)
    assert world.audit(NOW, NOW + HOUR).total.faults["missing"]


def test_a_trigger_may_have_had_a_clock_before_it_waited_for_events(world, happen):
    world.make(IntervalRule(10 * MINUTE, NOW + 10 * MINUTE))
    world.tick(NOW + 10 * MINUTE)
    world.edit(NOW + 15 * MINUTE, edit_schedule, "nightly", {}, rules=[EventRule(EVENT)])
    happen(NOW + 16 * MINUTE)
    world.tick(NOW + 16 * MINUTE)
    world.edit(NOW + 17 * MINUTE, pause_schedule, "nightly", "")
    world.edit(NOW + 25 * MINUTE, resume_schedule, "nightly")
    happen(NOW + 30 * MINUTE)
    world.tick(NOW + 30 * MINUTE)
    report = world.audit(NOW, NOW + HOUR)
    assert (report.total.expected, report.total.fired, faults(report)) == (3, 3, {})


def test_what_retention_took_away_is_not_audited(world, happen):
    midnight = NOW + 12 * HOUR
    world.make(EventRule(EVENT))
    for minutes in (-20, -10, 10):
        happen(midnight + minutes * MINUTE)
        world.tick(midnight + minutes * MINUTE)
    delete(world, "runs", "scheduled_for", midnight - 20 * MINUTE)
    delete(world, "trigger_events", "at", midnight - 10 * MINUTE)
    world.admin.execute("UPDATE scheduler.tenants SET ledger_since = %s", [midnight])
    report = world.audit(NOW, midnight + HOUR)
    assert (report.total.expected, report.total.fired, faults(report)) == (1, 1, {})


def test_an_event_recorded_by_a_clock_set_back_is_not_lost_by_an_edit(world, happen):
    world.make(EventRule(EVENT))
    happen(NOW + HOUR)
    happen(NOW + 30 * MINUTE)
    world.edit(NOW + 40 * MINUTE, pause_schedule, "nightly", "")
    report = world.audit(NOW, NOW + 2 * HOUR)
    assert (report.total.skipped, faults(report)) == ({"paused": 2}, {})


def test_what_happens_out_of_bounds_does_not_fire_also_where_a_clock_was_set_back(world, happen):
    world.make(EventRule(EVENT), ends_at=NOW + HOUR)
    world.edit(NOW + 20 * MINUTE, edit_schedule, "nightly", {"starts_at": NOW + 15 * MINUTE})
    for minutes in (10, 30, 70):
        happen(NOW + minutes * MINUTE)
        world.tick(NOW + minutes * MINUTE)
    report = world.audit(NOW, NOW + 2 * HOUR)
    assert (report.total.expected, report.total.fired, faults(report)) == (1, 1, {})


@pytest.fixture
def burst(world, happen):
    """Three events at 12:10, 12:11 and 12:12, of which the last fired at 12:12:30."""
    world.make(EventRule(EVENT))
    for minutes in (10, 11, 12):
        happen(NOW + minutes * MINUTE)
    world.tick(NOW + 12 * MINUTE + 30 * SECOND)


def test_what_was_coalesced_into_a_newer_event_is_accounted_for(world, burst):
    report = world.audit(NOW, NOW + HOUR)
    assert (report.total.skipped, report.total.fired, faults(report)) == ({"coalesced": 2}, 1, {})
    assert faults(world.audit(NOW, NOW + 11 * MINUTE + 30 * SECOND, as_of=NOW + HOUR)) == {}


def test_what_was_coalesced_into_none_is_missing(world, burst):
    for table, column in (("runs", "scheduled_for"), ("trigger_events", "at")):
        delete(world, table, column, NOW + 12 * MINUTE)
    report = world.audit(NOW, NOW + HOUR)
    assert (report.total.skipped, faults(report)) == ({"coalesced": 1}, {"missing": 1})
    assert [found.note for _, found in report.findings] == ["coalesced, but into none that was accounted for"]


def test_only_events_are_coalesced(world):
    world.make(IntervalRule(10 * MINUTE, NOW + 10 * MINUTE))
    for number in (1, 2):
        world.tick(NOW + number * 10 * MINUTE)
    world.admin.execute("SET session_replication_role = replica")
    forged = world.admin.execute(
        "UPDATE scheduler.runs SET state = 'skipped', finished_at = created_at, skipped_count = 1,"
        " skipped_first = scheduled_for, skipped_last = scheduled_for, launch_id = NULL, reason = 'coalesced'"
        " WHERE scheduled_for = %s",
        [NOW + 10 * MINUTE],
    )
    assert forged.rowcount == 1
    report = world.audit(NOW, NOW + 20 * MINUTE)
    assert faults(report) == {"missing": 1}
    assert [found.note for _, found in report.findings] == ["skipped for coalesced, which only events are"]

"""Planted faults are each reported, with the right numbers."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from resources.ids import new_id
from resources.states import CalendarMode, CatchUp, OnExcluded
from scheduler_defs.auditing.dueness import offset_of
from scheduler_defs.auditing.tallies import Fault
from scheduler_defs.edits.calendars import NewCalendar, create_calendar
from scheduler_defs.edits.schedules import delete_schedule, pause_schedule, resume_schedule, trigger_schedule
from scheduler_defs.timing.rules import CronRule, IntervalRule
from tests.auditing.conftest import NOW

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
EVERY_TEN = IntervalRule(10 * MINUTE, NOW)


@pytest.fixture
def hour(world):
    """A trigger that fired each ten minutes for an hour, 12:00 to 13:00."""
    schedule = world.make(EVERY_TEN)
    for number in range(7):
        world.tick(NOW + number * 10 * MINUTE)
    return schedule


def audit(world, **options):
    return world.audit(NOW - MINUTE, NOW + HOUR + 2 * MINUTE, **options)


def faults(report):
    return {str(fault): count for fault, count in report.total.faults.items() if count}


def plant(world, schedule, first, last=None, count=None, created_at=None, late=timedelta()):
    """A row by SQL: fired, or with ``last`` skipped."""
    created_at = created_at or (last or first) + late
    state = "pending" if last is None else "skipped"
    world.admin.execute(
        "INSERT INTO scheduler.runs (tenant_id, id, schedule_id, schedule_version, trigger_id, trigger_kind, kind,"
        " state, reason, scheduled_for, available_at, requested_by, created_at, finished_at, skipped_count,"
        " skipped_first, skipped_last)"
        " SELECT tenant_id, gen_random_uuid(), schedule_id, 1, id, kind, 'graph', %(state)s,"
        " CASE WHEN %(last)s::timestamptz IS NOT NULL THEN 'planted' END, %(first)s, %(first)s, 'sql',"
        " %(created)s, CASE WHEN %(last)s::timestamptz IS NOT NULL THEN %(created)s::timestamptz END, %(count)s,"
        " CASE WHEN %(last)s::timestamptz IS NOT NULL THEN %(first)s::timestamptz END, %(last)s"
        " FROM scheduler.triggers WHERE schedule_id = %(schedule)s",
        {
            **{"state": state, "first": first, "last": last, "count": count, "created": created_at},
            "schedule": schedule.id,
        },
    )


def remove(world, at):
    world.admin.execute("SET session_replication_role = replica")
    assert world.admin.execute("DELETE FROM scheduler.runs WHERE scheduled_for = %s", [at]).rowcount == 1


def test_a_whole_ledger_has_no_fault(world, hour):
    report = audit(world)
    assert (report.total.expected, report.total.fired, faults(report)) == (7, 7, {})
    assert [(one.name, one.tally.fired) for one in report.schedules] == [("nightly", 7)]
    assert set(report.total.lateness) == {0.0}


def test_a_row_that_is_gone_is_missing(world, hour):
    remove(world, NOW + 20 * MINUTE)
    report = audit(world)
    assert (report.total.expected, report.total.fired, faults(report)) == (7, 6, {"missing": 1})
    ((_, found),) = report.findings
    assert (found.fault, found.at) == (Fault.MISSING, NOW + 20 * MINUTE)


def test_what_is_not_due_yet_or_only_just_is_pending_not_missing(world):
    world.make(EVERY_TEN)
    report = world.audit(NOW - MINUTE, NOW + 15 * MINUTE, as_of=NOW + 10 * MINUTE + 59 * timedelta(seconds=1))
    assert (report.total.expected, report.total.pending, faults(report)) == (2, 1, {"missing": 1})


def test_a_range_over_what_fired_is_extra(world, hour):
    plant(world, hour, NOW + 21 * MINUTE, NOW + 40 * MINUTE, count=2)
    report = audit(world)
    assert faults(report) == {"extra": 2}
    assert report.total.fired + sum(report.total.skipped.values()) == report.total.expected == 7


def test_a_row_where_nothing_was_expected_is_extra(world, hour):
    plant(world, hour, NOW + 25 * MINUTE)
    report = audit(world)
    ((_, found),) = report.findings
    assert (faults(report), found.at) == ({"extra": 1}, NOW + 25 * MINUTE)


def test_a_fired_row_in_a_paused_time_is_extra(world, hour):
    world.edit(NOW + HOUR + MINUTE, pause_schedule, "nightly", "freeze")
    plant(world, hour, NOW + HOUR + 10 * MINUTE)
    world.edit(NOW + HOUR + 15 * MINUTE, resume_schedule, "nightly")
    world.tick(NOW + HOUR + 20 * MINUTE)
    report = world.audit(NOW + HOUR, NOW + HOUR + 25 * MINUTE)
    assert (report.total.expected, faults(report)) == (1, {"extra": 1})


def test_a_row_written_before_its_time_accounts_for_nothing(world):
    schedule = world.make(EVERY_TEN)
    plant(world, schedule, NOW, created_at=NOW - MINUTE)
    report = world.audit(NOW - MINUTE, NOW + 5 * MINUTE)
    assert faults(report) == {"missing": 1, "extra": 1}


def test_late_rows_are_listed_and_measured(world):
    world.make(EVERY_TEN, misfire_grace=HOUR)
    for number, late in enumerate((0, 30, 61, 300)):
        world.tick(NOW + number * 10 * MINUTE + timedelta(seconds=late))
    report = world.audit(NOW - MINUTE, NOW + 36 * MINUTE)
    assert [*report.total.lateness] == [0, 30, 61, 300]
    assert [found.late.total_seconds() for _, found in report.findings] == [61, 300]
    assert report.summary() == "missing 0, extra 0, late 2 (p50 30s, p95 300s, p99 300s, max 300s)"
    assert report.is_whole


@pytest.mark.parametrize(("count", "expected"), [(5, {"missing": 2}), (7, {}), (9, {"extra": 2})])
def test_a_range_must_count_what_lies_in_it_also_beyond_the_window(world, count, expected):
    world.make(EVERY_TEN, catch_up=CatchUp.NONE)
    world.tick(NOW + HOUR + 5 * MINUTE)
    world.admin.execute("SET session_replication_role = replica")
    world.admin.execute("UPDATE scheduler.runs SET skipped_count = %s", [count])
    report = world.audit(NOW + 25 * MINUTE, NOW + 45 * MINUTE)
    assert faults(report) == expected


def test_jitter_delays_what_is_due_and_an_occurrence_of_before_the_window_is_not_forgotten(world):
    world.make(IntervalRule(24 * HOUR, NOW), terms={"jitter": 20 * HOUR})
    (trigger,) = world.admin.execute("SELECT id FROM scheduler.triggers").fetchone()
    due_at = NOW + offset_of(trigger, 20 * HOUR)
    assert offset_of(trigger, 20 * HOUR) > timedelta()
    second = timedelta(seconds=1)
    before = world.audit(NOW - HOUR, due_at - second, allowance=timedelta())
    assert (before.total.pending, faults(before)) == (1, {})
    after = world.audit(due_at - second, due_at + second, allowance=timedelta())
    assert faults(after) == {"missing": 1}
    world.tick(due_at + second)
    assert faults(world.audit(NOW - HOUR, due_at + second)) == {}


def test_calendars_move_what_is_due_and_their_skips_are_counted(world):
    freeze = NewCalendar("freeze", [{"window": "12:00-12:35"}])
    world.edit(NOW - HOUR, create_calendar, freeze)
    world.make(EVERY_TEN, terms={"calendars": ["freeze"]})
    world.tick(NOW + 50 * MINUTE)
    report = world.audit(NOW - MINUTE, NOW + 50 * MINUTE)
    assert (report.total.skipped, report.total.fired, faults(report)) == (
        {"calendar:freeze": 4},
        2,
        {"late": 1},
    )


def test_max_fires_ends_a_trigger_counting_what_fired_before_the_window(world):
    world.make(EVERY_TEN, terms={"max_fires": 3})
    for number in range(6):
        world.tick(NOW + number * 10 * MINUTE)
    report = world.audit(NOW + 5 * MINUTE, NOW + HOUR)
    assert (report.total.expected, report.total.fired, faults(report)) == (2, 2, {})


def test_what_retention_took_away_is_not_audited_and_what_fired_is_still_counted(world):
    midnight = NOW + 12 * HOUR
    world.make(EVERY_TEN, terms={"max_fires": 3}, at=midnight - 5 * MINUTE)
    for number in range(-1, 5):
        world.tick(midnight + number * 10 * MINUTE)
    world.admin.execute("UPDATE scheduler.triggers SET created_at = %s", [NOW - 2 * HOUR])
    remove(world, midnight)
    world.admin.execute("UPDATE scheduler.tenants SET ledger_since = %s", [midnight + 24 * HOUR])
    assert world.audit(NOW, midnight + HOUR).total.expected == 0
    world.admin.execute("UPDATE scheduler.tenants SET ledger_since = %s", [midnight])
    report = world.audit(midnight - HOUR, midnight + HOUR)
    assert (report.total.expected, faults(report)) == (3, {"missing": 1})
    assert report.schedules[0].since == midnight - timedelta(microseconds=1)


def test_a_deleted_schedule_is_audited_up_to_its_end(world, hour):
    world.edit(NOW + HOUR + MINUTE, delete_schedule, "nightly")
    remove(world, NOW + 20 * MINUTE)
    report = world.audit(NOW - MINUTE, NOW + 3 * HOUR)
    assert (report.total.expected, faults(report)) == (7, {"missing": 1})


def test_runs_by_hand_are_not_audited_and_a_name_narrows(world, hour):
    world.edit(NOW + 5 * MINUTE, trigger_schedule, "nightly")
    world.make(EVERY_TEN, name="other")
    assert faults(audit(world, name="nightly")) == {}
    assert faults(audit(world)) == {"missing": 7}


def test_a_history_without_sense_is_said_and_stops_nothing(world, hour):
    world.admin.execute("SET session_replication_role = replica")
    other = world.make(EVERY_TEN, name="other")
    world.admin.execute(
        "UPDATE scheduler.schedule_versions SET content = %s::jsonb WHERE schedule_id = %s",
        ['{"triggers": [{"kind": "cron"}]}', other.id],
    )
    report = audit(world)
    assert (report.unreadable, report.total.fired, faults(report)) == (1, 7, {})


def test_many_faults_are_counted_and_few_are_kept(world):
    world.make(IntervalRule(MINUTE, NOW))
    report = world.audit(NOW - MINUTE, NOW + 5 * HOUR)
    assert faults(report) == {"missing": 300}
    assert len(report.findings) == 100


def test_the_repository_reads_in_pages(world, hour):
    tenant = "acme"
    with world.database.begin(tenant) as store:
        (schedule,) = store.fire_audit.list_schedules(tenant, "nightly").items
        assert schedule.ledger_since is None
        (version,) = store.fire_audit.list_versions(tenant, schedule.id).items
        trigger = UUID(version.content["triggers"][0]["id"])
        first = store.fire_audit.list_rows(tenant, schedule.id, NOW, NOW + HOUR, limit=3)
        rest = store.fire_audit.list_rows(
            tenant, schedule.id, NOW, NOW + HOUR, cursor=first.next_cursor, limit=4
        )
        times = [row.scheduled_for for row in first.items + rest.items]
        assert times == [NOW + number * 10 * MINUTE for number in range(7)]
        assert rest.next_cursor is None
        assert store.fire_audit.count_fires(tenant, [trigger, new_id()], NOW + 15 * MINUTE) == {trigger: 2}
        assert store.fire_audit.earliest_range(tenant, schedule.id, NOW) is None
        assert store.fire_audit.list_calendar_versions(tenant, ["none"]) == []


def test_an_occurrence_in_the_gap_of_spring_is_expected_after_it(world):
    night = datetime(2026, 3, 8, 5, tzinfo=UTC)
    world.make(CronRule("30 2 * * *", "America/New_York"), at=night)
    world.tick(night + 3 * HOUR)
    report = world.audit(night, night + 4 * HOUR)
    assert (report.total.expected, report.total.fired, faults(report)) == (1, 1, {"late": 1})
    ((_, found),) = report.findings
    assert found.at == night + 2 * HOUR


def test_what_waits_behind_an_occurrence_that_was_moved_is_pending(world):
    office = NewCalendar("office", [{"window": "06:00-20:00"}], CalendarMode.INCLUDE, OnExcluded.SKIP)
    freeze = NewCalendar(
        "freeze", [{"to": "2026-03-20"}], CalendarMode.EXCLUDE, OnExcluded.MOVE, "Pacific/Chatham"
    )
    for calendar in (office, freeze):
        world.edit(NOW, create_calendar, calendar)
    world.make(IntervalRule(HOUR, NOW), terms={"calendars": ["office", "freeze"]})
    midnight = NOW + 12 * HOUR
    world.tick(midnight)
    report = world.audit(NOW - MINUTE, midnight)
    assert (report.total.expected, report.total.pending, faults(report)) == (13, 13, {})

"""A row that no claim can have written, by the calendars and policies of then, is reported."""

from datetime import timedelta

import pytest

from resources.states import CatchUp, OnExcluded, Overlap
from scheduler_defs.auditing.dueness import offset_of
from scheduler_defs.edits.calendars import NewCalendar, create_calendar, edit_calendar
from scheduler_defs.edits.schedules import pause_schedule
from scheduler_defs.timing.rules import IntervalRule
from tests.auditing.conftest import NOW

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
EVERY_TEN = IntervalRule(10 * MINUTE, NOW)
NOON_BREAK = [{"window": "12:00-12:35"}]
FIRED = (
    "state = 'pending', reason = NULL, finished_at = NULL, skipped_count = NULL, skipped_first = NULL,"
    " skipped_last = NULL"
)
SKIPPED = (
    "state = 'skipped', finished_at = created_at, skipped_count = 1, skipped_first = scheduled_for,"
    " skipped_last = scheduled_for, launch_id = NULL, reason = "
)


@pytest.fixture
def forge(world):
    """forge(assignments, where) rewrites rows of the ledger by SQL; how many."""

    def forge(assignments, where="true", *parameters):
        world.admin.execute("SET session_replication_role = replica")
        statement = f"UPDATE scheduler.runs SET {assignments} WHERE {where}"
        return world.admin.execute(statement, parameters).rowcount

    return forge


@pytest.fixture
def broken(world):
    """broken(calendar's entries, …) is an hour of fires each ten minutes under a calendar, 12:00 to 13:00."""

    def broken(entries=NOON_BREAK, on_excluded=OnExcluded.SKIP, **changes):
        calendar = NewCalendar("freeze", entries, on_excluded=on_excluded)
        world.edit(NOW - HOUR, create_calendar, calendar)
        world.make(EVERY_TEN, **{"terms": {"calendars": ["freeze"]}} | changes)
        for number in range(7):
            world.tick(NOW + number * 10 * MINUTE)

    return broken


def audit(world):
    return world.audit(NOW - MINUTE, NOW + HOUR + 5 * MINUTE)


def faults(report):
    return {str(fault): count for fault, count in report.total.faults.items() if count}


def notes(report):
    return [found.note for _, found in report.findings]


def test_a_run_before_its_jitter_is_over_is_extra(world, forge):
    world.make(IntervalRule(HOUR, NOW), terms={"jitter": 30 * MINUTE})
    world.tick(NOW + HOUR)
    (trigger,) = world.admin.execute("SELECT id FROM scheduler.triggers").fetchone()
    due_at = NOW + offset_of(trigger, 30 * MINUTE)
    assert faults(world.audit(NOW - MINUTE, NOW + 59 * MINUTE, as_of=NOW + HOUR)) == {"late": 1}
    forge("created_at = %s", "true", due_at)
    assert faults(world.audit(NOW - MINUTE, NOW + 59 * MINUTE, as_of=NOW + HOUR)) == {}
    forge("created_at = %s", "true", due_at - SECOND)
    report = world.audit(NOW - MINUTE, NOW + 59 * MINUTE, as_of=NOW + HOUR)
    assert (faults(report), report.total.fired, [*report.total.lateness]) == ({"extra": 1}, 1, [])
    assert notes(report) == [f"before it was due, {due_at.isoformat()}"]
    assert not report.is_whole


def test_a_run_before_a_calendar_lets_it_go_is_extra(world, broken, forge):
    broken(on_excluded=OnExcluded.MOVE)
    assert (faults(audit(world)), audit(world).total.fired) == ({"late": 4}, 7)
    assert forge("created_at = scheduled_for", "scheduled_for <= %s", NOW + 20 * MINUTE) == 3
    report = audit(world)
    assert (faults(report), report.total.expected) == ({"extra": 3, "late": 1}, 7)
    assert notes(report)[:3] == [f"before it was due, {(NOW + 35 * MINUTE).isoformat()}"] * 3


def test_a_run_in_an_excluded_time_is_extra(world, broken, forge):
    broken()
    assert (faults(audit(world)), audit(world).total.skipped) == ({}, {"calendar:freeze": 4})
    assert forge(FIRED, "state = 'skipped' AND scheduled_for < %s", NOW + 30 * MINUTE) == 3
    report = audit(world)
    assert (faults(report), report.total.fired, report.total.skipped) == (
        {"extra": 3},
        6,
        {"calendar:freeze": 1},
    )
    assert notes(report) == ["excluded by calendar:freeze"] * 3


def test_a_skip_for_a_calendar_that_does_not_exclude_leaves_a_fire_missing(world, broken, forge):
    broken()
    forge(f"{SKIPPED} 'calendar:freeze'", "scheduled_for = %s", NOW + HOUR)
    forge("reason = 'calendar:other'", "scheduled_for = %s", NOW)
    report = audit(world)
    assert (faults(report), report.total.expected, report.total.fired) == ({"missing": 2}, 7, 2)
    assert report.total.skipped == {"calendar:freeze": 3}
    assert notes(report) == [
        f"skipped for calendar:{name}, which does not exclude it" for name in ("other", "freeze")
    ]


def test_of_a_range_skipped_for_a_calendar_each_occurrence_is_judged(world, forge):
    world.edit(NOW - HOUR, create_calendar, NewCalendar("freeze", NOON_BREAK))
    world.make(EVERY_TEN, terms={"calendars": ["freeze"]})
    world.tick(NOW + 35 * MINUTE)
    forge("skipped_count = 6, skipped_last = %s, created_at = %s", "true", NOW + 50 * MINUTE, NOW + HOUR)
    report = world.audit(NOW - MINUTE, NOW + 55 * MINUTE, as_of=NOW + 2 * HOUR)
    assert (faults(report), report.total.skipped) == ({"missing": 2}, {"calendar:freeze": 4})
    ((_, found),) = report.findings
    assert (found.at, found.count) == (NOW + 40 * MINUTE, 2)


def test_a_skip_before_its_time_is_extra_and_one_by_an_edit_is_not(world, forge):
    world.make(EVERY_TEN, terms={"jitter": 9 * HOUR})
    world.edit(NOW + 15 * MINUTE, pause_schedule, "nightly", "")
    assert faults(world.audit(NOW - MINUTE, NOW + HOUR)) == {}
    forge("reason = 'overlap'")
    report = world.audit(NOW - MINUTE, NOW + HOUR)
    assert (faults(report), report.total.skipped) == ({"extra": 1}, {"overlap": 2})


@pytest.mark.parametrize(
    ("reason", "changes", "found"),
    [
        ("overlap", {"overlap": Overlap.ALLOW}, {"missing": 1}),
        ("overlap", {"overlap": Overlap.SKIP}, {}),
        ("rate", {}, {"missing": 1}),
        ("rate", {"max_runs_per_hour": 9}, {}),
        ("only_if:feed_changed", {"only_if": {"report_older_than_days": 1}}, {"missing": 1}),
        ("only_if:feed_changed", {"only_if": {"feed_changed": True}}, {}),
        ("missed", {"catch_up": CatchUp.NONE, "misfire_grace": 4 * MINUTE}, {}),
        ("missed", {"catch_up": CatchUp.NONE, "misfire_grace": 5 * MINUTE}, {"missing": 1}),
        (
            "missed",
            {"catch_up": CatchUp.ALL, "misfire_grace": MINUTE, "catch_up_window": HOUR},
            {"missing": 1},
        ),
        ("missed", {"catch_up": CatchUp.ALL, "misfire_grace": MINUTE, "catch_up_window": MINUTE}, {}),
        ("a reason of the future", {}, {}),
    ],
)
def test_a_skip_must_be_possible_by_the_policies_of_its_version(world, forge, reason, changes, found):
    world.make(EVERY_TEN, **changes)
    world.tick(NOW)
    forge(f"created_at = scheduled_for + interval '5 minutes', {SKIPPED} %s", "true", reason)
    report = world.audit(NOW - MINUTE, NOW + 6 * MINUTE)
    assert faults(report) == found
    assert sum(report.total.skipped.values()) == 1 - len(found)


@pytest.mark.parametrize("edited_at", [timedelta(), 59 * SECOND])
def test_what_a_claim_did_while_a_calendar_was_edited_is_right_by_either(world, broken, edited_at):
    broken(on_excluded=OnExcluded.MOVE)
    freeze = {"entries": [{"window": "12:00-14:00"}]}
    world.edit(NOW + HOUR + edited_at, edit_calendar, "freeze", freeze)
    world.edit(NOW + HOUR + edited_at, edit_calendar, "freeze", {"entries": NOON_BREAK})
    assert faults(audit(world)) == {"late": 4}

"""Calendars edited by a clock that was set back: nothing right is reported."""

from datetime import timedelta

import pytest

from resources.states import OnExcluded
from scheduler_defs.edits.calendars import NewCalendar, create_calendar, edit_calendar
from scheduler_defs.timing.rules import CronRule, IntervalRule
from tests.auditing.conftest import NOW

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
OPEN = [{"date": "2020-01-01"}]
FREEZE = [{"from": "2026-03-14", "to": "2026-03-20"}]


@pytest.fixture
def calendar(world):
    """calendar(at, entries, policy) edits the calendar freeze by a clock at an instant; it is open at first."""
    world.edit(NOW - DAY, create_calendar, NewCalendar("freeze", OPEN, on_excluded=OnExcluded.MOVE))
    return lambda at, entries, **changes: world.edit(
        at, edit_calendar, "freeze", {"entries": entries, **changes}
    )


def faults(report):
    return {str(fault): count for fault, count in report.total.faults.items() if count}


def test_a_freeze_made_after_the_clock_was_set_right_holds(world, calendar):
    world.make(CronRule("0 * * * *"), terms={"calendars": ["freeze"]})
    calendar(NOW + 10 * HOUR, [])
    calendar(NOW + MINUTE, FREEZE)
    world.tick(NOW + 3 * HOUR)
    report = world.audit(NOW, NOW + 3 * HOUR)
    assert (report.total.pending, faults(report)) == (3, {})


@pytest.mark.parametrize("before", [OPEN, FREEZE], ids=["open", "frozen"])
@pytest.mark.parametrize("after", [OPEN, FREEZE], ids=["opens", "freezes"])
@pytest.mark.parametrize("policy", list(OnExcluded))
def test_what_fires_by_an_edit_that_the_clock_puts_later_is_right(world, calendar, before, after, policy):
    world.make(IntervalRule(HOUR, NOW), terms={"calendars": ["freeze"]}, misfire_grace=DAY)
    calendar(NOW - HOUR, before, on_excluded=policy)
    world.tick(NOW + MINUTE)
    calendar(NOW + 10 * HOUR, after)
    for hours in (2, 3, 4):
        world.tick(NOW + hours * HOUR)
    report = world.audit(NOW - MINUTE, NOW + 4 * HOUR)
    assert {**faults(report), "late": 0} == {"late": 0}
    skipped = sum(report.total.skipped.values())
    assert report.total.expected == report.total.fired + skipped + report.total.pending == 5
    assert bool(skipped) == (FREEZE in (before, after) and policy is OnExcluded.SKIP)


def test_what_fired_before_the_clock_was_set_back_and_the_calendar_edited_is_right(world, calendar):
    world.make(IntervalRule(HOUR, NOW), terms={"calendars": ["freeze"]})
    for hours in (0, 1, 2, 3):
        world.tick(NOW + hours * HOUR)
    calendar(NOW + HOUR / 2, FREEZE)
    report = world.audit(NOW - MINUTE, NOW + 3 * HOUR)
    assert (report.total.fired, faults(report)) == (4, {})

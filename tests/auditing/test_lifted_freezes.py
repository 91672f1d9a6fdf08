"""A freeze that is lifted lets go of what it held: the ledger, and when the auditor says that it was due."""

from datetime import timedelta

import pytest

from resources.states import CatchUp, OnExcluded
from scheduler_defs.auditing.tallies import Fault
from scheduler_defs.edits.calendars import NewCalendar, create_calendar, edit_calendar
from scheduler_defs.timing.rules import EventRule, IntervalRule, OnceRule
from tests.auditing.conftest import HOUR, NOW

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HELD = {"terms": {"calendars": ["freeze"]}, "at": NOW - SECOND}
OPEN = {"entries": [{"date": "2020-01-01"}]}
LIFTED = NOW + 25 * HOUR


@pytest.fixture
def frozen(world):
    """A world with the calendar `freeze`, which moves what falls into ten days to their end."""
    days = [{"from": "2026-03-14", "to": "2026-03-23"}]
    world.edit(NOW - HOUR, create_calendar, NewCalendar("freeze", days, on_excluded=OnExcluded.MOVE))
    return world


def rows(world):
    found = world.admin.execute(
        "SELECT scheduled_for, due_at, created_at, reason FROM scheduler.runs ORDER BY scheduled_for"
    )
    return found.fetchall()


@pytest.mark.parametrize("policy", CatchUp)
@pytest.mark.parametrize("rule", [OnceRule(NOW), IntervalRule(10 * HOUR, NOW)], ids=["once", "interval"])
def test_what_was_held_fires_when_a_freeze_is_lifted_and_is_not_late(frozen, rule, policy):
    frozen.make(rule, catch_up=policy, catch_up_window=HOUR, **HELD)
    frozen.tick(NOW + SECOND)
    frozen.edit(LIFTED, edit_calendar, "freeze", OPEN)
    frozen.tick(LIFTED + 5 * SECOND)
    expected = [NOW] if isinstance(rule, OnceRule) else [NOW, NOW + 10 * HOUR, NOW + 20 * HOUR]
    assert rows(frozen) == [(at, LIFTED, LIFTED + 5 * SECOND, None) for at in expected]
    report = frozen.audit(NOW - MINUTE, LIFTED + MINUTE)
    assert (report.total.fired, sum(report.total.faults.values())) == (len(expected), 0)
    assert {*report.total.lateness} == {5.0}
    later = frozen.audit(LIFTED - MINUTE, LIFTED + MINUTE)
    assert (later.total.expected, later.total.faults[Fault.MISSING]) == (0, 0)


def test_what_was_held_is_missed_when_nobody_fires_it_after_the_freeze(frozen):
    frozen.make(OnceRule(NOW), catch_up=CatchUp.NONE, **HELD)
    frozen.tick(NOW + SECOND)
    frozen.edit(LIFTED, edit_calendar, "freeze", OPEN)
    report = frozen.audit(NOW - MINUTE, LIFTED + HOUR)
    assert [(found.fault, found.at, found.note) for _, found in report.findings] == [
        (Fault.MISSING, NOW, f"due {LIFTED.isoformat()}")
    ]
    frozen.tick(LIFTED + 2 * MINUTE)
    assert rows(frozen) == [(NOW, LIFTED, LIFTED + 2 * MINUTE, "missed")]


def test_what_was_late_before_an_edit_stays_late(frozen):
    frozen.edit(NOW - MINUTE, edit_calendar, "freeze", OPEN)
    frozen.make(OnceRule(NOW), catch_up=CatchUp.NONE, **HELD)
    frozen.edit(LIFTED, edit_calendar, "freeze", {"entries": [{"date": "2020-01-02"}]})
    frozen.tick(LIFTED + SECOND)
    assert rows(frozen) == [(NOW, NOW, LIFTED + SECOND, "missed")]


def test_a_freeze_that_is_extended_and_then_lifted_holds_until_then(frozen):
    frozen.make(OnceRule(NOW), catch_up=CatchUp.NONE, **HELD)
    longer = {"entries": [{"from": "2026-03-14", "to": "2026-03-30"}]}
    frozen.edit(LIFTED, edit_calendar, "freeze", longer)
    frozen.tick(LIFTED + HOUR)
    assert rows(frozen) == []
    frozen.edit(LIFTED + 2 * HOUR, edit_calendar, "freeze", {"entries": [{"to": "2026-03-14"}]})
    frozen.tick(LIFTED + 2 * HOUR)
    assert [row[:2] for row in rows(frozen)] == [(NOW, LIFTED + 2 * HOUR)]
    assert [*frozen.audit(NOW - MINUTE, LIFTED + 3 * HOUR).total.lateness] == [0.0]


def test_an_event_after_the_end_of_a_freeze_does_not_make_the_held_one_late(frozen):
    frozen.make(EventRule("sbom_ingested"), catch_up=CatchUp.NONE, **HELD)
    with frozen.database.begin_system() as store:
        store.trigger_events.record("sbom_ingested", NOW, "acme")
    frozen.tick(NOW + SECOND)
    frozen.edit(LIFTED, edit_calendar, "freeze", OPEN)
    with frozen.database.begin_system() as store:
        store.trigger_events.record("sbom_ingested", LIFTED + SECOND, "acme")
    frozen.tick(LIFTED + 2 * SECOND)
    assert [(at, reason) for at, _, _, reason in rows(frozen)] == [
        (NOW, "coalesced"),
        (LIFTED + SECOND, None),
    ]

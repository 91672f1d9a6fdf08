"""What a claim makes of a downtime: one row for what was missed, and no tenant waits for another's backlog."""

import pytest

from resources.states import CatchUp, RunState
from scheduler_defs.edits.calendars import NewCalendar, create_calendar
from scheduler_defs.edits.schedules import pause_schedule
from scheduler_defs.timing.rules import CronRule, IntervalRule
from tests.sensors.conftest import HOUR, MINUTE, NOW, SECOND

EVERY_MINUTE = CronRule("* * * * *")
EITHER = pytest.mark.parametrize("rule", [EVERY_MINUTE, IntervalRule(MINUTE, NOW)], ids=["cron", "interval"])


def account(ledger, tenant="acme"):
    return [(run.scheduled_for, run.reason, run.skipped_count, run.skipped_last) for run in ledger(tenant)]


@EITHER
def test_the_newest_before_an_excluded_night_is_caught_up_in_the_morning(database, make, tick, ledger, rule):
    with database.begin("acme") as store:
        nights = NewCalendar("nights", [{"window": "18:00-08:00"}])
        create_calendar(store, "acme", nights, "tests", NOW - HOUR)
    make(rule, catch_up=CatchUp.LATEST, terms={"calendars": ["nights"]}, at=NOW - SECOND)
    evening, morning = NOW + 6 * HOUR, NOW + 19 * HOUR
    tick(morning)
    assert account(ledger) == [
        (NOW, "missed", 359, evening - 2 * MINUTE),
        (evening - MINUTE, None, None, None),
        (evening, "calendar:nights", 781, morning),
    ]


def test_what_one_tenant_has_due_does_not_slow_the_recovery_of_another(database, make, tick, ledger, plant):
    make(EVERY_MINUTE, tenant="globex", catch_up=CatchUp.LATEST)
    make(EVERY_MINUTE, tenant="globex", name="each", catch_up=CatchUp.ALL, catch_up_window=HOUR)
    now = NOW + 8 * HOUR + 90 * SECOND
    plant.due(["acme"], schedules=10, triggers=400, due=now - MINUTE)
    tick(now)
    fired = [run.scheduled_for for run in ledger("globex") if run.state is not RunState.SKIPPED]
    newest = NOW + 8 * HOUR + MINUTE
    assert sorted(fired) == sorted([newest, *(newest - n * MINUTE for n in range(60))])
    skipped = [row for row in account(ledger, "globex") if row[1] is not None]
    assert sorted(row[2] for row in skipped) == [421, 480]


def test_an_edit_after_a_year_without_a_claim_counts_what_passed(database, make, ledger):
    made = make(CronRule("* * * * * *", "Europe/Berlin"), at=NOW - SECOND)
    year = 365 * 24 * HOUR
    with database.begin("acme") as store:
        pause_schedule(store, "acme", made.name, "repairs", "tests", now=NOW + year)
    assert account(ledger) == [(NOW, "paused", year // SECOND + 1, NOW + year)]

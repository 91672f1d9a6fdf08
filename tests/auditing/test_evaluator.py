import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.errors import InvalidInput
from resources.states import DayMatch, TriggerKind
from scheduler_defs.auditing.cron_fields import parse
from scheduler_defs.auditing.evaluator import AuditedRule, occurrences
from scheduler_defs.timing import cron
from scheduler_defs.timing.rules import IntervalRule, fires

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CRON, INTERVAL, ONCE = TriggerKind.CRON, TriggerKind.INTERVAL, TriggerKind.ONCE


@given(
    st.timedeltas(timedelta(seconds=1), timedelta(days=3)),
    st.timedeltas(timedelta(days=-40), timedelta(days=40)),
    st.timedeltas(timedelta(0), timedelta(days=2)),
)
def test_an_interval_is_what_fires(every: timedelta, distance: timedelta, length: timedelta) -> None:
    anchor = NOON + distance
    found = list(occurrences(AuditedRule(INTERVAL, every=every, anchor=anchor), NOON, NOON + length))
    assert found[:50] == fires(IntervalRule(every, anchor), NOON, NOON + length, 50)


def test_the_first_bound_is_excluded_and_the_last_included() -> None:
    for rule in (
        AuditedRule(CRON, "0 * * * *", "UTC"),
        AuditedRule(INTERVAL, every=HOUR, anchor=NOON - 9 * HOUR),
    ):
        assert list(occurrences(rule, NOON, NOON + 2 * HOUR)) == [NOON + HOUR, NOON + 2 * HOUR]
        assert list(occurrences(rule, NOON, NOON)) == []
    once = AuditedRule(ONCE, at=NOON)
    assert list(occurrences(once, NOON - HOUR, NOON)) == [NOON]
    assert list(occurrences(once, NOON, NOON + HOUR)) == []


@pytest.mark.parametrize(
    "rule",
    [
        AuditedRule(TriggerKind.EVENT),
        AuditedRule(CRON, "0 * * * *"),
        AuditedRule(CRON, "0 * * *", "UTC"),
        AuditedRule(CRON, "0 24 * * *", "UTC"),
        AuditedRule(CRON, "0 * * * *", "Mars/Olympus"),
        AuditedRule(CRON, "0 * * * *", "../UTC"),
        AuditedRule(INTERVAL, every=timedelta(), anchor=NOON),
        AuditedRule(ONCE),
    ],
)
def test_a_rule_without_sense_is_refused(rule: AuditedRule) -> None:
    with pytest.raises(InvalidInput):
        list(occurrences(rule, NOON, NOON + HOUR))


def test_plain_text_from_a_stored_document_means_the_same() -> None:
    after, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    stored = AuditedRule("cron", "0 0 13 * 5", "UTC", "shift", "second", "and")  # type: ignore[arg-type]
    assert [one.month for one in occurrences(stored, after, until)] == [2, 3, 11]
    gap = AuditedRule("cron", "*/30 2 * * *", "America/New_York", "shift")  # type: ignore[arg-type]
    night = datetime(2026, 3, 8, 6, tzinfo=UTC)
    assert list(occurrences(gap, night, night + 2 * HOUR)) == [night + HOUR]


def test_the_ends_of_the_calendar_are_no_errors() -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    daily = AuditedRule(CRON, "0 12 * * *", "America/New_York")
    assert next(occurrences(daily, first + timedelta(days=4), last)).year == 1
    assert list(occurrences(daily, last - timedelta(hours=1), last)) == []
    assert list(occurrences(AuditedRule(CRON, "0 0 1 2 *", "UTC"), last - timedelta(days=40), last)) == []


@given(st.text("*/-,#LW012579? \tmonjan\u00a0\u0663", max_size=24), st.sampled_from(DayMatch))
def test_whatever_fires_can_be_audited(text: str, day_match: DayMatch) -> None:
    try:
        fixed_time = cron.parse(text, day_match).fixed_time
    except InvalidInput:
        return
    assert parse(text, day_match).wildcard is not fixed_time


@pytest.mark.parametrize(
    ("expression", "years"),
    [("* * * * *", 1), ("*/10 * * * * *", 0.05), ("30 2 * * *", 60), ("0 9 * * 1-5", 60)],
)
def test_twenty_thousand_occurrences_take_less_than_two_seconds(expression: str, years: float) -> None:
    rule = AuditedRule(CRON, expression, "America/New_York")
    until = NOON + timedelta(days=365 * years)
    assert _seconds(rule, until, 15_000) < 2


@pytest.mark.parametrize("expression", ["0 0 29 2 *", "0 0 15W 1 *", "0 0 13 1 *", "0 0 * * 5#5"])
def test_a_sparse_cron_over_a_century_takes_less_than_two_seconds(expression: str) -> None:
    assert _seconds(AuditedRule(CRON, expression, "Europe/London"), NOON + timedelta(days=36_500), 20) < 2


def _seconds(rule: AuditedRule, until: datetime, at_least: int) -> float:
    begin = time.process_time()
    assert sum(1 for _ in occurrences(rule, NOON, until)) >= at_least
    return time.process_time() - begin

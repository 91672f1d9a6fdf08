from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.errors import InvalidInput
from scheduler_defs.timing.rules import (
    CronRule,
    IntervalRule,
    OnceRule,
    Rule,
    fires,
    next_fire,
    validate,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAIVE = datetime(2026, 3, 1, 12)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
LAST = datetime(9998, 12, 31, 23, tzinfo=timezone(-2 * HOUR))
NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    "rule",
    [
        CronRule("0 9 * * *", "Europe/Berlin"),
        CronRule("0 0 9 * * *"),
        CronRule("@hourly"),
        IntervalRule(timedelta(seconds=1), NOON),
        IntervalRule(timedelta(days=400), NOON.astimezone(NEW_YORK)),
        OnceRule(NOON),
    ],
)
def test_valid_rules(rule: Rule) -> None:
    validate(rule)
    assert next_fire(rule, NOON - HOUR) is not None


def test_no_fire_is_planned_past_the_last_year_that_is_stored() -> None:
    late = datetime(9998, 12, 31, 23, tzinfo=UTC)
    assert next_fire(IntervalRule(HOUR, NOON), late - TICK) == late
    assert next_fire(IntervalRule(HOUR, NOON), late) is None
    assert next_fire(CronRule("0 0 1 1 *"), late) is None


@pytest.mark.parametrize(
    ("rule", "field", "value"),
    [
        (CronRule("61 * * * *"), "cron", "61 * * * *"),
        (CronRule("0 0 31 2 *"), "cron", "0 0 31 2 *"),
        (CronRule("* * * * *", "Mars/Olympus"), "timezone", "Mars/Olympus"),
        (IntervalRule(timedelta(milliseconds=999), NOON), "every", timedelta(milliseconds=999)),
        (IntervalRule(timedelta(0), NOON), "every", timedelta(0)),
        (IntervalRule(-HOUR, NOON), "every", -HOUR),
        (IntervalRule(timedelta(days=36501), NOON), "every", timedelta(days=36501)),
        (IntervalRule(HOUR, NAIVE), "anchor", NAIVE),
        (OnceRule(NOON.replace(year=9999)), "at", "9999-03-01T12:00:00+00:00"),
        (OnceRule(NOON.replace(year=1)), "at", "0001-03-01T12:00:00+00:00"),
        (OnceRule(LAST), "at", LAST.isoformat()),
        (OnceRule(NAIVE), "at", NAIVE),
    ],
)
def test_what_is_refused(rule: Rule, field: str, value: object) -> None:
    with pytest.raises(InvalidInput) as error:
        validate(rule)
    assert (error.value.field, error.value.value) == (field, value)


def test_naive_instants_are_refused() -> None:
    with pytest.raises(InvalidInput) as error:
        next_fire(OnceRule(NOON), NAIVE)
    assert error.value.field == "after"
    with pytest.raises(InvalidInput) as error:
        fires(OnceRule(NOON), NOON, NAIVE, 1)
    assert error.value.field == "until"


def test_once() -> None:
    rule = OnceRule(NOON.astimezone(NEW_YORK))
    assert next_fire(rule, NOON - TICK) == NOON
    assert next_fire(rule, NOON) is None


def test_an_interval_begins_at_its_anchor() -> None:
    rule = IntervalRule(HOUR, NOON)
    assert next_fire(rule, NOON - timedelta(days=3)) == NOON
    assert next_fire(rule, NOON - TICK) == NOON
    assert next_fire(rule, NOON) == NOON + HOUR
    assert next_fire(rule, NOON + HOUR - TICK) == NOON + HOUR


def test_an_interval_is_elapsed_time_across_a_change_of_clocks() -> None:
    eve = datetime(2026, 3, 7, 12, tzinfo=NEW_YORK)
    rule = IntervalRule(timedelta(days=1), eve)
    after = datetime(2026, 3, 8, 12, 30, tzinfo=NEW_YORK)
    assert next_fire(rule, after) == datetime(2026, 3, 8, 13, tzinfo=NEW_YORK)


@pytest.mark.parametrize("rule", [CronRule("0 9 * * *"), IntervalRule(HOUR, NOON), OnceRule(NOON)])
def test_results_are_in_utc(rule: Rule) -> None:
    found = next_fire(rule, (NOON - HOUR).astimezone(timezone(HOUR)))
    assert found is not None
    assert found.tzinfo is UTC


@pytest.mark.parametrize("rule", [CronRule("0 0 29 2 *"), IntervalRule(timedelta(days=365), NOON)])
def test_the_end_of_the_calendar_is_the_end_of_a_rule(rule: Rule) -> None:
    assert next_fire(rule, datetime(9999, 12, 30, tzinfo=UTC)) is None


def test_fires_excludes_after_includes_until_and_stops_at_the_limit() -> None:
    rule = CronRule("0 * * * *")
    assert fires(rule, NOON, NOON + 2 * HOUR, 10) == [NOON + HOUR, NOON + 2 * HOUR]
    assert fires(rule, NOON, NOON + 20 * HOUR, 2) == [NOON + HOUR, NOON + 2 * HOUR]
    assert fires(rule, NOON, NOON, 10) == []
    assert fires(rule, NOON, NOON + 20 * HOUR, 0) == []


INSTANTS = st.datetimes(datetime(2026, 2, 28), datetime(2026, 3, 2), timezones=st.just(UTC))
RULES = st.one_of(
    st.builds(CronRule, st.sampled_from(["0 * * * *", "*/7 3-5 * * *", "30 10 * * *"])),
    st.builds(
        IntervalRule,
        st.timedeltas(timedelta(minutes=5), timedelta(days=2)),
        st.just(NOON - timedelta(days=1)),
    ),
    st.builds(OnceRule, INSTANTS),
)


@given(RULES, INSTANTS)
def test_the_next_fire_is_the_first_of_those_after(rule: Rule, after: datetime) -> None:
    found = next_fire(rule, after)
    if found is not None:
        assert found > after
        assert next_fire(rule, found - TICK) == found
        assert fires(rule, after, found - TICK, 1) == []

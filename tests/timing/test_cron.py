import re
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import assume, given
from hypothesis import strategies as st

from resources.errors import InvalidInput
from resources.states import DayMatch
from scheduler_defs.timing.cron import parse
from scheduler_defs.timing.rules import CronRule, fires
from scheduler_defs.timing.wall_clock import zone
from tests.timing.expressions import Expression, expressions
from tests.timing.scan import LAST_INSTANT, ZONES, changes, clock

START = datetime(2026, 1, 1)


def matches(expression: str, count: int, after: datetime = START) -> list[datetime]:
    cron = parse(expression)
    found: list[datetime] = []
    for _ in range(count):
        after = cron.next_after(after)
        found.append(after)
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("*/20 * * * *", ["2026-01-01 00:20", "2026-01-01 00:40", "2026-01-01 01:00"]),
        ("0 9 * * MON-FRI", ["2026-01-01 09:00", "2026-01-02 09:00", "2026-01-05 09:00"]),
        ("0 0 1 JAN,jul *", ["2026-07-01 00:00", "2027-01-01 00:00"]),
        ("@hourly", ["2026-01-01 01:00", "2026-01-01 02:00"]),
        ("@daily", ["2026-01-02 00:00", "2026-01-03 00:00"]),
        ("@weekly", ["2026-01-04 00:00", "2026-01-11 00:00"]),
        ("@monthly", ["2026-02-01 00:00", "2026-03-01 00:00"]),
        ("@yearly", ["2027-01-01 00:00", "2028-01-01 00:00"]),
        ("0 0 L * *", ["2026-01-31 00:00", "2026-02-28 00:00"]),
        ("0 0 * * L5", ["2026-01-30 00:00", "2026-02-27 00:00"]),
        ("0 0 * * 5#2", ["2026-01-09 00:00", "2026-02-13 00:00"]),
        ("0 0 15W * *", ["2026-01-15 00:00", "2026-02-16 00:00"]),
        ("0 22-1 * * *", ["2026-01-01 01:00", "2026-01-01 22:00", "2026-01-01 23:00"]),
        ("0 0 13 * 5", ["2026-01-02 00:00", "2026-01-09 00:00", "2026-01-13 00:00"]),
        ("0 0 29 2 *", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 0 31 2 1", ["2026-02-02 00:00", "2026-02-09 00:00"]),
        ("0 22-3/3 * * *", ["2026-01-01 01:00", "2026-01-01 22:00", "2026-01-02 01:00"]),
        ("0 0 * * FRI-MON/2", ["2026-01-02 00:00", "2026-01-04 00:00", "2026-01-09 00:00"]),
        ("0 0 30-4/2 * *", ["2026-01-03 00:00", "2026-01-30 00:00", "2026-02-01 00:00"]),
        ("0 0 * * 0-7/3", ["2026-01-03 00:00", "2026-01-04 00:00", "2026-01-07 00:00"]),
        ("0 0 1-31 * */2", ["2026-01-02 00:00", "2026-01-03 00:00", "2026-01-04 00:00"]),
        ("0 0 */2 * 1-7", ["2026-01-02 00:00", "2026-01-03 00:00", "2026-01-04 00:00"]),
    ],
)
def test_expressions(expression: str, expected: list[str]) -> None:
    assert matches(expression, len(expected)) == [datetime.fromisoformat(text) for text in expected]


@pytest.mark.parametrize("expression", ["0 0 13 * 5#2", "0 0 20-28 * L5", "0 0 15W * 1"])
def test_a_special_day_beside_a_restricted_one_needs_both_to_match(expression: str) -> None:
    with pytest.raises(InvalidInput):
        parse(expression, DayMatch.OR)
    assert parse(expression, DayMatch.AND).next_after(START) is not None


def test_one_expression_is_kept_apart_by_how_its_days_match() -> None:
    assert parse("0 0 13 * 5", DayMatch.OR).next_after(START) == datetime(2026, 1, 2)
    assert parse("0 0 13 * 5", DayMatch.AND).next_after(START) == datetime(2026, 2, 13)
    assert parse("0 0 13 * 5").next_after(START) == datetime(2026, 1, 2)


def test_days_that_never_meet_are_refused_where_both_must_match() -> None:
    with pytest.raises(InvalidInput) as error:
        parse("0 0 1-7 * 5#2", DayMatch.AND)
    assert error.value.field == "cron"


def test_six_fields_put_seconds_first() -> None:
    assert matches("30 15 9 * * *", 2) == [datetime(2026, 1, 1, 9, 15, 30), datetime(2026, 1, 2, 9, 15, 30)]


def test_a_leap_day_is_found_across_the_century_without_one() -> None:
    assert matches("0 0 29 2 *", 1, datetime(2096, 3, 1)) == [datetime(2104, 2, 29)]


@pytest.mark.parametrize(
    ("expression", "fixed_time"),
    [
        ("30 1 * * *", True),
        ("0,30 1-5 * * 1", True),
        ("*/10 30 1 * * *", True),
        ("@daily", True),
        ("* 1 * * *", False),
        ("*/5 1 * * *", False),
        ("0 * * * *", False),
        ("0 */2 * * *", False),
        ("15 0 * * * *", False),
        ("@hourly", False),
    ],
)
def test_fixed_time_means_no_wildcard_in_minute_and_hour(expression: str, fixed_time: bool) -> None:
    assert parse(expression).fixed_time is fixed_time


@pytest.mark.parametrize(
    "expression",
    [
        "",
        " ",
        "hello",
        "@reboot",
        "* * * *",
        "* * * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "0 0 0 * *",
        "0 0 * 13 *",
        "0 0 * * 8",
        "-5 * * * *",
        "*/0 * * * *",
        "0 0 ,1 * *",
        "0 0 * * mon#6",
        "0 0 31 2 *",
        "0 0 30 2 *",
        "0 0 31 4,6,9,11 *",
        "R * * * *",
        "H(0-29) * * * *",
        "9-9 * * * *",
        "0 1,9-9 * * *",
        "0 0 * * mon-mon#2",
        "0 0 13 * 5#2",
        "0 0 1 * L5",
        "0 0 15W * 1",
        "0 0 * * 7-0",
        "0 0 * * 1-mon",
        "0 0 * * sun-0#3",
        "0 0 * jan-1 *",
        "0 0 31-L * *",
        "0 07-7 * * *",
        "0 0 28-0 * *",
        "0 0 * 11-0 *",
        "0 70-3/2 * * *",
        "0 22-3/0 * * *",
        "0 0 * * 1-3/2#2",
        "0 0 * * *,5#2",
        "0 0 * * 0-6,5#2",
        "0 0 * * 1,L5",
        "0,0" + ",0" * 200 + " * * * *",
    ],
)
def test_what_is_refused(expression: str) -> None:
    with pytest.raises(InvalidInput) as error:
        parse(expression)
    assert error.value.field == "cron"
    assert error.value.value == expression


@given(st.text("*/-,#LW0123579?hr@ \tmonjan\u00a0\u0663", max_size=24))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        cron = parse(text)
    except InvalidInput:
        return
    assert cron.next_after(START) > START


ZONE_NAMES = st.sampled_from(ZONES)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


def simulated(expression: str, after: datetime, count: int) -> list[datetime] | None:
    """What cronsim says, each instant once; None for days that it says never meet."""
    *others, weekday = expression.split()
    try:
        found = CronSim(" ".join([*others, re.sub(r"L(\d)", r"\1L", weekday)]), after)
        distinct = dict.fromkeys(instant.astimezone(UTC) for instant in islice(found, 3 * count))
    except CronSimError:
        return None
    return list(distinct)[:count]


@given(expressions(portable=True), MOMENTS)
def test_agrees_with_cronsim(expression: Expression, after: datetime) -> None:
    expected = simulated(expression.text, after, 6)
    assume(expected and not expression.ambiguous(DayMatch.OR))
    assert fires(CronRule(expression.text), after, LAST_INSTANT, 6) == expected[:6]


@given(expressions(seconds=False, portable=True), ZONE_NAMES, MOMENTS, st.data())
def test_agrees_with_cronsim_on_changes_of_the_clock(
    expression: Expression, name: str, after: datetime, data: st.DataObject
) -> None:
    if changes(name):
        after = data.draw(st.sampled_from(changes(name))) - timedelta(days=1)
    assume(not expression.ambiguous(DayMatch.OR))
    expected = simulated(expression.text, after.astimezone(zone(name)), 6)
    assume(expected)
    # Where midnight lies in a gap, cronsim fires a wildcard at times that do not match it.
    real = [expression.matches(clock(zone(name), one), DayMatch.OR) for one in expected]
    assume(all(real) or not expression.wildcard)
    assert fires(CronRule(expression.text, name), after, LAST_INSTANT, len(expected)) == expected


def test_the_weekday_nearest_to_the_31st_is_the_last_one_of_every_month() -> None:
    assert matches("0 0 31W * *", 500) == list(islice(CronSim("0 0 LW * *", START), 500))


def test_threads_share_one_parsed_expression() -> None:
    starts = [datetime(2026, 1 + n % 12, 1 + n % 28, n % 24) for n in range(400)]
    cron = parse("17 3 * * 2,4")

    def search_all(_: int) -> list[datetime | None]:
        return [cron.next_after(start) for start in starts]

    alone = search_all(0)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(search_all, range(8))) == [alone] * 8
    finally:
        sys.setswitchinterval(interval)


def test_a_search_takes_well_under_a_millisecond() -> None:
    for expression in ("*/5 * * * *", "30 1 * * *", "0 9 * * 1-5", "0 0 29 2 *"):
        cron = parse(expression)
        best = min(_seconds(cron.next_after) for _ in range(50))
        assert best < 0.001, expression


def _seconds(search: Callable[[datetime], datetime | None]) -> float:
    begin = time.perf_counter()
    search(START)
    return time.perf_counter() - begin

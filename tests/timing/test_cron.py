import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from resources.errors import InvalidInput
from scheduler_defs.timing.cron import parse

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
    ],
)
def test_expressions(expression: str, expected: list[str]) -> None:
    assert matches(expression, len(expected)) == [datetime.fromisoformat(text) for text in expected]


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


def field(low: int, high: int) -> st.SearchStrategy[str]:
    value = st.integers(low, high)
    span = (
        st.tuples(value, value)
        .filter(lambda pair: pair[0] < pair[1])
        .map(lambda pair: f"{pair[0]}-{pair[1]}")
    )
    stepped = st.tuples(span, st.integers(1, 9)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    terms = st.lists(st.one_of(value.map(str), span, stepped), min_size=1, max_size=3).map(",".join)
    return st.one_of(st.just("*"), terms)


def stepped_or(plain: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(plain, st.integers(2, 30).map(lambda step: f"*/{step}"))


# Days 1-28 only: cronsim refuses some day and month pairs that merely never meet.
EXPRESSIONS = st.tuples(
    stepped_or(field(0, 59)), stepped_or(field(0, 23)), field(1, 28), field(1, 12), field(0, 6)
).map(" ".join)


@given(EXPRESSIONS, st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)))
def test_agrees_with_cronsim(expression: str, after: datetime) -> None:
    expected = CronSim(expression, after)
    assert matches(expression, 8, after.replace(microsecond=0)) == [next(expected) for _ in range(8)]


@given(stepped_or(field(0, 59)), EXPRESSIONS, st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)))
def test_agrees_with_cronsim_on_seconds(seconds: str, expression: str, after: datetime) -> None:
    expected = CronSim(f"{seconds} {expression}", after)
    found = matches(f"{seconds} {expression}", 4, after.replace(microsecond=0))
    assert found == [next(expected) for _ in range(4)]


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

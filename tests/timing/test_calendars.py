"""Calendars by examples: windows past midnight and across changes of the clock, moves, limits."""

import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.errors import InvalidInput
from resources.records import CalendarRow
from scheduler_defs.timing.calendars import (
    LONGEST,
    Fire,
    Skip,
    calendar_of,
    end_of_exclusion,
    excluded,
    exclusions,
    verdict,
)
from tests.timing.calendar_worlds import DAY, EXCLUDE, MOVE, NOON, SKIP, calendar

MINUTE = timedelta(minutes=1)


def at(text, timezone="UTC", fold=0):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(timezone), fold=fold).astimezone(UTC)


def test_a_window_past_midnight_belongs_to_the_day_it_begins_on():
    nights = calendar({"weekdays": ["fri"], "window": "22:00-06:00"})
    assert not excluded(nights, at("2026-03-13T21:59:59.999999"))
    assert excluded(nights, at("2026-03-13T22:00"))
    assert excluded(nights, at("2026-03-14T05:59:59"))
    assert not excluded(nights, at("2026-03-14T06:00"))
    assert not excluded(nights, at("2026-03-13T05:00"))
    assert end_of_exclusion(nights, at("2026-03-13T23:00")) == at("2026-03-14T06:00")


@pytest.mark.parametrize(
    ("window", "stretches"),
    {
        "begins in the gap": ("02:30-04:00", [("01:00Z", "02:00Z")]),
        "ends in the gap": ("01:00-02:30", [("00:00Z", "01:00Z")]),
        "lies in the gap": ("02:15-02:45", []),
        "holds the gap": ("01:30-03:30", [("00:30Z", "01:30Z")]),
    }.values(),
    ids=["begins", "ends", "lies", "holds"],
)
def test_a_window_meets_the_hour_that_spring_skips(window, stretches):
    berlin = calendar({"window": window}, timezone="Europe/Berlin")
    found = exclusions(berlin, at("2026-03-28T23:00"), at("2026-03-29T12:00"))
    assert [tuple(f"{edge:%H:%M}Z" for edge in pair) for pair in found] == stretches


@pytest.mark.parametrize(
    ("window", "stretches"),
    {
        "begins": ("02:30-04:00", [("00:30Z", "01:00Z"), ("01:30Z", "03:00Z")]),
        "ends": ("01:00-02:30", [("23:00Z", "00:30Z"), ("01:00Z", "01:30Z")]),
        "lies": ("02:15-02:45", [("00:15Z", "00:45Z"), ("01:15Z", "01:45Z")]),
        "holds": ("01:30-03:30", [("23:30Z", "02:30Z")]),
    }.values(),
    ids=["begins", "ends", "lies", "holds"],
)
def test_a_window_meets_the_hour_that_autumn_repeats(window, stretches):
    berlin = calendar({"window": window}, timezone="Europe/Berlin")
    found = exclusions(berlin, at("2026-10-24T22:30"), at("2026-10-25T12:00"))
    assert [tuple(f"{edge:%H:%M}Z" for edge in pair) for pair in found] == stretches


def test_the_end_is_found_with_the_microseconds_of_the_start_and_at_a_change_without():
    whole = calendar({"date": "2018-11-03"}, timezone="America/Sao_Paulo")
    instant = at("2018-11-03T23:59:59.999999", "America/Sao_Paulo")
    assert end_of_exclusion(whole, instant) == at("2018-11-04T03:00")
    assert end_of_exclusion(calendar(), instant) == instant


def test_a_day_that_never_was_excludes_nothing():
    apia = calendar({"date": "2011-12-30"}, timezone="Pacific/Apia")
    assert list(exclusions(apia, at("2011-12-28T00:00"), at("2012-01-02T00:00"))) == []


def test_an_exclusion_of_400_days_ends_and_a_longer_one_does_not():
    def until(last):
        return calendar({"from": "2026-01-01", "to": last}, on_excluded=MOVE)

    begin = at("2026-01-01T00:00")
    last = (begin + LONGEST - DAY).date()
    assert end_of_exclusion(until(last.isoformat()), begin) == begin + LONGEST
    assert verdict([until(last.isoformat())], begin) == Fire(begin + LONGEST)
    longer = until((last + DAY).isoformat())
    assert end_of_exclusion(longer, begin) is None
    assert verdict([longer], begin) == Skip("calendar:freeze")
    assert end_of_exclusion(longer, begin + DAY) == begin + LONGEST + DAY


def test_the_end_of_time_is_no_end():
    always = calendar({"from": "0001-01-01"})
    assert end_of_exclusion(always, at("9999-06-01T00:00")) is None
    assert end_of_exclusion(always, at("9998-12-31T00:00")) is None


def test_a_moved_occurrence_is_asked_about_by_every_calendar_in_order():
    nights = calendar({"window": "22:00-06:00"}, on_excluded=MOVE, name="nights")
    weekend = calendar({"weekdays": ["sat", "sun"]}, on_excluded=MOVE, name="weekend")
    holiday = calendar({"date": "2026-03-16"}, name="holiday")
    friday = at("2026-03-13T23:00")
    assert verdict([nights, weekend], friday) == Fire(at("2026-03-16T06:00"))
    assert verdict([weekend, nights], friday) == Fire(at("2026-03-16T06:00"))
    assert verdict([nights, weekend, holiday], friday) == Skip("calendar:holiday")
    assert verdict([nights, weekend, holiday], at("2026-03-13T12:00")) == Fire(at("2026-03-13T12:00"))
    assert verdict([], friday) == Fire(friday)


def test_the_first_of_two_calendars_that_exclude_decides():
    away, shut = (
        calendar({"date": "2026-03-14"}, on_excluded=MOVE),
        calendar({"date": "2026-03-14"}, name="x"),
    )
    assert verdict([shut, away], NOON) == Skip("calendar:x")
    assert verdict([away, shut], NOON) == Fire(at("2026-03-15T00:00"))


def test_calendars_that_leave_nothing_between_them_skip_in_bounded_time():
    odd, even = (
        calendar(
            *({"window": f"{h:02}:{m:02}-{h:02}:{m + 1:02}"} for h in range(24) for m in range(n, 59, 2)),
            {"window": "00:59-01:00"} if n else {"window": "00:00-00:01"},
            on_excluded=MOVE,
            name=f"{n}",
        )
        for n in (0, 1)
    )
    every_59th = calendar(*({"window": f"{h:02}:59-{h + 1:02}:00"} for h in range(24)), on_excluded=MOVE)
    assert isinstance(verdict([odd, even, every_59th], NOON), Skip)


def test_naive_instants_are_refused():
    for ask in (excluded, end_of_exclusion):
        with pytest.raises(InvalidInput, match="instant"):
            ask(calendar(), datetime(2026, 1, 1))
    with pytest.raises(InvalidInput, match="occurrence"):
        verdict([], datetime(2026, 1, 1))


def test_a_row_is_one_calendar_however_often_it_is_read():
    said = [{"weekdays": ["sun", "mon"], "window": "22:00-24:00"}]
    row = CalendarRow("acme", "x", EXCLUDE, "UTC", SKIP, said, *[NOON, "ann"] * 2)
    assert calendar_of(row) == calendar(*said, name="x")
    assert calendar_of(row) is calendar_of(CalendarRow(**vars(row)))
    with pytest.raises(InvalidInput, match="timezone"):
        calendar_of(CalendarRow(**vars(row) | {"timezone": "Mars"}))


def test_asking_is_fast_for_few_entries_and_in_a_long_freeze():
    few = calendar({"weekdays": ["sat", "sun"]}, {"window": "22:00-06:00"}, timezone="Europe/Berlin")
    freeze = calendar({"from": "2026-01-01", "to": "2027-01-31"}, on_excluded=MOVE)
    for one, ask in ((few, excluded), (freeze, end_of_exclusion)):
        ask(one, NOON)
        begun = time.perf_counter()
        for n in range(2000):
            ask(one, NOON + n * MINUTE)
        assert (time.perf_counter() - begun) / 2000 < 200e-6


@given(st.integers(0, 3000), st.integers(1, 12))
def test_one_date_excludes_that_day(n, hour):
    day = date(2020, 1, 1) + n * DAY
    one = calendar({"date": day.isoformat()}, timezone="Europe/Berlin")
    assert excluded(one, at(f"{day.isoformat()}T{hour:02}:00", "Europe/Berlin"))
    assert not excluded(one, at(f"{(day + DAY).isoformat()}T{hour:02}:00", "Europe/Berlin"))

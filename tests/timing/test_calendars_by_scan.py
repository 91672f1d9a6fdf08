"""Calendars around changes of the clock, against a scan of every minute."""

from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from scheduler_defs.timing.calendars import (
    LONGEST,
    Fire,
    Skip,
    end_of_exclusion,
    excluded,
    exclusions,
    verdict,
)
from tests.timing.calendar_worlds import DAY, EXCLUDE, calendar, matches, worlds

MINUTE = timedelta(minutes=1)


@given(worlds(), st.permutations(range(0, 4 * 24 * 60, 97)))
def test_what_is_excluded_and_until_when_is_what_a_scan_of_the_minutes_finds(world, order):
    ((one, said),), noon = world
    start, where = noon - 2 * DAY, ZoneInfo(one.timezone)
    minutes = [start + n * MINUTE for n in range(5 * 24 * 60)]
    shut = [
        any(matches(entry, minute.astimezone(where)) is True for entry in said) is (one.mode is EXCLUDE)
        for minute in minutes
    ]
    assert [excluded(one, minute) for minute in minutes] == shut
    following, ends = None, []
    for minute, is_shut in zip(reversed(minutes), reversed(shut), strict=True):
        following = following if is_shut else minute
        ends.insert(0, following)
    for n in order:
        end = end_of_exclusion(one, minutes[n])
        assert end == ends[n] if ends[n] else end is None or end > minutes[-1]


@given(worlds())
def test_the_excluded_stretches_hold_exactly_the_excluded_minutes(world):
    ((one, _),), noon = world
    since, until = noon - DAY, noon + 2 * DAY
    found = list(exclusions(one, since, until))
    edges = [edge for pair in found for edge in pair if edge is not None]
    assert edges == sorted(set(edges))
    for minute in (since + n * MINUTE for n in range(0, 3 * 24 * 60, 7)):
        inside = any(begin <= minute and (end is None or minute < end) for begin, end in found)
        assert inside is excluded(one, minute)


@given(worlds(most=3), st.lists(st.integers(0, 4 * 24 * 3600), min_size=2, max_size=20))
def test_a_base_is_free_of_every_calendar_and_never_overtakes(world, seconds):
    made, noon = world
    calendars = [one for one, _ in made]
    occurrences = sorted(noon - 2 * DAY + timedelta(seconds=n, microseconds=1) for n in seconds)
    bases = []
    for occurrence in occurrences:
        match verdict(calendars, occurrence):
            case Fire(base):
                assert occurrence <= base <= occurrence + LONGEST
                assert not any(excluded(one, base) for one in calendars)
                assert base == occurrence or base.tzinfo is UTC
                bases.append(base)
            case Skip(reason):
                assert reason in {f"calendar:{one.name}" for one in calendars}
    assert bases == sorted(bases)


@given(worlds())
def test_what_was_asked_before_changes_no_answer(world):
    ((one, said),), noon = world
    asked = [noon + n * timedelta(hours=7) for n in (0, 3, -5, 9, 1, -9)]
    fresh = [
        end_of_exclusion(calendar(*said, mode=one.mode, timezone=one.timezone), instant) for instant in asked
    ]
    assert [end_of_exclusion(one, instant) for instant in asked] == fresh

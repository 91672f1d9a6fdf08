"""The auditor's own calendars agree with those that fire, also where clocks change."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from resources.errors import InvalidInput
from resources.states import CalendarMode, OnExcluded, TriggerKind
from scheduler_defs.auditing.closures import Closure
from scheduler_defs.auditing.dueness import Calendars, Verdict, Version, due, judge, offset_of
from scheduler_defs.auditing.evaluator import AuditedRule
from scheduler_defs.auditing.history import Terms
from scheduler_defs.timing import calendars as timing
from scheduler_defs.timing.calendar_entries import parse_entries
from scheduler_defs.timing.dues import Dues
from scheduler_defs.timing.jitter import offset_of as fired_offset

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
AROUND = {
    "Europe/Berlin": ("2026-03-29", "2026-10-25", "2026-12-31"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "Australia/Lord_Howe": ("2026-10-03", "2026-04-04"),
    "Pacific/Apia": ("2011-12-30",),
    "UTC": ("2024-02-29",),
}
CLOCKS = ("00:00", "01:30", "02:00", "02:30", "03:00", "09:00", "23:15")
days = st.integers(-2, 2)


@st.composite
def cases(draw):
    """Two calendars of a zone near a change of its clocks, and an instant there."""
    zone = draw(st.sampled_from(sorted(AROUND)))
    day = datetime.fromisoformat(draw(st.sampled_from(AROUND[zone])))
    begin, end = draw(st.lists(st.sampled_from((*CLOCKS, "24:00")), min_size=2, max_size=2, unique=True))
    begin, end = (end, begin) if begin == "24:00" else (begin, end)
    keys = {
        "date": f"{(day + draw(days) * DAY).date()}",
        "from": f"{(day - DAY).date()}",
        "to": f"{(day + draw(st.integers(0, 2)) * DAY).date()}",
        "weekdays": draw(st.lists(st.sampled_from(["mon", "sat", "sun", "thu"]), min_size=1, unique=True)),
        "window": f"{begin}-{end}",
    }
    entry = st.lists(st.sampled_from(sorted(keys)), min_size=1, unique=True)
    said = [
        {
            "mode": draw(st.sampled_from(["exclude", "include"])),
            "timezone": zone,
            "on_excluded": draw(st.sampled_from(["skip", "move"])),
            "entries": [{key: keys[key] for key in draw(entry)} for _ in range(draw(st.integers(1, 2)))],
        }
        for _ in range(2)
    ]
    minutes = draw(st.integers(-2880, 2880))
    return said, (day + minutes * MINUTE).replace(tzinfo=UTC)


def firing(name, said):
    mode, moves = CalendarMode(said["mode"]), OnExcluded(said["on_excluded"])
    return timing.Calendar(name, mode, said["timezone"], moves, parse_entries(said["entries"]))


@examples(max_examples=200)
@given(cases())
def test_it_excludes_and_opens_as_what_fires(case):
    (said, _), instant = case
    closure, calendar = Closure("one", said), firing("one", said)
    assert closure.excludes(instant) is timing.excluded(calendar, instant)
    if closure.excludes(instant):
        assert closure.opens(instant) == timing.end_of_exclusion(calendar, instant)


@examples(max_examples=150)
@given(cases(), st.timedeltas(timedelta(), DAY), st.uuids())
def test_an_occurrence_is_due_when_the_firing_path_has_it(case, jitter, trigger_id):
    said, instant = case
    calendars = Calendars({name: [Version(NOON, one)] for name, one in zip("ab", said, strict=True)})
    terms = Terms(AuditedRule(TriggerKind.ONCE, at=instant), jitter=jitter, calendars=("a", "b"))
    expected = Dues(
        [firing(name, one) for name, one in zip("ab", said, strict=True)], offset_of(trigger_id, jitter)
    )
    fires = expected.of(instant)
    skipped_by = fires.reason and fires.reason.removeprefix("calendar:")
    assert judge(trigger_id, terms, instant, calendars.at("ab", NOON)) == Verdict(fires.at, skipped_by)
    assert offset_of(trigger_id, jitter) == fired_offset(trigger_id, jitter)


MOVED = {"mode": "exclude", "on_excluded": "move", "entries": [{"date": "2026-03-14"}]}
NEVER = MOVED | {"entries": [{"date": "2020-01-01"}]}
LONGER = MOVED | {"entries": [{"from": "2026-03-14", "to": "2026-03-16"}]}
MIDNIGHT = NOON + DAY / 2


@pytest.mark.parametrize(
    ("versions", "judged_at", "expected"),
    [
        ([(-DAY, MOVED)], None, MIDNIGHT),
        ([(-DAY, MOVED)], -2 * DAY, NOON),
        ([(-DAY, MOVED), (timedelta(hours=3), NEVER)], None, NOON + timedelta(hours=3)),
        ([(-DAY, MOVED), (timedelta(hours=3), NEVER)], timedelta(hours=2), MIDNIGHT),
        ([(-DAY, MOVED), (timedelta(hours=3), NEVER), (DAY, NEVER)], None, NOON + timedelta(hours=3)),
        ([(-DAY, MOVED), (timedelta(hours=3), LONGER)], None, MIDNIGHT + 2 * DAY),
        ([(-DAY, LONGER), (timedelta(hours=3), MOVED)], None, MIDNIGHT),
        ([(-DAY, MOVED), (DAY, None)], None, MIDNIGHT),
        ([(-DAY, NEVER), (10 * DAY, NEVER), (timedelta(minutes=1), MOVED)], None, MIDNIGHT),
    ],
    ids=[
        *("held", "not_yet_made", "lifted", "not_yet_lifted", "edited_once_more"),
        *("extended", "shortened", "deleted_later", "clock_set_back"),
    ],
)
def test_what_a_calendar_held_is_due_from_the_edit_that_let_it_go(versions, judged_at, expected):
    calendars = Calendars({"freeze": [Version(NOON + since, said) for since, said in versions]})
    terms = Terms(AuditedRule(TriggerKind.ONCE, at=NOON), calendars=("freeze", "never made"))
    judged_at = judged_at and NOON + judged_at
    assert due(UUID(int=1), terms, NOON, calendars, judged_at) == expected


MINUTE_OF_IDS = 60_000 << 80


def made(minutes):
    """A UUIDv7 made so many minutes after another."""
    return UUID(int=(0x019D0000_0000_7000_8000_000000000000 + minutes * MINUTE_OF_IDS))


@pytest.mark.parametrize(
    ("written_at", "row", "read"),
    [
        (timedelta(), made(0), {"one"}),
        (9.5 * MINUTE, made(10), {"one", "two"}),
        (10.5 * MINUTE, made(10), {"one", "two"}),
        (20 * MINUTE, made(20), {"two"}),
        (20 * MINUTE, UUID(int=1), {"two"}),
        (20 * MINUTE, made(45), {"two", "three"}),
        (50 * MINUTE, made(20), {"two", "three"}),
    ],
    ids=["before", "race_before", "race_after", "plain", "no_time", "set_back_after", "set_back_before"],
)
def test_ids_tell_what_a_writer_read_where_a_clock_was_set_back(written_at, row, read):
    times = {"one": -DAY, "two": 10 * MINUTE, "three": 40 * MINUTE}
    versions = [
        Version(NOON + since, {"entries": [], "timezone": zone}, made(since // MINUTE))
        for since, zone in zip(times.values(), ("UTC", "Asia/Tokyo", "Asia/Kolkata"), strict=True)
    ]
    calendars = Calendars({"freeze": versions})
    known = {name: calendars.at(["freeze"], NOON + since)[0] for name, since in times.items()}
    found = [*calendars.seen_by(["freeze"], NOON + written_at, row)]
    assert {name for name, closure in known.items() if (closure,) in found} == read
    assert len(found) == len(read)


@pytest.mark.parametrize("said", [{}, {"entries": [{"date": "x"}]}, {"entries": [], "timezone": "Mars"}])
def test_a_content_without_sense_is_refused(said):
    with pytest.raises(InvalidInput):
        Closure("one", said)

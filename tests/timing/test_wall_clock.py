import re
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo, reset_tzpath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.errors import InvalidInput
from resources.states import DstGap, DstOverlap
from scheduler_defs.timing.rules import CronRule, fires, next_fire
from scheduler_defs.timing.wall_clock import TZDATA_VERSION, zone
from tests.timing.scan import ZONES

Field = tuple[str, frozenset[int]]
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
SHIFT, GAP_SKIP = DstGap.SHIFT, DstGap.SKIP
FIRST, SECOND, BOTH = DstOverlap.FIRST, DstOverlap.SECOND, DstOverlap.BOTH

# A zone and the UTC day of a change of its offset.
CHANGES = {
    "New York spring": ("America/New_York", "2026-03-08"),
    "New York autumn": ("America/New_York", "2026-11-01"),
    "Lord Howe, 30 minutes forward": ("Australia/Lord_Howe", "2026-10-03"),
    "Lord Howe, 30 minutes back": ("Australia/Lord_Howe", "2026-04-04"),
    "Apia, a day that never was": ("Pacific/Apia", "2011-12-30"),
    "Kwajalein, a day that never was": ("Pacific/Kwajalein", "1993-08-21"),
    "Sao Paulo, gap at midnight": ("America/Sao_Paulo", "2018-11-04"),
    "Sao Paulo, overlap at midnight": ("America/Sao_Paulo", "2018-02-18"),
    "Beirut, gap at midnight": ("Asia/Beirut", "2022-03-26"),
    "Beirut, overlap at midnight": ("Asia/Beirut", "2022-10-29"),
    "Kathmandu, 15 minutes forward": ("Asia/Kathmandu", "1985-12-31"),
    "Caracas, 30 minutes forward": ("America/Caracas", "2016-05-01"),
    "Pyongyang, 30 minutes back": ("Asia/Pyongyang", "2015-08-14"),
    "Casey, 3 hours back": ("Antarctica/Casey", "2010-03-04"),
    "Troll, 2 hours forward": ("Antarctica/Troll", "2026-03-29"),
    "Troll, 2 hours back": ("Antarctica/Troll", "2026-10-25"),
    "Dublin, winter time as negative saving": ("Europe/Dublin", "2026-10-25"),
    "Azores, overlap at midnight UTC": ("Atlantic/Azores", "2026-10-25"),
    "Casablanca, Ramadan": ("Africa/Casablanca", "2026-02-15"),
    "no change": ("Asia/Kolkata", "2026-01-01"),
}


@dataclass(frozen=True)
class Window:
    """Three days around a change: real minutes with their wall clock, and the wall-clock minutes skipped."""

    zone: str
    start: datetime
    end: datetime
    minutes: list[tuple[datetime, datetime]]
    skipped: list[tuple[datetime, datetime]]


@cache
def window(name: str) -> Window:
    zone_name, day = CHANGES[name]
    start = datetime.fromisoformat(day).replace(tzinfo=UTC) - DAY
    end = start + 3 * DAY
    instants = [start + n * MINUTE for n in range(1, 3 * 1440 + 1)]
    minutes = [(t, t.astimezone(ZoneInfo(zone_name)).replace(tzinfo=None)) for t in instants]
    real = {local.replace(fold=0) for _, local in minutes}
    skipped = []
    local = min(real)
    while local <= max(real):
        if local not in real:
            skipped.append((next(t for t, seen in minutes if seen > local), local))
        local += MINUTE
    return Window(zone_name, start, end, minutes, skipped)


@dataclass(frozen=True)
class Pattern:
    minute: Field
    hour: Field
    weekday: Field
    day: date | None = None

    @property
    def expression(self) -> str:
        day = f"{self.day.day} {self.day.month}" if self.day else "* *"
        return f"{self.minute[0]} {self.hour[0]} {day} {self.weekday[0]}"

    @property
    def wildcard(self) -> bool:
        return self.minute[0].startswith("*") or self.hour[0].startswith("*")

    def matches(self, local: datetime) -> bool:
        return (
            local.minute in self.minute[1]
            and local.hour in self.hour[1]
            and local.isoweekday() % 7 in self.weekday[1]
            and self.day in {None, local.date()}
        )


def expected(
    pattern: Pattern, gap: DstGap | None, overlap: DstOverlap | None, around: Window
) -> list[datetime]:
    """Minute by minute over real time: no search, no offset arithmetic."""
    gap = gap or (GAP_SKIP if pattern.wildcard else SHIFT)
    overlap = overlap or (BOTH if pattern.wildcard else FIRST)
    passes: dict[datetime, list[datetime]] = {}
    for instant, local in around.minutes:
        if pattern.matches(local):
            passes.setdefault(local, []).append(instant)
    found = {
        t
        for instants in passes.values()
        for t in {FIRST: instants[:1], SECOND: instants[-1:], BOTH: instants}[overlap]
    }
    if gap is SHIFT:
        found |= {after_gap for after_gap, local in around.skipped if pattern.matches(local)}
    return sorted(found)


def fields(size: int) -> st.SearchStrategy[Field]:
    every = frozenset(range(size))
    steps = st.sampled_from([2, 3, 5, 7, 15, 30]).map(
        lambda step: (f"*/{step}", frozenset(range(0, size, step)))
    )
    lists = st.frozensets(st.integers(0, size - 1), min_size=1, max_size=3).map(
        lambda values: (",".join(map(str, sorted(values))), values)
    )
    ranges = st.tuples(st.integers(0, size - 2), st.integers(1, 3)).map(
        lambda pair: (
            f"{pair[0]}-{min(size - 1, sum(pair))}",
            frozenset(range(pair[0], min(size - 1, sum(pair)) + 1)),
        )
    )
    return st.one_of(st.just(("*", every)), steps, lists, ranges)


EVERY_DAY: Field = ("*", frozenset(range(7)))
# The hours in which clocks change come up more often than the others.
HOURS = st.one_of(
    fields(24),
    st.sampled_from(
        [("0", {0}), ("1", {1}), ("2", {2}), ("23", {23}), ("0-3", {0, 1, 2, 3}), ("1,2", {1, 2})]
    ).map(lambda pair: (pair[0], frozenset(pair[1]))),
)
PATTERNS = st.builds(Pattern, fields(60), HOURS, st.one_of(st.just(EVERY_DAY), fields(7)))
GAPS = st.sampled_from([None, *DstGap])
OVERLAPS = st.sampled_from([None, *DstOverlap])


@pytest.mark.parametrize("name", CHANGES)
@settings(max_examples=12, deadline=None)
@given(pattern=PATTERNS, gap=GAPS, overlap=OVERLAPS, data=st.data())
def test_fires_are_those_of_a_minute_by_minute_scan(
    name: str, pattern: Pattern, gap: DstGap | None, overlap: DstOverlap | None, data: st.DataObject
) -> None:
    around = window(name)
    rule = CronRule(pattern.expression, around.zone, gap, overlap)
    due = expected(pattern, gap, overlap, around)
    first = data.draw(st.integers(0, len(due)).map(lambda n: max(0, n - 30)))
    after = due[first - 1] if first else around.start
    assert fires(rule, after, around.end, 60) == due[first : first + 60]

    anywhere = around.start + data.draw(st.timedeltas(timedelta(0), 3 * DAY - MINUTE))
    following = next((t for t in due if t > anywhere), None)
    found = next_fire(rule, anywhere)
    assert found == following if following else found is None or found > around.end


@pytest.mark.parametrize("name", CHANGES)
@settings(max_examples=6, deadline=None)
@given(minute=fields(60), hour=HOURS, gap=GAPS, overlap=OVERLAPS, data=st.data())
def test_a_yearly_cron_is_found_from_far_away(
    name: str, minute: Field, hour: Field, gap: DstGap | None, overlap: DstOverlap | None, data: st.DataObject
) -> None:
    around = window(name)
    whole_days = sorted({local.date() for _, local in around.minutes + around.skipped})[1:-1]
    pattern = Pattern(minute, hour, EVERY_DAY, data.draw(st.sampled_from(whole_days)))
    due = expected(pattern, gap, overlap, around)
    after = around.start - data.draw(st.timedeltas(timedelta(0), 350 * DAY))
    assert fires(CronRule(pattern.expression, around.zone, gap, overlap), after, around.end, 20) == due[:20]


def named(rule: CronRule, after: str, count: int) -> list[str]:
    start = datetime.fromisoformat(after)
    found = fires(rule, start, start + timedelta(days=400), count)
    return [t.astimezone(ZoneInfo(rule.timezone)).strftime("%d %H:%M%z") for t in found]


@pytest.mark.parametrize(
    ("rule", "after", "wanted"),
    [
        pytest.param(
            CronRule("30 2 * * *", "America/New_York"),
            "2026-03-07T12:00Z",
            ["08 03:00-0400", "09 02:30-0400"],
            id="a fixed time in the gap shifts to its end",
        ),
        pytest.param(
            CronRule("30 2 * * *", "America/New_York", gap=GAP_SKIP),
            "2026-03-07T12:00Z",
            ["09 02:30-0400", "10 02:30-0400"],
            id="a fixed time in the gap is skipped on request",
        ),
        pytest.param(
            CronRule("0,15,30 2,3 * * *", "America/New_York"),
            "2026-03-07T12:00Z",
            ["08 03:00-0400", "08 03:15-0400", "08 03:30-0400", "09 02:00-0400"],
            id="all that shift to one instant fire once, the regular one there included",
        ),
        pytest.param(
            CronRule("30 1 * * *", "America/New_York"),
            "2026-03-07T12:00Z",
            ["08 01:30-0500", "09 01:30-0400"],
            id="a time just before the gap is untouched",
        ),
        pytest.param(
            CronRule("30 1 * * *", "America/New_York"),
            "2026-10-31T12:00Z",
            ["01 01:30-0400", "02 01:30-0500"],
            id="a fixed time in the overlap fires at the first",
        ),
        pytest.param(
            CronRule("30 1 * * *", "America/New_York", overlap=SECOND),
            "2026-10-31T12:00Z",
            ["01 01:30-0500", "02 01:30-0500"],
            id="a fixed time in the overlap fires at the second on request",
        ),
        pytest.param(
            CronRule("30 1 * * *", "America/New_York", overlap=BOTH),
            "2026-10-31T12:00Z",
            ["01 01:30-0400", "01 01:30-0500", "02 01:30-0500"],
            id="a fixed time in the overlap fires at both on request",
        ),
        pytest.param(
            CronRule("30 1 * * *", "America/New_York"),
            "2026-11-01T06:00Z",
            ["02 01:30-0500", "03 01:30-0500"],
            id="a search from inside the second pass does not fire again",
        ),
        pytest.param(
            CronRule("*/30 * * * *", "America/New_York"),
            "2026-11-01T04:30Z",
            ["01 01:00-0400", "01 01:30-0400", "01 01:00-0500", "01 01:30-0500", "01 02:00-0500"],
            id="a wildcard follows elapsed time through the overlap",
        ),
        pytest.param(
            CronRule("*/30 * * * *", "America/New_York", overlap=FIRST),
            "2026-11-01T04:30Z",
            ["01 01:00-0400", "01 01:30-0400", "01 02:00-0500"],
            id="a wildcard may keep to the first pass",
        ),
        pytest.param(
            CronRule("*/30 * * * *", "America/New_York"),
            "2026-03-08T06:00Z",
            ["08 01:30-0500", "08 03:00-0400", "08 03:30-0400"],
            id="a wildcard invents nothing in the gap",
        ),
        pytest.param(
            CronRule("*/10 2 * * *", "America/New_York"),
            "2026-03-08T06:00Z",
            ["09 02:00-0400", "09 02:10-0400"],
            id="a wildcard wholly inside the gap waits for the next day",
        ),
        pytest.param(
            CronRule("15 2 * * *", "Australia/Lord_Howe"),
            "2026-10-03T00:00Z",
            ["04 02:30+1100", "05 02:15+1100"],
            id="a gap of half an hour",
        ),
        pytest.param(
            CronRule("*/15 1 * * *", "Australia/Lord_Howe"),
            "2026-04-04T14:00Z",
            ["05 01:15+1100", "05 01:30+1100", "05 01:45+1100", "05 01:30+1030", "05 01:45+1030"],
            id="an overlap of half an hour",
        ),
        pytest.param(
            CronRule("0 9 * * *", "Pacific/Apia"),
            "2011-12-29T00:00Z",
            ["29 09:00-1000", "31 00:00+1400", "31 09:00+1400"],
            id="the skipped day of Apia",
        ),
        pytest.param(
            CronRule("0 */12 * * *", "Pacific/Apia"),
            "2011-12-29T10:00Z",
            ["29 12:00-1000", "31 00:00+1400", "31 12:00+1400"],
            id="a wildcard over the skipped day of Apia",
        ),
        pytest.param(
            CronRule("@daily", "America/Sao_Paulo"),
            "2018-11-03T12:00Z",
            ["04 01:00-0200", "05 00:00-0200"],
            id="a day that begins at one o'clock",
        ),
        pytest.param(
            CronRule("30 23 * * *", "America/Sao_Paulo"),
            "2018-02-17T12:00Z",
            ["17 23:30-0200", "18 23:30-0300"],
            id="a day that ends twice",
        ),
        pytest.param(
            CronRule("5 0 * * *", "Asia/Kathmandu"),
            "1985-12-31T00:00Z",
            ["01 00:15+0545", "02 00:05+0545"],
            id="a quarter of an hour",
        ),
        pytest.param(
            CronRule("0 12 29 2 *", "America/New_York"),
            "2028-01-01T00:00Z",
            ["29 12:00-0500"],
            id="a leap day",
        ),
        pytest.param(
            CronRule("*/20 30 1 1 * *", "America/New_York", overlap=SECOND),
            "2026-10-31T12:00Z",
            ["01 01:30-0500", "01 01:30-0500", "01 01:30-0500", "01 01:30-0500"],
            id="seconds in the second pass, then the next month",
        ),
    ],
)
def test_named_case(rule: CronRule, after: str, wanted: list[str]) -> None:
    assert named(rule, after, len(wanted)) == wanted


def test_microseconds_neither_lose_nor_repeat_a_fire() -> None:
    rule = CronRule("* * * * * *")
    second = datetime(2026, 1, 1, tzinfo=UTC)
    assert next_fire(rule, second - timedelta(microseconds=1)) == second
    assert next_fire(rule, second) == second + timedelta(seconds=1)
    assert next_fire(rule, second + timedelta(microseconds=999_999)) == second + timedelta(seconds=1)


def test_no_zone_changes_its_offset_twice_within_two_days() -> None:
    step = timedelta(hours=12)
    for name in sorted(
        {zone_name for zone_name, _ in CHANGES.values()} | {"Asia/Gaza", "Africa/Cairo", "Africa/Freetown"}
    ):
        where = ZoneInfo(name)
        instant, previous, changed = datetime(1985, 1, 1, tzinfo=UTC), None, None
        while instant.year < 2042:
            offset = instant.astimezone(where).utcoffset()
            if offset != previous:
                assert changed is None or instant - changed > timedelta(days=2), (name, instant)
                previous, changed = offset, instant
            instant += step


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mars/Olympus",
        "America",
        "../UTC",
        "/etc/localtime",
        "utc ",
        "a\0b",
        "x" * 5000,
        "localtime",
        "right/UTC",
    ],
)
def test_unknown_and_machine_dependent_zones_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as error:
        zone(name)
    assert (error.value.field, error.value.value) == ("timezone", name)


def test_every_zone_of_the_package_loads_once_under_its_name() -> None:
    assert len(ZONES) > 500
    for name in ZONES:
        assert zone(name).key == name
        assert zone(name) is zone(name)


def test_the_systems_zones_are_never_read(tmp_path: Path) -> None:
    (tmp_path / "Europe").mkdir()
    for place in ("Berlin", "Atlantis"):
        shutil.copy(files("tzdata") / "zoneinfo" / "Asia" / "Tokyo", tmp_path / "Europe" / place)
    reset_tzpath([tmp_path])
    zone.cache_clear()
    ZoneInfo.clear_cache()
    try:
        noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
        assert noon.astimezone(ZoneInfo("Europe/Berlin")).hour == 21
        assert noon.astimezone(zone("Europe/Berlin")).hour == 13
        with pytest.raises(InvalidInput):
            zone("Europe/Atlantis")
    finally:
        reset_tzpath()
        zone.cache_clear()
        ZoneInfo.clear_cache()


def test_the_version_of_the_zones_is_that_of_the_package() -> None:
    assert re.fullmatch(r"20\d\d[a-z]+", TZDATA_VERSION)
    package = version("tzdata").split(".")
    assert (TZDATA_VERSION[:4], ord(TZDATA_VERSION[4]) - ord("a") + 1) == (package[0], int(package[1]))

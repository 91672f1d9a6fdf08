"""The oracle of cron: walk real time step by step and read the wall clock; nothing is searched or computed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from resources.states import DayMatch, DstGap, DstOverlap
from scheduler_defs.timing.wall_clock import zone
from tests.timing.expressions import Expression

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
FIRST_INSTANT, LAST_INSTANT = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
ZONES = sorted(set(files("tzdata").joinpath("zones").read_text("utf-8").split()) - {"Factory"})


@dataclass(frozen=True)
class Stretch:
    """Part of a zone's time; at `change`, if any, its clocks jump."""

    zone: str
    start: datetime
    end: datetime
    change: datetime | None = None

    @property
    def jump(self) -> timedelta:
        return (
            timedelta()
            if self.change is None
            else offset(zone(self.zone), self.change) - offset(zone(self.zone), self.change - SECOND)
        )


def offset(where: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(where).utcoffset() or timedelta()


def clock(where: ZoneInfo, instant: datetime) -> datetime:
    return instant.astimezone(where).replace(tzinfo=None, fold=0)


@cache
def changes(name: str) -> tuple[datetime, ...]:
    """Every change of a zone's offset from 1970 to 2100; no two are less than six days apart."""
    where, found = zone(name), []
    instant, before = FIRST_INSTANT, offset(zone(name), FIRST_INSTANT)
    while instant < LAST_INSTANT:
        instant += 3 * DAY
        if offset(where, instant) != before:
            low = instant - 3 * DAY
            while instant - low > SECOND:
                middle = low + (instant - low) // 2 // SECOND * SECOND
                low, instant = (middle, instant) if offset(where, middle) == before else (low, middle)
            found.append(instant)
            before = offset(where, instant)
    return tuple(found)


@st.composite
def stretches(draw: st.DrawFn, length: timedelta) -> Stretch:
    """A stretch of any zone, most often around a change of its clocks."""
    name = draw(st.sampled_from(ZONES))
    known = changes(name)
    if known and draw(st.integers(0, 5)):
        change = draw(st.sampled_from(known))
        return Stretch(name, change - length / 2, change + length / 2, change)
    start = draw(st.datetimes(datetime(1970, 1, 1), datetime(2099, 12, 1), timezones=st.just(UTC)))
    start = start.replace(microsecond=0)
    inside = [one for one in known if start - DAY < one <= start + length + DAY]
    return Stretch(name, start, start + length, inside[0] if inside else None)


def scanned(
    expression: Expression,
    around: Stretch,
    gap: DstGap | None,
    overlap: DstOverlap | None,
    day_match: DayMatch,
) -> list[datetime]:
    """The fires in (start, end] of a stretch with at most one change of clocks."""
    gap = gap or (DstGap.SKIP if expression.wildcard else DstGap.SHIFT)
    overlap = overlap or (DstOverlap.BOTH if expression.wildcard else DstOverlap.FIRST)
    where, back = zone(around.zone), -around.jump
    found = set()
    for instant, local, skipped in walk(around, SECOND if expression.second else None):
        if gap is DstGap.SHIFT and any(expression.matches(one, day_match) for one in skipped):
            found.add(instant)
        if expression.matches(local, day_match):
            again = back > timedelta() and clock(where, instant - back) == local
            comes_again = back > timedelta() and clock(where, instant + back) == local
            if not {DstOverlap.FIRST: again, DstOverlap.SECOND: comes_again, DstOverlap.BOTH: False}[overlap]:
                found.add(instant)
    return sorted(found)


def walk(around: Stretch, step: timedelta | None) -> Iterator[tuple[datetime, datetime, list[datetime]]]:
    """Each instant with its wall clock and the wall-clock times that were skipped right before it."""
    where = zone(around.zone)
    # Liberia kept 44 minutes and 30 seconds until 1972: whole minutes of its clock are at half minutes of UTC.
    step = step or (timedelta(minutes=1) if _whole_minutes(around) else timedelta(seconds=30))
    instant = around.start.replace(second=0, microsecond=0)
    previous = clock(where, instant)
    while (instant := instant + step) <= around.end:
        local = clock(where, instant)
        skipped = []
        while (previous := previous + step) < local:
            skipped.append(previous)
        previous = local
        if instant > around.start:
            yield instant, local, skipped


def _whole_minutes(around: Stretch) -> bool:
    where = zone(around.zone)
    return all(offset(where, instant).total_seconds() % 60 == 0 for instant in (around.start, around.end))

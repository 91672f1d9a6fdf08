"""When a calendar lets an occurrence fire: not at all, later, or as planned.

A calendar reads the wall clock of its zone: an instant is matched by the date and time that the clock shows then. So a
window whose boundary lies in the hour that spring skips begins or ends at the change, and one that lies in it wholly
matches nothing that day; in the hour that autumn repeats the clock shows each time twice, and both are matched: a
window that ends within that hour goes on, after the change, until its end is shown again.

Every datetime that comes in must be aware and every one that goes out is in UTC; between, datetimes are naive: UTC, or
where they are called local the wall clock.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import chain
from zoneinfo import ZoneInfo

from resources.records import CalendarRow
from resources.states import CalendarMode, OnExcluded
from scheduler_defs.timing.calendar_entries import MINUTES_A_DAY, Entry, parse_entries
from scheduler_defs.timing.rules import utc
from scheduler_defs.timing.wall_clock import zone

LONGEST = timedelta(days=400)
MOST_MOVES = 1000
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_TICK = timedelta(microseconds=1)
_DAYS_KEPT = 1024
_Rule = tuple[int, int, frozenset[int], tuple[int, int]]
"""An entry: first and last day as ordinals, weekdays, span of minutes."""


@dataclass(frozen=True)
class Calendar:
    """Which instants are excluded, and what becomes of an occurrence there."""

    name: str
    mode: CalendarMode
    timezone: str
    on_excluded: OnExcluded
    entries: tuple[Entry, ...]

    @cached_property
    def days(self) -> "_Days":
        """Its entries by day; kept with the calendar, so keep the calendar."""
        return _Days(self.entries, zone(self.timezone), self.mode is CalendarMode.EXCLUDE)


@dataclass(frozen=True, slots=True)
class Fire:
    """The occurrence fires, at `base` or, by its trigger's jitter, a little later."""

    base: datetime


@dataclass(frozen=True, slots=True)
class Skip:
    """The occurrence does not fire."""

    reason: str


def calendar_of(row: CalendarRow) -> Calendar:
    """What a row says; equal rows give one calendar, which knows its days already.

    Raises InvalidInput for what makes no sense, which only SQL by hand can write.
    """
    return _calendar(row.name, row.mode, row.timezone, row.on_excluded, json.dumps(row.entries))


@lru_cache(maxsize=128)
def _calendar(
    name: str, mode: CalendarMode, timezone: str, on_excluded: OnExcluded, entries: str
) -> Calendar:
    zone(timezone)
    return Calendar(name, mode, timezone, on_excluded, parse_entries(json.loads(entries)))


def excluded(calendar: Calendar, instant: datetime) -> bool:
    """Whether the calendar excludes an instant."""
    days = calendar.days
    local = (instant if instant.tzinfo is UTC else utc("instant", instant)).astimezone(days.where)
    matched = bisect_right(days.bounds(local.toordinal()), local.hour * 60 + local.minute) % 2 == 1
    return matched is days.excludes


def end_of_exclusion(calendar: Calendar, instant: datetime) -> datetime | None:
    """The first instant, from this one on, that the calendar does not exclude; None when 400 days have none."""
    end = calendar.days.end_of_exclusion(utc("instant", instant).replace(tzinfo=None))
    return None if end is None else end.replace(tzinfo=UTC)


def exclusions(
    calendar: Calendar, since: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime | None]]:
    """The excluded stretches that begin before `until`, the first cut off at `since`; None: no end within 400 days."""
    days, last = calendar.days, utc("until", until).replace(tzinfo=None)
    here: datetime | None = utc("since", since).replace(tzinfo=None)
    while here is not None:
        begin = days.first(here, last, excluded=True)
        if begin is None or begin >= last:
            return
        here = days.end_of_exclusion(begin)
        yield begin.replace(tzinfo=UTC), None if here is None else here.replace(tzinfo=UTC)


def verdict(calendars: Sequence[Calendar], occurrence: datetime) -> Fire | Skip:
    """What calendars, asked in their order, make of an occurrence.

    The first that excludes it skips or moves it. A moved one is asked about anew, by all of them. When that leads
    nowhere (400 days on, or after a thousand moves) the calendar that would move it further skips it. Of two
    occurrences that fire, the earlier does not have the later base.
    """
    occurrence = base = utc("occurrence", occurrence)
    moves = 0
    while True:
        hit = next((one for one in calendars if excluded(one, base)), None)
        if hit is None:
            return Fire(base)
        end = end_of_exclusion(hit, base) if hit.on_excluded is OnExcluded.MOVE else None
        if end is None or end - occurrence > LONGEST or moves == MOST_MOVES:
            return Skip(f"calendar:{hit.name}")
        base, moves = end, moves + 1


def lasting_verdict(
    calendars: Sequence[Calendar], occurrence: datetime, before: datetime
) -> tuple[Fire | Skip, datetime]:
    """The verdict on an occurrence, and until when, exclusive and not beyond `before`, later ones get it too.

    Where the base is the occurrence itself, each of them fires at its own time.
    """
    judged = verdict(calendars, occurrence)
    hit = next((place for place, one in enumerate(calendars) if excluded(one, occurrence)), len(calendars))
    end = before
    for one in calendars[:hit]:
        end = _changes_at(one, occurrence, end, excluded=True)
    if hit == len(calendars):
        return judged, end
    end = _changes_at(calendars[hit], occurrence, end, excluded=False)
    if calendars[hit].on_excluded is OnExcluded.MOVE and isinstance(judged, Skip):
        # Somewhere on its way it would have been moved too far, and a later one perhaps not.
        ends = (end_of_exclusion(calendars[hit], at) for at in (occurrence, end - _TICK))
        if any(one is not None for one in ends):
            end = occurrence + _TICK
    return judged, end


def _changes_at(calendar: Calendar, since: datetime, before: datetime, excluded: bool) -> datetime:
    """The first instant from `since` on that is, or is not, excluded; at most `before`."""
    found = calendar.days.first(
        utc("since", since).replace(tzinfo=None), before.replace(tzinfo=None), excluded=excluded
    )
    return before if found is None else found.replace(tzinfo=UTC)


class _Days:
    """Entries by day: `bounds` of one are the minutes at which matching begins, ends, begins again."""

    def __init__(self, entries: Iterable[Entry], where: ZoneInfo, excludes: bool) -> None:
        self.where = where
        self.excludes = excludes
        self._bounds: dict[int, tuple[int, ...]] = {}
        self._one_day: dict[int, list[_Rule]] = {}
        self._others: list[_Rule] = []
        self._known: tuple[datetime, datetime] | None = None
        for entry in entries:
            first, last = entry.bounds
            days = self._others if first < last else self._one_day.setdefault(first, [])
            days.append((first, last, frozenset(entry.weekdays or range(7)), entry.span))

    def bounds(self, ordinal: int) -> tuple[int, ...]:
        """Of a day; a minute is matched when an odd number of them are at or before it."""
        found = self._bounds.get(ordinal)
        if found is None:
            if len(self._bounds) >= _DAYS_KEPT:
                self._bounds = {}
            found = self._bounds[ordinal] = self._computed(ordinal)
        return found

    def end_of_exclusion(self, instant: datetime) -> datetime | None:
        """As the function of this name. What is known of the last stretch is kept: many occurrences fall into one."""
        try:
            until = instant + LONGEST
        except OverflowError:
            until = datetime.max
        known = self._known
        inside = known is not None and known[0] <= instant < known[1]
        start, reached = known if known is not None and inside else (instant, instant)
        end = self.first(reached, until, excluded=False)
        reached = max(reached, until if end is None else end)
        if reached > instant:
            self._known = (start, reached)
        return end

    def first(self, since: datetime, until: datetime, excluded: bool) -> datetime | None:
        """The first instant in [since, until] that is, or is not, excluded."""
        try:
            while since <= until:
                offset = _offset(self.where, since)
                local = since + offset
                found = self._first_local(local, excluded is self.excludes)
                instant = (_midnight_after(local) if found is None else found) - offset
                if _offset(self.where, instant) != offset:
                    since = _change(self.where, since, instant)
                elif found is not None:
                    return instant if instant <= until else None
                else:
                    since = instant
        except OverflowError:  # past the year 9999
            pass
        return None

    def _first_local(self, local: datetime, matched: bool) -> datetime | None:
        """The first time of the local day, from this one on, that is, or is not, matched."""
        bounds = self.bounds(local.toordinal())
        at = bisect_right(bounds, local.hour * 60 + local.minute)
        if (at % 2 == 1) is matched:
            return local
        if at == len(bounds) or bounds[at] == MINUTES_A_DAY:
            return None
        return datetime(local.year, local.month, local.day, bounds[at] // 60, bounds[at] % 60)

    def _computed(self, ordinal: int) -> tuple[int, ...]:
        spans = [(begin, min(end, MINUTES_A_DAY)) for begin, end in self._spans(ordinal)]
        spans += [(0, end - MINUTES_A_DAY) for _, end in self._spans(ordinal - 1) if end > MINUTES_A_DAY]
        merged: list[tuple[int, int]] = []
        for begin, end in sorted(set(spans)):
            if merged and begin <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((begin, end))
        return tuple(chain.from_iterable(merged))

    def _spans(self, ordinal: int) -> list[tuple[int, int]]:
        weekday = (ordinal - 1) % 7
        rules = chain(self._one_day.get(ordinal, ()), self._others)
        return [span for first, last, on, span in rules if first <= ordinal <= last and weekday in on]


def _midnight_after(local: datetime) -> datetime:
    return datetime(local.year, local.month, local.day) + _DAY


def _offset(where: ZoneInfo, instant: datetime) -> timedelta:
    return where.fromutc(instant.replace(tzinfo=where)).replace(tzinfo=None) - instant


def _change(where: ZoneInfo, since: datetime, until: datetime) -> datetime:
    """The one change of offset in (since, until], which is at most a day; offsets change on whole seconds."""
    since = since.replace(microsecond=0)
    offset = _offset(where, since)
    low, high = 0, -(-(until - since) // _SECOND)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(where, since + middle * _SECOND) == offset:
            low = middle
        else:
            high = middle
    return since + high * _SECOND

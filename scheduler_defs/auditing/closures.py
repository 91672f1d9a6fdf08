"""What a calendar excludes, evaluated from its JSON without the code that fires."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from resources.errors import InvalidInput
from scheduler_defs.auditing.evaluator import zone_of

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
LONGEST = timedelta(days=400)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WHOLE_DAY = (0, 24 * 60)
_DAYS_KEPT = 2000


@dataclass(frozen=True, slots=True)
class _Entry:
    """The days an entry names, and the minutes of each, which may reach into the day after."""

    only: date | None
    first: date
    last: date
    weekdays: frozenset[int]
    minutes: tuple[int, int]

    def names(self, day: date) -> bool:
        return self.only in (None, day) and self.first <= day <= self.last and day.weekday() in self.weekdays


class Closure:
    """One version of a calendar."""

    def __init__(self, name: str, content: Mapping[str, Any]) -> None:
        """Reads a content of calendar_versions; raises InvalidInput for what no edit writes."""
        self.name = name
        try:
            self.moves = content.get("on_excluded") == "move"
            self._includes = content.get("mode") == "include"
            self._where = zone_of(content.get("timezone") or "UTC")
            self._entries = [_entry(one) for one in content["entries"]]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInput(
                "content", content, f"what a version of a calendar says ({error!r})"
            ) from error
        self._closed: dict[date, list[tuple[int, int]]] = {}
        self._stretch: tuple[datetime, datetime] | None = None

    def excludes(self, instant: datetime) -> bool:
        """Whether the wall clock of the calendar's zone shows a time that it excludes."""
        local = instant.astimezone(self._where)
        minute = local.hour * 60 + local.minute
        matched = any(begin <= minute < end for begin, end in self._minutes(local.date()))
        return matched is not self._includes

    def opens(self, instant: datetime) -> datetime | None:
        """The first instant after an excluded one that is not excluded; None when 400 days have none."""
        if self._stretch and self._stretch[0] <= instant < self._stretch[1]:
            return self._stretch[1]
        for change in self._changes(instant, instant + LONGEST):
            if not self.excludes(change):
                self._stretch = (instant, change)
                return change
        return None

    def _minutes(self, day: date) -> list[tuple[int, int]]:
        """The matched minutes of a local day, some of which may belong to entries of the day before."""
        if day not in self._closed:
            if len(self._closed) > _DAYS_KEPT:
                self._closed.clear()
            today = [one.minutes for one in self._entries if one.names(day)]
            before = [one.minutes for one in self._entries if day > date.min and one.names(day - _DAY)]
            late = [(0, end - _WHOLE_DAY[1]) for _, end in before if end > _WHOLE_DAY[1]]
            self._closed[day] = today + late
        return self._closed[day]

    def _changes(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Every instant in (after, until] at which something may begin or end, oldest first."""
        day = after.astimezone(self._where).date() - _DAY
        waiting: set[datetime] = set()
        while True:
            minutes = {0, *(bound for span in self._minutes(day) for bound in span if bound < _WHOLE_DAY[1])}
            midnight = datetime(day.year, day.month, day.day)
            for minute in minutes:
                waiting |= _instants(self._where, midnight + timedelta(minutes=minute))
            start, end = midnight.replace(tzinfo=UTC) - _DAY, midnight.replace(tzinfo=UTC) + _DAY
            waiting |= _clock_changes(self._where, start, end)
            # Whatever a later local day adds lies after this day's midnight, wherever on earth.
            ready = sorted(one for one in waiting if one < start)
            for instant in ready:
                if instant > until:
                    return
                if instant > after:
                    yield instant
            waiting -= set(ready)
            if start > until:
                return
            day += _DAY


def _entry(said: Mapping[str, Any]) -> _Entry:
    day, first, last = (said.get(key) for key in ("date", "from", "to"))
    weekdays: Sequence[str] = said.get("weekdays") or _WEEKDAYS
    return _Entry(
        only=date.fromisoformat(day) if day else None,
        first=date.fromisoformat(first) if first else date.min,
        last=date.fromisoformat(last) if last else date.max,
        weekdays=frozenset(_WEEKDAYS.index(one) for one in weekdays),
        minutes=_window(said["window"]) if said.get("window") else _WHOLE_DAY,
    )


def _window(text: str) -> tuple[int, int]:
    begin, end = (int(one[:2]) * 60 + int(one[3:]) for one in text.split("-"))
    return begin, end if end > begin else end + _WHOLE_DAY[1]


def _instants(where: ZoneInfo, local: datetime) -> set[datetime]:
    """When a wall clock shows a time: once, twice, or in a gap about then."""
    return {local.replace(tzinfo=where, fold=fold).astimezone(UTC) for fold in (0, 1)}


def _clock_changes(where: ZoneInfo, start: datetime, end: datetime) -> set[datetime]:
    """The changes of a zone's offset in (start, end], if they leave it another one."""
    if _offset(where, start) == _offset(where, end):
        return set()
    before = _offset(where, start)
    while end - start > _SECOND:
        middle = start + (end - start) // 2 // _SECOND * _SECOND
        if _offset(where, middle) == before:
            start = middle
        else:
            end = middle
    return {end}


def _offset(where: ZoneInfo, instant: datetime) -> timedelta | None:
    return instant.astimezone(where).utcoffset()

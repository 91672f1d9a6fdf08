"""The entries of a calendar: what they may say, and which wall-clock minutes they mean."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from resources.errors import InvalidInput

MOST_ENTRIES = 1000
MINUTES_A_DAY = 24 * 60
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KEYS = ("date", "from", "to", "weekdays", "window")

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WINDOW = re.compile(r"([0-2][0-9]):([0-5][0-9])-([0-2][0-9]):([0-5][0-9])")
_DATE_IS = "a date such as 2026-12-25"
_WINDOW_IS = "two different times such as 22:00-06:00, at most 24:00; 00:00-24:00 is the whole day"


@dataclass(frozen=True, slots=True)
class Entry:
    """Days, and the part of each that is meant; what is None narrows nothing.

    `weekdays` count from Monday, 0. `window` is in minutes of the day, its end exclusive; an end beyond 1440 lies in
    the day after the one it belongs to.
    """

    day: date | None = None
    first: date | None = None
    last: date | None = None
    weekdays: tuple[int, ...] | None = None
    window: tuple[int, int] | None = None

    @property
    def span(self) -> tuple[int, int]:
        """The window; without one the whole day."""
        return self.window or (0, MINUTES_A_DAY)

    @property
    def bounds(self) -> tuple[int, int]:
        """The first and the last day, as ordinals; there is none when the last is before the first."""
        first, last = self.first or date.min, self.last or date.max
        if self.day is not None:
            first, last = max(first, self.day), min(last, self.day)
        return first.toordinal(), last.toordinal()

    def to_json(self) -> dict[str, Any]:
        """The entry as it is kept: keys in one order, weekdays from Monday."""
        days = {"date": self.day, "from": self.first, "to": self.last}
        said: dict[str, Any] = {key: one.isoformat() for key, one in days.items() if one is not None}
        if self.weekdays is not None:
            said["weekdays"] = [WEEKDAYS[day] for day in self.weekdays]
        if self.window is not None:
            said["window"] = _clock(self.window)
        return said


def parse_entries(value: object) -> tuple[Entry, ...]:
    """Entries from JSON; raises InvalidInput naming the place, such as `entries[2].window`."""
    if not isinstance(value, list | tuple):
        raise InvalidInput("entries", value, "a list of entries")
    if len(value) > MOST_ENTRIES:
        raise InvalidInput("entries", f"{len(value)} entries", f"at most {MOST_ENTRIES}")
    return tuple(_entry(f"entries[{at}]", one) for at, one in enumerate(value))


def _entry(place: str, value: object) -> Entry:
    if not isinstance(value, Mapping):
        raise InvalidInput(place, value, f"an object with some of {', '.join(KEYS)}")
    for key in value:
        if key not in KEYS:
            raise InvalidInput(f"{place}.{key}", value[key], f"no key but {', '.join(KEYS)}")
    if not value:
        raise InvalidInput(place, "{}", f"at least one of {', '.join(KEYS)}")
    first, last = (_date(f"{place}.{key}", value[key]) if key in value else None for key in ("from", "to"))
    if first is not None and last is not None and first > last:
        raise InvalidInput(f"{place}.to", last.isoformat(), f"a date not before from, {first.isoformat()}")
    return Entry(
        day=_date(f"{place}.date", value["date"]) if "date" in value else None,
        first=first,
        last=last,
        weekdays=_weekdays(f"{place}.weekdays", value["weekdays"]) if "weekdays" in value else None,
        window=_window(f"{place}.window", value["window"]) if "window" in value else None,
    )


def _date(place: str, value: object) -> date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise InvalidInput(place, value, _DATE_IS)


def _weekdays(place: str, value: object) -> tuple[int, ...]:
    expected = f"a list of some of {', '.join(WEEKDAYS)}"
    if not isinstance(value, list | tuple) or not value:
        raise InvalidInput(place, value, expected)
    for at, day in enumerate(value):
        if day not in WEEKDAYS:
            raise InvalidInput(f"{place}[{at}]", day, f"one of {', '.join(WEEKDAYS)}")
    return tuple(sorted({WEEKDAYS.index(day) for day in value}))


def _window(place: str, value: object) -> tuple[int, int]:
    found = _WINDOW.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise InvalidInput(place, value, _WINDOW_IS)
    hours, minutes, end_hours, end_minutes = (int(part) for part in found.groups())
    begin, end = hours * 60 + minutes, end_hours * 60 + end_minutes
    if begin >= MINUTES_A_DAY or end > MINUTES_A_DAY or begin == end:
        raise InvalidInput(place, value, _WINDOW_IS)
    return begin, end if end > begin else end + MINUTES_A_DAY


def _clock(window: tuple[int, int]) -> str:
    begin, end = window
    end = end if end <= MINUTES_A_DAY else end - MINUTES_A_DAY
    return "-".join(f"{at // 60:02}:{at % 60:02}" for at in (begin, end))


def expand_days(place: str, text: str) -> list[str]:
    """Weekdays from a text such as mon-fri or sat,sun; a range may pass over Sunday."""
    days: list[str] = []
    for part in text.lower().split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if first not in WEEKDAYS or (dash and last not in WEEKDAYS):
            raise InvalidInput(
                place, text, f"days such as mon-fri or sat,sun; a day is one of {', '.join(WEEKDAYS)}"
            )
        begin = WEEKDAYS.index(first)
        length = (WEEKDAYS.index(last) - begin) % 7 if dash else 0
        days += [WEEKDAYS[(begin + step) % 7] for step in range(length + 1)]
    return days

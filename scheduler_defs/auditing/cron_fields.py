"""Cron expressions as sets of numbers, parsed without the parser that fires.

Whatever scheduler_defs/timing/cron.py accepts is read here, with the same meaning; only what has no meaning at
all is refused here too.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from resources.errors import InvalidInput
from resources.states import DayMatch

_MACROS = {
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_TERM = re.compile(r"(?:\*|(?P<low>\w+)(?:-(?P<high>\w+))?)(?:/(?P<step>[0-9]+))?", re.ASCII)
_NTH = re.compile(r"(?P<weekdays>[a-z]{3}-[a-z]{3}|\w+)#0*(?P<nth>[1-5])|l(?P<last>[0-9]+)", re.ASCII)
_NEAREST = re.compile(r"([0-9]+)w|w([0-9]+)", re.ASCII)
_LAST = -1

Days = Callable[[date], bool]


@dataclass(frozen=True, slots=True)
class CronFields:
    """An expression as what each field admits; `wildcard` when its minute or hour is written with a `*`."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    wildcard: bool
    matches_day: Days


@dataclass(frozen=True, slots=True)
class _Scale:
    """The numbers of one field and the names it knows; `alias` is one more way to write the least."""

    least: int
    most: int
    names: Mapping[str, int] = field(default_factory=dict)
    alias: int | None = None

    def values(self, term: str) -> list[int]:
        """What `*`, `5`, `5-9`, `*/2`, `5/2` or `5-9/2` admits; a range whose end lies before its start wraps."""
        match = _TERM.fullmatch(term)
        step = int((match and match["step"]) or 1)
        if match is None or step == 0:
            raise ValueError(f"{term!r} is no value, range or step")
        low = self._number(match["low"]) if match["low"] else self.least
        high = self.most if match["high"] is None else self._number(match["high"])
        equal = low == high
        low = self.least if low == self.alias else low
        if match["high"] is not None and (equal or low == high):
            raise ValueError(f"{term!r} is a range with equal ends")
        if match["low"] and match["high"] is None and match["step"] is None:
            return [low]
        span = [*range(low, high + 1)] or [*range(low, self.most + 1), *range(self.least, high + 1)]
        return [self.least if value == self.alias else value for value in span[::step]]

    def _number(self, text: str) -> int:
        number = self.names[text] if text in self.names else int(text)
        if not self.least <= number <= self.most and number != self.alias:
            raise ValueError(f"{text!r} is not between {self.least} and {self.most}")
        return number


_SIXTY, _HOURS, _MONTH_DAYS = _Scale(0, 59), _Scale(0, 23), _Scale(1, 31)
_MONTH_SCALE = _Scale(1, 12, {name: n for n, name in enumerate(_MONTHS, 1)})
_WEEKDAY_SCALE = _Scale(0, 6, {name: n for n, name in enumerate(_WEEKDAYS)}, alias=7)


@lru_cache(maxsize=1024)
def parse(expression: str, day_match: DayMatch = DayMatch.OR) -> CronFields:
    """Read an expression; raises InvalidInput("cron") for what is malformed."""
    text = expression.lower()
    parts = re.findall(r"\S+", _MACROS.get(text, text), re.ASCII)
    if len(parts) not in {5, 6}:
        raise InvalidInput("cron", expression, "five fields, six with seconds first, or a macro")
    second, minute, hour, day, month, weekday = parts if len(parts) == 6 else ["0", *parts]
    try:
        return CronFields(
            _listed(_SIXTY, second),
            _listed(_SIXTY, minute),
            _listed(_HOURS, hour),
            frozenset(_listed(_MONTH_SCALE, month)),
            "*" in minute + hour,
            _days(day, weekday, day_match),
        )
    except ValueError as error:
        raise InvalidInput(
            "cron", expression, f"fields of numbers, names, ranges and steps ({error})"
        ) from error


def _listed(scale: _Scale, text: str) -> tuple[int, ...]:
    return tuple(sorted({value for term in text.split(",") for value in scale.values(term)}))


def _days(day: str, weekday: str, day_match: DayMatch) -> Days:
    """Whether a date matches both day fields, or with `or` one of two restricted ones."""
    by_day, by_weekday = _by_day(day), _by_weekday(weekday)
    if by_day is None or by_weekday is None:
        return by_day or by_weekday or (lambda _: True)
    if day_match == DayMatch.AND:
        return lambda on: by_day(on) and by_weekday(on)
    return lambda on: by_day(on) or by_weekday(on)


def _by_day(text: str) -> Days | None:
    """Day of month; None when it is unrestricted."""
    terms = text.split(",")
    if nearest := _NEAREST.fullmatch(text):
        (wanted,) = _MONTH_DAYS.values(nearest[1] or nearest[2])
        return lambda on: _is_nearest_weekday(on, wanted)
    days: set[int] = set()
    for term in terms:
        if term == "l":
            days.add(_LAST)
        elif term != "?" or len(terms) > 1:
            days.update(_MONTH_DAYS.values(re.sub(r"-l(?=/|$)", "-31", term)))
    if {"*", "?"} & set(terms):
        return None
    return lambda on: on.day in days or (_LAST in days and on.day == monthrange(on.year, on.month)[1])


def _by_weekday(text: str) -> Days | None:
    """Day of week; None when it is unrestricted."""
    terms = text.split(",")
    plain: set[int] = set()
    counted: set[tuple[int, int]] = set()
    for term in terms:
        if match := _NTH.fullmatch(term):
            nth = int(match["nth"] or _LAST)
            counted.update(
                (value, nth) for value in _WEEKDAY_SCALE.values(match["weekdays"] or match["last"])
            )
        elif term != "?" or len(terms) > 1:
            plain.update(_WEEKDAY_SCALE.values(term))
    if {"*", "?"} & set(terms):
        return None
    return lambda on: _on_weekday(on, plain, counted)


def _on_weekday(on: date, plain: set[int], counted: set[tuple[int, int]]) -> bool:
    weekday = on.isoweekday() % 7
    if weekday in plain or (weekday, (on.day + 6) // 7) in counted:
        return True
    return (weekday, _LAST) in counted and on.day + 7 > monthrange(on.year, on.month)[1]


def _is_nearest_weekday(on: date, day: int) -> bool:
    """Whether a date is the one of its month that is no weekend and nearest to `day`."""
    last = monthrange(on.year, on.month)[1]
    wanted = min(day, last)
    if abs(on.day - wanted) > 2:
        return False
    near = range(max(1, wanted - 2), min(last, wanted + 2) + 1)
    # A Saturday and a Sunday each have one nearest weekday, or at the edge of a month only one side.
    working = [one for one in near if on.replace(day=one).isoweekday() < 6]
    return on.day == min(working, key=lambda one: abs(one - wanted))

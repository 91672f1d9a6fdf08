"""The days and the times of day that a parsed expression admits, to lay out a day without a search for each fire."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

_SECOND = timedelta(seconds=1)
_MONTHS_KEPT = 256

Field = Sequence[int | str]
"""What a field admits: numbers, `l` for the last day, or `*` alone."""
DayTest = Callable[[date], bool]


@dataclass(frozen=True, slots=True)
class TimesOfDay:
    """Times of day in order, counted without being listed."""

    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.hours) * len(self.minutes) * len(self.seconds)

    def __getitem__(self, place: int) -> timedelta:
        minute, second = divmod(place, len(self.seconds))
        hour, minute = divmod(minute, len(self.minutes))
        return timedelta(hours=self.hours[hour], minutes=self.minutes[minute], seconds=self.seconds[second])

    def before(self, elapsed: timedelta) -> int:
        """How many lie before a time of day."""
        return bisect_left(range(len(self)), elapsed, key=self.__getitem__)


def times_of_day(minute: Field, hour: Field, second: Field) -> TimesOfDay:
    """The times that three fields admit."""
    return TimesOfDay(_numbers(hour, 24), _numbers(minute, 60), _numbers(second, 60))


def plain_days(day: Field, month: Field, weekday: Field, either: bool) -> DayTest | None:
    """Whether dates match plain numbers; None where a field says more, such as the last day."""
    fields = [frozenset(field) if list(field) != ["*"] else None for field in (day, month, weekday)]
    if any(isinstance(value, str) for field in fields for value in field or ()):
        return None
    days, months, weekdays = fields

    def matches(on: date) -> bool:
        if months is not None and on.month not in months:
            return False
        by_day = days is None or on.day in days
        by_weekday = weekdays is None or on.isoweekday() % 7 in weekdays
        if either and days is not None and weekdays is not None:
            return by_day or by_weekday
        return by_day and by_weekday

    return matches


def searched_days(next_after: Callable[[datetime], datetime | None]) -> DayTest:
    """Whether dates match, found by searching each month once."""

    @lru_cache(maxsize=_MONTHS_KEPT)
    def of_month(year: int, month: int) -> frozenset[int]:
        days: set[int] = set()
        match = next_after(datetime(year, month, 1) - _SECOND)
        while match is not None and (match.year, match.month) == (year, month):
            days.add(match.day)
            match = next_after(datetime(year, month, match.day, 23, 59, 59))
        return frozenset(days)

    return lambda on: on.day in of_month(on.year, on.month)


def _numbers(field: Field, most: int) -> tuple[int, ...]:
    numbers = {value for value in field if isinstance(value, int)}
    return tuple(sorted(numbers)) if list(field) != ["*"] else tuple(range(most))

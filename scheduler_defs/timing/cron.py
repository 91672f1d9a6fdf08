"""Cron expressions as wall-clock patterns; zones and daylight saving are in wall_clock.py.

Five fields (minute hour day-of-month month day-of-week), six with seconds first as in Quartz, or a macro such
as @daily. Names (JAN, MON), lists, ranges, steps, `L` (last day; `L5` last Friday), `5#2` (second Friday) and
`15W` (nearest weekday) work. A range may wrap (`22-2`, `FRI-MON/2`). When day-of-month and day-of-week are both
restricted, which all but `*` and `?` are, either may match (POSIX) or both must, as `day_match` says.
This module is the only one that imports croniter.
"""

import re
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial

from croniter import croniter

from resources.errors import InvalidInput
from resources.states import DayMatch
from scheduler_defs.timing.cron_days import DayTest, TimesOfDay, plain_days, searched_days, times_of_day

_DAY, _WEEKDAY, _SECOND = 2, 4, 5
_EXPECTED = "minute hour day-of-month month day-of-week, with seconds first if six, or a macro like @daily"
_PROBE = datetime(2000, 1, 1)
_FIELD = re.compile(r"\S+", re.ASCII)
_RANGE = re.compile(r"(?<![^,])(\w+)-(\w+)(?:/(\d+))?(?=(#)|,|$)", re.ASCII)


@dataclass(frozen=True, slots=True, eq=False)
class Cron:
    """A parsed expression; `fixed_time` is true when neither its minute nor its hour field has a wildcard."""

    fixed_time: bool
    times: TimesOfDay
    matches_day: DayTest
    """Whether a date matches; the times of day are those of each."""
    _matcher: croniter

    def next_after(self, local: datetime) -> datetime | None:
        """First match after a naive wall-clock time (whole seconds); None when there is none for 50 years."""
        return _next_after(self._matcher, local)


@lru_cache(maxsize=4096)
def parse(expression: str, day_match: DayMatch = DayMatch.OR) -> Cron:
    """Parse once and cache.

    Raises InvalidInput("cron") for what is malformed, never fires, is random (`R`, `H`), or reads differently
    from cron to cron: equal ranges (`9-9`), `#` or `L5` in a list with plain weekdays, and, where either day field
    may match, `#`, `L5` or `W` beside a second restricted one.
    """
    plain = _written_out(expression)
    either = day_match == DayMatch.OR
    try:
        matcher = croniter(plain, _PROBE, second_at_beginning=True, day_or=either)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise InvalidInput("cron", expression, f"{_EXPECTED} ({error})") from error
    _restrict_days(matcher)
    _refuse_ambiguous_days(expression, matcher, either)
    if _next_after(matcher, _PROBE) is None:
        raise InvalidInput("cron", expression, "an expression that matches at least one date")
    minute, hour = matcher.expressions[:2]
    return Cron("*" not in minute + hour, _times(matcher), _days(matcher, either), matcher)


def _next_after(matcher: croniter, local: datetime) -> datetime | None:
    # The parsed matcher is shared by threads and keeps its position in itself: search with a copy.
    try:
        match: datetime = copy(matcher).get_next(datetime, start_time=local)
    except (ValueError, OverflowError):  # CroniterBadDateError, or past the year 9999
        return None
    return match


def _times(matcher: croniter) -> TimesOfDay:
    minute, hour, *_ = fields = matcher.expanded
    return times_of_day(minute, hour, fields[_SECOND] if len(fields) > _SECOND else [0])


def _days(matcher: croniter, either: bool) -> DayTest:
    _, _, day, month, weekday, *_ = matcher.expanded
    special = matcher.nth_weekday_of_month or matcher.nearest_weekday
    plain = None if special else plain_days(day, month, weekday, either)
    return plain or searched_days(partial(_next_after, matcher))


def _written_out(expression: str) -> str:
    """The expression with the values of each stepped range that wraps: croniter miscounts some of them."""
    if len(expression) > 256:
        raise InvalidInput("cron", expression, _EXPECTED)
    fields = _FIELD.findall(expression.lower())
    for field in fields:
        if field[0] in "hr":
            raise InvalidInput("cron", expression, f"fixed values; {field!r} would be random or hashed")
    if expression.startswith("@"):
        return expression
    if len(fields) not in {5, 6}:
        raise InvalidInput("cron", expression, _EXPECTED)
    indexes = [*([_SECOND] if len(fields) == 6 else []), *range(5)]
    return " ".join(
        _RANGE.sub(partial(_values, expression, index), field)
        for index, field in zip(indexes, fields, strict=True)
    )


def _values(expression: str, index: int, term: re.Match[str]) -> str:
    """A range as it stands, or its values when it wraps and has a step; refuses one with equal ends."""
    low, high = (_number(index, text) for text in term.group(1, 2))
    if term[1] == term[2] or (low is not None and (low == high or (index, low, high) == (_WEEKDAY, 7, 0))):
        raise InvalidInput("cron", expression, f"{term[1]!r} or '*' instead of the equal range {term[0]!r}")
    least, most = croniter.RANGES[index]
    if high is not None and high < least:
        raise InvalidInput(
            "cron", expression, f"a range that ends at {least} or later instead of {term[0]!r}"
        )
    if index == _WEEKDAY and low == 7:
        low = 0
    step = int(term[3] or 1)
    if low is None or high is None or not least <= high < low <= most or step < 2 or term[4]:
        return term[0]
    return ",".join(map(str, [*range(low, most + 1), *range(least, high + 1)][::step]))


def _number(index: int, text: str) -> int | None:
    """A number or name of a field; None for what is neither, which croniter refuses."""
    if index == _DAY and text == "l":
        return 31
    number = int(text) if text.isdecimal() else croniter.ALPHACONV[index].get(text)
    return number if isinstance(number, int) else None


def _restrict_days(matcher: croniter) -> None:
    """Undo croniter's reading of `1-31` as `*` where the other day field has a step, `*/2`."""
    for index in (_DAY, _WEEKDAY):
        if matcher.expanded[index] == ["*"] and not {"*", "?"} & set(matcher.expressions[index].split(",")):
            least, most = croniter.RANGES[index]
            matcher.expanded[index] = list(range(least, most + 1))


def _refuse_ambiguous_days(expression: str, matcher: croniter, either: bool) -> None:
    day, weekday = matcher.expanded[_DAY], matcher.expanded[_WEEKDAY]
    by_nth, by_nearest = matcher.nth_weekday_of_month, matcher.nearest_weekday
    terms = matcher.expressions[_WEEKDAY].split(",")
    if by_nth and not all("#" in term or term.startswith("l") for term in terms):
        raise InvalidInput("cron", expression, "no plain weekday in a list with '#' or 'L5'")
    if either and ((by_nth and day != ["*"]) or (by_nearest and weekday != ["*"])):
        raise InvalidInput(
            "cron", expression, "'*' in the other day field beside '#', 'L5' or '15W', or the day match 'and'"
        )

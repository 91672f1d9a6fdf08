"""Cron expressions as wall-clock patterns; zones and daylight saving are in wall_clock.py.

Five fields (minute hour day-of-month month day-of-week), six with seconds first as in Quartz, or a macro such
as @daily. Names (JAN, MON), lists, ranges, steps, `L` (last day; `L5` last Friday), `5#2` (second Friday) and
`15W` (nearest weekday) work. When day-of-month and day-of-week are both restricted, either may match (POSIX).
This module is the only one that imports croniter.
"""

import re
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from croniter import croniter

from resources.errors import InvalidInput

_DAY, _WEEKDAY = 2, 4
_EXPECTED = "minute hour day-of-month month day-of-week, with seconds first if six, or a macro like @daily"
_PROBE = datetime(2000, 1, 1)
_EQUAL_RANGE = re.compile(r"(?:^|,)(\w+)-\1(?=$|[,/#])")


@dataclass(frozen=True, slots=True, eq=False)
class Cron:
    """A parsed expression; `fixed_time` is true when neither its minute nor its hour field has a wildcard."""

    fixed_time: bool
    _matcher: croniter

    def next_after(self, local: datetime) -> datetime | None:
        """First match after a naive wall-clock time (whole seconds); None when there is none for 50 years."""
        # The parsed matcher is shared by threads and keeps its position in itself: search with a copy.
        try:
            match: datetime = copy(self._matcher).get_next(datetime, start_time=local)
        except (ValueError, OverflowError):  # CroniterBadDateError, or past the year 9999
            return None
        return match


@lru_cache(maxsize=4096)
def parse(expression: str) -> Cron:
    """Parse once and cache.

    Raises InvalidInput("cron") for what is malformed, never fires, is random (`R`, `H`), or reads differently
    from cron to cron: equal ranges (`9-9`), and `#`, `L5` or `W` beside a second restricted day field.
    """
    _refuse_unsupported(expression)
    try:
        matcher = croniter(expression, _PROBE, second_at_beginning=True)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise InvalidInput("cron", expression, f"{_EXPECTED} ({error})") from error
    _refuse_ambiguous_days(expression, matcher)
    minute, hour = matcher.expressions[:2]
    cron = Cron("*" not in minute + hour, matcher)
    if cron.next_after(_PROBE) is None:
        raise InvalidInput("cron", expression, "an expression that matches at least one date")
    return cron


def _refuse_unsupported(expression: str) -> None:
    fields = expression.lower().split()
    if len(expression) > 256 or (len(fields) not in {5, 6} and not expression.startswith("@")):
        raise InvalidInput("cron", expression, _EXPECTED)
    for field in fields:
        if field[0] in "hr":
            raise InvalidInput("cron", expression, f"fixed values; {field!r} would be random or hashed")
        if equal := _EQUAL_RANGE.search(field):
            raise InvalidInput("cron", expression, f"{equal[1]!r} or '*' instead of the equal range")


def _refuse_ambiguous_days(expression: str, matcher: croniter) -> None:
    day, weekday = matcher.expanded[_DAY], matcher.expanded[_WEEKDAY]
    by_nth, by_nearest = matcher.nth_weekday_of_month, matcher.nearest_weekday
    if (by_nth and day != ["*"]) or (by_nearest and weekday != ["*"]):
        raise InvalidInput("cron", expression, "'*' in the other day field beside '#', 'L5' or '15W'")

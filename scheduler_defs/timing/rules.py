"""When a trigger fires: cron, interval, once or an event.

Every datetime that comes in must be aware and every one that goes out is in UTC. Arithmetic is done in UTC
only: Python subtracts and compares two datetimes of one ZoneInfo by their wall clocks.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from resources.errors import InvalidInput
from resources.states import DayMatch, DstGap, DstOverlap
from scheduler_defs.timing import cron, wall_clock

_LONGEST_NAME = 128
_SHORTEST_INTERVAL, _LONGEST_INTERVAL = timedelta(seconds=1), timedelta(days=36500)
_LAST_YEAR = 9998  # so that no time zone leads out of what Python and PostgreSQL hold


@dataclass(frozen=True, slots=True)
class CronRule:
    """Fires when the wall clock of `timezone` matches; see wall_clock.py for gap, overlap and defaults."""

    expression: str
    timezone: str = "UTC"
    gap: DstGap | None = None
    overlap: DstOverlap | None = None
    day_match: DayMatch = DayMatch.OR


@dataclass(frozen=True, slots=True)
class IntervalRule:
    """Fires at `anchor` and each multiple of `every` after it, in elapsed time."""

    every: timedelta
    anchor: datetime


@dataclass(frozen=True, slots=True)
class OnceRule:
    """Fires one time."""

    at: datetime


@dataclass(frozen=True, slots=True)
class EventRule:
    """Fires when something happens: at the ``times`` at which it did and that are not accounted for yet, in order."""

    event: str
    times: tuple[datetime, ...] = field(default=(), compare=False)


Rule = CronRule | IntervalRule | OnceRule | EventRule

EVENTS = ("advisory_feed", "exploits_changed", "sbom_ingested", "policy_changed", "vex_ingested")
RUN_COMPLETED = "run_completed:"
"""With the name of a schedule behind it."""


def validate(rule: Rule) -> None:
    """Raise InvalidInput naming `cron`, `timezone`, `every`, `anchor`, `at` or `event` when the rule cannot work."""
    match rule:
        case CronRule():
            cron.parse(rule.expression, rule.day_match)
            wall_clock.zone(rule.timezone)
        case IntervalRule():
            if not _SHORTEST_INTERVAL <= rule.every <= _LONGEST_INTERVAL:
                raise InvalidInput("every", rule.every, "an interval of 1 second to 36500 days")
            storable_instant("anchor", rule.anchor)
        case OnceRule():
            storable_instant("at", rule.at)
        case EventRule():
            _check_event(rule.event)


def _check_event(event: str) -> None:
    name = event.removeprefix(RUN_COMPLETED)
    if event not in EVENTS and (name == event or not 1 <= len(name) <= _LONGEST_NAME):
        raise InvalidInput("event", event, f"{', '.join(EVENTS)} or {RUN_COMPLETED}NAME of a schedule")


def storable_instant(field: str, value: datetime) -> datetime:
    """The same instant in UTC; raises InvalidInput(field) for a naive datetime and outside the years 2 to 9998."""
    if 1 < value.year <= _LAST_YEAR and 1 < (at := utc(field, value)).year <= _LAST_YEAR:
        return at
    raise InvalidInput(field, value.isoformat(), f"a time of the years 2 to {_LAST_YEAR}")


def utc(field: str, value: datetime) -> datetime:
    """The same instant in UTC; raises InvalidInput(field) for a naive datetime."""
    if value.utcoffset() is None:
        raise InvalidInput(field, value, "a time with its UTC offset, such as 2026-03-01T09:00:00+00:00")
    return value.astimezone(UTC)


def next_fire(rule: Rule, after: datetime) -> datetime | None:
    """First fire strictly after an instant; None when the rule is exhausted."""
    try:
        following = _next(rule, utc("after", after))
    except OverflowError:  # past the year 9999
        return None
    return following if following and following.year <= _LAST_YEAR else None


def fires(rule: Rule, after: datetime, until: datetime, limit: int) -> list[datetime]:
    """Fires in (after, until], oldest first, at most `limit`."""
    until = utc("until", until)
    found: list[datetime] = []
    following = next_fire(rule, after)
    while following is not None and following <= until and len(found) < limit:
        found.append(following)
        following = next_fire(rule, following)
    return found


def _next(rule: Rule, after: datetime) -> datetime | None:
    match rule:
        case CronRule():
            return _next_cron(rule, after)
        case IntervalRule():
            return _next_interval(rule, after)
        case OnceRule():
            at = utc("at", rule.at)
            return at if at > after else None
        case EventRule():
            place = bisect_right(rule.times, after)
            return rule.times[place] if place < len(rule.times) else None


def _next_cron(rule: CronRule, after: datetime) -> datetime | None:
    instant = wall_clock.next_instant(
        cron.parse(rule.expression, rule.day_match),
        wall_clock.zone(rule.timezone),
        rule.gap,
        rule.overlap,
        after.replace(microsecond=0, tzinfo=None),
    )
    return None if instant is None else instant.replace(tzinfo=UTC)


def _next_interval(rule: IntervalRule, after: datetime) -> datetime:
    return utc("anchor", rule.anchor) + fired_by(rule, after) * rule.every


def fired_by(rule: IntervalRule, instant: datetime) -> int:
    """How many fires there are up to and including an instant."""
    return max(0, (instant - utc("anchor", rule.anchor)) // rule.every + 1)

"""How many occurrences a rule names in a stretch of time, and which; without a search for each."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from scheduler_defs.timing import cron, wall_clock
from scheduler_defs.timing.rules import CronRule, EventRule, IntervalRule, Rule, fired_by, next_fire, utc

_TICK = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
_NEAR = timedelta(days=8)


def count(rule: Rule, since: datetime, before: datetime) -> tuple[int, datetime | None]:
    """How many occurrences there are in [since, before), and the last of them; both in UTC."""
    if since >= before:
        return 0, None
    match rule:
        case CronRule():
            return _count_cron(rule, since, before)
        case IntervalRule():
            passed, reached = fired_by(rule, since - _TICK), fired_by(rule, before - _TICK)
            last = utc("anchor", rule.anchor) + (reached - 1) * rule.every
            return (reached - passed, last) if reached > passed else (0, None)
        case EventRule():
            first, end = bisect_left(rule.times, since), bisect_left(rule.times, before)
            return (end - first, rule.times[end - 1]) if end > first else (0, None)
        case _:
            found = [*walk(rule, since, before)]
            return len(found), found[-1] if found else None


def walk(rule: Rule, since: datetime, before: datetime) -> Iterator[datetime]:
    """The occurrences in [since, before), oldest first; both in UTC."""
    if isinstance(rule, CronRule):
        for midnight, times, first, end in _laid_out(rule, since, before):
            for place in range(first, end):
                yield (midnight + times[place]).replace(tzinfo=UTC)
        return
    following = next_fire(rule, since - _TICK)
    while following is not None and following < before:
        yield following
        following = next_fire(rule, following)


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Those of a trigger: the planned one, also where its rule no longer names it, and the rule's after it."""

    rule: Rule
    first: datetime

    def count(self, since: datetime, before: datetime) -> tuple[int, datetime | None]:
        """As the function of this name."""
        planned = since <= self.first < before
        others, last = count(self.rule, max(since, self.first + _TICK), before)
        return others + planned, last or (self.first if planned else None)

    def walk(self, since: datetime, before: datetime) -> Iterator[datetime]:
        """As the function of this name."""
        if since <= self.first < before:
            yield self.first
        yield from walk(self.rule, max(since, self.first + _TICK), before)

    def last_before(self, since: datetime, before: datetime) -> datetime | None:
        """The last one in [since, before); None when there is none."""
        return self.count(max(since, before - _NEAR), before)[1] or self.count(since, before)[1]

    def at_or_after(self, instant: datetime) -> datetime | None:
        """The first one at or after an instant that lies after the planned one; None when none is left."""
        if isinstance(self.rule, CronRule):
            near = next(walk(self.rule, instant, instant + _NEAR), None)
            if near is not None:
                return near
        return next_fire(self.rule, instant - _TICK)


def _count_cron(rule: CronRule, since: datetime, before: datetime) -> tuple[int, datetime | None]:
    found, last = 0, None
    for last in _laid_out(rule, since, before):
        found += last[3] - last[2]
    return found, last and (last[0] + last[1][last[3] - 1]).replace(tzinfo=UTC)


def _laid_out(rule: CronRule, since: datetime, before: datetime) -> Iterator[wall_clock.Laid]:
    return wall_clock.laid_out(
        cron.parse(rule.expression, rule.day_match),
        wall_clock.zone(rule.timezone),
        rule.gap,
        rule.overlap,
        _whole(since),
        _whole(before),
    )


def _whole(instant: datetime) -> datetime:
    """The first whole second at or after an instant, naive."""
    plain = instant.replace(tzinfo=None)
    return plain if not plain.microsecond else plain.replace(microsecond=0) + _SECOND

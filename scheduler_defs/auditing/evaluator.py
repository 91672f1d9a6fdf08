"""When a rule names an occurrence, computed without the code that fires: an auditor compares the two.

The firing path searches forward from an instant; here each local date is taken whole, its times of day are laid out
and each is mapped to the instants it happens at (PEP 495). Only the time zone data is common.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from heapq import heappop, heappush
from importlib.resources import files
from zoneinfo import ZoneInfo

from resources.errors import InvalidInput
from resources.states import DayMatch, DstGap, DstOverlap, TriggerKind
from scheduler_defs.auditing.cron_fields import CronFields, parse

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class AuditedRule:
    """A trigger's rule as the history of its schedule holds it; what another kind needs stays None."""

    kind: TriggerKind
    cron: str | None = None
    timezone: str | None = None
    dst_gap: DstGap | None = None
    dst_overlap: DstOverlap | None = None
    day_match: DayMatch | None = None
    every: timedelta | None = None
    anchor: datetime | None = None
    at: datetime | None = None
    event: str | None = None


def occurrences(rule: AuditedRule, after: datetime, until: datetime) -> Iterator[datetime]:
    """The occurrences in (after, until] in UTC, oldest first; raises InvalidInput for a rule that has none by kind."""
    after, until = after.astimezone(UTC), until.astimezone(UTC)
    if rule.kind == TriggerKind.CRON and rule.cron and rule.timezone:
        return _by_clock(rule, rule.cron, zone_of(rule.timezone), after, until)
    if rule.kind == TriggerKind.INTERVAL and rule.anchor and rule.every and rule.every > timedelta():
        return _by_interval(rule.anchor.astimezone(UTC), rule.every, after, until)
    if rule.kind == TriggerKind.ONCE and rule.at:
        at = rule.at.astimezone(UTC)
        return iter([at] if after < at <= until else [])
    raise InvalidInput("kind", rule.kind, "cron, interval or once with its fields")


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """A time zone of the package tzdata; raises InvalidInput("timezone") for another name."""
    known = files("tzdata").joinpath("zones").read_text("utf-8").split()
    if name not in known:
        raise InvalidInput("timezone", name, "an IANA time zone of the package tzdata")
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as content:
        return ZoneInfo.from_file(content, key=name)


def _by_interval(anchor: datetime, every: timedelta, after: datetime, until: datetime) -> Iterator[datetime]:
    passed = max(0, (after - anchor) // every + 1)
    while passed <= (until - anchor) // every:
        yield anchor + passed * every
        passed += 1


def _by_clock(
    rule: AuditedRule, cron: str, where: ZoneInfo, after: datetime, until: datetime
) -> Iterator[datetime]:
    fields = parse(cron, rule.day_match or DayMatch.OR)
    gap = rule.dst_gap or (DstGap.SKIP if fields.wildcard else DstGap.SHIFT)
    overlap = rule.dst_overlap or (DstOverlap.BOTH if fields.wildcard else DstOverlap.FIRST)
    waiting: list[datetime] = []
    last = tomorrow = end = None
    for day in _dates(fields, after, until):
        start = end if end and day == tomorrow else _offsets(where, _midnight(day))
        tomorrow = day + _DAY
        end = _offsets(where, _midnight(tomorrow))
        found: Iterator[datetime] = iter(())
        if start == end and start[0] == start[1]:
            found = _laid_out(fields, day, start[0], after)
        else:
            for local in _times(fields, day):
                for instant in _instants(where, local, gap, overlap):
                    heappush(waiting, instant)
        if waiting:
            # Where clocks go back over midnight, the end of a day comes again after the next has begun.
            found = _merged(waiting, found, _midnight(tomorrow, UTC) - max(end))
        for instant in found:
            if instant > until:
                return
            if instant > after and instant != last:
                yield instant
                last = instant
    yield from sorted({one for one in waiting if after < one <= until and one != last})


def _merged(waiting: list[datetime], found: Iterator[datetime], before: datetime) -> Iterator[datetime]:
    """What waits and what was found, in order; what lies at `before`, tomorrow, or later goes on waiting."""
    for instant in found:
        while waiting and waiting[0] <= instant:
            yield heappop(waiting)
        yield instant
    while waiting and waiting[0] < before:
        yield heappop(waiting)


def _dates(fields: CronFields, after: datetime, until: datetime) -> Iterator[date]:
    """Matching local dates that can have a part in (after, until], wherever on earth."""
    day = (after - min(2 * _DAY, after - datetime.min.replace(tzinfo=UTC))).date()
    end = (until + min(2 * _DAY, datetime.max.replace(tzinfo=UTC) - until)).date()
    end = min(end, date.max - _DAY)
    while day <= end:
        if day.month not in fields.months:
            day = (day.replace(day=1) + 32 * _DAY).replace(day=1) if day < end.replace(day=1) else date.max
            continue
        if fields.matches_day(day):
            yield day
        day += _DAY


def _times(fields: CronFields, day: date) -> Iterator[datetime]:
    for hour in fields.hours:
        for minute in fields.minutes:
            for second in fields.seconds:
                yield datetime.combine(day, time(hour, minute, second))


def _laid_out(fields: CronFields, day: date, offset: timedelta, after: datetime) -> Iterator[datetime]:
    """The instants of a day without a change of clocks, from the hour of `after` on."""
    midnight = _midnight(day, UTC) - offset
    within = [
        timedelta(minutes=minute, seconds=second) for minute in fields.minutes for second in fields.seconds
    ]
    for hour in fields.hours:
        start = midnight + timedelta(hours=hour)
        if start + timedelta(hours=1) > after:
            for elapsed in within:
                yield start + elapsed


def _midnight(day: date, zone: tzinfo | None = None) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def _instants(where: ZoneInfo, local: datetime, gap: DstGap, overlap: DstOverlap) -> list[datetime]:
    """When a wall-clock time happens: once, twice in an overlap, never or right after it in a gap."""
    before, then = _offsets(where, local)
    first, second = local.replace(tzinfo=UTC) - before, local.replace(tzinfo=UTC) - then
    if before == then:
        return [first]
    if before < then:
        return [_end_of_gap(where, second, first)] if gap == DstGap.SHIFT else []
    return {
        DstOverlap.FIRST: [first],
        DstOverlap.SECOND: [second],
        DstOverlap.BOTH: [first, second],
    }[overlap]


def _end_of_gap(where: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first instant in (low, high] with the offset of `high`."""
    wanted = high.astimezone(where).utcoffset()
    while high - low > _SECOND:
        middle = low + (high - low) // 2 // _SECOND * _SECOND
        if middle.astimezone(where).utcoffset() == wanted:
            high = middle
        else:
            low = middle
    return high


def _offsets(where: ZoneInfo, local: datetime) -> tuple[timedelta, timedelta]:
    """The offsets of a wall-clock time the first and the second time it happens; in a gap before and after it."""
    before, then = (local.replace(tzinfo=where, fold=fold).utcoffset() for fold in (0, 1))
    return before or timedelta(), then or timedelta()

"""Wall-clock patterns in a time zone, mapped to real instants (PEP 495).

A cron fires at every instant whose wall-clock time matches it, then two rules apply. Gap (clocks go forward,
some times never happen): `skip` drops their matches, `shift` fires once at the first instant after the gap.
Overlap (clocks go back, some times happen twice): fire at the `first`, the `second` or `both`.

All datetimes here are naive: "instant" means UTC, "local" means wall clock. Zones come from the package tzdata
alone, never from the system's files: `TZDATA_VERSION` says what decided.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import tzdata

from resources.errors import InvalidInput
from resources.states import DstGap, DstOverlap
from scheduler_defs.timing.cron import Cron
from scheduler_defs.timing.cron_days import TimesOfDay

# A UTC offset is shorter than a day, and a zone changes its offset at most once within one: the closest two
# changes in the tz database are four days apart.
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_AT_ONCE = TimesOfDay((0,), (0,), (0,))
_NOT_A_PLACE = {"localtime", "posixrules", "Factory"}

TZDATA_VERSION: str = tzdata.IANA_VERSION


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone of this IANA name; raises InvalidInput("timezone")."""
    if name in _names():
        with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as content:
            return ZoneInfo.from_file(content, key=name)
    raise InvalidInput("timezone", name, "an IANA time zone such as UTC or Europe/Berlin")


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text("utf-8").split()) - _NOT_A_PLACE


def next_instant(
    cron: Cron, where: ZoneInfo, gap: DstGap | None, overlap: DstOverlap | None, after: datetime
) -> datetime | None:
    """First fire after an instant (whole seconds), None when there is none.

    Default rules follow Vixie cron: fixed-time crons shift in a gap and fire at the first of an overlap,
    wildcard-minute or -hour crons follow elapsed time (skip, both).
    """
    gap = gap or _default_gap(cron)
    overlap = overlap or _default_overlap(cron)
    since, offset = after, _offset(where, after)
    seen = since + offset
    while (local := cron.next_after(seen)) is not None:
        instant = local - offset
        until = min(instant, since + _DAY)
        if _offset(where, until) != offset:
            change = _change(where, since, until)
            new = _offset(where, change)
            if gap is DstGap.SHIFT and local < change + new:
                return change
            since, offset = change, new
            seen = change + new - _SECOND
        elif until < instant:
            # Nothing fires before `local - _DAY`: a change is within a day of the times it skips or repeats.
            since = max(until, local - _DAY)
            offset = _offset(where, since)
            seen = since + offset
        elif _admitted(where, overlap, local, offset):
            return instant
        else:
            since, seen = instant, local
    return None


Laid = tuple[datetime, TimesOfDay, int, int]
"""Fires in a row: the instant of midnight, times after it, and the first and the end of those that are meant."""


def laid_out(
    cron: Cron,
    where: ZoneInfo,
    gap: DstGap | None,
    overlap: DstOverlap | None,
    since: datetime,
    before: datetime,
) -> Iterator[Laid]:
    """The fires in [since, before), whole seconds, by day; what `next_instant` would find one by one."""
    gap, wanted = gap or _default_gap(cron), overlap or _default_overlap(cron)
    while since < before:
        near = _near_changes(where, since.toordinal())
        until = min([before, *(edge for start, end, _ in near for edge in (start, end) if edge > since)])
        passing = next((which for start, end, which in near if start <= since < end), DstOverlap.BOTH)
        if passing is None:
            skipped, local = (since + _offset(where, at) for at in (since - _SECOND, since))
            if _matches_any(cron, skipped if gap is DstGap.SHIFT else local, local + _SECOND):
                yield since, _AT_ONCE, 0, 1
        else:
            offset = _offset(where, since)
            local = since + offset
            midnight = datetime(local.year, local.month, local.day) - offset
            until = min(until, midnight + _DAY)
            if passing in {wanted, DstOverlap.BOTH} or wanted is DstOverlap.BOTH:
                yield from _laid_out_of_day(cron, local, midnight, since, until)
        since = until


def _laid_out_of_day(
    cron: Cron, local: datetime, midnight: datetime, since: datetime, until: datetime
) -> Iterator[Laid]:
    if cron.matches_day(local.date()):
        first = cron.times.before(since - midnight) if since > midnight else 0
        end = cron.times.before(until - midnight) if until < midnight + _DAY else len(cron.times)
        if first < end:
            yield midnight, cron.times, first, end


def _matches_any(cron: Cron, since: datetime, before: datetime) -> bool:
    """Whether any local time in [since, before) matches."""
    while since < before:
        midnight = datetime(since.year, since.month, since.day)
        until = min(before, midnight + _DAY)
        if any(_laid_out_of_day(cron, since, midnight, since, until)):
            return True
        since = until
    return False


@lru_cache(maxsize=16384)
def _near_changes(where: ZoneInfo, ordinal: int) -> tuple[tuple[datetime, datetime, DstOverlap | None], ...]:
    """Where clocks change near a UTC day, as [start, end): the second after a gap, or the two passes of an overlap."""
    found: list[tuple[datetime, datetime, DstOverlap | None]] = []
    for day in range(max(1, ordinal - 1), ordinal + 3):
        start = datetime.fromordinal(day)
        before, then = _offset(where, start), _offset(where, start + _DAY)
        if before == then:
            continue
        change = _change(where, start, start + _DAY)
        if before < then:
            found.append((change, change + _SECOND, None))
        else:
            found.append((change - (before - then), change, DstOverlap.FIRST))
            found.append((change, change + (before - then), DstOverlap.SECOND))
    return tuple(found)


def _default_gap(cron: Cron) -> DstGap:
    return DstGap.SHIFT if cron.fixed_time else DstGap.SKIP


def _default_overlap(cron: Cron) -> DstOverlap:
    return DstOverlap.FIRST if cron.fixed_time else DstOverlap.BOTH


def _offset(where: ZoneInfo, instant: datetime) -> timedelta:
    return where.fromutc(instant.replace(tzinfo=where)).replace(tzinfo=None) - instant


def _change(where: ZoneInfo, since: datetime, until: datetime) -> datetime:
    """First instant in (since, until] with another offset than `since`; offsets change on whole seconds."""
    offset = _offset(where, since)
    low, high = 0, (until - since) // _SECOND
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(where, since + middle * _SECOND) == offset:
            low = middle
        else:
            high = middle
    return since + high * _SECOND


def _admitted(where: ZoneInfo, overlap: DstOverlap, local: datetime, offset: timedelta) -> bool:
    if overlap is DstOverlap.BOTH:
        return True
    fold = 0 if overlap is DstOverlap.FIRST else 1
    return local.replace(tzinfo=where, fold=fold).utcoffset() == offset

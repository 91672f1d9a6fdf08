"""Wall-clock patterns in a time zone, mapped to real instants (PEP 495).

A cron fires at every instant whose wall-clock time matches it, then two rules apply. Gap (clocks go forward,
some times never happen): `skip` drops their matches, `shift` fires once at the first instant after the gap.
Overlap (clocks go back, some times happen twice): fire at the `first`, the `second` or `both`.

All datetimes here are naive: "instant" means UTC, "local" means wall clock. Zones come from the package tzdata
alone, never from the system's files: `TZDATA_VERSION` says what decided.
"""

from datetime import datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import tzdata

from resources.errors import InvalidInput
from resources.states import DstGap, DstOverlap
from scheduler_defs.timing.cron import Cron

# A UTC offset is shorter than a day, and a zone changes its offset at most once within one: the closest two
# changes in the tz database are four days apart.
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
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
    gap = gap or (DstGap.SHIFT if cron.fixed_time else DstGap.SKIP)
    overlap = overlap or (DstOverlap.FIRST if cron.fixed_time else DstOverlap.BOTH)
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

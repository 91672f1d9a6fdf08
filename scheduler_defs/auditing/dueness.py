"""When an occurrence was due: moved by the calendars of then, later by its trigger's jitter."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from hashlib import sha256
from itertools import accumulate, product
from typing import Any
from uuid import UUID

from scheduler_defs.auditing.closures import LONGEST, Closure
from scheduler_defs.auditing.history import Span, Terms

_MICROSECOND = timedelta(microseconds=1)
_MOST_MOVES = 1000
RACE = timedelta(seconds=60)
"""So far apart an edit and a claim may be by the clock, and yet neither have seen the other."""
_RACE_OF_IDS = (RACE // timedelta(milliseconds=1)) << 80


@dataclass(frozen=True, slots=True)
class Version:
    """What a calendar said from an instant on; None: it was deleted. ``edit_id`` is a UUIDv7 of the edit."""

    since: datetime
    content: Mapping[str, Any] | None
    edit_id: UUID | None = None


class Calendars:
    """The history of the calendars of a tenant, each oldest version first.

    Where a clock that was set back made a version older than the one before it, both are as old as that.
    """

    def __init__(self, versions: Mapping[str, Sequence[Version]]) -> None:
        self._said = versions
        self._since = {
            name: [*accumulate((one.since for one in said), max)] for name, said in versions.items()
        }
        self._made = {
            name: [*accumulate((_order(one.edit_id) for one in said), max)] for name, said in versions.items()
        }
        self._closure = cache(self._read)

    def at(self, names: Iterable[str], instant: datetime) -> list[Closure]:
        """Those of the names that there were at an instant; raises InvalidInput for one that makes no sense."""
        numbered = ((name, bisect_right(self._since.get(name, []), instant) - 1) for name in names)
        found = (self._closure(name, version) for name, version in numbered if version >= 0)
        return [one for one in found if one]

    def edits(self, names: Iterable[str], after: datetime, until: datetime | None) -> list[datetime]:
        """The instants in (after, until] at which calendars were edited, oldest first; None: all to this day."""
        found: set[datetime] = set()
        for name in names:
            since = self._since.get(name, [])
            end = len(since) if until is None else bisect_right(since, until)
            found.update(since[bisect_right(since, after) : end])
        return sorted(found)

    def seen_by(
        self, names: Iterable[str], written_at: datetime, row_id: UUID
    ) -> Iterator[tuple[Closure, ...]]:
        """What the writer of a row can have read: one possibility, unless edits were made about then.

        When the clock was set back between an edit and the row, the order of their ids tells which came first.
        """
        read = [self._can_have_read(name, written_at, row_id) for name in names]
        return product(*(one for one in read if one))

    def _can_have_read(self, name: str, written_at: datetime, row_id: UUID) -> list[Closure]:
        since, made = self._since.get(name, []), self._made.get(name, [])
        found = {*range(bisect_right(since, written_at - RACE) - 1, bisect_right(since, written_at + RACE))}
        row = _order(row_id) if made and made[0] else 0
        if row and bisect_right(made, row) - 1 not in found:
            found |= {
                *range(bisect_right(made, row - _RACE_OF_IDS) - 1, bisect_right(made, row + _RACE_OF_IDS))
            }
        read = (self._closure(name, version) for version in sorted(found) if version >= 0)
        return [one for one in read if one]

    def _read(self, name: str, version: int) -> Closure | None:
        content = self._said[name][version].content
        return None if content is None else Closure(name, content)


def _order(made: UUID | None) -> int:
    """What ids made later have more of; 0 for one that tells no time."""
    return made.int if made and made.version == 7 else 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """When an occurrence is due by some calendars, and the name of the one that skips it; None: it fires."""

    due_at: datetime
    skipped_by: str | None = None


@lru_cache(maxsize=1024)
def offset_of(trigger_id: UUID, jitter: timedelta) -> timedelta:
    """By how much jitter delays every occurrence of a trigger."""
    bound = jitter // _MICROSECOND
    return (
        int.from_bytes(sha256(trigger_id.bytes).digest()[:8], "big") % bound * _MICROSECOND
        if bound
        else jitter
    )


def judge(trigger_id: UUID, terms: Terms, occurrence: datetime, closures: Sequence[Closure]) -> Verdict:
    """What calendars make of an occurrence; one that they skip is due as if there were none."""
    offset = offset_of(trigger_id, terms.jitter)
    base = occurrence
    closed = next((one for one in closures if one.excludes(base)), None)
    moves = 0
    while closed is not None:
        opens = closed.opens(base) if closed.moves else None
        if opens is None or opens - occurrence > LONGEST or moves == _MOST_MOVES:
            return Verdict(occurrence + offset, closed.name)
        base, moves = opens, moves + 1
        closed = next((one for one in closures if one.excludes(base)), None)
    return Verdict(base + offset)


def due(
    trigger_id: UUID,
    terms: Terms,
    occurrence: datetime,
    calendars: Calendars,
    judged_at: datetime | None = None,
) -> datetime:
    """When an occurrence is due by what calendars said up to ``judged_at``; None: by all they ever said.

    What a calendar held until one of its edits let it go is due from that edit on.
    """
    names = terms.calendars
    if not names:
        return occurrence + offset_of(trigger_id, terms.jitter)
    first = occurrence if judged_at is None else min(occurrence, judged_at)
    found = judge(trigger_id, terms, occurrence, calendars.at(names, first)).due_at
    for edited_at in calendars.edits(names, first, judged_at):
        anew = judge(trigger_id, terms, occurrence, calendars.at(names, edited_at)).due_at
        found = max(anew, min(found, edited_at))
    return found


def reach(trigger_id: UUID, spans: Iterable[Span], after: datetime, calendars: Calendars) -> datetime:
    """An instant before which nothing was planned that came due only later than ``after``."""
    found = after
    for terms in {span.terms for span in spans if span.terms.jitter or span.terms.calendars}:
        back = offset_of(trigger_id, terms.jitter)
        while back <= 2 * LONGEST and due(trigger_id, terms, after - back, calendars) > after:
            back = max(2 * back, timedelta(hours=1))
        found = min(found, after - back)
    return found

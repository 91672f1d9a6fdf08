"""When an occurrence was due: moved by the calendars of then, later by its trigger's jitter."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any
from uuid import UUID

from scheduler_defs.auditing.closures import LONGEST, Closure
from scheduler_defs.auditing.history import Span, Terms

_MICROSECOND = timedelta(microseconds=1)
_MOST_MOVES = 1000

Versions = Sequence[tuple[datetime, Mapping[str, Any] | None]]
"""What a calendar said from when on, oldest first; None: it was deleted."""


class Calendars:
    """The history of the calendars of a tenant."""

    def __init__(self, versions: Mapping[str, Versions]) -> None:
        self._since = {name: [valid_from for valid_from, _ in said] for name, said in versions.items()}
        self._said = versions
        self._closure = cache(self._read)

    def at(self, names: Iterable[str], instant: datetime) -> list[Closure]:
        """Those of the names that there were at an instant; raises InvalidInput for one that makes no sense."""
        found = []
        for name in names:
            version = bisect_right(self._since.get(name, []), instant) - 1
            closure = self._closure(name, version) if version >= 0 else None
            found += [closure] if closure else []
        return found

    def edited(self, names: Iterable[str], after: datetime, until: datetime) -> list[datetime]:
        """The instants in (after, until] at which any of the names got a new version, oldest first."""
        return sorted({at for name in names for at in self._since.get(name, ()) if after < at <= until})

    def _read(self, name: str, version: int) -> Closure | None:
        content = self._said[name][version][1]
        return None if content is None else Closure(name, content)


def offset_of(trigger_id: UUID, jitter: timedelta) -> timedelta:
    """By how much jitter delays every occurrence of a trigger."""
    bound = jitter // _MICROSECOND
    return (
        int.from_bytes(sha256(trigger_id.bytes).digest()[:8], "big") % bound * _MICROSECOND
        if bound
        else jitter
    )


def due(
    trigger_id: UUID, terms: Terms, occurrence: datetime, calendars: Calendars, judged_at: datetime
) -> datetime:
    """When an occurrence is due by the calendars of ``judged_at``; one that they skip is due as if there were none.

    What an edit of a calendar lets go of is due from that instant on, however long it had been held back.
    """
    edits = calendars.edited(terms.calendars, occurrence, judged_at)
    found = _due_by(trigger_id, terms, occurrence, calendars.at(terms.calendars, min(occurrence, judged_at)))
    for edited_at in edits:
        closures = calendars.at(terms.calendars, edited_at)
        found = max(_due_by(trigger_id, terms, occurrence, closures), min(found, edited_at))
    return found


def _due_by(trigger_id: UUID, terms: Terms, occurrence: datetime, closures: Sequence[Closure]) -> datetime:
    offset = offset_of(trigger_id, terms.jitter)
    base = occurrence
    for _ in range(_MOST_MOVES + 1):
        closed = next((one for one in closures if one.excludes(base)), None)
        if closed is None:
            return base + offset
        opens = closed.opens(base) if closed.moves else None
        if opens is None or opens - occurrence > LONGEST:
            break
        base = opens
    return occurrence + offset


def reach(
    trigger_id: UUID, spans: Iterable[Span], after: datetime, calendars: Calendars, judged_at: datetime
) -> datetime:
    """An instant before which nothing was planned that came due only later than ``after``."""
    found = after
    for terms in {span.terms for span in spans if span.terms.jitter or span.terms.calendars}:
        back = offset_of(trigger_id, terms.jitter)
        while back <= 2 * LONGEST and due(trigger_id, terms, after - back, calendars, judged_at) > after:
            back = max(2 * back, timedelta(hours=1))
        found = min(found, after - back)
    return found

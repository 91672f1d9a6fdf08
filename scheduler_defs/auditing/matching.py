"""The occurrences a trigger should have had, held against the rows of its ledger.

Each expected occurrence is a window, from its instant on, that exactly one row must hit: the row of its own, fired or
skipped, or the range of a skipped one. A row written before its occurrence hits nothing. What a row that hits says of
the occurrence must be possible too. The rows come in the order of their first occurrence, so that one pass does, and
only the lateness of each fired row is kept.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import groupby
from uuid import UUID

from resources.states import TriggerKind
from scheduler_defs.auditing.dueness import RACE, Calendars, due, reach
from scheduler_defs.auditing.history import Span, Terms, with_events
from scheduler_defs.auditing.rows import Row
from scheduler_defs.auditing.tallies import Fault, Finding, Tally
from scheduler_defs.auditing.verdicts import COALESCED, objections

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Window:
    """What is audited: occurrences in (after, until], as of an instant, and how late a row may be.

    Occurrences before it that came due only in it belong to it too.
    """

    after: datetime
    until: datetime
    as_of: datetime
    allowance: timedelta = timedelta(seconds=60)


class TriggerMatch:
    """Takes the rows of one trigger in the order of their first occurrence, then the end."""

    def __init__(
        self, trigger_id: UUID, spans: Sequence[Span], window: Window, calendars: Calendars, tally: Tally
    ) -> None:
        self._id, self._spans, self._window = trigger_id, spans, window
        self._calendars, self._tally = calendars, tally
        self.since = reach(trigger_id, spans, window.after, calendars)
        self._of_events = [one if one.terms.rule.kind is TriggerKind.EVENT else None for one in spans]
        self.waits = any(self._of_events)
        """Whether it ever waited for events, which ``begin`` must be told."""
        self._fires = 0
        self._unspent: list[tuple[datetime, int]] = []
        self._handled: datetime | None = None
        self._waiting: Iterator[tuple[datetime, int]] = iter(())
        self._next: tuple[datetime, int] | None = None
        self._held: tuple[int, datetime] | None = None
        self._coalesced: Row | None = None

    def begin(
        self, since: datetime, fired_before: int, events: Iterable[tuple[datetime, datetime | None]] = ()
    ) -> None:
        """Begins right after an instant not later than its ``since``, by which the trigger had fired so often.

        ``events`` are those from then to the end of the window: when, and when they were handled.
        """
        self.since, self._fires = since, fired_before
        self._spans = with_events(self._spans, events)
        self._waiting = _expected(self._spans, since, self._window.until)
        self._next = next(self._waiting, None)

    def take(self, row: Row) -> None:
        """Holds a row against what is expected up to its last occurrence."""
        first, last = row.first, row.last
        if last <= self.since:
            return
        self._coalesced = None
        self._pass(first)
        fresh = first if self._handled is None else max(first, self._handled + _TICK)
        hits: list[tuple[datetime, int]] = []
        elsewhere = 0
        if row.created_at >= last:
            elsewhere = self._count(fresh - _TICK, min(last, self.since))
            hits = [*self._hit(last)]
            elsewhere += self._count(max(fresh - _TICK, self._window.until), last)
            self._handled = max(last, self._handled or last)
        if last > self._window.after:
            self._judge(row, hits, elsewhere)
        self._fires += row.skipped_for is None

    def end(self) -> None:
        """What no row has hit by now is pending or missing; so is what was coalesced into none."""
        self._pass(None)
        self._end_coalesced()
        for at, number in self._unspent:
            if self._is_left(number):
                self._leave(at, number)

    def _pass(self, before: datetime | None) -> None:
        """Leaves behind what no row has hit."""
        while self._next is not None and (before is None or self._next[0] < before):
            at, number = self._next
            if self._is_of_events(number):
                self._leave_event(at, number)
            elif self._is_left(number):
                self._leave(at, number)
            self._next = next(self._waiting, None)

    def _leave_event(self, at: datetime, number: int) -> None:
        """Leaves an event, unless it was handled out of bounds; of one that can be spent judges at the end.

        A clock that was set back makes events come before the fires that ended the trigger, or before an edit.
        """
        if any(not span.bounds(at) for span in self._of_events[number:] if span):
            return
        if self._spans[number].terms.max_fires is None:
            self._leave(at, number)
        else:
            self._unspent.append((at, number))

    def _end_coalesced(self) -> None:
        """Events are coalesced into a newer one, which had happened when the row was written."""
        row, window = self._coalesced, self._window
        if row is not None and row.created_at <= min(window.until, window.as_of - window.allowance):
            self._tally.skipped[COALESCED] -= 1
            note = "coalesced, but into none that was accounted for"
            self._tally.note(Finding(Fault.MISSING, self._id, row.last, run_id=row.id, note=note))

    def _leave(self, at: datetime, number: int) -> None:
        window, terms = self._window, self._spans[number].terms
        due_at = self._in_turn(number, due(self._id, terms, at, self._calendars))
        if at <= window.after >= due_at:
            return
        self._tally.expected += 1
        if due_at <= window.as_of - window.allowance:
            self._tally.note(Finding(Fault.MISSING, self._id, at, note=f"due {due_at.isoformat()}"))
        else:
            self._tally.pending += 1

    def _in_turn(self, number: int, due_at: datetime) -> datetime:
        """When an occurrence is due that waits for the ones before it: those of a trigger are handled in order."""
        if self._held and self._held[0] == number:
            due_at = max(due_at, self._held[1])
        self._held = number, due_at
        return due_at

    def _hit(self, last: datetime) -> Iterator[tuple[datetime, int]]:
        while self._next is not None and self._next[0] <= last:
            if self._is_left(self._next[1]) or self._is_of_events(self._next[1]):
                yield self._next
            self._next = next(self._waiting, None)

    def _is_of_events(self, number: int) -> bool:
        return self._of_events[number] is not None

    def _is_left(self, number: int) -> bool:
        """Whether the trigger has not yet fired as often as a span lets it."""
        most = self._spans[number].terms.max_fires
        return most is None or self._fires < most

    def _count(self, after: datetime, until: datetime) -> int:
        """What was expected outside of the window, where a range reaches beyond it."""
        if after >= until:
            return 0
        return sum(self._is_left(number) for _, number in _expected(self._spans, after, until))

    def _judge(self, row: Row, hits: Sequence[tuple[datetime, int]], elsewhere: int) -> None:
        tally, covered, count = self._tally, len(hits) + elsewhere, row.count
        inside = [hit for hit in hits if hit[0] > self._window.after]
        short = max(0, covered - count)
        tally.expected += max(len(inside), short)
        accounted = max(0, len(inside) - short)
        if count > covered and not self._is_unknown(row):
            early = row.created_at < row.last
            note = "written before its time" if early else f"{covered} of {count} were expected"
            tally.note(Finding(Fault.EXTRA, self._id, row.first, count - covered, row.id, note=note))
        elif short:
            note = f"a row counts {count} of {covered}"
            tally.note(Finding(Fault.MISSING, self._id, row.first, short, row.id, note=note))
        found = self._objections(row, inside[:accounted])
        accounted -= found[Fault.MISSING]
        if accounted and row.skipped_for is not None:
            tally.skipped[row.skipped_for] = tally.skipped.get(row.skipped_for, 0) + accounted
            self._coalesced = row if row.skipped_for == COALESCED else None
        elif accounted:
            tally.fired += accounted
            if not found[Fault.EXTRA]:
                self._time(row, *hits[0])

    def _is_unknown(self, row: Row) -> bool:
        """Whether a row may account for events that were not read: of beyond the window, or younger than the audit."""
        beyond = row.first <= self.since or row.last > self._window.until
        return self.waits and (beyond or row.created_at > self._window.as_of - RACE)

    def _objections(self, row: Row, hits: Sequence[tuple[datetime, int]]) -> dict[Fault, int]:
        """Notes what is wrong with what a row says of occurrences, and counts it."""
        counts = dict.fromkeys(Fault, 0)
        claimed = [(at, self._terms_of(number)) for at, number in hits]
        judged = objections(self._id, claimed, row, self._calendars)
        for (fault, note), alike in groupby(judged, lambda one: (one.fault, one.note)):
            found = [one.at for one in alike]
            counts[fault] += len(found)
            self._tally.note(Finding(fault, self._id, found[0], len(found), row.id, note=note))
        return counts

    def _terms_of(self, number: int) -> Sequence[Terms]:
        """Under which terms an occurrence can have been handled: an event under any, by a clock that was set back."""
        if not self._is_of_events(number):
            return (self._spans[number].terms,)
        return [*dict.fromkeys(span.terms for span in self._of_events if span)]

    def _time(self, row: Row, at: datetime, number: int) -> None:
        due_at = due(self._id, self._spans[number].terms, at, self._calendars, row.created_at)
        late = max(timedelta(), row.created_at - due_at)
        self._tally.lateness.append(late.total_seconds())
        if late > self._window.allowance:
            self._tally.note(Finding(Fault.LATE, self._id, at, run_id=row.id, late=late))


def _expected(spans: Sequence[Span], after: datetime, until: datetime) -> Iterator[tuple[datetime, int]]:
    """Occurrences with the span each is of; in spans that overlap, which a clock set back makes, each once."""
    previous = None
    for at, number in merge(*(_numbered(span, number, after, until) for number, span in enumerate(spans))):
        if at != previous:
            yield at, number
        previous = at


def _numbered(span: Span, number: int, after: datetime, until: datetime) -> Iterator[tuple[datetime, int]]:
    return ((at, number) for at in span.occurrences(after, until))

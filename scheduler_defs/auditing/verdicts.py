"""Whether what a row says of its occurrences can be, by the calendars and policies that its writer had read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from resources.states import TriggerKind
from scheduler_defs.auditing.dueness import Calendars, judge
from scheduler_defs.auditing.history import Terms
from scheduler_defs.auditing.rows import Row
from scheduler_defs.auditing.tallies import Fault

_CALENDAR = "calendar:"
COALESCED = "coalesced"
_OF_CLAIMS = (_CALENDAR, COALESCED, "missed", "overlap", "rate", "only_if:")
"""What a claim skips for, which only what is due can be; an edit ends what is planned before that too."""


@dataclass(frozen=True, slots=True)
class Objection:
    """What is wrong with what a row says of one occurrence."""

    fault: Fault
    at: datetime
    note: str


def objections(
    trigger_id: UUID, hits: Sequence[tuple[datetime, Sequence[Terms]]], row: Row, calendars: Calendars
) -> Iterator[Objection]:
    """What is wrong, by all terms it can have been written under, with a row that accounts for occurrences.

    Of a range skipped for another reason than a calendar the newest is judged: it is due last.
    """
    reason = row.skipped_for
    if reason is not None and not reason.startswith(_OF_CLAIMS):
        return
    each = reason is None or reason.startswith(_CALENDAR)
    for at, each_terms in hits if each else hits[-1:]:
        found = [_objection(trigger_id, at, terms, row, calendars) for terms in each_terms]
        wrong = [one for one in found if one]
        if wrong and len(wrong) == len(found):
            yield Objection(wrong[0][0], at, wrong[0][1])


def _objection(
    trigger_id: UUID, at: datetime, terms: Terms, row: Row, calendars: Calendars
) -> tuple[Fault, str] | None:
    if not terms.calendars and not terms.jitter and row.skipped_for is None:
        return None
    read = calendars.seen_by(terms.calendars, row.created_at, row.id)
    verdicts = [judge(trigger_id, terms, at, closures) for closures in read]
    due_at = min(one.due_at for one in verdicts)
    if due_at > row.created_at:
        return Fault.EXTRA, f"before it was due, {due_at.isoformat()}"
    skipped_by = {one.skipped_by for one in verdicts if one.due_at <= row.created_at}
    if row.skipped_for is None:
        return None if None in skipped_by else (Fault.EXTRA, f"excluded by {_named(skipped_by)}")
    if row.skipped_for.startswith(_CALENDAR):
        fits = row.skipped_for.removeprefix(_CALENDAR) in skipped_by
        return None if fits else (Fault.MISSING, f"skipped for {row.skipped_for}, which does not exclude it")
    if row.skipped_for == COALESCED and terms.rule.kind is not TriggerKind.EVENT:
        return Fault.MISSING, "skipped for coalesced, which only events are"
    wrong = row.policies.objection(row.skipped_for, row.created_at - due_at)
    return (Fault.MISSING, f"skipped for {row.skipped_for}: {wrong}") if wrong else None


def _named(calendars: set[str | None]) -> str:
    return " or ".join(sorted(f"{_CALENDAR}{name}" for name in calendars if name is not None))

"""Which rule and terms a trigger had when, read from the versions of its schedule.

What an edit does to a plan, as the contract of the ledger has it: a period ends with the edit that changes the trigger,
which accounts for what was planned up to its instant, and the next one begins right after. An edit that leaves a
trigger as it was ends nothing.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from resources.errors import InvalidInput
from resources.states import DayMatch, DstGap, DstOverlap, TriggerKind
from scheduler_defs.auditing.evaluator import AuditedRule, occurrences

Content = Mapping[str, Any]

_TICK = timedelta(microseconds=1)
_LATE_ONCE = timedelta(seconds=60)
_PLANNED = {TriggerKind.CRON, TriggerKind.INTERVAL, TriggerKind.ONCE, TriggerKind.EVENT}


@dataclass(frozen=True, slots=True)
class Terms:
    """A trigger's rule and what bounds or delays it."""

    rule: AuditedRule
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    jitter: timedelta = timedelta()
    calendars: tuple[str, ...] = ()
    max_fires: int | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A period (after, until] in which a trigger was planned under the same terms; None: it goes on.

    Of a trigger that waits for an event the occurrences are ``events``, oldest first, whatever the period and the
    bounds: they are recorded by a clock that may have been set back since the edit.
    """

    after: datetime
    until: datetime | None
    terms: Terms
    events: tuple[datetime, ...] = ()

    def occurrences(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """What the rule names within the period, the bounds of the schedule and (after, until], oldest first."""
        if self.terms.rule.kind is TriggerKind.EVENT:
            return iter(self.events[bisect_right(self.events, after) : bisect_right(self.events, until)])
        after = max(after, self.after)
        if self.terms.starts_at is not None:
            after = max(after, self.terms.starts_at - _TICK)
        until = min(one for one in (until, self.until, self.terms.ends_at) if one is not None)
        return occurrences(self.terms.rule, after, until) if after < until else iter(())

    def bounds(self, at: datetime) -> bool:
        """Whether an instant lies within the bounds of the schedule."""
        starts_at, ends_at = self.terms.starts_at, self.terms.ends_at
        return (starts_at is None or starts_at <= at) and (ends_at is None or at <= ends_at)


def with_events(spans: Sequence[Span], events: Iterable[tuple[datetime, datetime | None]]) -> list[Span]:
    """The periods of a trigger with what it waited for, oldest first: when it happened, and when it was handled.

    An event is of the period in which it was handled, and what waits still of the last: by its terms it will fire.
    """
    of_events = [number for number, span in enumerate(spans) if span.terms.rule.kind is TriggerKind.EVENT]
    happened: dict[int, list[datetime]] = {number: [] for number in of_events}
    for at, handled_at in events if of_events else ():
        begun = [number for number in of_events if handled_at is None or spans[number].after < handled_at]
        happened[(begun or of_events[:1])[-1]].append(at)
    return [
        replace(span, events=tuple(happened[number])) if number in happened else span
        for number, span in enumerate(spans)
    ]


def spans_of(versions: Iterable[tuple[datetime, Content]]) -> dict[UUID, list[Span]]:
    """The periods of each trigger that a schedule ever had, from all its versions, oldest first.

    A trigger that was never planned has none. Raises InvalidInput("content") for what no edit writes.
    """
    spans: dict[UUID, list[Span]] = {}
    running: dict[UUID, tuple[datetime, Terms]] = {}
    for valid_from, content in versions:
        edited_at = valid_from.astimezone(UTC)
        had, planned = _read(content)
        for trigger_id, (after, terms) in [*running.items()]:
            if planned.get(trigger_id) != terms:
                spans[trigger_id].append(Span(after, edited_at, terms))
                del running[trigger_id]
        for trigger_id, terms in planned.items():
            if trigger_id not in running:
                after = _planned_from(terms.rule, edited_at, is_new=trigger_id not in spans)
                running[trigger_id] = (after, terms)
        for trigger_id in had:
            spans.setdefault(trigger_id, [])
    for trigger_id, (after, terms) in running.items():
        spans[trigger_id].append(Span(after, None, terms))
    return spans


def _planned_from(rule: AuditedRule, edited_at: datetime, is_new: bool) -> datetime:
    """After which instant an edit plans: its own, but for a once rule at or just before it and an anchor at it."""
    if rule.kind is TriggerKind.ONCE:
        return edited_at - (_LATE_ONCE if is_new else timedelta()) - _TICK
    if rule.kind is TriggerKind.INTERVAL and rule.anchor == edited_at:
        return edited_at - _TICK
    return edited_at


def _read(content: Content) -> tuple[list[UUID], dict[UUID, Terms]]:
    """The triggers a version has, and the terms of those it plans."""
    try:
        triggers = {UUID(one["id"]): one for one in content.get("triggers", ())}
        if not content.get("enabled", True) or content.get("deleted_at"):
            return [*triggers], {}
        planned = {
            key: one
            for key, one in triggers.items()
            if one.get("enabled", True) and TriggerKind(one["kind"]) in _PLANNED
        }
        return [*triggers], {key: _terms(content, one) for key, one in planned.items()}
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise InvalidInput("content", content, f"what a version of a schedule says ({error!r})") from error


def _terms(content: Content, trigger: Content) -> Terms:
    return Terms(
        rule=AuditedRule(
            kind=TriggerKind(trigger["kind"]),
            cron=trigger.get("cron"),
            timezone=trigger.get("timezone"),
            dst_gap=DstGap(trigger["dst_gap"]) if trigger.get("dst_gap") else None,
            dst_overlap=DstOverlap(trigger["dst_overlap"]) if trigger.get("dst_overlap") else None,
            day_match=DayMatch(trigger["day_match"]) if trigger.get("day_match") else None,
            every=timedelta(seconds=trigger["every"]) if trigger.get("every") else None,
            anchor=_instant(trigger.get("anchor")),
            at=_instant(trigger.get("at")),
            event=trigger.get("event"),
        ),
        starts_at=_instant(content.get("starts_at")),
        ends_at=_instant(content.get("ends_at")),
        jitter=timedelta(seconds=trigger.get("jitter") or 0),
        calendars=tuple(trigger.get("calendars") or ()),
        max_fires=trigger.get("max_fires"),
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None

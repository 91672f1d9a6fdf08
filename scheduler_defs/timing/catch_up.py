"""Which due occurrences fire and which are skipped, and where a trigger goes on.

On time are those not older than `grace`; older ones are missed and follow the catch-up policy. Everything is
decided from the oldest on, so each occurrence is handled once, and what is skipped is older than what fires.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from resources.errors import InvalidInput
from resources.states import CatchUp
from scheduler_defs.timing.rules import IntervalRule, OnceRule, Rule, next_fire, utc

_TICK = timedelta(microseconds=1)
_LATE_ONCE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class SkippedRange:
    """Consecutive occurrences that do not fire: how many, the oldest and the newest."""

    count: int
    first: datetime
    last: datetime
    reason: str = "missed"


@dataclass(frozen=True, slots=True)
class Plan:
    """One step of a trigger: what fires (oldest first), what is skipped, the next occurrence not handled yet.

    `next_fire_at` may still be due when more than `limit` were; it is None when the rule has ended.
    """

    fires: tuple[datetime, ...]
    skipped: SkippedRange | None
    next_fire_at: datetime | None


def plan(
    rule: Rule,
    next_fire_at: datetime,
    now: datetime,
    *,
    policy: CatchUp,
    window: timedelta,
    grace: timedelta,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    limit: int = 1000,
) -> Plan:
    """Handle the occurrences from `next_fire_at` to `now`, the oldest `limit` of them.

    Missed ones: `none` skips them, `latest` fires the newest if it lies within `window` and nothing is on
    time, `all` fires those within `window`. Those of an interval that cannot fire are counted without the
    limit. `next_fire_at` counts as an occurrence even if the rule no longer names it (changed time zone
    data); nothing before `starts_at` or after `ends_at` does.
    """
    now, first = utc("now", now), _not_before(rule, utc("next_fire_at", next_fire_at), starts_at)
    until = now if ends_at is None else min(now, utc("ends_at", ends_at))
    if first is None or first > until:
        return Plan((), None, _not_after(first, ends_at))
    keep = max(grace, window) if policy is CatchUp.ALL else grace
    spare = 1 if policy is CatchUp.LATEST else 0
    passed = _pass_over(rule, first, now, until, keep=keep, spare=spare)
    rest = next_fire(rule, passed.last) if passed else first
    due, following = _due(rule, rest, until, limit)

    missed = [fire for fire in due if now - fire > grace]
    reaches_newest = len(missed) == len(due) and (following is None or following > until)
    caught_up = _caught_up(policy, [fire for fire in missed if now - fire <= window], reaches_newest)
    skipped = missed[: len(missed) - len(caught_up)]
    return Plan(tuple(due[len(skipped) :]), _joined(passed, skipped), _not_after(following, ends_at))


def first_fire(
    rule: Rule,
    now: datetime,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    grace: timedelta = _LATE_ONCE,
) -> datetime | None:
    """First occurrence strictly after `now` of a created, resumed or edited trigger; None when none is left.

    Two may lie at or before `now`: a once rule up to `grace` in the past, an interval anchored at `now`.
    """
    now = utc("now", now)
    earliest = now + _TICK
    if isinstance(rule, OnceRule):
        earliest = now - grace
    elif isinstance(rule, IntervalRule) and utc("anchor", rule.anchor) == now:
        earliest = now
    if starts_at is not None:
        earliest = max(earliest, utc("starts_at", starts_at))
    return _not_after(next_fire(rule, earliest - _TICK), ends_at)


def refuse_past(rule: Rule, now: datetime, grace: timedelta = _LATE_ONCE) -> None:
    """Raise InvalidInput("at") for a once rule more than `grace` in the past: it would never fire."""
    if isinstance(rule, OnceRule) and utc("at", rule.at) < utc("now", now) - grace:
        raise InvalidInput("at", rule.at, f"a time in the future; it is {now.isoformat()} now")


def _not_before(rule: Rule, occurrence: datetime, starts_at: datetime | None) -> datetime | None:
    if starts_at is None or occurrence >= utc("starts_at", starts_at):
        return occurrence
    return next_fire(rule, utc("starts_at", starts_at) - _TICK)


def _not_after(occurrence: datetime | None, ends_at: datetime | None) -> datetime | None:
    ended = occurrence is not None and ends_at is not None and occurrence > utc("ends_at", ends_at)
    return None if ended else occurrence


def _pass_over(
    rule: Rule, first: datetime, now: datetime, until: datetime, *, keep: timedelta, spare: int
) -> SkippedRange | None:
    """The occurrences of an interval older than `keep`, but for the newest `spare`, by arithmetic."""
    if not isinstance(rule, IntervalRule) or now - first <= keep:
        return None
    if (first - utc("anchor", rule.anchor)) % rule.every:
        return None
    older_than_keep = -((keep - (now - first)) // rule.every)
    count = min(older_than_keep, (until - first) // rule.every + 1) - spare
    return SkippedRange(count, first, first + (count - 1) * rule.every) if count else None


def _due(
    rule: Rule, first: datetime | None, until: datetime, limit: int
) -> tuple[list[datetime], datetime | None]:
    """The oldest `limit` occurrences up to `until`, and the one after them."""
    due: list[datetime] = []
    while first is not None and first <= until and len(due) < limit:
        due.append(first)
        first = next_fire(rule, first)
    return due, first


def _caught_up(policy: CatchUp, within_window: list[datetime], reaches_newest: bool) -> list[datetime]:
    match policy:
        case CatchUp.ALL:
            return within_window
        case CatchUp.LATEST if reaches_newest:
            return within_window[-1:]
        case _:
            return []


def _joined(older: SkippedRange | None, newer: list[datetime]) -> SkippedRange | None:
    if not newer:
        return older
    if older is None:
        return SkippedRange(len(newer), newer[0], newer[-1])
    return SkippedRange(older.count + len(newer), older.first, newer[-1])

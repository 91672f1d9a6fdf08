"""Which due occurrences fire and which are skipped, and where a trigger goes on.

On time are those not older than `grace`; older ones are missed and follow the catch-up policy. Everything is
decided from the oldest on, so each occurrence is handled once, and what is skipped is older than what fires.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from resources.errors import InvalidInput
from resources.states import CatchUp
from scheduler_defs.timing.dues import Dues
from scheduler_defs.timing.rules import IntervalRule, OnceRule, Rule, next_fire, utc

_TICK = timedelta(microseconds=1)
MISSED = "missed"
_LATE_ONCE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class SkippedRange:
    """Consecutive occurrences that do not fire: how many, the oldest and the newest."""

    count: int
    first: datetime
    last: datetime
    reason: str = MISSED


@dataclass(frozen=True, slots=True)
class _Occurrence:
    """One that is due, since how long, and why it is skipped; None for one that may fire."""

    at: datetime
    late: timedelta
    reason: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """One step of a trigger: what fires and what is skipped (oldest first), the next occurrence not handled yet.

    `next_fire_at` may still be due when more than `limit` were; it is None when the rule has ended.
    """

    fires: tuple[datetime, ...]
    skipped: tuple[SkippedRange, ...]
    next_fire_at: datetime | None


@dataclass(frozen=True, slots=True)
class Misfires:
    """What becomes of missed occurrences: those due longer ago than `grace`."""

    policy: CatchUp
    window: timedelta
    grace: timedelta


def plan(
    rule: Rule,
    next_fire_at: datetime,
    now: datetime,
    misfires: Misfires,
    *,
    dues: Dues | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    limit: int = 1000,
) -> Plan:
    """Handle the occurrences from `next_fire_at` on that are due at `now`, the oldest `limit` of them.

    Missed ones: `none` skips them, `latest` fires the newest if it lies within the window and nothing is on
    time, `all` fires those within the window. Those of an interval that cannot fire are counted without the
    limit. Consecutive ones skipped for one reason are one range. `next_fire_at` counts as an occurrence even if
    the rule no longer names it (changed time zone data); nothing before `starts_at` or after `ends_at` does.
    """
    dues = dues or Dues()
    now, first = utc("now", now), _not_before(rule, utc("next_fire_at", next_fire_at), starts_at)
    due_until = now - dues.offset
    until = due_until if ends_at is None else min(due_until, utc("ends_at", ends_at))
    if first is None or first > until:
        return Plan((), (), _not_after(first, ends_at))
    passed = _pass_over(rule, first, due_until, until, misfires, dues)
    rest = next_fire(rule, passed.last) if passed else first
    due, following = _due(rule, rest, until, now, dues, limit)
    reaches_newest = following is None or following > until or dues.of(following).at > now
    decided = _decided(due, reaches_newest, misfires)
    fires = tuple(at for at, reason in decided if reason is None)
    return Plan(fires, tuple(_ranges(passed, decided)), _not_after(following, ends_at))


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
    rule: Rule, first: datetime, now: datetime, until: datetime, misfires: Misfires, dues: Dues
) -> SkippedRange | None:
    """The occurrences of an interval too old to fire, but for the newest that might, by arithmetic."""
    keep = misfires.grace
    if misfires.policy is CatchUp.ALL:
        keep = max(keep, misfires.window)
    keep += dues.longest_move
    if not isinstance(rule, IntervalRule) or now - first <= keep:
        return None
    if (first - utc("anchor", rule.anchor)) % rule.every:
        return None
    spare = 1 if misfires.policy is CatchUp.LATEST else 0
    older_than_keep = -((keep - (now - first)) // rule.every)
    count = min(older_than_keep, (until - first) // rule.every + 1) - spare
    return SkippedRange(count, first, first + (count - 1) * rule.every) if count else None


def _due(
    rule: Rule, first: datetime | None, until: datetime, now: datetime, dues: Dues, limit: int
) -> tuple[list[_Occurrence], datetime | None]:
    """The oldest `limit` occurrences up to `until` that are due, and the one after them."""
    due: list[_Occurrence] = []
    while first is not None and first <= until and len(due) < limit:
        this = dues.of(first)
        if this.at > now:
            break
        due.append(_Occurrence(first, now - this.at, this.reason))
        first = next_fire(rule, first)
    return due, first


def _decided(
    due: Sequence[_Occurrence], reaches_newest: bool, misfires: Misfires
) -> list[tuple[datetime, str | None]]:
    """Each occurrence with the reason it is skipped for; None where it fires."""
    open_to_fire = [one for one in due if one.reason is None]
    missed = [one for one in open_to_fire if one.late > misfires.grace]
    caught_up = _caught_up(misfires, missed, reaches_newest and len(missed) == len(open_to_fire))
    lost = {one.at for one in missed} - {one.at for one in caught_up}
    return [(one.at, MISSED if one.at in lost else one.reason) for one in due]


def _caught_up(
    misfires: Misfires, missed: Sequence[_Occurrence], nothing_on_time: bool
) -> Sequence[_Occurrence]:
    within_window = [one for one in missed if one.late <= misfires.window]
    match misfires.policy:
        case CatchUp.ALL:
            return within_window
        case CatchUp.LATEST if nothing_on_time:
            return within_window[-1:]
        case _:
            return []


def _ranges(
    passed: SkippedRange | None, decided: Sequence[tuple[datetime, str | None]]
) -> Iterator[SkippedRange]:
    """Consecutive occurrences skipped for one reason as one range; `passed` came before them."""
    current = passed
    for at, reason in decided:
        if current and current.reason == reason:
            current = SkippedRange(current.count + 1, current.first, at, current.reason)
            continue
        if current:
            yield current
        current = SkippedRange(1, at, at, reason) if reason else None
    if current:
        yield current

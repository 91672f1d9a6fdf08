"""Which due occurrences fire and which are skipped, and where a trigger goes on.

On time are those not older than `grace`; older ones are missed and follow the catch-up policy. Everything is
decided from the oldest on, so each occurrence is handled once. What is skipped is counted by stretches, in which
calendars make the same of all, and not one by one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from resources.errors import InvalidInput
from resources.states import CatchUp
from scheduler_defs.timing.dues import Dues, Stretch
from scheduler_defs.timing.occurrences import Occurrences
from scheduler_defs.timing.rules import EventRule, IntervalRule, OnceRule, Rule, next_fire, utc

_TICK = timedelta(microseconds=1)
MISSED = "missed"
COALESCED = "coalesced"
_LATE_ONCE = timedelta(seconds=60)
_TIME_A_ROW = timedelta(days=10)
"""For each row that a step may write it looks so much further ahead, so that days are bounded too."""


@dataclass(frozen=True, slots=True)
class SkippedRange:
    """Consecutive occurrences that do not fire: how many, the oldest and the newest."""

    count: int
    first: datetime
    last: datetime
    reason: str = MISSED


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

    @property
    def keep(self) -> timedelta:
        """How late every occurrence still fires."""
        return max(self.grace, self.window) if self.policy is CatchUp.ALL else self.grace


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
    """Handle the occurrences from `next_fire_at` on that are due at `now`, the oldest, in `limit` rows.

    Missed ones: `none` skips them, `latest` fires the newest that no calendar skips, if it lies within the window and
    nothing is on time, `all` fires those within the window. A row is a fire or a range of those skipped for one
    reason, between which none fires; there is one row more where the newest of a range fires. `next_fire_at` counts
    as an occurrence even if the rule no longer names it (changed time zone data); nothing before `starts_at` or after
    `ends_at` does. Of events only the newest fires: its run sees what the others brought.
    """
    dues = dues or Dues()
    now, first = utc("now", now), _not_before(rule, utc("next_fire_at", next_fire_at), starts_at)
    due_until = now - dues.offset
    until = due_until if ends_at is None else min(due_until, utc("ends_at", ends_at))
    if first is None or first > until:
        return Plan((), (), _not_after(first, ends_at))
    step = _Step(Occurrences(rule, first), now, until, misfires, dues, limit)
    following = step.take()
    if isinstance(rule, EventRule):
        step.coalesce(following)
    fires = tuple(row for row in step.rows if isinstance(row, datetime))
    return Plan(fires, tuple(_joined(step.rows)), _not_after(following, ends_at))


def passed_by(
    rule: Rule,
    next_fire_at: datetime,
    now: datetime,
    reason: str,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> SkippedRange | None:
    """Every occurrence from `next_fire_at` up to now as one range, whenever it is due; None when there is none."""
    first = _not_before(rule, utc("next_fire_at", next_fire_at), starts_at)
    until = utc("now", now) if ends_at is None else min(utc("now", now), utc("ends_at", ends_at))
    if first is None:
        return None
    count, last = Occurrences(rule, first).count(first, until + _TICK)
    return SkippedRange(count, first, last, reason) if last else None


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


@dataclass
class _Step:
    """Handles due occurrences, the oldest first, until none is left or it has its rows."""

    occurrences: Occurrences
    now: datetime
    until: datetime
    misfires: Misfires
    dues: Dues
    limit: int
    rows: list[datetime | SkippedRange] = field(default_factory=list)
    """What fires and what is skipped, oldest first; ranges of one reason may follow each other."""

    def take(self) -> datetime | None:
        """The next occurrence not handled."""
        following: datetime | None = self.occurrences.first
        until = self._horizon()
        while following is not None and following <= until and len(self.rows) < self.limit:
            stretch = self.dues.stretch(following, until + _TICK)
            if self.dues.due_in(stretch, following) > self.now:
                break
            following = self._handle(following, stretch)
        if self.misfires.policy is CatchUp.LATEST:
            self._catch_up_latest(following)
        return following

    def coalesce(self, following: datetime | None) -> None:
        """Skips all that fire but the newest; that one too where a newer one is to fire in a later step."""
        firing = [(place, row) for place, row in enumerate(self.rows) if isinstance(row, datetime)]
        for place, at in firing if self._may_fire(following) else firing[:-1]:
            self.rows[place] = SkippedRange(1, at, at, COALESCED)

    def _horizon(self) -> datetime:
        """How far ahead this step looks. Of events not all may be known, but more than are handled at a time."""
        rule, first = self.occurrences.rule, self.occurrences.first
        if isinstance(rule, EventRule) and len(rule.times) > self.limit:
            return min(self.until, rule.times[self.limit - 1])
        if isinstance(rule, IntervalRule) and not self.dues.calendars:
            return self.until
        return first + min(self.until - first, self.limit * _TIME_A_ROW)

    def _handle(self, at: datetime, stretch: Stretch) -> datetime | None:
        """Handles those of a stretch, from its first on; the next occurrence not handled."""
        if stretch.reason is not None:
            self._skip(at, stretch.end, stretch.reason)
            return self.occurrences.at_or_after(stretch.end)
        lost = max(at, self.dues.end_of_due(stretch, self.now - self.misfires.keep))
        self._skip(at, lost, MISSED)
        for one in self.occurrences.walk(lost, stretch.end):
            if len(self.rows) >= self.limit:
                return one
            self.rows.append(one)
        return self.occurrences.at_or_after(stretch.end)

    def _skip(self, first: datetime, before: datetime, reason: str) -> None:
        count, last = self.occurrences.count(first, before)
        if last:
            self.rows.append(SkippedRange(count, first, last, reason))

    def _catch_up_latest(self, following: datetime | None) -> None:
        """Fires the newest missed occurrence after all, unless one after it may fire."""
        missed = [one for one in self.rows if isinstance(one, SkippedRange) and one.reason == MISSED]
        if not missed or any(isinstance(one, datetime) for one in self.rows):
            return
        newest, place = missed[-1], self.rows.index(missed[-1])
        if self.now - self.dues.of(newest.last).at > self.misfires.window or self._may_fire(following):
            return
        last = self.occurrences.last_before(newest.first, newest.last)
        others = [SkippedRange(newest.count - 1, newest.first, last)] if last else []
        self.rows[place : place + 1] = [*others, newest.last]

    def _may_fire(self, following: datetime | None) -> bool:
        """Whether an occurrence from `following` on is due and no calendar skips it."""
        while following is not None and following <= self.until:
            stretch = self.dues.stretch(following, self.until + _TICK)
            if self.dues.due_in(stretch, following) > self.now:
                return False
            if stretch.reason is None:
                return True
            following = self.occurrences.at_or_after(stretch.end)
        return False


def _joined(rows: list[datetime | SkippedRange]) -> Iterator[SkippedRange]:
    """Ranges of one reason that follow each other as one range."""
    current: SkippedRange | None = None
    for row in rows:
        if isinstance(row, SkippedRange) and current and current.reason == row.reason:
            current = SkippedRange(current.count + row.count, current.first, row.last, row.reason)
            continue
        if current:
            yield current
        current = row if isinstance(row, SkippedRange) else None
    if current:
        yield current

"""What due triggers become: rows of the ledger and the triggers' next occurrences. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from resources.ids import new_id
from resources.records import Advance, FiringFacts, NewRun, OpenRuns, Schedule, Trigger
from resources.states import TriggerKind
from scheduler_defs.timing.catch_up import Misfires, Plan, SkippedRange, passed_by, plan
from scheduler_defs.timing.dues import Dues
from scheduler_defs.timing.gates import Gate
from scheduler_defs.timing.rules import Rule
from scheduler_defs.timing.triggers import Calendars, Events, dues_of, rule_of
from scheduler_defs.timing.wall_clock import TZDATA_VERSION

ROWS_A_TICK = 10_000
"""Tenants get equal parts of it, and the triggers of each equal parts of that."""
ROWS_A_TRIGGER = 1000
LEAST_ROWS = 5
"""What a trigger may write in any case: what it missed and what then fires, with a calendar in between."""
NOTHING = Plan((), (), None)


@dataclass
class Fires:
    """What a tick writes: new runs, trigger advances, and the schedules whose open runs are to be cancelled."""

    runs: list[NewRun] = field(default_factory=list)
    advances: list[Advance] = field(default_factory=list)
    cancels: list[Schedule] = field(default_factory=list)


@dataclass
class _Step:
    """One trigger's part in a tick: its plan, and what of it started or was refused."""

    trigger: Trigger
    planned: Plan = NOTHING
    dues: Dues = field(default_factory=Dues)
    started: list[datetime] = field(default_factory=list)
    skipped: list[SkippedRange] = field(default_factory=list)

    @property
    def spent(self) -> bool:
        """Whether the trigger has fired as often as it may."""
        most = self.trigger.max_fires
        return most is not None and self.trigger.fire_count + len(self.started) >= most

    def unstarted(self) -> list[SkippedRange]:
        """What of the plan is skipped; what lies beyond the last fire of a spent trigger never was."""
        skipped = [*self.planned.skipped, *self.skipped]
        if not self.spent:
            return skipped
        return [one for one in skipped if self.started and one.last < self.started[-1]]

    def advance(self) -> Advance:
        """Where the trigger goes on; a spent one has ended."""
        following = None if self.spent else self.planned.next_fire_at
        return Advance(
            tenant_id=self.trigger.tenant_id,
            trigger_id=self.trigger.id,
            next_fire_at=following,
            last_fire_at=self.started[-1] if self.started else None,
            fires=len(self.started),
            misfires=sum(one.count for one in self.unstarted()),
            due_delay=self.dues.of(following).at - following if following else timedelta(),
        )


def plan_fires(
    schedules: Sequence[Schedule],
    triggers: Sequence[Trigger],
    open_runs: Iterable[OpenRuns],
    now: datetime,
    calendars: Calendars | None = None,
    facts: Iterable[FiringFacts] = (),
    events: Events | None = None,
) -> Fires:
    """Accounts for due occurrences of locked triggers with exactly one row each, or one per skipped range.

    Of each trigger the oldest ones, as many as keep a tick bounded; the rest stays due. A tenant has its equal part
    of a tick, whatever others have due. A trigger that makes no sense, which only SQL by hand can write, is skipped
    with the reason and not planned again. ``facts`` are those of schedules with a rate or conditions.
    """
    fires = Fires()
    limits = _limits(triggers)
    open_by_schedule = {(one.tenant_id, one.schedule_id): one for one in open_runs}
    facts_by_schedule = {(one.tenant_id, one.schedule_id): one for one in facts}
    due: dict[tuple[str, UUID], list[Trigger]] = {}
    for trigger in _waiting(triggers, events):
        due.setdefault((trigger.tenant_id, trigger.schedule_id), []).append(trigger)
    for schedule in schedules:
        key = (schedule.tenant_id, schedule.id)
        limit = limits.get(schedule.tenant_id, LEAST_ROWS)
        steps = [_step(schedule, trigger, now, calendars, limit, events) for trigger in due.get(key, [])]
        gate = Gate(schedule, open_by_schedule.get(key), facts_by_schedule.get(key), now)
        _fire(fires, schedule, steps, gate)
    return fires


def skip_due(
    schedule: Schedule,
    triggers: Iterable[Trigger],
    now: datetime,
    reason: str,
    requested_by: str,
    events: Events | None = None,
) -> Fires:
    """Accounts for what is due at the end of a schedule's or trigger's service: one skipped row a trigger.

    The advances unplan every trigger, due or not.
    """
    fires = Fires()
    for trigger in _waiting(triggers, events):
        skipped = _passed(schedule, trigger, now, reason, events)
        if skipped:
            fires.runs.append(replace(_skipped(schedule, _Step(trigger), skipped), requested_by=requested_by))
        misfires = skipped.count if skipped else 0
        fires.advances.append(Advance(trigger.tenant_id, trigger.id, None, None, 0, misfires))
    return fires


def _waiting(triggers: Iterable[Trigger], events: Events | None) -> Iterator[Trigger]:
    """Triggers, those of events with the first event that waits as their next occurrence."""
    for trigger in triggers:
        if trigger.kind is TriggerKind.EVENT:
            times = (events or {}).get((trigger.tenant_id, trigger.id), ())
            yield replace(trigger, next_fire_at=times[0] if times else None)
        else:
            yield trigger


def _limits(triggers: Iterable[Trigger]) -> dict[str, int]:
    """How many rows each trigger of a tenant may write."""
    due = Counter(trigger.tenant_id for trigger in triggers)
    return {
        tenant: max(LEAST_ROWS, min(ROWS_A_TRIGGER, ROWS_A_TICK // len(due) // count))
        for tenant, count in due.items()
    }


def _passed(
    schedule: Schedule, trigger: Trigger, now: datetime, reason: str, events: Events | None
) -> SkippedRange | None:
    """Every occurrence of a trigger up to now as one range, also those not due yet; one if it makes no sense."""
    at = trigger.next_fire_at
    if at is None or at > now:
        return None
    try:
        rule = _rule(trigger, events)
        return passed_by(rule, at, now, reason, schedule.starts_at, schedule.ends_at)
    except Exception:  # as in a tick
        return SkippedRange(1, at, at, reason)


def _rule(trigger: Trigger, events: Events | None) -> Rule:
    return rule_of(trigger, (events or {}).get((trigger.tenant_id, trigger.id), ()))


def _step(
    schedule: Schedule,
    trigger: Trigger,
    now: datetime,
    calendars: Calendars | None = None,
    limit: int = ROWS_A_TRIGGER,
    events: Events | None = None,
) -> _Step:
    """Plans a trigger. Nothing of it is due before its next occurrence is, which an edit of a calendar may put off."""
    if trigger.next_fire_at is None:
        return _Step(trigger)
    try:
        dues = dues_of(trigger, calendars or {})
        if trigger.next_due_at is not None:
            dues = replace(dues, not_before=trigger.next_due_at)
        planned = plan(
            _rule(trigger, events),
            trigger.next_fire_at,
            now,
            Misfires(schedule.catch_up, schedule.catch_up_window, schedule.misfire_grace),
            dues=dues,
            starts_at=schedule.starts_at,
            ends_at=schedule.ends_at,
            limit=limit,
        )
    except Exception as error:  # a trigger's mistake is its own: every other trigger still fires
        lost = SkippedRange(1, trigger.next_fire_at, trigger.next_fire_at, f"invalid trigger: {error}")
        return _Step(trigger, Plan((), (lost,), None), Dues())
    return _Step(trigger, planned, dues)


def _fire(fires: Fires, schedule: Schedule, steps: Sequence[_Step], gate: Gate) -> None:
    """Writes what becomes of each occurrence, in the order in which they are due over all triggers."""
    occurrences = [
        (step.dues.of(at).at, step.trigger.id, at, step)
        for step in steps
        if not step.spent
        for at in step.planned.fires
    ]
    occurrences.sort(key=lambda one: one[:3])
    for place, (_, _, at, step) in enumerate(occurrences, 1):
        if step.spent:
            continue
        if reason := gate.refuses(newest=place == len(occurrences)):
            step.skipped.append(SkippedRange(1, at, at, reason))
            continue
        fires.runs.append(_run(schedule, step, at))
        step.started.append(at)
    for step in steps:
        fires.runs += [_skipped(schedule, step, skipped) for skipped in step.unstarted()]
    if gate.cancels:
        fires.cancels.append(schedule)
    fires.advances += [step.advance() for step in steps]


def _run(schedule: Schedule, step: _Step, scheduled_for: datetime) -> NewRun:
    return NewRun(
        tenant_id=schedule.tenant_id,
        id=new_id(),
        kind=schedule.kind,
        mode=schedule.mode,
        trigger_kind=step.trigger.kind,
        scheduled_for=scheduled_for,
        requested_by="fire_due",
        selection=dict(schedule.selection),
        priority=schedule.priority,
        schedule_id=schedule.id,
        schedule_version=schedule.version,
        trigger_id=step.trigger.id,
        due_at=step.dues.of(scheduled_for).at,
        tzdata=TZDATA_VERSION,
    )


def _skipped(schedule: Schedule, step: _Step, skipped: SkippedRange) -> NewRun:
    return replace(
        _run(schedule, step, skipped.first),
        reason=skipped.reason,
        skipped_count=skipped.count,
        skipped_first=skipped.first,
        skipped_last=skipped.last,
    )

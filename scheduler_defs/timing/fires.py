"""What due triggers become: rows of the ledger and the triggers' next occurrences. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from resources.ids import new_id
from resources.records import Advance, NewRun, OpenRuns, Schedule, Trigger
from resources.states import CatchUp, Overlap
from scheduler_defs.timing.catch_up import Plan, SkippedRange, plan
from scheduler_defs.timing.overlap import Decision, decide
from scheduler_defs.timing.triggers import rule_of

OVERLAP = "overlap"
OCCURRENCES_A_TICK = 50_000
OCCURRENCES_A_TRIGGER = 1000


@dataclass
class Fires:
    """What a tick writes: new runs, trigger advances, and the schedules whose open runs are to be cancelled."""

    runs: list[NewRun] = field(default_factory=list)
    advances: list[Advance] = field(default_factory=list)
    cancels: list[Schedule] = field(default_factory=list)


def plan_fires(
    schedules: Sequence[Schedule], triggers: Sequence[Trigger], open_runs: Iterable[OpenRuns], now: datetime
) -> Fires:
    """Accounts for due occurrences of locked triggers with exactly one row each, or one per skipped range.

    Of each trigger the oldest ones, as many as keep a tick bounded; the rest stays due. A trigger that makes
    no sense, which only SQL by hand can write, is skipped with the reason and not planned again.
    """
    fires = Fires()
    limit = max(1, min(OCCURRENCES_A_TRIGGER, OCCURRENCES_A_TICK // max(1, len(triggers))))
    open_by_schedule = {(one.tenant_id, one.schedule_id): one for one in open_runs}
    due: dict[tuple[str, UUID], list[Trigger]] = {}
    for trigger in triggers:
        due.setdefault((trigger.tenant_id, trigger.schedule_id), []).append(trigger)
    for schedule in schedules:
        key = (schedule.tenant_id, schedule.id)
        plans = [
            (trigger, _plan_trigger(schedule, trigger, trigger.next_fire_at, now, limit))
            for trigger in due.get(key, [])
            if trigger.next_fire_at is not None
        ]
        _plan_schedule(fires, schedule, plans, open_by_schedule.get(key))
    return fires


def skip_due(
    schedule: Schedule, triggers: Iterable[Trigger], now: datetime, reason: str, requested_by: str
) -> Fires:
    """Accounts for what is due at the end of a schedule's or trigger's service: one skipped row a trigger.

    The advances unplan every trigger, due or not.
    """
    fires = Fires()
    for trigger in triggers:
        skipped = _passed(schedule, trigger, now, reason)
        if skipped:
            fires.runs.append(replace(_skipped(schedule, trigger, skipped), requested_by=requested_by))
        misfires = skipped.count if skipped else 0
        fires.advances.append(Advance(trigger.tenant_id, trigger.id, None, None, 0, misfires))
    return fires


def _passed(schedule: Schedule, trigger: Trigger, now: datetime, reason: str) -> SkippedRange | None:
    """Every due occurrence of a trigger as one range."""
    count, first, last, following = 0, trigger.next_fire_at, trigger.next_fire_at, trigger.next_fire_at
    while following is not None and following <= now:
        step = _plan_trigger(
            replace(schedule, catch_up=CatchUp.NONE, misfire_grace=timedelta()),
            trigger,
            following,
            now,
            OCCURRENCES_A_TRIGGER,
        )
        if step.skipped:
            count, last = count + step.skipped.count, step.skipped.last
        if step.fires:
            count, last = count + len(step.fires), step.fires[-1]
        following = step.next_fire_at
    return SkippedRange(count, first, last, reason) if first and last and count else None


def _plan_schedule(
    fires: Fires, schedule: Schedule, plans: Sequence[tuple[Trigger, Plan]], open_runs: OpenRuns | None
) -> None:
    occurrences: list[tuple[datetime, Trigger]] = []
    started: dict[UUID, list[datetime]] = {}
    for trigger, planned in plans:
        if planned.skipped:
            fires.runs.append(_skipped(schedule, trigger, planned.skipped))
        occurrences += [(fire, trigger) for fire in planned.fires]
        started[trigger.id] = []
    occurrences.sort(key=lambda one: (one[0], one[1].id))
    active, pending = (open_runs.active, open_runs.pending) if open_runs else (0, 0)
    for scheduled_for, trigger, decision in _decided(schedule.overlap, occurrences, active, pending):
        if decision is Decision.SKIP:
            fires.runs.append(
                _skipped(schedule, trigger, SkippedRange(1, scheduled_for, scheduled_for, OVERLAP))
            )
            continue
        if decision is Decision.CANCEL_RUNNING_AND_START:
            fires.cancels.append(schedule)
        fires.runs.append(_run(schedule, trigger, scheduled_for))
        started[trigger.id].append(scheduled_for)
    fires.advances += [_advance(trigger, planned, started[trigger.id]) for trigger, planned in plans]


def _plan_trigger(
    schedule: Schedule, trigger: Trigger, next_fire_at: datetime, now: datetime, limit: int
) -> Plan:
    try:
        return plan(
            rule_of(trigger),
            next_fire_at,
            now,
            policy=schedule.catch_up,
            window=schedule.catch_up_window,
            grace=schedule.misfire_grace,
            starts_at=schedule.starts_at,
            ends_at=schedule.ends_at,
            limit=limit,
        )
    except Exception as error:  # a trigger's mistake is its own: every other trigger still fires
        return Plan((), SkippedRange(1, next_fire_at, next_fire_at, f"invalid trigger: {error}"), None)


def _decided(
    overlap: Overlap, occurrences: Sequence[tuple[datetime, Trigger]], active: int, pending: int
) -> Iterator[tuple[datetime, Trigger, Decision]]:
    """Each occurrence with its decision; with cancel_running only the newest of a tick starts."""
    for index, (scheduled_for, trigger) in enumerate(occurrences):
        if overlap is Overlap.CANCEL_RUNNING and index < len(occurrences) - 1:
            yield scheduled_for, trigger, Decision.SKIP
            continue
        decision = decide(overlap, active, pending)
        if decision is Decision.BUFFER:
            pending += 1
        elif decision is not Decision.SKIP:
            active += 1
        yield scheduled_for, trigger, decision


def _run(schedule: Schedule, trigger: Trigger, scheduled_for: datetime) -> NewRun:
    return NewRun(
        tenant_id=schedule.tenant_id,
        id=new_id(),
        kind=schedule.kind,
        mode=schedule.mode,
        trigger_kind=trigger.kind,
        scheduled_for=scheduled_for,
        requested_by="fire_due",
        selection=dict(schedule.selection),
        priority=schedule.priority,
        schedule_id=schedule.id,
        schedule_version=schedule.version,
        trigger_id=trigger.id,
    )


def _skipped(schedule: Schedule, trigger: Trigger, skipped: SkippedRange) -> NewRun:
    return NewRun(
        tenant_id=schedule.tenant_id,
        id=new_id(),
        kind=schedule.kind,
        mode=schedule.mode,
        trigger_kind=trigger.kind,
        scheduled_for=skipped.first,
        requested_by="fire_due",
        selection=dict(schedule.selection),
        priority=schedule.priority,
        schedule_id=schedule.id,
        schedule_version=schedule.version,
        trigger_id=trigger.id,
        reason=skipped.reason,
        skipped_count=skipped.count,
        skipped_first=skipped.first,
        skipped_last=skipped.last,
    )


def _advance(trigger: Trigger, planned: Plan, started: Sequence[datetime]) -> Advance:
    skipped = planned.skipped.count if planned.skipped else 0
    return Advance(
        tenant_id=trigger.tenant_id,
        trigger_id=trigger.id,
        next_fire_at=planned.next_fire_at,
        last_fire_at=started[-1] if started else None,
        fires=len(started),
        misfires=skipped + len(planned.fires) - len(started),
    )

"""Edits of schedules: the change, its version, the plan of its triggers and the audit, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from resources.errors import InvalidInput
from resources.ids import new_id
from resources.records import NewRun, Schedule, Trigger
from resources.selection import Selection
from resources.states import CatchUp, JobKind, Overlap, PolicyMode, TriggerKind
from resources.store import Store
from scheduler_defs.edits.contents import content_of
from scheduler_defs.edits.wanted_runs import check_advisories, check_priority, mode_of
from scheduler_defs.timing.catch_up import first_fire, refuse_past
from scheduler_defs.timing.fires import skip_due
from scheduler_defs.timing.rules import CronRule, IntervalRule, OnceRule, Rule, validate
from scheduler_defs.timing.triggers import rule_of


@dataclass(frozen=True)
class NewSchedule:
    """What somebody asks for when creating a schedule; ``rules`` become its triggers."""

    name: str
    kind: JobKind
    rules: Sequence[Rule]
    mode: PolicyMode | None = None
    selection: Selection = field(default_factory=Selection)
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    priority: int = 0
    overlap: Overlap = Overlap.SKIP
    catch_up: CatchUp = CatchUp.LATEST
    catch_up_window: timedelta = timedelta(days=1)
    misfire_grace: timedelta = timedelta(minutes=1)
    starts_at: datetime | None = None
    ends_at: datetime | None = None


def create_schedule(
    store: Store, tenant_id: str, wanted: NewSchedule, actor: str, now: datetime | None = None
) -> Schedule:
    """Adds a schedule with its triggers, planned from ``now`` on (the database's by default).

    An interval anchored at exactly ``now`` fires at once.

    Raises InvalidInput naming the field, NotFound for an unknown tenant, AlreadyExists for a name in use.
    """
    store.tenants.get(tenant_id)
    now = now or store.now()
    _check(wanted, now)
    check_advisories(store, wanted.kind, wanted.selection)
    schedule = Schedule(
        tenant_id=tenant_id,
        id=new_id(),
        name=wanted.name,
        kind=wanted.kind,
        mode=mode_of(wanted.kind, wanted.mode),
        selection=wanted.selection.to_json(),
        description=wanted.description,
        labels=dict(wanted.labels),
        priority=wanted.priority,
        overlap=wanted.overlap,
        catch_up=wanted.catch_up,
        catch_up_window=wanted.catch_up_window,
        misfire_grace=wanted.misfire_grace,
        starts_at=wanted.starts_at,
        ends_at=wanted.ends_at,
        created_at=now,
        created_by=actor,
        updated_at=now,
        updated_by=actor,
    )
    triggers = [_trigger(schedule, rule, now) for rule in wanted.rules]
    store.schedules.create(schedule)
    for trigger in triggers:
        store.triggers.create(trigger)
    content = content_of(schedule, triggers)
    store.schedules.add_version(tenant_id, schedule.id, schedule.version, content, actor, now)
    _audit(store, schedule, "create", actor, now, new=content)
    return schedule


def add_trigger(store: Store, tenant_id: str, name: str, rule: Rule, actor: str) -> Schedule:
    """Gives a schedule one more trigger, planned from now on if the schedule is enabled.

    Raises NotFound, InvalidInput naming the field of the rule.
    """
    schedule = store.schedules.lock(tenant_id, name)
    before = store.triggers.list_of_schedule(tenant_id, schedule.id)
    now = store.now()
    validate(rule)
    refuse_past(rule, now)
    trigger = _trigger(schedule, rule, now)
    store.triggers.create(trigger if schedule.enabled else replace(trigger, next_fire_at=None))
    version = store.schedules.advance_version(schedule, actor, now)
    content = content_of(schedule, [*before, trigger])
    store.schedules.add_version(tenant_id, schedule.id, version, content, actor, now)
    _audit(store, schedule, "add_trigger", actor, now, old=content_of(schedule, before), new=content)
    return store.schedules.get(tenant_id, schedule.id)


def pause_schedule(store: Store, tenant_id: str, name: str, reason: str, actor: str) -> Schedule:
    """Stops a schedule from firing; its triggers lose their plan. Raises NotFound; pausing twice changes nothing."""
    schedule = store.schedules.lock(tenant_id, name)
    if not schedule.enabled:
        return schedule
    return _set_enabled(store, schedule, False, actor, reason or None)


def resume_schedule(store: Store, tenant_id: str, name: str, actor: str) -> Schedule:
    """Lets a schedule fire again, from now on: what passed while it was paused does not fire. Raises NotFound."""
    schedule = store.schedules.lock(tenant_id, name)
    if schedule.enabled:
        return schedule
    return _set_enabled(store, schedule, True, actor, None)


def delete_schedule(store: Store, tenant_id: str, name: str, actor: str) -> None:
    """Deletes softly: the row and its runs stay, the name is free again. Raises NotFound."""
    schedule = store.schedules.lock(tenant_id, name)
    triggers = store.triggers.list_of_schedule(tenant_id, schedule.id)
    now = store.now()
    version = store.schedules.soft_delete(schedule, actor, now)
    _unplan(store, schedule, triggers, now, "deleted", actor)
    deleted = replace(schedule, version=version, deleted_at=now, deleted_by=actor)
    content = content_of(deleted, triggers)
    store.schedules.add_version(tenant_id, schedule.id, version, content, actor, now)
    _audit(store, schedule, "delete", actor, now, old=content_of(schedule, triggers))


def trigger_schedule(store: Store, tenant_id: str, name: str, actor: str) -> UUID:
    """Asks for a run of a schedule now, paused or not; returns the pending run's id. Raises NotFound."""
    schedule = store.schedules.get_by_name(tenant_id, name)
    now = store.now()
    run = NewRun(
        tenant_id=tenant_id,
        id=new_id(),
        kind=schedule.kind,
        mode=schedule.mode,
        trigger_kind=TriggerKind.MANUAL,
        scheduled_for=now,
        requested_by=actor,
        selection=dict(schedule.selection),
        priority=schedule.priority,
        schedule_id=schedule.id,
        schedule_version=schedule.version,
    )
    store.runs.create_many([run], now)
    store.audit.append(
        tenant_id=tenant_id,
        actor=actor,
        action="trigger",
        entity="schedule",
        entity_id=str(schedule.id),
        new={"run": str(run.id), "schedule": schedule.name},
        now=now,
    )
    return run.id


def _set_enabled(store: Store, schedule: Schedule, enabled: bool, actor: str, reason: str | None) -> Schedule:
    triggers = store.triggers.list_of_schedule(schedule.tenant_id, schedule.id)
    now = store.now()
    version = store.schedules.set_enabled(schedule, enabled, actor, now, reason)
    if enabled:
        _replan(store, schedule, triggers, now)
    else:
        _unplan(store, schedule, triggers, now, "paused", actor)
    after = replace(schedule, enabled=enabled, paused_reason=reason, version=version)
    content = content_of(after, triggers)
    store.schedules.add_version(schedule.tenant_id, schedule.id, version, content, actor, now)
    action = "resume" if enabled else "pause"
    _audit(store, schedule, action, actor, now, old=content_of(schedule, triggers), new=content)
    return store.schedules.get(schedule.tenant_id, schedule.id)


def _unplan(
    store: Store, schedule: Schedule, triggers: Sequence[Trigger], now: datetime, reason: str, actor: str
) -> None:
    """Ends the plan of a schedule's triggers; what was due and not fired yet is skipped, with the reason."""
    planned = [trigger for trigger in triggers if trigger.next_fire_at is not None]
    fires = skip_due(schedule, planned if schedule.enabled else [], now, reason, actor)
    store.runs.create_many(fires.runs, now)
    store.triggers.advance_many(fires.advances, now)
    if not schedule.enabled:
        for trigger in planned:
            store.triggers.set_next_fire(schedule.tenant_id, trigger.id, None, now)


def _replan(store: Store, schedule: Schedule, triggers: Sequence[Trigger], now: datetime) -> None:
    for trigger in triggers:
        if trigger.kind is TriggerKind.EVENT or not trigger.enabled or _spent(trigger):
            continue
        next_fire_at = first_fire(
            rule_of(trigger), now, schedule.starts_at, schedule.ends_at, grace=timedelta()
        )
        store.triggers.set_next_fire(schedule.tenant_id, trigger.id, next_fire_at, now)


def _spent(trigger: Trigger) -> bool:
    return trigger.kind is TriggerKind.ONCE and trigger.last_fire_at is not None


def _check(wanted: NewSchedule, now: datetime) -> None:
    if not wanted.rules:
        raise InvalidInput("triggers", "none", "at least one of cron, interval or once")
    check_priority(wanted.priority)
    if wanted.starts_at and wanted.ends_at and wanted.ends_at <= wanted.starts_at:
        raise InvalidInput("ends_at", wanted.ends_at, f"after starts_at {wanted.starts_at}")
    check_name("name", wanted.name)
    for rule in wanted.rules:
        validate(rule)
        refuse_past(rule, now)


def check_name(field_name: str, name: str) -> None:
    """Raises InvalidInput unless the name can name a schedule."""
    allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
    ends = bool(name) and name[0] in allowed and name[-1] in allowed
    if not ends or len(name) > 128 or set(name) - allowed - set(" ._-"):
        raise InvalidInput(
            field_name,
            name,
            "1 to 128 letters, digits, spaces, '.', '_' or '-', beginning and ending with a letter or digit",
        )


def _trigger(schedule: Schedule, rule: Rule, now: datetime) -> Trigger:
    planned: dict[str, Any] = {
        "next_fire_at": first_fire(rule, now, schedule.starts_at, schedule.ends_at),
        "created_at": now,
        "updated_at": now,
    }
    match rule:
        case CronRule():
            kind = TriggerKind.CRON
            planned |= {"cron": rule.expression, "timezone": rule.timezone}
            planned |= {"dst_gap": rule.gap, "dst_overlap": rule.overlap}
        case IntervalRule():
            kind = TriggerKind.INTERVAL
            planned |= {"every": rule.every, "anchor": rule.anchor}
        case OnceRule():
            kind = TriggerKind.ONCE
            planned |= {"at": rule.at}
    return Trigger(tenant_id=schedule.tenant_id, id=new_id(), schedule_id=schedule.id, kind=kind, **planned)


def _audit(
    store: Store,
    schedule: Schedule,
    action: str,
    actor: str,
    now: datetime,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
) -> None:
    store.audit.append(
        tenant_id=schedule.tenant_id,
        actor=actor,
        action=action,
        entity="schedule",
        entity_id=str(schedule.id),
        old=old,
        new=new,
        now=now,
    )

"""Edits of schedules: the change, its version, the plan of its triggers and the audit, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypedDict
from uuid import UUID

from resources.errors import InvalidInput
from resources.ids import new_id
from resources.records import Json, NewRun, Schedule
from resources.selection import Selection
from resources.states import CatchUp, JobKind, Overlap, PolicyMode, TriggerKind
from resources.store import Store
from scheduler_defs.edits.contents import content_of
from scheduler_defs.edits.listeners import follow_name, lock_listeners
from scheduler_defs.edits.plans import instant_of, new_trigger, planned, replan, unplan
from scheduler_defs.edits.terms import CronClock, TriggerTerms, adjusted, check_clock, differing, hold_terms
from scheduler_defs.edits.triggers import EDITED, as_edited, replaced_by, write_rules
from scheduler_defs.edits.versions import keep_version, refuse_stale
from scheduler_defs.edits.wanted_runs import check_selection, mode_of
from scheduler_defs.edits.wanted_schedules import (
    check_rules,
    check_schedule,
    refuse_itself,
    refuse_unheard,
)
from scheduler_defs.timing.catch_up import first_fire, refuse_past
from scheduler_defs.timing.rules import EventRule, Rule, validate
from scheduler_defs.timing.triggers import rule_of


@dataclass(frozen=True)
class NewSchedule:
    """What somebody asks for when creating a schedule; ``rules`` become its triggers.

    Without ``overlap`` a fire is skipped while an earlier run is open, or waits for its end if a rule is of events.
    Without ``catch_up_window`` it is a day, or a year if all rules are of events: what happened is still so by then.
    """

    name: str
    kind: JobKind
    rules: Sequence[Rule]
    mode: PolicyMode | None = None
    selection: Selection = field(default_factory=Selection)
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    priority: int = 0
    overlap: Overlap | None = None
    catch_up: CatchUp = CatchUp.LATEST
    catch_up_window: timedelta | None = None
    misfire_grace: timedelta = timedelta(minutes=1)
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    max_runs_per_hour: int | None = None
    only_if: Json | None = None
    max_attempts: int = 3
    backoff_base: timedelta = timedelta(seconds=30)
    backoff_factor: float = 2.0
    backoff_cap: timedelta = timedelta(hours=1)
    backoff_jitter: float = 0.1
    run_timeout: timedelta | None = None
    pause_after_failures: int | None = None
    terms: TriggerTerms = field(default_factory=TriggerTerms)


class ScheduleChanges(TypedDict, total=False):
    """What an edit changes of a schedule; what is left out stays."""

    name: str
    mode: PolicyMode | None
    selection: Selection
    description: str
    labels: Mapping[str, str]
    priority: int
    overlap: Overlap
    catch_up: CatchUp
    catch_up_window: timedelta
    misfire_grace: timedelta
    starts_at: datetime | None
    ends_at: datetime | None
    max_runs_per_hour: int | None
    only_if: Json | None
    max_attempts: int
    backoff_base: timedelta
    backoff_factor: float
    backoff_cap: timedelta
    backoff_jitter: float
    run_timeout: timedelta | None
    pause_after_failures: int | None


def create_schedule(
    store: Store, tenant_id: str, wanted: NewSchedule, actor: str, now: datetime | None = None
) -> Schedule:
    """Adds a schedule with its triggers, planned from ``now`` on (the database's by default).

    An interval anchored at exactly ``now`` fires at once.

    Raises InvalidInput naming the field, NotFound for an unknown tenant or calendar, AlreadyExists for a name in use.
    """
    store.tenants.get(tenant_id)
    hold_terms(store, tenant_id, wanted.terms)
    now = now or store.now()
    check_rules(wanted.rules, now)
    refuse_itself(wanted.name, wanted.rules)
    check_selection(store, wanted.kind, wanted.mode, wanted.selection, scheduled=True)
    refuse_unheard(wanted.selection, wanted.rules)
    of_events = any(isinstance(rule, EventRule) for rule in wanted.rules)
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
        overlap=wanted.overlap or (Overlap.BUFFER_ONE if of_events else Overlap.SKIP),
        catch_up=wanted.catch_up,
        catch_up_window=_window(wanted.rules) if wanted.catch_up_window is None else wanted.catch_up_window,
        misfire_grace=wanted.misfire_grace,
        starts_at=wanted.starts_at,
        ends_at=wanted.ends_at,
        max_runs_per_hour=wanted.max_runs_per_hour,
        only_if=wanted.only_if,
        max_attempts=wanted.max_attempts,
        backoff_base=wanted.backoff_base,
        backoff_factor=wanted.backoff_factor,
        backoff_cap=wanted.backoff_cap,
        backoff_jitter=wanted.backoff_jitter,
        run_timeout=wanted.run_timeout,
        pause_after_failures=wanted.pause_after_failures,
        created_at=now,
        created_by=actor,
        updated_at=now,
        updated_by=actor,
    )
    check_schedule(schedule)
    triggers = [
        planned(
            store,
            new_trigger(schedule, rule, now, wanted.terms),
            first_fire(rule, now, schedule.starts_at, schedule.ends_at),
        )
        for rule in wanted.rules
    ]
    made = store.schedules.upsert(schedule, None)
    for trigger in triggers:
        store.triggers.create(trigger)
    keep_version(store, made, triggers, "create", actor, now)
    return made


def _window(rules: Sequence[Rule]) -> timedelta:
    return timedelta(days=365 if all(isinstance(rule, EventRule) for rule in rules) else 1)


def edit_schedule(
    store: Store,
    tenant_id: str,
    name: str,
    changes: ScheduleChanges,
    actor: str,
    *,
    version: int | None = None,
    rules: Sequence[Rule] = (),
    terms: TriggerTerms | None = None,
    clock: CronClock | None = None,
    now: datetime | None = None,
) -> Schedule:
    """Changes fields of a schedule and, with ``rules``, which triggers it has; what changes nothing writes nothing.

    ``terms`` are for every trigger it has then, ``clock`` is for the cron triggers it keeps.

    ``version`` is the one the edit was made from. When something that decides time changes, triggers are planned
    again from ``now`` on, an instant read while the schedule is locked (the database's by default). A trigger of a
    given rule stays as it is; the others get the other rules or go. Another name is also put into the triggers of
    other schedules that wait for the completion of its runs, as an edit of these.

    Raises NotFound, InvalidInput naming the field, AlreadyExists for a name in use, VersionConflict.
    """
    terms, clock = terms or {}, clock or {}
    hold_terms(store, tenant_id, terms)
    listeners = lock_listeners(store, tenant_id, name) if changes.get("name", name) != name else []
    schedule = store.schedules.lock(tenant_id, name)
    triggers = store.triggers.list_of_schedule(tenant_id, schedule.id)
    now = instant_of(store, schedule, triggers, now)
    if version is not None and version != schedule.version:
        asked = as_edited(schedule, triggers, rules, terms, clock, now) if rules or terms or clock else None
        refuse_stale(store, schedule, version, changes, asked)
    wanted = _changed(store, schedule, changes)
    check_clock(triggers, clock)
    spare, missing = replaced_by(triggers, rules) if rules else ([], [])
    wanted_rules = rules or [rule_of(trigger) for trigger in triggers]
    refuse_itself(wanted.name, wanted_rules)
    refuse_unheard(Selection.parse(wanted.selection), wanted_rules)
    for rule in missing:
        validate(rule)
        refuse_past(rule, now, grace=timedelta())
    kept = differing([one for one in triggers if one not in spare], terms, clock)
    if wanted == schedule and not spare and not missing and not kept:
        return schedule
    moved = (wanted.starts_at, wanted.ends_at) != (schedule.starts_at, schedule.ends_at)
    unplan(store, schedule, triggers if moved else [*spare, *kept], now, EDITED, actor)
    after = store.schedules.upsert(replace(wanted, updated_at=now, updated_by=actor), schedule.version)
    write_rules(store, after, spare, missing, terms, now)
    for trigger in kept:
        changed = replace(adjusted(trigger, terms, clock), next_fire_at=None)
        store.triggers.update(changed, after.version, now)
    left = store.triggers.list_of_schedule(tenant_id, schedule.id)
    if moved or missing or kept:
        replan(store, after, [trigger for trigger in left if trigger.next_fire_at is None], now)
    keep_version(store, after, left, "edit", actor, now, content_of(schedule, triggers))
    follow_name(store, listeners, name, after.name, actor, now)
    return after


def pause_schedule(
    store: Store, tenant_id: str, name: str, reason: str, actor: str, now: datetime | None = None
) -> Schedule:
    """Stops a schedule from firing; its triggers lose their plan. Raises NotFound; pausing twice changes nothing.

    ``now`` is the database's by default.
    """
    schedule = store.schedules.lock(tenant_id, name)
    if not schedule.enabled:
        return schedule
    return _set_enabled(store, schedule, False, actor, reason or None, now or store.now())


def resume_schedule(
    store: Store, tenant_id: str, name: str, actor: str, now: datetime | None = None
) -> Schedule:
    """Lets a schedule fire again, from ``now`` on (the database's by default).

    What passed while it was paused does not fire. Raises NotFound.
    """
    schedule = store.schedules.lock(tenant_id, name)
    if schedule.enabled:
        return schedule
    return _set_enabled(store, schedule, True, actor, None, now or store.now())


def delete_schedule(store: Store, tenant_id: str, name: str, actor: str) -> None:
    """Deletes softly: the row and its runs stay, the name is free again. Raises NotFound."""
    schedule = store.schedules.lock(tenant_id, name)
    triggers = store.triggers.list_of_schedule(tenant_id, schedule.id)
    now = instant_of(store, schedule, triggers)
    store.schedules.soft_delete(schedule, actor, now)
    unplan(store, schedule, triggers, now, "deleted", actor)
    after = store.schedules.get(tenant_id, schedule.id)
    keep_version(store, after, triggers, "delete", actor, now, content_of(schedule, triggers))


def restore_schedule(store: Store, tenant_id: str, name: str, actor: str) -> Schedule:
    """Brings back the schedule of a name that was deleted last, paused if it was; it fires from now on.

    Raises NotFound, also for a calendar deleted meanwhile, AlreadyExists when another has the name now.
    """
    schedule = store.schedules.lock_deleted(tenant_id, name)
    triggers = store.triggers.list_of_schedule(tenant_id, schedule.id)
    if names := sorted({name for trigger in triggers for name in trigger.calendars}):
        store.calendars.hold(tenant_id, names)
    now = instant_of(store, schedule, triggers)
    store.schedules.restore(schedule, actor, now)
    after = store.schedules.get(tenant_id, schedule.id)
    replan(store, after, triggers, now)
    keep_version(store, after, triggers, "restore", actor, now, content_of(schedule, triggers))
    return after


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


def _set_enabled(
    store: Store, schedule: Schedule, enabled: bool, actor: str, reason: str | None, now: datetime
) -> Schedule:
    triggers = store.triggers.list_of_schedule(schedule.tenant_id, schedule.id)
    now = instant_of(store, schedule, triggers, now)
    if enabled:
        store.schedules.resume(schedule, actor, now)
    else:
        store.schedules.pause(schedule, reason, actor, now)
        unplan(store, schedule, triggers, now, "paused", actor)
    after = store.schedules.get(schedule.tenant_id, schedule.id)
    replan(store, after, triggers, now)
    action = "resume" if enabled else "pause"
    keep_version(store, after, triggers, action, actor, now, content_of(schedule, triggers))
    return after


def _changed(store: Store, schedule: Schedule, changes: ScheduleChanges) -> Schedule:
    fields: dict[str, Any] = {**changes}
    for name in fields.keys() - ScheduleChanges.__annotations__.keys():
        raise InvalidInput(name, fields[name], "a field of a schedule that can be edited")
    if changes.keys() & {"selection", "mode"}:
        mode, selection = changes.get("mode", schedule.mode), changes.get("selection")
        selection = selection or Selection.parse(schedule.selection)
        check_selection(store, schedule.kind, mode, selection, scheduled=True)
        fields["selection"] = selection.to_json()
    if "mode" in changes:
        fields["mode"] = mode_of(schedule.kind, changes["mode"])
    wanted = replace(schedule, **fields)
    check_schedule(wanted)
    return wanted

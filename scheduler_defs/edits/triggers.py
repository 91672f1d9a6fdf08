"""Edits of one trigger of a schedule; each counts as an edit of the schedule."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from resources.errors import NotFound
from resources.records import Schedule, Trigger
from resources.selection import Selection
from resources.store import Store
from scheduler_defs.edits.contents import content_of
from scheduler_defs.edits.plans import instant_of, new_trigger, planned, replan, rule_fields, unplan
from scheduler_defs.edits.terms import CronClock, TriggerTerms, adjusted, differing, hold_terms
from scheduler_defs.edits.versions import keep_version
from scheduler_defs.edits.wanted_schedules import refuse_itself, refuse_unheard
from scheduler_defs.timing.catch_up import first_fire, refuse_past
from scheduler_defs.timing.rules import Rule, validate
from scheduler_defs.timing.triggers import rule_of

EDITED = "edited"


def add_trigger(
    store: Store, tenant_id: str, name: str, rule: Rule, actor: str, terms: TriggerTerms | None = None
) -> Schedule:
    """Gives a schedule one more trigger, planned from now on if the schedule is enabled.

    Raises NotFound, InvalidInput naming the field of the rule or of the terms.
    """
    hold_terms(store, tenant_id, terms or {})
    schedule = store.schedules.lock(tenant_id, name)
    before = store.triggers.list_of_schedule(tenant_id, schedule.id)
    now = instant_of(store, schedule, before)
    validate(rule)
    refuse_itself(name, [rule])
    refuse_unheard(Selection.parse(schedule.selection), [rule])
    refuse_past(rule, now)
    next_fire_at = first_fire(rule, now, schedule.starts_at, schedule.ends_at)
    trigger = planned(
        store, new_trigger(schedule, rule, now, terms), next_fire_at if schedule.enabled else None
    )
    store.triggers.create(trigger)
    store.schedules.advance_version(schedule, actor, now)
    after = store.schedules.get(tenant_id, schedule.id)
    old = content_of(schedule, before)
    keep_version(store, after, [*before, trigger], "add_trigger", actor, now, old)
    return after


def edit_trigger(
    store: Store, tenant_id: str, name: str, trigger_id: UUID, rule: Rule, actor: str
) -> Schedule:
    """Gives a trigger another rule, planned from now on; its counts go on.

    Raises NotFound, InvalidInput naming the field of the rule, also for a time that has passed.
    """
    validate(rule)
    refuse_itself(name, [rule])

    def change(trigger: Trigger, version: int, now: datetime) -> None:
        schedule = store.schedules.get(trigger.tenant_id, trigger.schedule_id)
        refuse_unheard(Selection.parse(schedule.selection), [rule])
        refuse_past(rule, now, grace=timedelta())
        store.triggers.update(replace(trigger, **rule_fields(rule), next_fire_at=None), version, now)

    return _edit(store, tenant_id, name, trigger_id, "edit_trigger", EDITED, actor, change)


def remove_trigger(store: Store, tenant_id: str, name: str, trigger_id: UUID, actor: str) -> Schedule:
    """Takes a trigger from a schedule; its runs stay. Raises NotFound."""

    def change(trigger: Trigger, version: int, now: datetime) -> None:
        store.triggers.soft_delete(trigger, version, now)

    return _edit(store, tenant_id, name, trigger_id, "remove_trigger", "trigger removed", actor, change)


def pause_trigger(store: Store, tenant_id: str, name: str, trigger_id: UUID, actor: str) -> Schedule:
    """Stops one trigger from firing. Raises NotFound, IllegalTransition when it is paused."""

    def change(trigger: Trigger, version: int, now: datetime) -> None:
        store.triggers.set_enabled(trigger, False, version, now)

    return _edit(store, tenant_id, name, trigger_id, "pause_trigger", "trigger paused", actor, change)


def resume_trigger(store: Store, tenant_id: str, name: str, trigger_id: UUID, actor: str) -> Schedule:
    """Lets one trigger fire again, from now on. Raises NotFound, IllegalTransition when it is not paused."""

    def change(trigger: Trigger, version: int, now: datetime) -> None:
        store.triggers.set_enabled(trigger, True, version, now)

    return _edit(store, tenant_id, name, trigger_id, "resume_trigger", "trigger resumed", actor, change)


def replaced_by(triggers: Sequence[Trigger], rules: Sequence[Rule]) -> tuple[list[Trigger], list[Rule]]:
    """Triggers whose rules are not among the wanted ones, and the wanted rules that no trigger has yet."""
    missing, spare = list(rules), []
    for trigger in triggers:
        if (rule := rule_of(trigger)) in missing:
            missing.remove(rule)
        else:
            spare.append(trigger)
    return spare, missing


def as_edited(
    schedule: Schedule,
    triggers: Sequence[Trigger],
    rules: Sequence[Rule],
    terms: TriggerTerms,
    clock: CronClock,
    now: datetime,
) -> list[Trigger]:
    """The triggers as edit_schedule would leave them: those of a given rule stay. Raises InvalidInput."""
    spare, missing = replaced_by(triggers, rules) if rules else ([], [])
    for rule in missing:
        validate(rule)
        refuse_past(rule, now, grace=timedelta())
    usable = [trigger for trigger in spare if trigger.enabled]
    made = [new_trigger(schedule, rule, now) for rule in missing[len(usable) :]]
    moved = [replace(one, **rule_fields(rule)) for one, rule in zip(usable, missing, strict=False)]
    kept = [trigger for trigger in triggers if trigger not in spare]
    changed = differing(kept, terms, clock)
    same = [trigger for trigger in kept if trigger not in changed]
    anew = [
        *(adjusted(one, terms, clock) for one in changed),
        *(replace(one, **terms) for one in [*moved, *made]),
    ]
    return [*same, *(replace(one, next_fire_at=None) for one in anew)]


def write_rules(
    store: Store,
    schedule: Schedule,
    spare: Sequence[Trigger],
    missing: Sequence[Rule],
    terms: TriggerTerms,
    now: datetime,
) -> None:
    """Gives spare triggers the missing rules, in order; takes away triggers and makes new ones as needed.

    A paused trigger is taken away: under another rule it would go on not to fire.
    """
    usable = [trigger for trigger in spare if trigger.enabled]
    for trigger, rule in zip(usable, missing, strict=False):
        changed = replace(trigger, **rule_fields(rule), **terms, next_fire_at=None)
        store.triggers.update(changed, schedule.version, now)
    for trigger in spare:
        if trigger not in usable[: len(missing)]:
            store.triggers.soft_delete(trigger, schedule.version, now)
    for rule in missing[len(usable) :]:
        store.triggers.create(new_trigger(schedule, rule, now, terms))


def _edit(
    store: Store,
    tenant_id: str,
    name: str,
    trigger_id: UUID,
    action: str,
    reason: str,
    actor: str,
    change: Callable[[Trigger, int, datetime], None],
) -> Schedule:
    """Changes one trigger; what was due of it is skipped for the reason, the rest is planned from now on."""
    schedule = store.schedules.lock(tenant_id, name)
    triggers = store.triggers.list_of_schedule(tenant_id, schedule.id)
    trigger = next((one for one in triggers if one.id == trigger_id), None)
    if trigger is None:
        raise NotFound("trigger", trigger_id)
    now = instant_of(store, schedule, triggers)
    unplan(store, schedule, [trigger], now, reason, actor)
    change(trigger, store.schedules.advance_version(schedule, actor, now), now)
    after = store.schedules.get(tenant_id, schedule.id)
    left = store.triggers.list_of_schedule(tenant_id, schedule.id)
    replan(store, after, [one for one in left if one.id == trigger_id], now)
    keep_version(store, after, left, action, actor, now, content_of(schedule, triggers))
    return after

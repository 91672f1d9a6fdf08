"""What edits do to the plan of triggers; what was due before an edit is accounted for, the past never fires."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from resources.ids import new_id
from resources.records import Schedule, Trigger
from resources.states import TriggerKind
from resources.store import Store
from scheduler_defs.edits.surroundings import ALL_EVENTS, advance, read_calendars, read_events
from scheduler_defs.edits.terms import TriggerTerms
from scheduler_defs.timing.catch_up import first_fire
from scheduler_defs.timing.fires import skip_due
from scheduler_defs.timing.rules import CronRule, EventRule, IntervalRule, OnceRule, Rule
from scheduler_defs.timing.triggers import Calendars, dues_of, rule_of

RULE_FIELDS = ("cron", "timezone", "dst_gap", "dst_overlap", "day_match", "every", "anchor", "at", "event")


def rule_fields(rule: Rule) -> dict[str, Any]:
    """A rule as the columns of a trigger; those of other kinds are None."""
    columns: dict[str, Any] = dict.fromkeys(RULE_FIELDS)
    match rule:
        case CronRule():
            columns |= {"kind": TriggerKind.CRON, "cron": rule.expression, "timezone": rule.timezone}
            columns |= {"dst_gap": rule.gap, "dst_overlap": rule.overlap}
            return columns | {"day_match": rule.day_match}
        case IntervalRule():
            return columns | {"kind": TriggerKind.INTERVAL, "every": rule.every, "anchor": rule.anchor}
        case OnceRule():
            return columns | {"kind": TriggerKind.ONCE, "at": rule.at}
        case EventRule():
            return columns | {"kind": TriggerKind.EVENT, "event": rule.event}


def new_trigger(schedule: Schedule, rule: Rule, now: datetime, terms: TriggerTerms | None = None) -> Trigger:
    """A trigger of a schedule that is not stored yet, nor planned."""
    return Trigger(
        tenant_id=schedule.tenant_id,
        id=new_id(),
        schedule_id=schedule.id,
        created_at=now,
        updated_at=now,
        **rule_fields(rule),
        **(terms or {}),
    )


def planned(store: Store, trigger: Trigger, next_fire_at: datetime | None) -> Trigger:
    """A trigger with its next occurrence, and by how much later than that it is due."""
    return due_anew(replace(trigger, next_fire_at=next_fire_at), read_calendars(store, [trigger]))


def due_anew(trigger: Trigger, calendars: Calendars, edited_at: datetime | None = None) -> Trigger:
    """A trigger whose next occurrence is due as calendars say.

    Where an edit of a calendar lets go of what was held back, it is due from the instant of the edit on: not late
    since long before.
    """
    at, dues = trigger.next_fire_at, dues_of(trigger, calendars)
    if edited_at is not None and trigger.next_due_at is not None:
        dues = replace(dues, not_before=min(trigger.next_due_at, edited_at))
    return replace(trigger, due_delay=dues.of(at).at - at if at else timedelta())


def instant_of(
    store: Store, schedule: Schedule, triggers: Iterable[Trigger], now: datetime | None = None
) -> datetime:
    """When an edit of a locked schedule takes place: now, and never before its last edit or fire.

    While the server's clock is behind what it was, an edit would else plan again what has a row already.
    """
    before = [trigger.updated_at for trigger in triggers]
    return max([now or store.now(), schedule.updated_at, *before])


def unplan(
    store: Store, schedule: Schedule, triggers: Sequence[Trigger], now: datetime, reason: str, actor: str
) -> None:
    """Ends the plan of triggers; what was due and not fired yet is skipped, with the reason."""
    planned = [trigger for trigger in triggers if trigger.next_fire_at is not None]
    active = [trigger for trigger in planned if schedule.enabled and trigger.enabled]
    events = read_events(store, active, ALL_EVENTS)
    fires = skip_due(schedule, active, now, reason, actor, events)
    store.runs.create_many(fires.runs, now)
    advance(store, fires.advances, events, now)
    for trigger in planned:
        if trigger not in active:
            store.triggers.set_next_fire(schedule.tenant_id, trigger.id, None, now)


def replan(store: Store, schedule: Schedule, triggers: Iterable[Trigger], now: datetime) -> None:
    """Plans triggers from now on, if they and their schedule are enabled."""
    for trigger in triggers:
        if (
            not schedule.enabled
            or trigger.kind is TriggerKind.EVENT
            or not trigger.enabled
            or _spent(trigger)
        ):
            continue
        next_fire_at = first_fire(
            rule_of(trigger), now, schedule.starts_at, schedule.ends_at, grace=timedelta()
        )
        wanted = planned(store, trigger, next_fire_at)
        store.triggers.set_next_fire(trigger.tenant_id, trigger.id, next_fire_at, now, wanted.due_delay)


def _spent(trigger: Trigger) -> bool:
    if trigger.max_fires is not None and trigger.fire_count >= trigger.max_fires:
        return True
    return trigger.at is not None and trigger.last_fire_at is not None and trigger.last_fire_at >= trigger.at

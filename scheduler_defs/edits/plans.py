"""What edits do to the plan of triggers; what was due before an edit is accounted for, the past never fires."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from resources.ids import new_id
from resources.records import Schedule, Trigger
from resources.states import TriggerKind
from resources.store import Store
from scheduler_defs.timing.catch_up import first_fire
from scheduler_defs.timing.fires import skip_due
from scheduler_defs.timing.rules import CronRule, IntervalRule, OnceRule, Rule
from scheduler_defs.timing.triggers import rule_of

RULE_FIELDS = ("cron", "timezone", "dst_gap", "dst_overlap", "every", "anchor", "at", "event")


def rule_fields(rule: Rule) -> dict[str, Any]:
    """A rule as the columns of a trigger; those of other kinds are None."""
    columns: dict[str, Any] = dict.fromkeys(RULE_FIELDS)
    match rule:
        case CronRule():
            columns |= {"kind": TriggerKind.CRON, "cron": rule.expression, "timezone": rule.timezone}
            return columns | {"dst_gap": rule.gap, "dst_overlap": rule.overlap}
        case IntervalRule():
            return columns | {"kind": TriggerKind.INTERVAL, "every": rule.every, "anchor": rule.anchor}
        case OnceRule():
            return columns | {"kind": TriggerKind.ONCE, "at": rule.at}


def new_trigger(schedule: Schedule, rule: Rule, now: datetime, next_fire_at: datetime | None) -> Trigger:
    """A trigger of a schedule that is not stored yet."""
    return Trigger(
        tenant_id=schedule.tenant_id,
        id=new_id(),
        schedule_id=schedule.id,
        created_at=now,
        updated_at=now,
        next_fire_at=next_fire_at,
        **rule_fields(rule),
    )


def unplan(
    store: Store, schedule: Schedule, triggers: Sequence[Trigger], now: datetime, reason: str, actor: str
) -> None:
    """Ends the plan of triggers; what was due and not fired yet is skipped, with the reason."""
    planned = [trigger for trigger in triggers if trigger.next_fire_at is not None]
    active = [trigger for trigger in planned if schedule.enabled and trigger.enabled]
    fires = skip_due(schedule, active, now, reason, actor)
    store.runs.create_many(fires.runs, now)
    store.triggers.advance_many(fires.advances, now)
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
        store.triggers.set_next_fire(schedule.tenant_id, trigger.id, next_fire_at, now)


def _spent(trigger: Trigger) -> bool:
    return trigger.at is not None and trigger.last_fire_at is not None and trigger.last_fire_at >= trigger.at

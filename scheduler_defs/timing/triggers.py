"""Trigger rows as rules, and when they are due."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from resources.errors import InvalidInput
from resources.records import Trigger
from resources.states import DayMatch, TriggerKind
from scheduler_defs.timing.calendars import Calendar
from scheduler_defs.timing.dues import Dues
from scheduler_defs.timing.jitter import offset_of
from scheduler_defs.timing.rules import CronRule, EventRule, IntervalRule, OnceRule, Rule

Calendars = Mapping[tuple[str, str], Calendar]
"""Calendars by tenant and name."""
Events = Mapping[tuple[str, UUID], Sequence[datetime]]
"""When events happened that are not accounted for, by tenant and trigger, the oldest first."""


def dues_of(trigger: Trigger, calendars: Calendars) -> Dues:
    """When occurrences of a trigger are due; raises InvalidInput for a calendar that is not there."""
    for name in trigger.calendars:
        if (trigger.tenant_id, name) not in calendars:
            raise InvalidInput("trigger.calendars", name, "the name of a calendar of the tenant")
    found = [calendars[trigger.tenant_id, name] for name in trigger.calendars]
    return Dues(found, offset_of(trigger.id, trigger.jitter))


def rule_of(trigger: Trigger, events: Sequence[datetime] = ()) -> Rule:
    """The rule of a trigger, that of an event with the times given. Raises InvalidInput for a senseless row."""
    match trigger.kind:
        case TriggerKind.CRON if trigger.cron is not None and trigger.timezone is not None:
            days = trigger.day_match or DayMatch.OR
            return CronRule(trigger.cron, trigger.timezone, trigger.dst_gap, trigger.dst_overlap, days)
        case TriggerKind.INTERVAL if trigger.every is not None and trigger.anchor is not None:
            return IntervalRule(trigger.every, trigger.anchor)
        case TriggerKind.ONCE if trigger.at is not None:
            return OnceRule(trigger.at)
        case TriggerKind.EVENT if trigger.event is not None:
            return EventRule(trigger.event, tuple(events))
        case _:
            raise InvalidInput("trigger.kind", trigger.kind, "cron, interval, once or event with its fields")

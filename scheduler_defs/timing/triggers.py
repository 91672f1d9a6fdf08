"""Trigger rows as rules."""

from resources.errors import InvalidInput
from resources.records import Trigger
from resources.states import TriggerKind
from scheduler_defs.timing.rules import CronRule, IntervalRule, OnceRule, Rule


def rule_of(trigger: Trigger) -> Rule:
    """The rule of a cron, interval or once trigger; raises InvalidInput for a kind that has no times of its own."""
    match trigger.kind:
        case TriggerKind.CRON if trigger.cron is not None and trigger.timezone is not None:
            return CronRule(trigger.cron, trigger.timezone, trigger.dst_gap, trigger.dst_overlap)
        case TriggerKind.INTERVAL if trigger.every is not None and trigger.anchor is not None:
            return IntervalRule(trigger.every, trigger.anchor)
        case TriggerKind.ONCE if trigger.at is not None:
            return OnceRule(trigger.at)
        case _:
            raise InvalidInput("trigger.kind", trigger.kind, "cron, interval or once with its fields")

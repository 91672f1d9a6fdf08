"""When schedules will fire, as far as their rules say; nothing is planned or written. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice

from resources.records import Schedule, Trigger
from resources.states import TriggerKind
from scheduler_defs.timing.catch_up import first_fire
from scheduler_defs.timing.rules import Rule, next_fire, utc
from scheduler_defs.timing.triggers import rule_of


@dataclass(frozen=True)
class UpcomingFire:
    """One future occurrence of a trigger; a paused one would fire, were it or its schedule not paused."""

    at: datetime
    trigger: Trigger
    paused: bool


def next_fires(
    rule: Rule,
    now: datetime,
    count: int,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> list[datetime]:
    """The first ``count`` occurrences from ``now`` on within the bounds; fewer when the rule ends."""
    found: list[datetime] = []
    following = first_fire(rule, now, starts_at, ends_at, grace=timedelta())
    until = None if ends_at is None else utc("ends_at", ends_at)
    while following is not None and (until is None or following <= until) and len(found) < count:
        found.append(following)
        following = next_fire(rule, following)
    return found


def upcoming(
    schedule: Schedule, triggers: Iterable[Trigger], now: datetime, count: int
) -> list[UpcomingFire]:
    """The next ``count`` occurrences over all triggers of a schedule, those of equal instants by trigger."""
    fires = [
        [
            UpcomingFire(at, trigger, not (schedule.enabled and trigger.enabled))
            for at in next_fires(rule_of(trigger), now, count, schedule.starts_at, schedule.ends_at)
        ]
        for trigger in triggers
        if trigger.kind is not TriggerKind.EVENT
    ]
    return list(islice(merge(*fires, key=lambda fire: (fire.at, fire.trigger.id)), count))

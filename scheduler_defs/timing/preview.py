"""When schedules will fire, as far as their rules and calendars say; nothing is planned or written. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import takewhile

from resources.records import Schedule, Trigger
from resources.states import TriggerKind
from scheduler_defs.timing.catch_up import first_fire
from scheduler_defs.timing.dues import Due, Dues
from scheduler_defs.timing.rules import Rule, next_fire, utc
from scheduler_defs.timing.triggers import Calendars, dues_of, rule_of


@dataclass(frozen=True)
class UpcomingFire:
    """One future occurrence of a trigger: when it is due, and why it would be skipped then.

    A paused one would fire, were it or its schedule not paused.
    """

    scheduled_for: datetime
    due: Due
    trigger: Trigger
    paused: bool


def occurrences(
    rule: Rule,
    now: datetime,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> Iterator[datetime]:
    """Occurrences from ``now`` on within the bounds."""
    following = first_fire(rule, now, starts_at, ends_at, grace=timedelta())
    until = None if ends_at is None else utc("ends_at", ends_at)
    while following is not None and (until is None or following <= until):
        yield following
        following = next_fire(rule, following)


def upcoming(
    schedule: Schedule, triggers: Iterable[Trigger], now: datetime, calendars: Calendars | None = None
) -> Iterator[UpcomingFire]:
    """What triggers of a schedule will do from ``now`` on, in the order in which it is due, equal ones by trigger.

    Events are left out. Raises InvalidInput for a trigger that makes no sense.
    """
    each = [
        _of_trigger(schedule, trigger, now, calendars or {})
        for trigger in triggers
        if trigger.kind is not TriggerKind.EVENT
    ]
    return merge(*each, key=lambda fire: (fire.due.at, fire.trigger.id))


def changes(
    before: Iterable[UpcomingFire], after: Iterable[UpcomingFire], until: datetime
) -> tuple[list[UpcomingFire], list[UpcomingFire]]:
    """Fires up to an instant that only the second has (gained), and that only the first has (lost).

    They are compared by when they are due and how many fire then; skipped ones are no fires.
    """
    old, new = (list(_fires(fires, until)) for fires in (before, after))
    return _without(new, old), _without(old, new)


def _of_trigger(
    schedule: Schedule, trigger: Trigger, now: datetime, calendars: Calendars
) -> Iterator[UpcomingFire]:
    rule, dues = rule_of(trigger), dues_of(trigger, calendars)
    paused = not (schedule.enabled and trigger.enabled)
    left = None if trigger.max_fires is None else trigger.max_fires - trigger.fire_count
    for at in _planned(schedule, trigger, rule, dues, now):
        if left is not None and left <= 0:
            return
        due = dues.of(at)
        if left is not None and due.reason is None:
            left -= 1
        yield UpcomingFire(at, due, trigger, paused)


def _planned(
    schedule: Schedule, trigger: Trigger, rule: Rule, dues: Dues, now: datetime
) -> Iterator[datetime]:
    """Those that passed by the rule but are due later come first."""
    waiting = trigger.next_fire_at
    while waiting is not None and waiting <= now and dues.of(waiting).at > now:
        yield waiting
        waiting = next_fire(rule, waiting)
    yield from occurrences(rule, now, schedule.starts_at, schedule.ends_at)


def _fires(fires: Iterable[UpcomingFire], until: datetime) -> Iterator[UpcomingFire]:
    return (fire for fire in takewhile(lambda one: one.due.at <= until, fires) if fire.due.reason is None)


def _without(fires: Iterable[UpcomingFire], others: Iterable[UpcomingFire]) -> list[UpcomingFire]:
    spare: dict[datetime, int] = {}
    for other in others:
        spare[other.due.at] = spare.get(other.due.at, 0) + 1
    left = []
    for fire in fires:
        if spare.get(fire.due.at, 0):
            spare[fire.due.at] -= 1
        else:
            left.append(fire)
    return left

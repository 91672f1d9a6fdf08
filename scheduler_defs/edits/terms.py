"""What holds for the triggers of a schedule beside their rules."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypedDict

from resources.errors import InvalidInput
from resources.records import Trigger
from resources.states import DayMatch, DstGap, DstOverlap
from resources.store import Store
from scheduler_defs.timing.wall_clock import zone

LONGEST_JITTER = timedelta(days=1)
MOST_CALENDARS = 10


class TriggerTerms(TypedDict, total=False):
    """Jitter, calendars by name, and the number of fires a trigger ends with; what is left out stays as it is."""

    jitter: timedelta
    calendars: Sequence[str]
    max_fires: int | None


class CronClock(TypedDict, total=False):
    """How cron triggers read the clock; what is left out stays as it is."""

    timezone: str
    dst_gap: DstGap
    dst_overlap: DstOverlap
    day_match: DayMatch


def hold_terms(store: Store, tenant_id: str, terms: TriggerTerms) -> None:
    """Checks terms and holds their calendars until the transaction ends, before anything else is locked.

    Raises InvalidInput naming the field, NotFound for a calendar.
    """
    if not timedelta() <= terms.get("jitter", timedelta()) <= LONGEST_JITTER:
        raise InvalidInput("jitter", terms["jitter"], "0 seconds to 1 day")
    most = terms.get("max_fires")
    if most is not None and most < 1:
        raise InvalidInput("max_fires", most, "1 or more")
    names = [*terms.get("calendars", ())]
    if len({*names}) != len(names) or len(names) > MOST_CALENDARS:
        raise InvalidInput("calendars", ", ".join(names), f"at most {MOST_CALENDARS} names, each once")
    if names:
        store.calendars.hold(tenant_id, names)


def check_clock(triggers: Sequence[Trigger], clock: CronClock) -> None:
    """Raises InvalidInput for an unknown time zone, and where no cron trigger is there to go by the clock."""
    for name, value in clock.items():
        if all(one.cron is None for one in triggers):
            raise InvalidInput(name, str(value), "nothing for a schedule without a cron trigger")
    if "timezone" in clock:
        zone(clock["timezone"])


def adjusted(trigger: Trigger, terms: TriggerTerms, clock: CronClock) -> Trigger:
    """A trigger under other terms and, if it is a cron, by another clock."""
    changes = {**terms} if trigger.cron is None else {**terms, **clock}
    return replace(trigger, **changes)  # type: ignore[arg-type]


def differing(triggers: Sequence[Trigger], terms: TriggerTerms, clock: CronClock) -> list[Trigger]:
    """Triggers that other terms or another clock would change."""
    return [one for one in triggers if adjusted(one, terms, clock) != one]

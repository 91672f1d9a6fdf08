"""Looks ahead, before or after an edit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from resources.errors import InvalidInput
from resources.store import Store
from scheduler_defs.edits.surroundings import read_calendars
from scheduler_defs.edits.terms import CronClock, TriggerTerms, check_clock, hold_terms
from scheduler_defs.edits.triggers import as_edited
from scheduler_defs.edits.wanted_schedules import check_schedule
from scheduler_defs.timing.preview import UpcomingFire, changes, upcoming
from scheduler_defs.timing.rules import Rule

MOST = 1000
LONGEST_HORIZON = timedelta(days=3660)
MOST_COMPARED = 100_000


@dataclass(frozen=True)
class Difference:
    """What an edit would change of the fires up to an instant."""

    until: datetime
    gained: list[UpcomingFire]
    lost: list[UpcomingFire]


def preview_fires(store: Store, tenant_id: str, name: str, count: int = 10) -> list[UpcomingFire]:
    """The next occurrences of a schedule over all its triggers, also while it is paused.

    Raises NotFound, InvalidInput for a count outside 1 to 1000.
    """
    if not 1 <= count <= MOST:
        raise InvalidInput("count", count, f"1 to {MOST}")
    schedule = store.schedules.get_by_name(tenant_id, name)
    triggers = store.triggers.list_of_schedule(tenant_id, schedule.id)
    fires = upcoming(schedule, triggers, store.now(), read_calendars(store, triggers))
    return list(islice(fires, count))


def diff_fires(
    store: Store,
    tenant_id: str,
    name: str,
    horizon: timedelta,
    *,
    rules: Sequence[Rule] = (),
    terms: TriggerTerms | None = None,
    clock: CronClock | None = None,
    bounds: tuple[datetime | None, datetime | None] | None = None,
    now: datetime | None = None,
) -> Difference:
    """Which fires a schedule would gain and lose by other rules, terms, clock or bounds (start, end).

    Nothing is written.

    Raises NotFound, InvalidInput naming the field, also for a horizon with more than 100,000 fires.
    """
    if not timedelta() < horizon <= LONGEST_HORIZON:
        raise InvalidInput("horizon", horizon, f"above 0 and at most {LONGEST_HORIZON.days} days")
    terms, clock = terms or {}, clock or {}
    hold_terms(store, tenant_id, terms)
    schedule = store.schedules.get_by_name(tenant_id, name)
    triggers = store.triggers.list_of_schedule(tenant_id, schedule.id)
    check_clock(triggers, clock)
    now = now or store.now()
    wanted = schedule if bounds is None else replace(schedule, starts_at=bounds[0], ends_at=bounds[1])
    check_schedule(wanted)
    changed = as_edited(wanted, triggers, rules, terms, clock, now)
    calendars = read_calendars(store, [*triggers, *changed])
    until = now + horizon
    before, after = (
        _bounded(upcoming(one, of, now, calendars), horizon)
        for one, of in ((schedule, triggers), (wanted, changed))
    )
    return Difference(until, *changes(before, after, until))


def _bounded(fires: Iterator[UpcomingFire], horizon: timedelta) -> Iterator[UpcomingFire]:
    for number, fire in enumerate(fires):
        if number == MOST_COMPARED:
            expected = f"a shorter time: it holds more than {MOST_COMPARED} fires"
            raise InvalidInput("horizon", horizon, expected)
        yield fire

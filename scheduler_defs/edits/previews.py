"""Looks ahead, before or after an edit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from resources.errors import InvalidInput
from resources.records import Schedule, Trigger
from resources.store import Store
from scheduler_defs.edits.plans import new_trigger, rule_fields
from scheduler_defs.edits.surroundings import read_calendars
from scheduler_defs.edits.terms import TriggerTerms, differing, hold_terms
from scheduler_defs.edits.triggers import replaced_by
from scheduler_defs.edits.wanted_schedules import check_schedule
from scheduler_defs.timing.catch_up import refuse_past
from scheduler_defs.timing.preview import UpcomingFire, changes, upcoming
from scheduler_defs.timing.rules import Rule, validate

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
    bounds: tuple[datetime | None, datetime | None] | None = None,
    now: datetime | None = None,
) -> Difference:
    """Which fires a schedule would gain and lose by other rules, terms or bounds (start, end); nothing is written.

    Raises NotFound, InvalidInput naming the field, also for a horizon with more than 100,000 fires.
    """
    if not timedelta() < horizon <= LONGEST_HORIZON:
        raise InvalidInput("horizon", horizon, f"above 0 and at most {LONGEST_HORIZON.days} days")
    terms = terms or {}
    hold_terms(store, tenant_id, terms)
    schedule = store.schedules.get_by_name(tenant_id, name)
    triggers = store.triggers.list_of_schedule(tenant_id, schedule.id)
    now = now or store.now()
    wanted = schedule if bounds is None else replace(schedule, starts_at=bounds[0], ends_at=bounds[1])
    check_schedule(wanted)
    changed = _changed(wanted, triggers, rules, terms, now)
    calendars = read_calendars(store, [*triggers, *changed])
    until = now + horizon
    before, after = (
        _bounded(upcoming(one, of, now, calendars), horizon)
        for one, of in ((schedule, triggers), (wanted, changed))
    )
    return Difference(until, *changes(before, after, until))


def _changed(
    schedule: Schedule, triggers: Sequence[Trigger], rules: Sequence[Rule], terms: TriggerTerms, now: datetime
) -> list[Trigger]:
    """The triggers as the edit would leave them: those of a given rule stay, as in edit_schedule."""
    spare: list[Trigger] = []
    missing: list[Rule] = []
    if rules:
        spare, missing = replaced_by(triggers, rules)
        for rule in missing:
            validate(rule)
            refuse_past(rule, now, grace=timedelta())
    usable = [trigger for trigger in spare if trigger.enabled]
    made = [new_trigger(schedule, rule, now) for rule in missing[len(usable) :]]
    moved = [replace(one, **rule_fields(rule)) for one, rule in zip(usable, missing, strict=False)]
    kept = [trigger for trigger in triggers if trigger not in spare]
    changed = differing(kept, terms)
    same = [trigger for trigger in kept if trigger not in changed]
    return [*same, *(replace(one, next_fire_at=None, **terms) for one in [*changed, *moved, *made])]


def _bounded(fires: Iterator[UpcomingFire], horizon: timedelta) -> Iterator[UpcomingFire]:
    for number, fire in enumerate(fires):
        if number == MOST_COMPARED:
            expected = f"a shorter time: it holds more than {MOST_COMPARED} fires"
            raise InvalidInput("horizon", horizon, expected)
        yield fire

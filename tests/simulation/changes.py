"""Random edits, as a person would make them."""

from collections.abc import Callable
from datetime import datetime
from random import Random

from resources.database import Database
from resources.errors import AlreadyExists, IllegalTransition, InvalidInput, NotFound
from scheduler_defs.edits import schedules, triggers
from scheduler_defs.edits.calendars import edit_calendar
from tests.simulation.clock import ClockedStore, at
from tests.simulation.world import CALENDARS, HOUR, random_calendar, random_rule, random_terms

REFUSALS = (AlreadyExists, IllegalTransition, InvalidInput, NotFound)
"""What a random edit may run into: a paused trigger is paused, a deleted schedule is edited."""

Edit = Callable[[ClockedStore, Random, str, str], object]


def _some_trigger(store: ClockedStore, random: Random, tenant: str, name: str):
    schedule = store.schedules.get_by_name(tenant, name)
    found = store.triggers.list_of_schedule(tenant, schedule.id)
    if not found:
        raise NotFound("trigger", name)
    return random.choice(sorted(found, key=lambda one: (one.created_at, one.id)))


def change_rules(store, random, tenant, name):
    rules = [random_rule(random, store.now()) for _ in range(random.choice((1, 2)))]
    schedules.edit_schedule(store, tenant, name, {}, "sim", rules=rules, terms=random_terms(random))


def change_bounds(store, random, tenant, name):
    ends_at = random.choice((None, store.now() + random.randrange(1, 72) * HOUR))
    schedules.edit_schedule(store, tenant, name, {"starts_at": None, "ends_at": ends_at}, "sim")


def describe(store, random, tenant, name):
    schedules.edit_schedule(store, tenant, name, {"description": str(random.random())}, "sim")


def pause(store, random, tenant, name):
    schedules.pause_schedule(store, tenant, name, "", "sim")


def resume(store, random, tenant, name):
    schedules.resume_schedule(store, tenant, name, "sim")


def delete(store, random, tenant, name):
    schedules.delete_schedule(store, tenant, name, "sim")


def restore(store, random, tenant, name):
    schedules.restore_schedule(store, tenant, name, "sim")


def start(store, random, tenant, name):
    schedules.trigger_schedule(store, tenant, name, "sim")


def add_trigger(store, random, tenant, name):
    rule = random_rule(random, store.now())
    triggers.add_trigger(store, tenant, name, rule, "sim", random_terms(random))


def change_trigger(store, random, tenant, name):
    trigger = _some_trigger(store, random, tenant, name)
    triggers.edit_trigger(store, tenant, name, trigger.id, random_rule(random, store.now()), "sim")


def remove_trigger(store, random, tenant, name):
    trigger = _some_trigger(store, random, tenant, name)
    triggers.remove_trigger(store, tenant, name, trigger.id, "sim")


def pause_trigger(store, random, tenant, name):
    trigger = _some_trigger(store, random, tenant, name)
    triggers.pause_trigger(store, tenant, name, trigger.id, "sim")


def resume_trigger(store, random, tenant, name):
    trigger = _some_trigger(store, random, tenant, name)
    triggers.resume_trigger(store, tenant, name, trigger.id, "sim")


def change_calendar(store, random, tenant, _):
    wanted = random_calendar(random, random.choice(CALENDARS), store.now())
    said = {"entries": wanted.entries, "on_excluded": wanted.on_excluded, "timezone": wanted.timezone}
    edit_calendar(store, tenant, wanted.name, said, "sim")


EDITS: dict[Edit, int] = {
    change_rules: 4,
    change_bounds: 2,
    describe: 2,
    pause: 2,
    resume: 5,
    delete: 1,
    restore: 4,
    start: 6,
    add_trigger: 3,
    change_trigger: 4,
    remove_trigger: 1,
    pause_trigger: 2,
    resume_trigger: 4,
    change_calendar: 3,
}


def edit_something(
    database: Database, random: Random, names: dict[str, list[str]], instant: datetime
) -> str | None:
    """Makes one random edit in a transaction of its own; its name, None when it was refused."""
    tenant = random.choice(sorted(names))
    name = random.choice(names[tenant])
    edit = random.choices([*EDITS], [*EDITS.values()])[0]
    try:
        with at(database, instant, tenant) as store:
            edit(store, random, tenant, name)
    except REFUSALS:
        return None
    return edit.__name__


def change_the_world(admin, random: Random, tenants: list[str], instant: datetime) -> None:
    """A feed brings advisories, a tenant revises a policy: what `only_if` asks for."""
    if random.random() < 0.1:
        admin.execute(
            "INSERT INTO inventory.feed_revisions (source, added, changed, unchanged, created_at, created_by)"
            " VALUES ('osv', 1, 0, 0, %s, 'sim')",
            [instant],
        )
    if random.random() < 0.3:
        admin.execute(
            "UPDATE inventory.policies SET updated_at = %s WHERE tenant_id = %s",
            [instant, random.choice(tenants)],
        )

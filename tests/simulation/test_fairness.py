"""One tenant with very much to do does not keep another waiting, and no tick grows with what is due."""

import pytest

from scheduler_defs.edits.tenants import create_tenant
from scheduler_defs.sensors.claim import OFFERS_A_CLAIM, RUNS_A_TICK, TRIGGERS_A_TICK, claim
from tests.sensors.conftest import Planter
from tests.simulation.clock import at
from tests.simulation.world import HOUR, MINUTE, START

SCHEDULES, TRIGGERS = 10, 10_000
WRITTEN = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint FROM pg_stat_xact_user_tables"
MOST_WRITTEN = 2 * TRIGGERS_A_TICK + 2 * RUNS_A_TICK + OFFERS_A_CLAIM + 2
"""A run and an advance for each trigger, a launch and an edge for each run, the offers, the tenants' turns."""


@pytest.fixture
def plant(database, admin):
    """Tenants greedy, with 100,000 triggers that are due at START, and modest, with none yet."""
    with at(database, START) as store:
        for tenant in ("greedy", "modest"):
            create_tenant(store, tenant, "sim")
    plant = Planter(admin)
    plant.due(["greedy"], schedules=SCHEDULES, triggers=TRIGGERS, due=START)
    admin.execute("ANALYZE scheduler.triggers, scheduler.schedules")
    return plant


@pytest.fixture
def tick(database):
    """tick(now) claims, and returns how many rows that wrote."""

    def tick(now):
        with database.begin_system() as store:
            before = store.connection.execute(WRITTEN).fetchone()[0]
            claim(store, "here", now)
            return store.connection.execute(WRITTEN).fetchone()[0] - before

    return tick


@pytest.fixture
def fired(admin):
    """fired(tenant) is when its runs were made."""

    def fired(tenant):
        rows = admin.execute(
            "SELECT created_at FROM scheduler.runs WHERE tenant_id = %s AND state = 'queued'", [tenant]
        )
        return [created_at for (created_at,) in rows]

    return fired


def left(admin, now):
    statement = "SELECT count(*) FROM scheduler.triggers WHERE next_due_at <= %s"
    return admin.execute(statement, [now]).fetchone()[0]


def test_a_tenant_with_100_000_due_triggers_does_not_delay_another_tenants_one(plant, tick, fired, admin):
    assert left(admin, START) == SCHEDULES * TRIGGERS
    tick(START)
    tick(START + MINUTE)
    assert fired("modest") == []
    plant.due(["modest"], due=START + 2 * MINUTE)
    tick(START + 2 * MINUTE)
    assert fired("modest") == [START + 2 * MINUTE]
    assert left(admin, START + 2 * MINUTE) > 90_000


def test_it_is_not_delayed_either_when_its_trigger_is_due_last_of_all(plant, tick, fired):
    plant.due(["modest"], due=START + HOUR)
    tick(START + HOUR)
    assert fired("modest") == [START + HOUR]


def test_a_tick_writes_no_more_rows_when_100_000_triggers_are_due(plant, tick, admin):
    written = [tick(START + place * MINUTE) for place in range(5)]
    assert min(written) > 0
    assert max(written) <= MOST_WRITTEN
    assert left(admin, START + 4 * MINUTE) >= SCHEDULES * TRIGGERS - 5 * TRIGGERS_A_TICK

"""The clock is a parameter: a test creates schedules, ticks by hand, and reads the ledger."""

from datetime import UTC, datetime, timedelta

import pytest

from resources.ids import new_id
from resources.records import Run
from resources.states import JobKind, Overlap, RunState
from scheduler_defs.edits.schedules import NewSchedule, create_schedule
from scheduler_defs.sensors.claim import claim

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def make(database, tenant):
    """make(rule, …, name=…, tenant=…, at=…, **fields of NewSchedule) creates a schedule and returns it."""

    def make(*rules, name="nightly", tenant=tenant, at=NOW, **changes):
        wanted = {"kind": JobKind.GRAPH, "overlap": Overlap.ALLOW} | changes
        with database.begin_system() as store:
            return create_schedule(store, tenant, NewSchedule(name, rules=rules, **wanted), "tests", at)

    return make


@pytest.fixture
def tick(database):
    """tick(now) claims as the owner `here` and returns the offers."""

    def tick(now, owner="here"):
        with database.begin_system() as store:
            return claim(store, owner, now)

    return tick


@pytest.fixture
def ledger(database):
    """ledger() is every run of the tenant acme, by its planned instant."""

    def ledger(tenant="acme") -> list[Run]:
        with database.begin(tenant) as store:
            page = store.runs.list(tenant, limit=1000)
            runs = page.items
            while page.next_cursor:
                page = store.runs.list(tenant, cursor=page.next_cursor, limit=1000)
                runs += page.items
        return sorted(runs, key=lambda run: (run.scheduled_for, run.id))

    return ledger


@pytest.fixture
def start(database):
    """start(offers, at) opens launches as Dagster runs would."""

    def start(offers, at):
        worker = new_id()
        fields = {"host": "h", "pid": 1, "kinds": ["graph"], "capacity": 1, "version": "0"}
        with database.begin_system() as store:
            store.workers.register(worker, dagster_run_id=None, now=at, **fields)
            for offer in offers:
                store.launches.acknowledge(offer.id, f"dagster-{offer.id}", at)
                store.runs.open_of_launch(offer.id, f"dagster-{offer.id}", worker, at)

    return start


@pytest.fixture
def finish(database):
    """finish(run, at) ends a running attempt."""

    def finish(run, at, state=RunState.COMPLETED):
        with database.begin(run.tenant_id) as store:
            current = store.runs.get(run.tenant_id, run.id)
            store.runs.finish(current, state, at, reason="cancelled" if state is RunState.CANCELLED else None)

    return finish


class Planter:
    """Many rows at once, by SQL."""

    def __init__(self, admin):
        self.admin = admin

    def due(self, tenants, schedules=1, triggers=1, due=NOW):
        """Schedules and triggers by SQL: the interval triggers are due at an instant, every hour."""
        self.admin.execute(
            """
            WITH made AS (
                INSERT INTO scheduler.schedules (tenant_id, id, name, kind, overlap, created_at, created_by,
                                                 updated_at, updated_by)
                SELECT tenant, gen_random_uuid(), gen_random_uuid()::text, 'graph', 'allow', %(due)s, 'sql',
                       %(due)s, 'sql'
                FROM unnest(%(tenants)s::text[]) AS tenant, generate_series(1, %(schedules)s) AS n
                RETURNING tenant_id, id)
            INSERT INTO scheduler.triggers (tenant_id, id, schedule_id, kind, every, anchor, next_fire_at,
                                            created_at, updated_at)
            SELECT tenant_id, gen_random_uuid(), id, 'interval', '1 hour', %(due)s, %(due)s, %(due)s, %(due)s
            FROM made, generate_series(1, %(triggers)s)
            """,
            {"tenants": tenants, "schedules": schedules, "triggers": triggers, "due": due},
        )

    def pending(self, tenants, each, kind="graph", mode=None):
        """Pending manual runs by SQL."""
        self.admin.execute(
            """
            INSERT INTO scheduler.runs (tenant_id, id, trigger_kind, kind, mode, state, scheduled_for, available_at,
                                        requested_by, created_at)
            SELECT tenant, gen_random_uuid(), 'manual', %(kind)s, %(mode)s, 'pending', %(now)s, %(now)s, 'sql', %(now)s
            FROM unnest(%(tenants)s::text[]) AS tenant, generate_series(1, %(each)s)
            """,
            {"now": NOW, "tenants": tenants, "each": each, "kind": kind, "mode": mode},
        )

    def tenants(self, count):
        names = [f"t{number:04}" for number in range(count)]
        self.admin.execute(
            """
            INSERT INTO scheduler.tenants (tenant_id, display_name, created_at, created_by)
            SELECT name, name, now(), 'sql' FROM unnest(%s::text[]) AS name
            """,
            [names],
        )
        return names


@pytest.fixture
def plant(admin):
    """Plants many rows at once."""
    return Planter(admin)

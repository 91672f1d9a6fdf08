"""Roll-ups of a ledger of many days: each counts its own day, and the stale ones are found."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from resources.database import Database
from resources.settings import SchedulerSettings
from resources.states import JobKind
from scheduler_defs.edits.tenants import create_tenant

DAY = datetime(2026, 3, 14, tzinfo=UTC)
SCHEDULES = 5


@pytest.fixture(scope="module")
def admin(module_database):
    with psycopg.connect(module_database, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def database(module_database):
    with Database(SchedulerSettings(persistence="postgres", dsn=module_database)) as database:
        yield database


@pytest.fixture(scope="module")
def planted(admin, database) -> UUID:
    """Runs of ten days, half of them without a schedule, with their summaries; returns one schedule."""
    with database.begin_system() as store:
        create_tenant(store, "acme", "tests")
    admin.execute(
        """
        INSERT INTO scheduler.schedules (tenant_id, id, name, kind, created_at, created_by, updated_at, updated_by)
        SELECT 'acme', gen_random_uuid(), 's' || n, 'graph', %(day)s, 'sql', %(day)s, 'sql'
        FROM generate_series(1, %(schedules)s) AS n
        """,
        {"day": DAY, "schedules": SCHEDULES},
    )
    admin.execute(
        """
        INSERT INTO scheduler.runs (tenant_id, id, schedule_id, schedule_version, trigger_kind, kind, state, error,
                                    scheduled_for, available_at, requested_by, created_at, finished_at)
        SELECT 'acme', gen_random_uuid(), s.id, s.version, 'manual', 'graph',
            CASE WHEN n / 10 %% 7 = 0 THEN 'cancelled' ELSE 'failed' END, CASE WHEN n / 10 %% 7 > 0 THEN 'boom' END,
            at, at, 'sql', at, at
        FROM generate_series(1, 5000) AS n
        CROSS JOIN LATERAL (
            SELECT %(day)s - n %% 10 * interval '1 day' + n / 10 * interval '1 minute') AS planned (at)
        LEFT JOIN scheduler.schedules AS s ON n / 10 %% 2 = 1 AND s.name = 's' || (1 + n / 20 %% %(schedules)s)
        """,
        {"day": DAY, "schedules": SCHEDULES},
    )
    admin.execute(
        """
        INSERT INTO scheduler.run_summaries (tenant_id, schedule_id, kind, granularity, bucket, completed, failed,
                                             cancelled, skipped, updated_at)
        SELECT 'acme', s.id, 'graph', 'hour', %(day)s - n * interval '1 hour', 0, 0, 1, 0, %(day)s
        FROM scheduler.schedules AS s, generate_series(0, 2000) AS n
        """,
        {"day": DAY},
    )
    admin.execute("ANALYZE scheduler.runs, scheduler.run_summaries, scheduler.schedules")
    return admin.execute("SELECT id FROM scheduler.schedules LIMIT 1").fetchone()[0]


def test_a_roll_up_counts_what_ended_in_the_day(database, planted, admin):
    ended = """
        SELECT count(*) FILTER (WHERE state = 'failed'), count(*) FILTER (WHERE state = 'cancelled') FROM scheduler.runs
        WHERE schedule_id IS NOT DISTINCT FROM %s AND finished_at >= %s AND finished_at < %s
        """
    for schedule_id in (planted, None):
        expected = admin.execute(ended, [schedule_id, DAY, DAY + timedelta(days=1)]).fetchone()
        assert min(expected) > 0
        with database.begin("acme") as store:
            store.run_summaries.roll_up("acme", schedule_id, JobKind.GRAPH, DAY, DAY)
            days = store.run_summaries.list("acme", "day").items
        (day,) = (one for one in days if one.schedule_id == schedule_id)
        assert (day.failed, day.cancelled) == expected


def test_stale_hours_are_those_with_a_run_that_ended_after_their_roll_up(database, planted):
    with database.begin_system() as store:
        listed = store.run_summaries.list_stale(DAY + timedelta(minutes=490), 100)
        nothing = store.run_summaries.list_stale(DAY + timedelta(days=1))
    assert listed
    assert {(tenant, kind, hour) for tenant, _, kind, hour in listed} == {
        ("acme", JobKind.GRAPH, DAY + timedelta(hours=8))
    }
    assert nothing == []


def test_a_limit_takes_the_hours_longest_not_computed(database, planted):
    def listed(limit):
        with database.begin_system() as store:
            return store.run_summaries.list_stale(DAY + timedelta(minutes=300), limit)

    everything, seen = set(listed(1000)), set()
    for number in range(len(everything)):
        (group,) = listed(1)
        seen.add(group)
        with database.begin_system() as store:
            store.run_summaries.roll_up(*group, DAY + timedelta(days=2, minutes=number))
    assert len(everything) > SCHEDULES
    assert seen == everything

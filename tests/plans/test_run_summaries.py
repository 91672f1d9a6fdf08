"""Plans of the roll-ups on a ledger of 50,000 ended runs: only the rows of the period are read."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from resources.database import Database
from resources.queries import load
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
    """Runs of a hundred days, half of them without a schedule, with their summaries; returns one schedule."""
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
            CASE WHEN n / 100 %% 7 = 0 THEN 'cancelled' ELSE 'failed' END, CASE WHEN n / 100 %% 7 > 0 THEN 'boom' END,
            at, at, 'sql', at, at
        FROM generate_series(1, 50000) AS n
        CROSS JOIN LATERAL (
            SELECT %(day)s - n %% 100 * interval '1 day' + n / 100 * interval '1 minute') AS planned (at)
        LEFT JOIN scheduler.schedules AS s ON n / 100 %% 2 = 1 AND s.name = 's' || (1 + n / 200 %% %(schedules)s)
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


def nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def explain(store, mode, query, **parameters):
    """The plan's nodes as they ran, under a custom plan or the generic one of a statement prepared before."""
    store.connection.execute("SELECT set_config('plan_cache_mode', %s, true)", [mode])
    statement = "EXPLAIN (ANALYZE, FORMAT JSON) " + load(query)
    found = store.connection.execute(statement, parameters, prepare=True).fetchone()[0]
    (explained,) = json.loads(found) if isinstance(found, str) else found
    return list(nodes(explained["Plan"]))


def scans_of(found, table):
    return [node for node in found if node.get("Relation Name") == table]


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("of_a_schedule", [True, False])
def test_a_roll_up_reads_the_runs_of_its_day_by_the_index(database, planted, mode, of_a_schedule):
    with database.begin("acme") as store:
        found = explain(
            *(store, mode, "run_summaries/roll_up"),
            tenant_id="acme",
            schedule_id=planted if of_a_schedule else None,
            kind=JobKind.GRAPH,
            hour=DAY,
            day=DAY,
            next_day=DAY + timedelta(days=1),
            now=DAY,
        )
    scans = scans_of(found, "runs")
    read = [node for node in scans if node["Actual Loops"]]
    assert "Seq Scan" not in {node["Node Type"] for node in scans}
    assert {node.get("Index Name") for node in read if node["Node Type"] != "Bitmap Heap Scan"} <= {
        "runs_finished"
    }
    a_day = 50_000 / 100 / 2 / (SCHEDULES if of_a_schedule else 1)
    assert sum(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in read) == a_day


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
            days = store.run_summaries.list("acme", "day")
        (day,) = (one for one in days if one.schedule_id == schedule_id)
        assert (day.failed, day.cancelled) == expected


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
def test_listing_stale_hours_reads_what_ended_lately(database, planted, mode):
    with database.begin_system() as store:
        parameters = {"since": DAY + timedelta(minutes=490), "limit": 100}
        found = explain(store, mode, "run_summaries/list_stale", **parameters)
        listed = store.run_summaries.list_stale(**parameters)
        nothing = store.run_summaries.list_stale(DAY + timedelta(days=1))
    assert "Seq Scan" not in {node["Node Type"] for node in scans_of(found, "runs")}
    assert "runs_skipped_or_cancelled" in {node.get("Index Name") for node in found}
    if mode == "force_custom_plan":
        assert "Seq Scan" not in {node["Node Type"] for node in scans_of(found, "run_summaries")}
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

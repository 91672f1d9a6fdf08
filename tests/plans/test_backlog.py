"""What a long backlog of one schedule costs a claim: a few entries a run at most, and none of what cannot start."""

import pytest

from scheduler_defs.edits.tenants import create_tenant
from tests.plans.explain import Hot, explain
from tests.plans.planting import NOON

WAITING = 5_000
BACKLOG = """
    WITH made AS (
        INSERT INTO scheduler.schedules (tenant_id, id, name, kind, overlap, created_at, created_by,
                                         updated_at, updated_by)
        VALUES ('acme', gen_random_uuid(), 'busy', 'graph', %(overlap)s, %(now)s, 'sql', %(now)s, 'sql')
        RETURNING id),
    timed AS (
        INSERT INTO scheduler.triggers (tenant_id, id, schedule_id, kind, every, anchor, created_at, updated_at)
        SELECT 'acme', id, id, 'interval', '1 minute', %(now)s, %(now)s, %(now)s FROM made
        RETURNING id)
    INSERT INTO scheduler.runs (tenant_id, id, schedule_id, schedule_version, trigger_id, trigger_kind, kind, state,
                                scheduled_for, available_at, created_at, requested_by)
    SELECT 'acme', gen_random_uuid(), id, 1, id, 'interval', 'graph', 'pending',
        %(now)s - n * interval '1 minute', %(now)s, %(now)s, 'sql'
    FROM timed, generate_series(1, %(waiting)s) AS n"""


@pytest.fixture
def read(database, admin):
    """read(overlap, limit of the tenant) is how many rows a claim looks at to find what may start, and how many may."""

    def read(overlap, most=None):
        with database.begin_system() as store:
            create_tenant(store, "acme", "tests", max_concurrent_runs=most)
        admin.execute("SET session_replication_role = replica")
        admin.execute(BACKLOG, {"overlap": overlap, "now": NOON, "waiting": WAITING})
        admin.execute("VACUUM ANALYZE scheduler.runs, scheduler.schedules, scheduler.tenants")
        at = {"now": NOON, "limit": 2000, "per_tenant": 500, "tenants": ["acme"]}
        plan = explain(database, Hot("runs/read_launchable", "", 0, at, None))
        return plan.read, plan.nodes[0]["Actual Rows"]

    return read


def test_runs_that_wait_for_one_another_cost_a_few_entries_each(read):
    looked_at, may_start = read("buffer_all")
    assert may_start == 1
    assert looked_at <= 5 * WAITING


def test_a_tenant_near_its_limit_looks_at_no_more_than_may_start(read):
    looked_at, may_start = read("allow", most=3)
    assert may_start == 3
    assert looked_at <= 30

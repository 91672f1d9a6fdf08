"""Edges that no statement may leave: every pair of states by hand-written SQL, as superuser, against the tables."""

from itertools import product

import psycopg
import pytest

from resources.states import LAUNCH_TRANSITIONS, TRANSITIONS, LaunchState, RunState

REFUSED = "SC003"
ATTEMPT = "fencing_token = 7, started_at = now(), dagster_run_id = 'd', worker_id = (SELECT id FROM scheduler.workers)"
NO_ATTEMPT = "fencing_token = NULL, started_at = NULL, dagster_run_id = NULL, worker_id = NULL"
LAUNCHED = "launch_id = (SELECT id FROM scheduler.launches)"
NOT_SKIPPED = "skipped_count = NULL, skipped_first = NULL, skipped_last = NULL"
OPEN = f"finished_at = NULL, error = NULL, {NOT_SKIPPED}"
ENDED = f"finished_at = now() + interval '1 hour', {NOT_SKIPPED}, {LAUNCHED}, {ATTEMPT}"
SHAPES = {
    RunState.PENDING: f"launch_id = NULL, {NO_ATTEMPT}, {OPEN}",
    RunState.QUEUED: f"{LAUNCHED}, {NO_ATTEMPT}, {OPEN}",
    RunState.RUNNING: f"{LAUNCHED}, {ATTEMPT}, {OPEN}",
    RunState.COMPLETED: f"{ENDED}, error = NULL",
    RunState.FAILED: f"{ENDED}, error = 'boom'",
    RunState.CANCELLED: f"{ENDED}, error = NULL",
    RunState.SKIPPED: f"launch_id = NULL, {NO_ATTEMPT}, finished_at = now(), error = NULL, reason = 'overlap', "
    "skipped_count = 1, skipped_first = scheduled_for, skipped_last = scheduled_for",
}
TAKEN = "dagster_run_id = 'd', acknowledged_at = now()"
LAUNCH_SHAPES = {
    LaunchState.OFFERED: "dagster_run_id = NULL, acknowledged_at = NULL, finished_at = NULL",
    LaunchState.ACKNOWLEDGED: f"{TAKEN}, finished_at = NULL",
    LaunchState.FINISHED: f"{TAKEN}, finished_at = now()",
    LaunchState.DEAD: f"{TAKEN}, finished_at = now()",
}


@pytest.fixture(scope="module")
def rows(module_database):
    """One run, launch and worker; the connection puts a row into a state past the triggers, then lets them be."""
    with psycopg.connect(module_database, autocommit=True) as connection:
        connection.execute("""
            INSERT INTO scheduler.tenants (tenant_id, display_name, created_at, created_by)
            VALUES ('acme', 'Acme', now(), 'sql');
            INSERT INTO scheduler.launches (id, owner, kind, state, created_at)
            VALUES (gen_random_uuid(), 'here', 'graph', 'offered', now());
            INSERT INTO scheduler.workers (id, host, pid, kinds, capacity, version, status, registered_at,
                                           last_heartbeat_at)
            VALUES (gen_random_uuid(), 'h', 1, '{graph}', 1, '0', 'active', now(), now());
            INSERT INTO scheduler.runs (tenant_id, id, trigger_kind, kind, state, scheduled_for, available_at,
                                        requested_by, created_at)
            VALUES ('acme', gen_random_uuid(), 'manual', 'graph', 'pending', now(), now(), 'ann', now());
        """)
        yield connection


def put(rows, table, state, shape):
    rows.execute("SET session_replication_role = replica")
    move(rows, table, state, shape)
    rows.execute("SET session_replication_role = origin")


def move(rows, table, state, shape):
    rows.execute(f"UPDATE scheduler.{table} SET state = '{state}', {shape}")


def refused_by(rows, table, state, shape):
    try:
        move(rows, table, state, shape)
    except psycopg.Error as error:
        return error.sqlstate, error.diag.message_primary
    return None


def allowed(rows, table, shapes):
    """The pairs of states that an update by hand may take, each tried."""
    found = set()
    for source, target in product(shapes, shapes):
        put(rows, table, source, shapes[source])
        if source is target:
            continue
        refusal = refused_by(rows, table, target, shapes[target])
        if refusal is None:
            found.add((source, target))
        else:
            assert refusal == (REFUSED, f"a row of scheduler.{table} cannot go from {source} to {target}")
    return found


def edges(transitions):
    return {(source, target) for source, targets in transitions.items() for target in targets}


def test_runs_leave_their_edges_for_no_statement(rows):
    assert allowed(rows, "runs", SHAPES) == edges(TRANSITIONS)


def test_launches_leave_their_edges_for_no_statement(rows):
    assert allowed(rows, "launches", LAUNCH_SHAPES) == edges(LAUNCH_TRANSITIONS)


@pytest.mark.parametrize(
    ("table", "shapes", "transitions", "change"),
    [
        ("runs", SHAPES, TRANSITIONS, "reason = concat(reason, '!')"),
        ("runs", SHAPES, TRANSITIONS, "priority = priority + 1"),
        ("launches", LAUNCH_SHAPES, LAUNCH_TRANSITIONS, "owner = concat(owner, '!')"),
    ],
)
def test_what_has_ended_never_changes_and_what_is_open_may(rows, table, shapes, transitions, change):
    for state, shape in shapes.items():
        put(rows, table, state, shape)
        update = f"UPDATE scheduler.{table} SET {change}"
        if transitions[state]:
            rows.execute(update)
        else:
            with pytest.raises(psycopg.Error) as refused:
                rows.execute(update)
            assert refused.value.sqlstate == REFUSED
        rows.execute(f"UPDATE scheduler.{table} SET state = state")

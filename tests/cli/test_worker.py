"""scheduler worker: list and drain."""

import json
from datetime import timedelta
from uuid import UUID

import pytest

from resources.ids import new_id
from resources.states import JobKind, RunState, WorkerState


@pytest.fixture
def workers(database):
    """Two workers, the newest first: on alpha, and, heard 40 s ago and silent since, on beta."""
    ids = [new_id(), new_id()][::-1]
    with database.begin_system() as store:
        now = store.now()
        for worker, host, at in zip(ids, ("alpha", "beta"), (now, now - timedelta(seconds=40)), strict=True):
            store.workers.register(
                worker,
                host=host,
                pid=77,
                kinds=[JobKind.GRAPH, JobKind.IMPACT],
                capacity=1,
                version="1.2.3",
                dagster_run_id="0a1b2c3d-ffff",
                now=at,
            )
    return ids


def status_of(database, worker):
    with database.begin_system() as store:
        return store.workers.get(worker).status


def test_workers_are_listed_newest_first_with_how_long_they_are_silent(cli, workers, admin):
    rows = json.loads(cli("worker", "list", "--json").stdout)
    assert [UUID(one["id"]) for one in rows] == workers
    assert [one["host"] for one in rows] == ["alpha", "beta"]
    assert {(one["pid"], one["status"], one["runs"], one["version"]) for one in rows} == {
        (77, "active", 0, "1.2.3")
    }
    assert rows[0]["kinds"] == ["graph", "impact"]
    assert rows[1]["silent_for"] == pytest.approx(rows[0]["silent_for"] + 40)
    assert rows[0]["silent_for"] >= 0
    (elapsed,) = admin.execute(
        "SELECT extract(epoch FROM now() - last_heartbeat_at) FROM scheduler.workers WHERE host = 'beta'"
    ).fetchone()
    assert rows[1]["silent_for"] <= elapsed


def test_the_table_says_it_for_people(cli, workers, environment):
    environment["COLUMNS"] = "100"
    shown = cli("worker", "list", "--host", "beta").stdout
    assert max(map(len, shown.splitlines())) <= 100
    words = shown.split()
    for word in (str(workers[1])[-12:], "beta", "77", "active", "graph,", "impact", "0", "1.2.3", "0a1b2c3d"):
        assert word in words
    assert "(4" in shown
    assert "ago)" in words


def test_the_runs_a_worker_carries_are_counted(cli, scheduler, carry_out, tenant, database):
    started = [UUID(scheduler("run", "start", "--kind", "graph").stdout.strip()) for _ in range(2)]
    carry_out(tenant, started[0], RunState.RUNNING)
    carry_out(tenant, started[1], RunState.COMPLETED)
    with database.begin(tenant) as store:
        carrying, done = (store.runs.get(tenant, run).worker_id for run in started)
    rows = json.loads(cli("worker", "list", "--json").stdout)
    assert {one["id"]: one["runs"] for one in rows} == {str(carrying): 1, str(done): 0}
    said = cli("worker", "drain", carrying).stdout
    assert said == (
        f"worker {carrying} (pid 1 on here) drains: "
        "it finishes what it carries now (1 run) and takes nothing more\n"
    )


def test_the_list_is_narrowed_and_paged(cli, workers, database):
    with database.begin_system() as store:
        store.workers.drain(workers[0])
    draining = json.loads(cli("worker", "list", "--status", "draining", "--json").stdout)
    assert [UUID(one["id"]) for one in draining] == [workers[0]]
    first = cli("worker", "list", "--limit", 1, "--json")
    assert [UUID(one["id"]) for one in json.loads(first.stdout)] == [workers[0]]
    cursor = first.stderr.split("--cursor ")[1].strip()
    (last,) = json.loads(cli("worker", "list", "--limit", 1, "--cursor", cursor, "--json").stdout)
    assert UUID(last["id"]) == workers[1]
    assert cli("worker", "list", "--host", "gamma").stderr == "no workers\n"


@pytest.mark.parametrize("part", [slice(None), slice(-12, None)])
def test_a_drain_is_done_and_audited(cli, workers, database, part):
    result = cli("worker", "drain", str(workers[1])[part], "--actor", "ann")
    assert result.stdout == (
        f"worker {workers[1]} (pid 77 on beta) drains: "
        "it finishes what it carries now (0 runs) and takes nothing more\n"
    )
    assert [status_of(database, one) for one in workers] == [WorkerState.ACTIVE, WorkerState.DRAINING]
    with database.begin_system() as store:
        (entry, *_) = store.audit.list_of_no_tenant().items
    assert (entry.actor, entry.action, entry.entity, entry.entity_id) == (
        *("ann", "drain", "worker", str(workers[1])),
    )
    assert entry.old == {"status": "active", "host": "beta", "pid": 77}
    assert entry.new == {"status": "draining", "host": "beta", "pid": 77}


@pytest.mark.parametrize("status", [one for one in WorkerState if one is not WorkerState.ACTIVE])
def test_a_worker_that_is_not_active_does_not_drain(refused, workers, admin, database, status):
    admin.execute(
        "UPDATE scheduler.workers SET status = %s, ended_at = CASE WHEN %s THEN now() END",
        [status, status is not WorkerState.DRAINING],
    )
    error = refused("worker", "drain", workers[0], code=1)
    assert error == f"Error: worker {workers[0]} is {status}; it cannot become draining"
    assert status_of(database, workers[0]) is status


def test_what_names_no_worker_is_refused(refused, workers):
    assert "worker 'ffff' does not exist" in refused("worker", "drain", "ffff")
    assert "several workers match" in refused("worker", "drain", str(workers[0])[:6])
    assert "a worker id, or how one begins or ends" in refused("worker", "drain", "zzz")
    assert "'asleep' is not one of" in refused("worker", "list", "--status", "asleep")
    assert "cursor" in refused("worker", "list", "--cursor", "x")

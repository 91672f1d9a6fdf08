"""The steps of the upkeep: what they do, which locks they take, that nobody who writes waits for them."""

import re
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from resources.database import Database
from resources.ids import new_id
from resources.inventory_records import LeftOut
from resources.records import ImpactSnapshot, LogLine
from resources.states import JobKind, RunState
from scheduler_defs.edits.runs import cancel_run, request_run
from scheduler_defs.ops import upkeep

PAGE = Path(__file__).parents[2] / "docs" / "maintenance.md"
YEARS = timedelta(days=800)
LATER = timedelta(days=200)


@pytest.fixture
def now(database, tenant):
    with database.begin_system() as store:
        return store.now()


@pytest.fixture
def say():
    return []


@pytest.fixture
def plant_run(database, tenant, now):
    """Plants a completed run that took a second and said a line."""

    def make(at=now, tenant=tenant):
        launch, worker = new_id(), new_id()
        with database.begin_system() as store:
            run_id = request_run(store, tenant, JobKind.GRAPH, "tests")
            store.launches.create_many({launch: JobKind.GRAPH}, "here", at)
            run = store.runs.get(tenant, run_id)
            store.runs.enqueue_many({launch: [run]})
            fields = {"host": "h", "pid": 1, "kinds": [JobKind.GRAPH], "capacity": 1, "version": "0"}
            store.workers.register(worker, dagster_run_id="d", now=at, **fields)
            store.launches.acknowledge(launch, "d", at)
            store.runs.open_of_launch(launch, "d", worker, at)
            run = store.runs.get(tenant, run_id)
            store.runs.finish(run, RunState.COMPLETED, at + timedelta(seconds=1))
            store.launches.finish(launch, "d", at)
            store.workers.deregister(worker, at)
            store.execution_logs.append(run, [LogLine(1, 1, at, "info", "said", {})])
            return store.runs.get(tenant, run_id)

    return make


def ledger(admin):
    tables = ("runs", "launches", "workers", "execution_logs")
    return [admin.execute(f"SELECT count(*) FROM scheduler.{name}").fetchone()[0] for name in tables]


def test_each_step_leaves_what_is_within_retention(database, admin, plant_run, now, say):
    plant_run()
    for step in upkeep.STEPS:
        done = step(database, now, say.append)
        assert (sum(done.done.values()), done.left) == (0, []), done
    assert ledger(admin) == [1, 1, 1, 1]


def test_runs_past_retention_go_with_their_launches_and_workers(database, admin, plant_run, now, say):
    plant_run()
    plant_run(tenant="globex")
    step = upkeep.prune_runs(database, now + YEARS, say.append)
    assert {name: number for name, number in step.done.items() if number} == {
        "runs": 2,
        "launches": 2,
        "workers": 2,
    }
    assert ledger(admin) == [0, 0, 0, 2], "logs go by the month"
    assert any("runs of globex, batch 1: 1 runs" in line for line in say)
    midnight = (now + YEARS - timedelta(days=400)).replace(hour=0, minute=0, second=0, microsecond=0)
    with database.begin_system() as store:
        assert store.retention.ledger_since("acme") == midnight


def test_settings_say_how_long_and_how_many_at_a_time(settings, admin, plant_run, now, say):
    for _ in range(3):
        plant_run()
    short = settings.model_copy(update={"run_retention_days": 799, "prune_batch_size": 2})
    with Database(settings.model_copy(update={"run_retention_days": 802})) as kept:
        assert not upkeep.prune_runs(kept, now + YEARS, say.append).done.get("runs")
    with Database(short) as database:
        assert upkeep.prune_runs(database, now + YEARS, say.append).done["runs"] == 3
    assert [line for line in say if line.startswith("runs of acme")] == [
        "runs of acme, batch 1: 2 runs",
        "runs of acme, batch 2: 1 runs",
    ]


def test_an_import_that_was_cut_off_goes_after_a_day(database, now, say):
    with database.begin_system() as store:
        store.imports.begin(new_id(), "feed", "0" * 64, "ann", now)
    pruned = [upkeep.prune_runs(database, now + timedelta(hours=hours), say.append) for hours in (24, 25)]
    assert [step.done["advisory_imports"] for step in pruned] == [0, 1]


def test_what_imports_of_tenants_left_out_goes_with_the_runs_of_its_day(settings, tenant, now, say):
    left_out = [LeftOut(number, "a.json", None, "", "is not JSON") for number in (1, 2, 3)]
    with Database(settings.model_copy(update={"prune_batch_size": 2})) as database:
        with database.begin(tenant) as store:
            store.tenant_quarantine.add(tenant, new_id(), "sbom", "sboms", left_out, now)
        pruned = [upkeep.prune_runs(database, now + timedelta(days=days), say.append) for days in (400, 401)]
    assert [step.done["tenant_quarantine"] for step in pruned] == [0, 3]
    assert say[-1] == "what imports of tenants left out, batch 2: 1 tenant_quarantine"


def test_log_partitions_are_made_and_dropped(database, admin, plant_run, now, say):
    plant_run()
    made = upkeep.keep_partitions(database, now + LATER, say.append)
    assert made.done["partitions made"] >= 3
    assert upkeep.keep_partitions(database, now + LATER, say.append).done == {"partitions made": 0}
    dropped = upkeep.drop_partitions(database, now + LATER, say.append)
    assert dropped.done["partitions dropped"] >= 1
    assert ledger(admin) == [1, 1, 1, 0]


def test_a_tenant_somebody_holds_is_left_for_the_next_run(database, admin, plant_run, now, say, monkeypatch):
    monkeypatch.setattr(upkeep, "LONGEST_WAIT", timedelta(milliseconds=20))
    plant_run()
    plant_run(tenant="globex")
    with admin.transaction():
        admin.execute("SELECT FROM scheduler.tenants WHERE tenant_id = 'acme' FOR NO KEY UPDATE")
        step = upkeep.prune_runs(database, now + YEARS, say.append)
    assert step.done["runs"] == 1
    (left,) = step.left
    assert left.startswith("runs of acme: somebody holds")


def test_there_is_an_end_to_the_batches_of_one_run(settings, plant_run, now, say, monkeypatch):
    monkeypatch.setattr(upkeep, "BATCHES", 1)
    for _ in range(2):
        plant_run()
    with Database(settings.model_copy(update={"prune_batch_size": 1})) as database:
        step = upkeep.prune_runs(database, now + YEARS, say.append)
        assert step.done["runs"] == 1
        assert step.left == [
            f"{what}: more than 1 batches; the next run goes on"
            for what in ("runs of acme", "launches, workers and notifications")
        ]


def test_what_was_cancelled_hours_ago_is_counted(database, admin, tenant, now, say):
    with database.begin_system() as store:
        run = store.runs.get(tenant, request_run(store, tenant, JobKind.GRAPH, "ann"))
        cancel_run(store, run, "ann")
    assert upkeep.repair_summaries(database, now + timedelta(hours=25), say.append).done == {
        "hours rolled up": 0
    }
    assert upkeep.repair_summaries(database, now + timedelta(hours=23), say.append).done == {
        "hours rolled up": 1
    }
    with database.begin(tenant) as store:
        assert [one.cancelled for one in store.run_summaries.list(tenant, "day").items] == [1]


def test_summaries_of_a_period_are_rebuilt(database, tenant, plant_run, now, say):
    plant_run()
    day = timedelta(days=1)
    assert upkeep.rebuild_summaries(database, tenant, now - 9999 * day, now, say.append) == 1
    assert len(say) == 1, "days without anything are passed over"
    with database.begin(tenant) as store:
        (summary,) = store.run_summaries.list(tenant, "day").items
    assert summary.completed == 1


def locks_of_the_page():
    rows = re.findall(r"^\| `(\w+)` \| `([\w.]+)` \| `(\w+)` \|", PAGE.read_text(), re.MULTILINE)
    return set(rows)


def test_the_page_lists_the_locks_that_are_taken(database, plant_run, now, say):
    """At the end of each transaction the locks of its own session; those of a detach are proved by its own tests."""
    old = plant_run()
    with database.begin_system() as store:
        snapshot = ImpactSnapshot("acme", new_id(), old.id, None, {}, 1, 1, 0, "a" * 64, now)
        store.impact_snapshots.create(snapshot, {new_id(): []})
        run = store.runs.get("acme", request_run(store, "acme", JobKind.GRAPH, "ann"))
        cancel_run(store, run, "ann")
        store.imports.begin(new_id(), "feed", "0" * 64, "ann", now)
    steps = [
        upkeep.keep_partitions(database, now + LATER, say.append),
        upkeep.drop_partitions(database, now + LATER, say.append),
        upkeep.repair_summaries(database, now, say.append),
        upkeep.prune_runs(database, now + YEARS, say.append),
    ]
    taken = {(step.name, lock.relation, lock.mode) for step in steps for lock in step.locks}
    assert taken == locks_of_the_page()


def test_nobody_who_writes_waits_for_a_prune(settings, database, admin, tenant, plant_run, now):
    """A batch has deleted and not committed; writers of every table it touched go on."""
    plant_run()
    running = plant_run()
    with database.begin_system() as pruning:
        before = (now + LATER).replace(hour=0, minute=0, second=0, microsecond=0)
        assert pruning.retention.prune_runs("globex", before, 10).runs == 0
        assert pruning.retention.prune_runs("acme", before, 1).runs == 1
        with database.begin_system() as writer:
            writer.retention.limit_waiting(timedelta(milliseconds=100))
            writer.execution_logs.append(running, [LogLine(1, 2, now, "info", "said", {})])
            writer.connection.execute(
                "INSERT INTO scheduler.runs (tenant_id, id, trigger_kind, kind, state, scheduled_for, available_at,"
                " requested_by, created_at) VALUES ('acme', gen_random_uuid(), 'manual', 'graph', 'pending', now(),"
                " now(), 'ann', now())"
            )
            writer.connection.execute(
                "INSERT INTO scheduler.graph_jobs (tenant_id, id, run_id, kind, image_id, sbom_id, status, created_at)"
                " VALUES ('acme', gen_random_uuid(), %(run)s, 'build', %(run)s, %(run)s, 'pending', now())",
                {"run": running.id},
            )
            writer.run_summaries.roll_up("acme", None, JobKind.GRAPH, now, now)
            pid = writer.connection.info.backend_pid
            assert admin.execute("SELECT pg_blocking_pids(%s)", [pid]).fetchone() == ([],)
            with pytest.raises(psycopg.errors.LockNotAvailable), writer.connection.transaction():
                writer.connection.execute(
                    "UPDATE scheduler.tenants SET display_name = 'x' WHERE tenant_id = 'acme'"
                )


def test_a_pooler_leaves_the_partitions_and_says_so(settings, pooler, now, say):
    with Database(pooler.settings(settings)) as database:
        step = upkeep.drop_partitions(database, now + LATER, say.append)
    assert (step.done, step.locks) == ({"partitions dropped": 0}, set())
    assert "SCHEDULER_DIRECT_DSN" in step.left[0]


def test_a_direct_dsn_goes_past_the_pooler(settings, now, say):
    direct = settings.model_copy(update={"direct_dsn": SecretStr(settings.conninfo())})
    with Database(direct) as database:
        assert upkeep.drop_partitions(database, now + LATER, say.append).done["partitions dropped"] >= 1

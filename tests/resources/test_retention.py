"""What is past retention goes, in batches; what is open, kept or needed stays."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from resources.errors import NotFound
from resources.ids import new_id
from resources.records import HeldLock, ImpactSnapshot, Pruned
from resources.states import JobKind, PolicyMode, RunState

BEFORE = datetime(2026, 3, 15, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TABLES = [
    *("runs", "graph_jobs", "policy_jobs", "impact_snapshots", "impact_snapshot_images"),
    *("run_summaries", "launches", "workers"),
]


@pytest.fixture
def count(admin):
    def of(table, where="true"):
        return admin.execute(f"SELECT count(*) FROM scheduler.{table} WHERE {where}").fetchone()[0]

    return of


@pytest.fixture
def end(database):
    def at(run, finished_at, state=RunState.COMPLETED):
        with database.begin_system() as store:
            store.runs.finish(run, state, finished_at, error="boom" if state is RunState.FAILED else None)
        return run

    return at


@pytest.fixture
def ended(plant, end):
    """Plants a run that ended at an instant, a minute after it was planned."""

    def make(at=plant.now, tenant="acme", **changes):
        planned = at - timedelta(minutes=1)
        return end(plant.running(planned, tenant=tenant, scheduled_for=planned, **changes), at)

    return make


@pytest.fixture
def prune(database):
    def call(tenant="acme", before=BEFORE, batch=1000):
        with database.begin_system() as store:
            return store.retention.prune_runs(tenant, before, batch)

    return call


@pytest.fixture
def retry(admin, plant):
    """Plants a pending retry of a run, as the superuser."""

    def of(run):
        values = {"id": new_id(), "of": run.id, "tenant": run.tenant_id, "now": plant.now}
        admin.execute(
            """
            INSERT INTO scheduler.runs (tenant_id, id, trigger_kind, retry_of, kind, state, scheduled_for, available_at,
                requested_by, created_at)
            VALUES (%(tenant)s, %(id)s, 'retry', %(of)s, 'graph', 'pending', %(now)s, %(now)s, 'ann', %(now)s)
            """,
            values,
        )
        return values["id"]

    return of


def busy(database, plant, images=3):
    """A running run of each kind, with what belongs to it."""
    shop = [plant.image(f"shop{number}") for number in range(images)]
    graph, policy, impact = (
        plant.running(kind=kind, mode=PolicyMode.FULL if kind is JobKind.POLICY else None)
        for kind in (JobKind.GRAPH, JobKind.POLICY, JobKind.IMPACT)
    )
    with database.begin("acme") as store:
        store.graph_jobs.create_many(graph, shop, plant.now)
        store.policy_jobs.create_many(policy, PolicyMode.FULL, shop, plant.now)
        kept = ImpactSnapshot("acme", new_id(), impact.id, None, {}, 1, images, 0, "a" * 64, plant.now)
        store.impact_snapshots.create(kept, {image.id: [] for image in shop})
    return graph, policy, impact


def test_a_run_goes_with_all_that_belongs_to_it(database, plant, end, prune, count):
    for run in busy(database, plant):
        end(run, plant.now)
    assert prune() == Pruned(3, 3, 3, 1, 3)
    assert [count(table) for table in TABLES[:5]] == [0] * 5
    assert sum(asdict(prune()).values()) == 0


def test_work_items_beyond_a_batch_go_first(database, plant, end, prune, count):
    for number, run in enumerate(busy(database, plant)):
        end(run, plant.now + number * SECOND)
    assert prune(batch=2) == Pruned(0, 2, 2, 0, 0), "of the two oldest runs"
    while sum(asdict(done := prune(batch=2)).values()):
        assert max(asdict(done).values()) <= 2
    assert [count(table) for table in TABLES[:5]] == [0] * 5


def test_the_oldest_go_first_and_no_more_than_a_batch(database, ended, prune, plant):
    runs = [ended(plant.now - SECOND * age) for age in (1, 3, 2)]
    assert prune(batch=2).runs == 2
    with database.begin_system() as store:
        assert store.runs.get("acme", runs[0].id)
        for gone in runs[1:]:
            with pytest.raises(NotFound):
                store.runs.get("acme", gone.id)


def test_what_ended_or_was_planned_within_retention_stays(plant, end, ended, prune, count):
    ended(BEFORE)
    end(plant.running(scheduled_for=BEFORE), plant.now)
    skipped = {"reason": "overlap", "skipped_count": 2, "skipped_first": plant.now - SECOND}
    trigger = plant.trigger(plant.schedule())
    plant.fired(trigger, plant.now, **skipped, skipped_last=BEFORE)
    assert prune().runs == 0
    assert count("runs") == 3
    plant.fired(trigger, plant.now - SECOND, **skipped, skipped_last=BEFORE - SECOND)
    ended(BEFORE - SECOND)
    assert prune().runs == 2


def test_an_open_run_stays_however_old(plant, prune, count, ended):
    plant.run()
    plant.launch(plant.run())
    plant.running()
    ended()
    assert prune(before=BEFORE + timedelta(days=4000)).runs == 1
    assert count("runs") == 3


def test_a_run_stays_while_a_retry_of_it_is_kept(ended, prune, count, retry, admin, plant):
    first = ended()
    second = retry(first)
    assert prune().runs == 0
    assert count("runs") == 2
    admin.execute(
        "UPDATE scheduler.runs SET state = 'cancelled', finished_at = %s WHERE id = %s", [plant.now, second]
    )
    assert [prune().runs, prune().runs] == [1, 1], "a retry goes first, then what it retried"


def test_a_run_that_is_kept_for_its_retry_keeps_its_work_items(database, plant, end, prune, count, retry):
    graph, *others = busy(database, plant)
    for run in (graph, *others):
        end(run, plant.now)
    retry(graph)
    assert prune() == Pruned(2, 0, 3, 1, 3)
    assert (count("runs"), count("graph_jobs")) == (2, 3)


def test_a_run_that_somebody_holds_is_left_without_waiting(database, ended, prune, admin):
    held, other = ended(), ended()
    with admin.transaction():
        admin.execute("SELECT FROM scheduler.runs WHERE id = %s FOR KEY SHARE", [held.id])
        assert prune().runs == 1
    with database.begin_system() as store:
        assert store.runs.get("acme", held.id)
        with pytest.raises(NotFound):
            store.runs.get("acme", other.id)


def test_only_this_tenants_runs_go(ended, prune, database):
    ended()
    other = ended(tenant="globex")
    assert prune().runs == 1
    with database.begin_system() as store:
        assert store.retention.list_tenants(BEFORE) == ["globex"]
        assert store.runs.get("globex", other.id)


def test_tenants_with_nothing_to_prune_are_not_listed(database, plant, ended, retry):
    with database.begin_system() as store:
        assert store.retention.list_tenants(BEFORE) == []
    plant.running()
    retry(ended())
    ended(BEFORE)
    with database.begin_system() as store:
        assert store.retention.list_tenants(BEFORE) == []
    ended()
    with database.begin_system() as store:
        assert store.retention.list_tenants(BEFORE) == ["acme"]


def test_the_ledger_says_since_when_it_is_whole(database, ended, prune):
    def since(tenant="acme"):
        with database.begin_system() as store:
            return store.retention.ledger_since(tenant)

    ended()
    assert since() is None
    prune()
    assert (since(), since("globex")) == (BEFORE, None)
    prune(before=BEFORE - timedelta(days=1))
    assert since() == BEFORE, "it never goes back"
    prune(before=BEFORE + timedelta(days=1))
    assert since() == BEFORE + timedelta(days=1)
    with pytest.raises(NotFound):
        since("nobody")


def test_the_day_and_the_prune_are_one_transaction(database, ended, count):
    ended()
    with database.begin_system() as store, store.connection.transaction(force_rollback=True):
        assert store.retention.prune_runs("acme", BEFORE, 1000).runs == 1
        assert store.retention.ledger_since("acme") == BEFORE
    assert count("tenants", "ledger_since IS NOT NULL") == 0
    assert count("runs") == 1


def test_a_ledger_is_whole_since_the_beginning_of_a_day(database, tenant):
    with pytest.raises(psycopg.errors.CheckViolation, match="ledger_since_a_day"):
        with database.begin_system() as store:
            store.retention.prune_runs(tenant, BEFORE + SECOND, 1000)


@pytest.mark.parametrize("table", ["launches", "workers"])
def test_launches_and_workers_go_once_no_run_names_them(database, plant, ended, prune, admin, table):
    """Of each: one of an ended run, one of a running one, two that ended without a run, one that goes on."""

    def drop(before=BEFORE, batch=1000):
        with database.begin_system() as store:
            return getattr(store.retention, f"prune_{table}")(before, batch)

    ended()
    plant.running()
    alone = [(new_id(), plant.worker()) for _ in range(3)]
    with database.begin_system() as store:
        launches = dict.fromkeys((launch for launch, _ in alone), JobKind.GRAPH)
        store.launches.create_many(launches, "here", plant.now)
        for launch, worker in alone[:2]:
            store.launches.bury(launch, plant.now)
            store.workers.deregister(worker, plant.now)
    end_all = "SET {} = %(now)s, {} WHERE id IN (SELECT {} FROM scheduler.runs)"
    for name, change in {
        "launches": end_all.format("finished_at", "state = 'finished'", "launch_id"),
        "workers": end_all.format("ended_at", "status = 'gone'", "worker_id"),
    }.items():
        admin.execute(f"UPDATE scheduler.{name} {change}", {"now": plant.now})
    assert drop(before=plant.now) == 0
    assert [drop(batch=1), drop(), drop()] == [1, 1, 0]
    assert prune().runs == 1
    assert [drop(), drop()] == [1, 0], "those of the running run and the open ones stay"


@pytest.mark.parametrize("table", TABLES)
def test_a_tenant_deletes_nothing(database, tenant, table):
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.begin(tenant) as store:
        store.connection.execute(f"DELETE FROM scheduler.{table}")


def test_a_transaction_waits_no_longer_than_it_is_let(database, tenant, admin):
    with admin.transaction():
        admin.execute("LOCK TABLE scheduler.runs IN ACCESS EXCLUSIVE MODE")
        with database.begin_system() as store:
            store.retention.limit_waiting(timedelta(milliseconds=20))
            with pytest.raises(psycopg.errors.LockNotAvailable), store.connection.transaction():
                store.retention.list_tenants(BEFORE)
    with database.begin_system() as store:
        assert store.connection.execute("SHOW lock_timeout").fetchone() != ("20ms",)


def test_a_transaction_tells_which_tables_it_has_locked(database, tenant):
    far = datetime(2031, 5, 6, tzinfo=UTC)
    with database.begin_system() as store:
        assert store.retention.locks_held() == []
        store.retention.ledger_since(tenant)
        store.execution_logs.ensure_partitions(far, far)
        held = store.retention.locks_held()
    assert HeldLock("scheduler.tenants", "AccessShareLock") in held
    assert HeldLock("scheduler.execution_logs_YYYYMM", "AccessExclusiveLock") in held

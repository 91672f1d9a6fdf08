"""PooledPostgresStorage: Dagster's own storage behind one pool, on a real server that may lose it."""

import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import psutil
import psycopg
import pytest
from dagster import DagsterInstance
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.runs import SqlRunStorage
from dagster._core.storage.schedules import SqlScheduleStorage
from dagster_postgres import DagsterPostgresStorage
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import event
from sqlalchemy.pool import NullPool, QueuePool

from resources.errors import ServerUnavailable
from resources.settings import SchedulerSettings
from scheduler_defs.launching.storage import POOL_OVERFLOW, POOL_SIZE, PooledPostgresStorage

SCRATCH = "/var/tmp"
PATIENCE_SECONDS = 30
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"


@pytest.fixture
def dagster_settings(server, settings, make_database) -> SchedulerSettings:
    own = server.conninfo(make_database("OWNER scheduler"))
    return SchedulerSettings(persistence="postgres", dsn=settings.conninfo(), dagster_dsn=own)


@pytest.fixture
def backends(server, dagster_settings):
    """The pids of the server's processes that serve Dagster's database now."""
    name = conninfo_to_dict(dagster_settings.dagster_conninfo())["dbname"]
    with psycopg.connect(server.conninfo("postgres", "postgres"), autocommit=True) as connection:

        def read() -> set[int]:
            return {pid for (pid,) in connection.execute(BACKENDS, [name])}

        yield read


def storages(storage):
    return (storage._run_storage, storage._event_log_storage, storage._schedule_storage)


def use(storage):
    """One statement on each of the three storages."""
    for one in storages(storage):
        use_one(one)


def use_one(storage):
    match storage:
        case SqlRunStorage():
            storage.get_runs(limit=1)
        case SqlEventLogStorage():
            storage.get_logs_for_run("00000000-0000-0000-0000-000000000000")
        case SqlScheduleStorage():
            storage.all_instigator_state()


def test_dagster_postgres_still_keeps_its_engines_where_we_replace_them(dagster_settings):
    """The private names that PooledPostgresStorage leans on; fails when a new dagster-postgres moves them."""
    stock = DagsterPostgresStorage(dagster_settings.dagster_url())
    for storage in storages(stock):
        assert isinstance(vars(storage)["_engine"].pool, NullPool), storage


def test_the_three_storages_share_one_pool(dagster_settings):
    storage = PooledPostgresStorage(dagster_settings)
    runs, events, schedules = storages(storage)
    assert runs._engine is events._engine is schedules._engine
    pool = runs._engine.pool
    assert isinstance(pool, QueuePool)
    assert (pool.size(), pool._max_overflow) == (POOL_SIZE, POOL_OVERFLOW)
    for one in storages(storage):
        taken: list[object] = []
        event.listen(pool, "checkout", lambda *_, taken=taken: taken.append(1))
        use_one(one)
        assert taken, one


def test_operations_use_the_same_few_connections(dagster_settings, backends):
    storage = PooledPostgresStorage(dagster_settings)
    before = backends()
    seen = set()
    for _ in range(50):
        use(storage)
        seen |= backends()
    assert len(seen - before) == 1
    assert backends() >= seen - before


def test_stock_storage_would_keep_none(dagster_settings, backends):
    storage = DagsterPostgresStorage(dagster_settings.dagster_url())
    before = backends()
    use(storage)
    # A backend ends a moment after its connection is closed.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not backends() <= before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert backends() <= before


def test_a_database_that_is_missing_is_named(server, settings):
    missing = make_conninfo(server.conninfo("no_such_database"))
    wrong = SchedulerSettings(persistence="postgres", dsn=settings.conninfo(), dagster_dsn=missing)
    with pytest.raises(ServerUnavailable) as raised:
        PooledPostgresStorage(wrong)
    assert 'database "no_such_database" does not exist' in str(raised.value)
    assert "CREATE DATABASE no_such_database OWNER scheduler" in str(raised.value)
    assert "SCHEDULER_DAGSTER_DSN" in str(raised.value)


def test_connections_that_were_ended_are_replaced(server, dagster_settings, backends):
    storage = PooledPostgresStorage(dagster_settings)
    use(storage)
    ended = backends()
    with psycopg.connect(server.conninfo("postgres", "postgres"), autocommit=True) as connection:
        for pid in ended:
            assert connection.execute("SELECT pg_terminate_backend(%s, 10000)", [pid]).fetchone() == (True,)
    use(storage)
    assert len(backends() - ended) == 1


def test_an_instance_of_our_dagster_yaml_uses_it(server, environment, monkeypatch, tmp_path):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    shutil.copyfile(Path(__file__).parents[2] / "dagster.yaml", tmp_path / "dagster.yaml")
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        assert isinstance(instance.run_storage._engine.pool, QueuePool)
        assert instance.get_runs() == []
        with DagsterInstance.from_ref(instance.get_ref()) as again:
            assert again.run_storage.get_run_storage_id() == instance.run_storage.get_run_storage_id()


def test_an_embedded_server_that_was_killed_is_started_again():
    base = Path(tempfile.mkdtemp(dir=SCRATCH, prefix="scheduler-tests-"))
    base.chmod(0o755)
    settings = SchedulerSettings(persistence="embedded", data_directory=base / "data")
    server = settings.embedded_server()
    try:
        storage = PooledPostgresStorage(settings)
        use(storage)
        killed = server.status().pid
        backends = psutil.Process(killed).children()
        os.kill(killed, signal.SIGKILL)
        assert psutil.wait_procs(backends, timeout=30)[1] == []
        use(storage)
        assert server.status().pid not in {None, killed}
    finally:
        server.stop("immediate")
        shutil.rmtree(base)

"""The pool and its transactions."""

import os
import shutil
import signal
import tempfile
from datetime import UTC, timedelta
from pathlib import Path

import psutil
import psycopg
import pytest

from resources.database import Database
from resources.embedded import THROW_AWAY_SETTINGS, EmbeddedServer
from resources.errors import NotFound, SchemaMismatch, ServerUnavailable
from resources.lock import DistributedLock
from resources.migrations import upgrade
from resources.postgres import PostgresResource, shared_database
from resources.protocols.audit import AuditFilter
from resources.settings import SchedulerSettings
from resources.states import LockStrategy


def backend(database):
    with database.begin_system() as store:
        return store.connection.info.backend_pid


def test_a_transaction_commits_at_its_end(database, plant):
    with database.begin("acme") as store:
        store.schedules.pause(schedule := plant.schedule(), None, "bob", plant.now)
    with database.begin("acme") as store:
        assert store.schedules.get("acme", schedule.id).enabled is False


def test_an_error_rolls_the_whole_transaction_back(database, plant):
    schedule = plant.schedule()

    def fail():
        with database.begin("acme") as store:
            store.schedules.pause(schedule, None, "bob", plant.now)
            store.audit.append(
                **{"tenant_id": "acme", "actor": "bob", "action": "pause", "entity": "schedule"},
                **{"entity_id": "1", "now": plant.now, "new": {}},
            )
            store.schedules.get_by_name("acme", "missing")

    with pytest.raises(NotFound):
        fail()
    with database.begin("acme") as store:
        assert store.schedules.get("acme", schedule.id) == schedule
        assert store.audit.list("acme", AuditFilter("schedule")).items == []


def test_now_is_the_servers_clock_with_a_time_zone_and_goes_on(database):
    with database.begin_system() as store:
        first, second = store.now(), store.now()
        (server,) = store.connection.execute("SELECT clock_timestamp()").fetchone()
    assert first.utcoffset() == timedelta(0)
    assert first < second < server
    assert first.astimezone(UTC) == first


def test_the_same_repository_comes_back_within_a_transaction(database):
    with database.begin_system() as store:
        assert store.runs is store.runs


def test_a_pool_that_is_used_up_says_so(settings):
    narrow = settings.model_copy(update={"pool_max_size": 1, "pool_timeout": 0.05})
    with Database(narrow) as database, database.begin_system():
        with pytest.raises(ServerUnavailable, match=r"within 0\.05 s .*SCHEDULER_POOL_MAX_SIZE"):
            with database.begin_system():
                pytest.fail("a second connection")


def test_connections_are_used_again_and_close_ends_them(database, admin):
    first = backend(database)
    assert backend(database) == first
    database.close()
    database.close()
    assert backend(database) != first


def test_a_connection_that_the_server_ended_is_replaced(database, admin):
    first = backend(database)
    assert admin.execute("SELECT pg_terminate_backend(%s, 5000)", [first]).fetchone() == (True,)
    assert backend(database) != first


@pytest.mark.parametrize(("configured", "holds"), [("0", "2min"), ("7s", "7s"), ("1h", "1h")])
def test_a_client_that_freezes_in_a_transaction_does_not_hold_its_locks_for_ever(
    settings, admin, tenant, configured, holds
):
    name = "idle_in_transaction_session_timeout"
    admin.execute(f"ALTER DATABASE {admin.info.dbname} SET {name} = '{configured}'")
    with Database(settings) as database:
        for begin in (database.begin_system, lambda: database.begin(tenant)):
            with begin() as store:
                assert store.connection.execute(f"SHOW {name}").fetchone() == (holds,)


def test_a_database_without_tables_is_named(settings, admin):
    admin.execute("DROP SCHEMA scheduler CASCADE; DROP SCHEMA inventory CASCADE")
    with Database(settings) as database, pytest.raises(SchemaMismatch, match="no schema yet"):
        with database.begin_system() as store:
            store.tenants.list()


def test_other_errors_of_the_database_pass_through(database, tenant):
    with pytest.raises(psycopg.errors.DivisionByZero), database.begin(tenant) as store:
        store.connection.execute("SELECT 1 / 0")


def test_dagster_has_transactions_as_a_resource(settings, tenant, monkeypatch):
    monkeypatch.setenv("SCHEDULER_PERSISTENCE", "postgres")
    monkeypatch.setenv("SCHEDULER_DSN", settings.conninfo())
    shared_database.cache_clear()
    try:
        with PostgresResource().begin(tenant) as store:
            assert [found.tenant_id for found in store.tenants.list()] == ["acme"]
        with PostgresResource().begin_system() as store:
            assert [found.tenant_id for found in store.tenants.list()] == ["acme", "globex"]
    finally:
        shared_database().close()
        shared_database.cache_clear()


def test_a_killed_embedded_server_is_back_with_the_next_transaction():
    base = Path(tempfile.mkdtemp(dir="/var/tmp", prefix="scheduler-tests-")).resolve()
    base.chmod(0o755)
    server = EmbeddedServer(base / "pg", THROW_AWAY_SETTINGS)
    try:
        server.start()
        settings = SchedulerSettings(data_directory=base / "pg")
        assert upgrade(settings).up_to_date
        with Database(settings) as database:
            with database.begin_system() as store:
                store.tenants.create("acme", "Acme", "ann", store.now())
            postmaster = psutil.Process(server.status().pid)
            backends = postmaster.children()
            os.kill(postmaster.pid, signal.SIGKILL)
            psutil.wait_procs([postmaster, *backends], timeout=10)
            with database.begin("acme") as store:
                assert [tenant.tenant_id for tenant in store.tenants.list()] == ["acme"]
            server.stop("immediate")
            DistributedLock(database, LockStrategy.ADVISORY).try_acquire("k").release()
    finally:
        server.stop("immediate")
        shutil.rmtree(base)

"""Behind PgBouncer 1.18: what is noticed, what works, and what is refused."""

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from resources.database import Database
from resources.errors import PreparedStatementsRefused, ServerUnavailable
from resources.migrations import require_current, status, upgrade
from resources.pooler import is_pooled
from resources.settings import SchedulerSettings
from tests import pgbouncer
from tests.conftest import scratch_directory

WHO = "SELECT pg_backend_pid(), current_user, current_setting('scheduler.tenant', true)"


@pytest.fixture(scope="module")
def narrow(server, pooler):
    """A PgBouncer with one session for each database: its clients share it, transaction by transaction."""
    with pgbouncer.running(server, scratch_directory(), size=1) as narrow:
        yield narrow


@pytest.fixture(scope="module")
def session_pooler(server, pooler):
    with pgbouncer.running(server, scratch_directory(), mode="session") as session_pooler:
        yield session_pooler


def test_a_pooler_is_noticed_in_transaction_and_in_session_mode(settings, pooler, session_pooler):
    for conninfo, expected in (
        (settings.conninfo(), False),
        (pooler.conninfo(settings.conninfo()), True),
        (session_pooler.conninfo(settings.conninfo()), True),
    ):
        with psycopg.connect(conninfo) as connection:
            assert is_pooled(connection) is expected


@pytest.mark.parametrize(
    ("wanted", "behind", "prepares"),
    [(None, False, True), (None, True, False), (True, False, True), (False, False, False)],
)
def test_statements_are_prepared_where_a_session_is_the_clients_own(
    settings, pooler, wanted, behind, prepares
):
    chosen = pooler.settings(settings) if behind else settings
    with Database(chosen.model_copy(update={"prepare_statements": wanted})) as database:
        with database.begin_system() as store:
            for _ in range(7):
                store.tenants.list()
            (count,) = store.connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()
    assert (count > 0) is prepares


def read_often(database):
    with database.begin_system() as store:
        for _ in range(7):
            store.tenants.list()


def begin_often(database):
    for _ in range(7):
        with database.begin_system():
            pass


@pytest.mark.parametrize("often", [read_often, begin_often])
def test_preparing_against_the_pooler_is_refused_with_the_settings_name(settings, narrow, often):
    insisting = narrow.settings(settings, prepare_statements=True)
    with Database(insisting) as one, Database(insisting) as other:
        often(one)
        with pytest.raises(PreparedStatementsRefused, match=r"exist.*unset SCHEDULER_PREPARE_STATEMENTS"):
            often(other)


def test_role_and_tenant_are_gone_when_the_session_goes_to_the_next_client(settings, narrow, tenant):
    through = narrow.settings(settings)
    sessions = set()
    with Database(through) as one, Database(through) as other:
        for _ in range(3):
            for database, name in ((one, "acme"), (other, "globex")):
                with database.begin(name) as store:
                    pid, *who = store.connection.execute(WHO).fetchone()
                    assert who == ["scheduler_tenant", name]
                    assert [found.tenant_id for found in store.tenants.list()] == [name]
                with psycopg.connect(through.conninfo()) as stranger:
                    after, *who = stranger.execute(WHO).fetchone()
                    assert who == ["scheduler", ""]
                sessions |= {pid, after}
    assert len(sessions) == 1


def test_a_forgotten_tenant_is_an_error_on_a_session_that_served_one(settings, narrow, tenant):
    through = narrow.settings(settings)
    with Database(through) as database, database.begin("acme") as store:
        (served, *_) = store.connection.execute(WHO).fetchone()
    for table in ("scheduler.tenants", "scheduler.runs", "inventory.images"):
        with psycopg.connect(through.conninfo()) as forgetful:
            forgetful.execute("SET LOCAL ROLE scheduler_tenant")
            assert forgetful.execute(WHO).fetchone() == (served, "scheduler_tenant", "")
            with pytest.raises(psycopg.Error) as refused:
                forgetful.execute(f"SELECT FROM {table}")
            assert refused.value.sqlstate == "SC001"


def test_more_clients_than_sessions_wait_their_turn(settings, narrow, tenant):
    through = narrow.settings(settings)
    clients = [Database(through) for _ in range(6)]
    for database in clients * 2:
        with database.begin("acme") as store:
            assert store.tenants.get("acme").tenant_id == "acme"
    for database in clients:
        database.close()


def test_an_upgrade_goes_through_the_pooler_and_leaves_nothing_in_its_session(server, make_database, narrow):
    dsn = narrow.conninfo(server.conninfo(make_database(), "postgres"))
    settings = SchedulerSettings(persistence="postgres", dsn=dsn)
    assert upgrade(settings).up_to_date
    assert upgrade(settings).up_to_date
    require_current(settings)
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("postgres",)
        assert connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
        owners = connection.execute(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname IN ('scheduler', 'inventory')"
        )
        assert owners.fetchall() == [("scheduler_owner",)]


def test_migrations_go_past_the_pooler_where_a_direct_way_is_set(server, make_database, tmp_path):
    direct = server.conninfo(make_database(), "postgres")
    nowhere = make_conninfo(direct, host=str(tmp_path))
    settings = SchedulerSettings(persistence="postgres", dsn=nowhere, direct_dsn=direct)
    assert status(settings).pending
    wrong = SchedulerSettings(persistence="postgres", dsn=direct, direct_dsn=SecretStr(nowhere))
    with pytest.raises(ServerUnavailable, match=r"\(SCHEDULER_DIRECT_DSN\) cannot be reached"):
        upgrade(wrong)

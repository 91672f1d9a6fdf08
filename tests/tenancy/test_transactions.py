"""The tenant is one transaction's: set by begin, gone with its end, and an error where it was forgotten."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import psycopg
import pytest

from resources.errors import NotFound, TenantRequired
from tests.tenancy.catalog import tables_of_tenants

WHO = "SELECT current_user::text, current_setting('scheduler.tenant', true)"
ACME = ("scheduler_tenant", "acme")
NOBODY = ("scheduler", "")


@pytest.fixture
def connection(world):
    """A connection of the product's login that no transaction has used."""
    with psycopg.connect(world.database.settings.conninfo()) as connection:
        yield connection


def who(store):
    return store.connection.execute(WHO).fetchone()


def select_by_hand(connection, table, tenant=None):
    with connection.transaction():
        connection.execute("SET LOCAL ROLE scheduler_tenant")
        if tenant:
            connection.execute("SELECT set_config('scheduler.tenant', %s, true)", [tenant])
        return connection.execute(f"SELECT FROM {table}").rowcount


@pytest.mark.parametrize("reused", [False, True], ids=["fresh connection", "reused connection"])
def test_without_a_tenant_every_table_is_an_error_not_zero_rows(connection, world, reused):
    tables = [*tables_of_tenants(world.admin), "scheduler.ledger"]
    if reused:
        for table in tables:
            assert select_by_hand(connection, table, "acme") > 0, table
    before = "" if reused else None
    assert connection.execute("SELECT current_setting('scheduler.tenant', true)").fetchone() == (before,)
    connection.rollback()
    for table in tables:
        with pytest.raises(psycopg.Error) as refused:
            select_by_hand(connection, table)
        assert refused.value.sqlstate == "SC001", table


@pytest.mark.parametrize("table", ["scheduler.runs", "scheduler.audit", "inventory.images"])
def test_the_login_that_entered_no_room_may_nothing(connection, table):
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for schema"):
        connection.execute(f"SELECT FROM {table}")


def test_a_transaction_that_loses_its_tenant_raises_tenant_required(shared):
    def lose_the_tenant():
        with shared.begin("acme") as store:
            store.connection.execute("SELECT set_config('scheduler.tenant', '', true)")
            store.runs.count_active("acme")

    with pytest.raises(TenantRequired, match=r"begin\(tenant\)"):
        lose_the_tenant()


def test_an_empty_tenant_is_refused(shared):
    with pytest.raises(TenantRequired), shared.begin(""):
        pytest.fail("a transaction began")


def fail_in_the_product(store):
    store.tenants.get("nobody")


def fail_in_a_statement(store):
    store.connection.execute("SELECT 1 / 0")


def fail_in_the_policy(store):
    store.connection.execute("SELECT set_config('scheduler.tenant', '', true)")
    store.connection.execute("SELECT FROM scheduler.runs")


def lose_the_connection(store):
    store.connection.close()
    store.connection.execute("SELECT 1")


FAILURES = [
    (None, None),
    (fail_in_the_product, NotFound),
    (fail_in_a_statement, psycopg.errors.DivisionByZero),
    (fail_in_the_policy, TenantRequired),
    (lose_the_connection, psycopg.OperationalError),
]


@pytest.mark.parametrize(
    ("room", "fail", "error"),
    [("acme", fail, error) for fail, error in FAILURES]
    + [("system", *one) for one in FAILURES if one[0] is not fail_in_the_policy],
)
def test_role_and_tenant_are_gone_after_the_transaction(shared, room, fail, error):
    used = []

    def work():
        with shared.begin(room) if room == "acme" else shared.begin_system() as store:
            used.append(store.connection)
            assert who(store) == (ACME if room == "acme" else ("scheduler_system", ""))
            if fail:
                fail(store)

    with pytest.raises(error) if error else nullcontext():
        work()
    (connection,) = used
    assert connection.closed == (fail is lose_the_connection)
    if not connection.closed:
        with connection.transaction():
            assert connection.execute(WHO).fetchone() == NOBODY
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("SELECT FROM scheduler.runs")
    with shared.begin("globex") as store:
        assert who(store) == ("scheduler_tenant", "globex")


def test_a_savepoint_that_rolls_back_leaves_the_tenant_as_it_was(shared):
    def fail_as_globex(connection):
        with connection.transaction():
            connection.execute("SELECT set_config('scheduler.tenant', 'globex', true)")
            connection.execute("SELECT 1 / 0")

    with shared.begin("acme") as store:
        with pytest.raises(psycopg.errors.DivisionByZero):
            fail_as_globex(store.connection)
        assert who(store) == ACME
        with store.connection.transaction():
            assert who(store) == ACME
        assert who(store) == ACME


def test_a_transaction_begun_inside_another_is_one_of_its_own(shared):
    with shared.begin("acme") as outer:
        with shared.begin("globex") as inner:
            assert inner.connection is not outer.connection
            assert who(inner) == ("scheduler_tenant", "globex")
            assert who(outer) == ACME
        with shared.begin_system() as system:
            assert who(system) == ("scheduler_system", "")
        assert who(outer) == ACME
    with outer.connection.transaction():
        assert outer.connection.execute(WHO).fetchone() == NOBODY


def test_the_system_sees_every_tenant(shared, world):
    with shared.begin_system() as store:
        for table in tables_of_tenants(world.admin):
            seen = f"SELECT DISTINCT tenant_id FROM {table} WHERE tenant_id IS NOT NULL"
            assert {name for (name,) in store.connection.execute(seen)} == {"acme", "globex"}, table


def test_an_unknown_tenant_sees_nothing_and_writes_nothing(shared, world):
    for table in tables_of_tenants(world.admin):
        with shared.begin("nobody") as store:
            assert store.connection.execute(f"SELECT FROM {table}").rowcount == 0
    with pytest.raises(psycopg.errors.ForeignKeyViolation), shared.begin("nobody") as store:
        store.policies.apply("nobody", "p", "d", "a" * 64, "eve", store.now())


def test_threads_that_share_the_pool_never_see_another_tenant(shared):
    def names(number):
        tenant = ("acme", "globex")[number % 2]
        with shared.begin(tenant) as store:
            found = store.connection.execute("SELECT DISTINCT tenant_id FROM scheduler.runs").fetchall()
        return found == [(tenant,)]

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(names, range(200)))

"""Hand-written SQL of every kind as acme against globex's rows, on every tenant table; and as globex it works."""

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.tenancy.catalog import RIGHTS, tables_of_tenants

ALL = ("SELECT", "INSERT", "UPDATE", "DELETE")
ITS_COLUMNS = """
    SELECT string_agg(attname, ', ') FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""


@pytest.fixture
def run(world):
    """Runs a statement in a transaction of the product that is rolled back; returns its cursor."""

    def execute(tenant, statement, parameters=None):
        with world.database.begin(tenant) as store, store.connection.transaction(force_rollback=True):
            return store.connection.execute(statement, parameters)

    return execute


@pytest.fixture
def each(world):
    """Every tenant table, with what a tenant may do with it."""
    return {
        table: RIGHTS.get(table, {"SELECT", "INSERT", "UPDATE"}) for table in tables_of_tenants(world.admin)
    }


def refused(run, statement, parameters=None, match="permission denied|row-level security"):
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match=match):
        run("acme", statement, parameters)


def test_a_tenant_reads_its_own_rows_only(run, each, world):
    for table in each:
        everybodys = f"SELECT DISTINCT tenant_id FROM {table} WHERE tenant_id IS NOT NULL"
        assert {name for (name,) in world.admin.execute(everybodys)} == {"acme", "globex"}, table
        for tenant, other in (("acme", "globex"), ("globex", "acme")):
            assert {name for (name,) in run(tenant, everybodys)} == {tenant}, table
            assert run(tenant, f"SELECT FROM {table} WHERE tenant_id = %s", [other]).rowcount == 0, table


@pytest.mark.parametrize("lock", ["UPDATE", "NO KEY UPDATE", "SHARE", "KEY SHARE"])
def test_a_tenant_locks_its_own_rows_only(run, each, lock):
    for table, rights in each.items():
        statement = f"SELECT FROM {table} WHERE tenant_id = 'globex' FOR {lock}"
        if "UPDATE" in rights:
            assert run("globex", statement).rowcount > 0, table
            assert run("acme", statement).rowcount == 0, table
        elif "DELETE" not in rights:
            refused(run, statement, match="permission denied")


def test_a_tenant_updates_its_own_rows_only(run, each):
    for table, rights in each.items():
        touch = f"UPDATE {table} SET tenant_id = tenant_id WHERE tenant_id = 'globex'"
        if "UPDATE" not in rights:
            refused(run, touch, match="permission denied")
            continue
        assert run("acme", touch).rowcount == 0, table
        assert run("acme", f"UPDATE {table} SET tenant_id = tenant_id").rowcount > 0, table
        refused(run, f"UPDATE {table} SET tenant_id = 'globex'", match="row-level security")


def test_a_tenant_deletes_nothing_of_another(run, each):
    for table, rights in each.items():
        delete = f"DELETE FROM {table} WHERE tenant_id = 'globex'"
        if "DELETE" in rights:
            assert run("globex", delete).rowcount > 0, table
            assert run("acme", delete).rowcount == 0, table
        else:
            refused(run, delete, match="permission denied")
        refused(run, f"TRUNCATE {table} CASCADE", match="permission denied")


@pytest.mark.parametrize("returning", ["", "RETURNING *"])
def test_a_tenant_inserts_rows_of_its_own_only(run, each, world, returning):
    for table, rights in each.items():
        (row,) = world.admin.execute(
            f"SELECT to_jsonb(t) FROM {table} AS t WHERE tenant_id = 'globex' LIMIT 1"
        ).fetchone()
        (columns,) = world.admin.execute(ITS_COLUMNS, [table]).fetchone()
        insert = f"""
            INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE
            SELECT {columns} FROM jsonb_populate_record(NULL::{table}, %s) {returning}
        """
        refused(run, insert, [Jsonb(row)])
        # As its own the row gets past the policy, to the row that is there already.
        own = psycopg.errors.UniqueViolation
        with pytest.raises(own if "INSERT" in rights else psycopg.errors.InsufficientPrivilege):
            run("globex", insert, [Jsonb(row)])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE scheduler.runs SET reason = 'mine' WHERE tenant_id = 'globex' AND finished_at IS NULL RETURNING *",
        "UPDATE scheduler.schedules AS s SET description = 'mine' FROM scheduler.runs AS r"
        " WHERE r.schedule_id = s.id AND r.tenant_id = 'globex' RETURNING s.*, r.*",
        "DELETE FROM inventory.image_components AS c USING inventory.images AS i"
        " WHERE i.id = c.image_id AND i.tenant_id = 'globex' RETURNING *",
        "WITH moved AS (UPDATE scheduler.triggers SET next_fire_at = NULL WHERE tenant_id = 'globex' RETURNING *)"
        " SELECT * FROM moved",
        "MERGE INTO scheduler.run_summaries AS s USING scheduler.runs AS r ON s.tenant_id = 'globex'"
        " WHEN MATCHED AND r.tenant_id = 'globex' THEN DO NOTHING",
        "MERGE INTO scheduler.schedules AS s USING (VALUES ('globex')) AS v (tenant_id) ON s.tenant_id = v.tenant_id"
        " WHEN MATCHED THEN UPDATE SET description = 'mine'",
        "SELECT * FROM scheduler.ledger WHERE tenant_id = 'globex'",
        "TABLE scheduler.ledger EXCEPT SELECT * FROM scheduler.ledger WHERE tenant_id = 'acme'",
    ],
)
def test_a_statement_of_any_shape_touches_nothing_of_another(run, statement):
    assert run("acme", statement).rowcount == 0
    controls = run("globex", statement.replace("'acme'", "'nobody'"))
    assert controls.rowcount > 0 or "DO NOTHING" in statement


def test_a_merge_that_would_insert_for_another_is_refused(run):
    merge = """
        MERGE INTO inventory.policies AS p USING (VALUES ('globex')) AS v (tenant_id) ON p.name = 'of the merge'
        WHEN NOT MATCHED THEN INSERT (tenant_id, id, name, revision, created_at, updated_at)
            VALUES (v.tenant_id, gen_random_uuid(), 'of the merge', 1, now(), now())
    """
    refused(run, merge, match="row-level security")
    assert run("globex", merge).rowcount == 1


def test_explain_analyze_runs_the_statement_as_the_tenant(run):
    explain = "EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM scheduler.runs WHERE tenant_id = 'globex'"
    (plan,) = run("acme", explain).fetchone()
    assert plan[0]["Plan"]["Actual Rows"] == 0
    (plan,) = run("globex", explain).fetchone()
    assert plan[0]["Plan"]["Actual Rows"] > 0
    refused(run, "EXPLAIN ANALYZE DELETE FROM scheduler.runs WHERE tenant_id = 'globex'")


def test_copy_to_shows_own_rows_only(each, world):
    for table in each:
        for tenant, other in (("acme", "globex"), ("globex", "acme")):
            with world.database.begin(tenant) as store:
                copy = sql.SQL(f"COPY (SELECT tenant_id FROM {table} WHERE tenant_id IS NOT NULL) TO STDOUT")
                with store.connection.cursor().copy(copy) as rows:
                    assert {name for (name,) in rows.rows()} == {tenant}, (table, other)


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_copy_from_is_refused_for_everybody(each, world, tenant):
    """For whom the rows would be makes no difference: bulk writes are INSERT … SELECT FROM unnest."""
    for table, rights in each.items():
        refusal = (
            psycopg.errors.FeatureNotSupported if "INSERT" in rights else psycopg.errors.InsufficientPrivilege
        )
        with pytest.raises(refusal), world.database.begin(tenant) as store:
            with store.connection.cursor().copy(f"COPY {table} FROM STDIN") as rows:
                rows.write_row(["globex"])


def test_another_name_for_the_tenant_in_a_parameter_is_data_but_as_sql_it_is_the_door(run):
    """What the forged parameters of test_queries.py would do, were they ever read as SQL."""
    forged = "set_config('scheduler.tenant', 'globex', true)"
    assert run("acme", "SELECT %s", [forged]).fetchone() == (forged,)
    assert run("acme", "SELECT count(*) FROM scheduler.runs WHERE tenant_id = 'globex'").fetchone() == (0,)
    ((_, seen),) = run(
        "acme", f"SELECT {forged}, (SELECT count(*) FROM scheduler.runs WHERE tenant_id = 'globex')"
    )
    assert seen > 0


@pytest.mark.parametrize(
    "statement",
    [
        *(
            f"SELECT FROM scheduler.{table}"
            for table in (
                "launches",
                "workers",
                "locks",
                "lock_waiters",
                "audit_unsealed",
                "applied_migrations",
                "schema_version",
            )
        ),
        "SELECT scheduler.isolate_tenant('scheduler.launches')",
        "SELECT scheduler.ensure_log_partitions(now(), now())",
        "SELECT scheduler.is_held(NULL, now())",
        "SELECT scheduler.listen_for_turn(1)",
        "SELECT FROM scheduler.locks FOR UPDATE",
        "INSERT INTO scheduler.audit_unsealed VALUES ('acme', now(), gen_random_uuid())",
        "CREATE TABLE scheduler.mine ()",
        "CREATE FUNCTION scheduler.mine() RETURNS text RETURN 'mine'",
        "CREATE TRIGGER mine BEFORE INSERT ON scheduler.runs EXECUTE FUNCTION scheduler.refuse_rewrite()",
        "CREATE POLICY mine ON scheduler.runs USING (true)",
        "ALTER TABLE scheduler.runs DISABLE ROW LEVEL SECURITY",
        "ALTER ROLE scheduler_tenant BYPASSRLS",
        "INSERT INTO inventory.feed_revisions (source) VALUES ('mine')",
    ],
)
def test_what_is_not_a_tenants_is_closed_to_it(run, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run("acme", statement)


def test_partitions_are_closed_to_every_role(run, world):
    partitions = world.admin.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'scheduler.execution_logs'::regclass"
    ).fetchall()
    assert len(partitions) >= 3
    for (partition,) in partitions:
        refused(run, f"SELECT FROM {partition}", match="permission denied")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), world.database.begin_system() as store:
            store.connection.execute(f"SELECT FROM {partition}")

"""The migrated catalog: what isolates tenants, what the login may do, what every table has."""

import psycopg
import pytest

OF_THE_BRIEF = {
    *("schedules", "triggers", "runs", "graph_jobs", "policy_jobs", "impact_snapshots"),
    *("workers", "execution_logs", "locks", "run_summaries", "audit"),
}
OF_EVERYBODY = {
    *("scheduler.applied_migrations", "scheduler.schema_version", "scheduler.launches", "scheduler.workers"),
    *("scheduler.locks", "inventory.feed_revisions", "inventory.advisories", "inventory.advisory_ranges"),
}
NOT_BY_TENANT = {
    "audit_pkey",
    "tenants_claimed",
    "runs_of_launch",
    "runs_running",
    "runs_skipped_or_cancelled",
}
TABLES = """
    SELECT c.oid, n.nspname || '.' || c.relname AS name, c.relname, c.relacl, c.relowner, c.relispartition,
        c.relrowsecurity AND c.relforcerowsecurity AS isolated,
        EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'tenant_id') AS of_tenant
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('scheduler', 'inventory') AND c.relkind IN ('r', 'p')
"""


@pytest.fixture
def names(admin):
    def query(statement: str) -> set[str]:
        return {row[0] for row in admin.execute(f"WITH tables AS ({TABLES}) {statement}")}

    return query


def test_the_eleven_tables_exist(names):
    missing = OF_THE_BRIEF - names("SELECT relname FROM tables WHERE name LIKE 'scheduler.%'")
    assert missing == set()


def test_every_table_says_what_it_is(names):
    silent = names("SELECT name FROM tables WHERE NOT relispartition AND obj_description(oid) IS NULL")
    assert silent - {"scheduler.schema_version"} == set(), "schema_version is Alembic's"


@pytest.mark.parametrize(
    ("index", "columns", "predicate"),
    [
        ("schedules_active", "(tenant_id, id)", "(enabled AND (deleted_at IS NULL))"),
        ("triggers_due", "(tenant_id, next_fire_at)", "(enabled AND (next_fire_at IS NOT NULL))"),
    ],
)
def test_what_fires_has_a_partial_index(admin, index, columns, predicate):
    (definition,) = admin.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [index]).fetchone()
    assert definition.endswith(f"USING btree {columns} WHERE {predicate}")


def test_all_but_the_shared_tables_belong_to_tenants(names):
    assert names("SELECT name FROM tables WHERE NOT of_tenant") == OF_EVERYBODY


def test_tenant_tables_have_forced_row_security(names):
    assert names("SELECT name FROM tables WHERE of_tenant AND NOT isolated") == set()


def test_tenant_tables_have_exactly_their_three_policies(admin):
    mine = "(tenant_id = ( SELECT scheduler.current_tenant() AS current_tenant))"
    found = admin.execute(f"""
        WITH tables AS ({TABLES})
        SELECT t.name, array_agg(ROW(p.polname, p.polcmd, p.polpermissive, p.polroles[1]::regrole::text,
            pg_get_expr(p.polqual, t.oid), pg_get_expr(p.polwithcheck, t.oid))::text ORDER BY p.polname)
        FROM tables AS t LEFT JOIN pg_policy AS p ON p.polrelid = t.oid
        WHERE t.of_tenant AND NOT t.relispartition GROUP BY t.name
    """).fetchall()
    expected = [
        "(owner_rows,*,t,scheduler_owner,true,true)",
        "(system_rows,*,t,scheduler_system,true,true)",
        f'(tenant_rows,*,t,scheduler_tenant,"{mine}","{mine}")',
    ]
    assert len(found) > 20
    assert {name: policies for name, policies in found if policies != expected} == {}


def test_partitions_are_granted_to_nobody(names):
    partitions = names("SELECT relname FROM tables WHERE relispartition")
    assert len(partitions) >= 3
    open_ones = names("""
        SELECT name FROM tables, LATERAL aclexplode(relacl) AS g
        WHERE relispartition AND g.grantee <> relowner
        UNION SELECT name FROM tables WHERE relispartition AND NOT isolated
    """)
    assert open_ones == set()


def test_foreign_keys_between_tenant_tables_carry_the_tenant(admin):
    found = admin.execute(f"""
        WITH tables AS ({TABLES})
        SELECT a.name, o.conname, EXISTS (
            SELECT FROM unnest(o.conkey, o.confkey) AS pair (here, there)
            JOIN pg_attribute AS h ON h.attrelid = a.oid AND h.attnum = pair.here
            JOIN pg_attribute AS t ON t.attrelid = b.oid AND t.attnum = pair.there
            WHERE h.attname = 'tenant_id' AND t.attname = 'tenant_id')
        FROM pg_constraint AS o JOIN tables AS a ON a.oid = o.conrelid JOIN tables AS b ON b.oid = o.confrelid
        WHERE o.contype = 'f' AND a.of_tenant AND b.of_tenant
    """).fetchall()
    assert len(found) > 25
    assert [(table, key) for table, key, carried in found if not carried] == []


def test_indexes_of_tenant_tables_begin_with_the_tenant(names):
    others = names("""
        SELECT x.relname FROM tables AS t JOIN pg_index AS i ON i.indrelid = t.oid
        JOIN pg_class AS x ON x.oid = i.indexrelid
        WHERE t.of_tenant AND pg_get_indexdef(x.oid, 1, true) <> 'tenant_id'
    """)
    assert others == NOT_BY_TENANT


def test_tenants_only_read_the_feeds_and_never_see_launches_workers_and_locks(admin):
    granted = admin.execute(f"""
        WITH tables AS ({TABLES})
        SELECT t.name, array_agg(g.privilege_type::text ORDER BY g.privilege_type)
        FROM tables AS t, LATERAL aclexplode(t.relacl) AS g
        WHERE NOT t.of_tenant AND g.grantee = 'scheduler_tenant'::regrole GROUP BY t.name
    """).fetchall()
    feeds = ("inventory.feed_revisions", "inventory.advisories", "inventory.advisory_ranges")
    assert dict(granted) == {name: ["SELECT"] for name in feeds}


def test_nothing_is_deleted_but_the_components_of_an_image_and_ranges_an_import_takes_back(names):
    deletable = names("""
        SELECT DISTINCT name FROM tables, LATERAL aclexplode(relacl) AS g
        WHERE g.grantee <> relowner AND g.privilege_type IN ('DELETE', 'TRUNCATE')
    """)
    assert deletable == {"inventory.image_components", "inventory.advisory_ranges"}


def test_every_relation_belongs_to_the_owner_role(names):
    assert names("SELECT DISTINCT relowner::regrole::text FROM tables") == {"scheduler_owner"}


def test_the_roles_can_neither_log_in_nor_pass_by_row_security(admin):
    group = admin.execute("""
        SELECT rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreaterole FROM pg_roles
        WHERE rolname IN ('scheduler_owner', 'scheduler_system', 'scheduler_tenant') ORDER BY 1
    """).fetchall()
    assert [row[1:] for row in group] == [(False, False, False, False)] * 3
    login = admin.execute("""
        SELECT rolcanlogin, rolsuper, rolinherit, rolbypassrls, rolcreaterole
        FROM pg_roles WHERE rolname = 'scheduler'
    """).fetchone()
    assert login == (True, False, False, False, False)


@pytest.mark.parametrize("table", ["runs", "tenants", "audit", "applied_migrations"])
def test_the_login_itself_may_nothing(settings, table):
    with psycopg.connect(settings.conninfo()) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"SELECT FROM scheduler.{table}")

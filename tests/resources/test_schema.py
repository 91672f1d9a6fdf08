"""The migrated catalog: what every table has, what is deleted, what the login may do; isolation is in tests/tenancy."""

import psycopg
import pytest

OF_THE_BRIEF = {
    *("schedules", "triggers", "runs", "graph_jobs", "policy_jobs", "impact_snapshots"),
    *("workers", "execution_logs", "locks", "run_summaries", "audit"),
}
OF_EVERYBODY = {
    *("scheduler.applied_migrations", "scheduler.schema_version", "scheduler.launches", "scheduler.workers"),
    *(
        "scheduler.locks",
        "scheduler.lock_waiters",
        "scheduler.audit_unsealed",
        "scheduler.instances",
        "inventory.feed_revisions",
        "inventory.advisories",
        "inventory.advisory_ranges",
        "inventory.exploit_documents",
        "inventory.epss_scores",
        "inventory.known_exploited",
        "inventory.advisory_imports",
        "inventory.staged_advisories",
        "inventory.quarantine",
    ),
}
TAKEN_BACK_BY_FEEDS = {
    "inventory.advisory_ranges",
    "inventory.epss_scores",
    "inventory.known_exploited",
}
TAKEN_BACK = {"inventory.image_components", "inventory.tenant_quarantine", *TAKEN_BACK_BY_FEEDS}
SEALED = {"scheduler.audit_unsealed"}
SERVED = {"scheduler.lock_waiters"}
IMPORTED = {"inventory.advisory_imports", "inventory.staged_advisories", "inventory.quarantine"}
PAST_RETENTION = {
    *("scheduler.runs", "scheduler.graph_jobs", "scheduler.policy_jobs", "scheduler.impact_snapshots"),
    *(
        "scheduler.impact_snapshot_images",
        "scheduler.run_summaries",
        "scheduler.launches",
        "scheduler.trigger_events",
        "scheduler.workers",
        "scheduler.notifications",
    ),
}
TABLES = """
    SELECT c.oid, n.nspname || '.' || c.relname AS name, c.relname, c.relacl, c.relowner, c.relispartition,
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
        ("triggers_due", "(tenant_id, next_due_at)", "(enabled AND (next_due_at IS NOT NULL))"),
    ],
)
def test_what_fires_has_a_partial_index(admin, index, columns, predicate):
    (definition,) = admin.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [index]).fetchone()
    assert definition.endswith(f"USING btree {columns} WHERE {predicate}")


def test_all_but_the_shared_tables_belong_to_tenants(names):
    assert names("SELECT name FROM tables WHERE NOT of_tenant") == OF_EVERYBODY


def test_tenants_only_read_the_feeds_and_never_see_launches_workers_and_locks(admin):
    granted = admin.execute(f"""
        WITH tables AS ({TABLES})
        SELECT t.name, array_agg(g.privilege_type::text ORDER BY g.privilege_type)
        FROM tables AS t, LATERAL aclexplode(t.relacl) AS g
        WHERE NOT t.of_tenant AND g.grantee = 'scheduler_tenant'::regrole GROUP BY t.name
    """).fetchall()
    feeds = {"inventory.feed_revisions", "inventory.advisories", "inventory.exploit_documents"}
    assert dict(granted) == {name: ["SELECT"] for name in feeds | TAKEN_BACK_BY_FEEDS}


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("scheduler_tenant", TAKEN_BACK - TAKEN_BACK_BY_FEEDS),
        ("scheduler_system", TAKEN_BACK | PAST_RETENTION | SEALED | SERVED | IMPORTED),
    ],
)
def test_nothing_is_deleted_but_what_an_import_takes_back_and_by_the_system_what_is_past_retention_or_served(
    names, role, expected
):
    deletable = """
        SELECT DISTINCT name FROM tables, LATERAL aclexplode(relacl) AS g
        WHERE g.grantee <> relowner AND g.privilege_type IN ('DELETE', 'TRUNCATE')
    """
    assert names(f"{deletable} AND g.grantee = '{role}'::regrole") == expected
    assert names(deletable) == TAKEN_BACK | PAST_RETENTION | SEALED | SERVED | IMPORTED


def test_the_login_is_no_superuser_inherits_nothing_and_never_passes_by_row_security(admin):
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

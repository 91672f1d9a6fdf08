"""The catalogs say that tenants are isolated; and each defect in turn is found."""

import psycopg
import pytest

from tests.tenancy.catalog import INDEXES_FOR_ALL, RIGHTS, UNIQUE_FOR_ALL, defects, tables_of_tenants

GOOD = """
    SET ROLE scheduler_owner;
    CREATE TABLE inventory.notes (
        tenant_id text NOT NULL REFERENCES scheduler.tenants, id uuid NOT NULL, image_id uuid,
        PRIMARY KEY (tenant_id, id),
        FOREIGN KEY (tenant_id, image_id) REFERENCES inventory.images);
    SELECT scheduler.isolate_tenant('inventory.notes');
    GRANT SELECT, INSERT ON inventory.notes TO scheduler_tenant, scheduler_system;
    RESET ROLE;
"""
NOT_BY_TENANT = """
    SELECT c.relname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
    WHERE c.relname = ANY(%s) AND i.indisunique = %s AND pg_get_indexdef(c.oid, 1, true) <> 'tenant_id'
"""
PARTITION = "scheduler.execution_logs_209901"
PARTITIONED = "SELECT scheduler.ensure_log_partitions('2099-01-01', '2099-01-02');"


@pytest.fixture
def bad(module_database):
    """A superuser's connection whose work on the catalogs is undone."""
    with psycopg.connect(module_database) as connection:
        yield connection
        connection.rollback()


def test_the_migrated_catalog_has_no_defect(bad):
    assert len(tables_of_tenants(bad)) > 20
    assert defects(bad) == set()


def test_a_table_made_as_the_others_has_none_either(bad):
    bad.execute(GOOD)
    assert "inventory.notes" in tables_of_tenants(bad)
    assert defects(bad) == set()


@pytest.mark.parametrize(
    ("change", "wrong", "name"),
    [
        ("ALTER TABLE inventory.notes DISABLE ROW LEVEL SECURITY", "not enabled", "inventory.notes"),
        ("ALTER TABLE inventory.notes NO FORCE ROW LEVEL SECURITY", "not enabled", "inventory.notes"),
        ("DROP POLICY tenant_rows ON inventory.notes", "policies", "inventory.notes"),
        ("DROP POLICY owner_rows ON inventory.notes", "policies", "inventory.notes"),
        ("ALTER POLICY tenant_rows ON inventory.notes USING (true)", "policies", "inventory.notes"),
        ("ALTER POLICY tenant_rows ON inventory.notes WITH CHECK (true)", "policies", "inventory.notes"),
        (
            "ALTER POLICY tenant_rows ON inventory.notes USING (tenant_id = current_setting('scheduler.tenant'))",
            *("policies", "inventory.notes"),
        ),
        ("ALTER POLICY system_rows ON inventory.notes TO PUBLIC", "policies", "inventory.notes"),
        ("CREATE POLICY more ON inventory.notes USING (true)", "policies", "inventory.notes"),
        ("GRANT SELECT ON inventory.notes TO PUBLIC", "open to somebody else", "inventory.notes"),
        ("GRANT SELECT ON inventory.notes TO scheduler", "open to somebody else", "inventory.notes"),
        ("ALTER TABLE inventory.notes OWNER TO postgres", "belong", "inventory.notes"),
        ("ALTER TABLE inventory.notes DROP CONSTRAINT notes_pkey", "no primary key", "inventory.notes"),
        ("CREATE UNIQUE INDEX notes_id ON inventory.notes (id)", "unique index", "notes_id"),
        ("CREATE INDEX notes_id ON inventory.notes (id)", "the index", "notes_id"),
        (
            "ALTER TABLE inventory.images ADD UNIQUE (id);"
            " ALTER TABLE inventory.notes ADD CONSTRAINT loose FOREIGN KEY (image_id) REFERENCES inventory.images (id)",
            *("foreign key", "inventory.notes loose"),
        ),
        (f"{PARTITIONED} GRANT SELECT ON {PARTITION} TO scheduler_tenant", "partition", PARTITION),
        (f"{PARTITIONED} ALTER TABLE {PARTITION} NO FORCE ROW LEVEL SECURITY", "not enabled", PARTITION),
        (f"{PARTITIONED} DROP POLICY owner_rows ON {PARTITION}", "policies", PARTITION),
        ("CREATE VIEW inventory.all_notes AS TABLE inventory.notes", "view", "inventory.all_notes"),
        (
            "CREATE MATERIALIZED VIEW inventory.old_notes AS TABLE inventory.notes",
            *("view", "inventory.old_notes"),
        ),
        (
            "CREATE FUNCTION scheduler.loose() RETURNS text SECURITY DEFINER RETURN 'x';"
            " REVOKE EXECUTE ON FUNCTION scheduler.loose() FROM PUBLIC",
            *("search path", "scheduler.loose()"),
        ),
        (
            "CREATE FUNCTION scheduler.loose() RETURNS text SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
            " RETURN 'x'",
            *("open to everybody", "scheduler.loose()"),
        ),
        ("ALTER ROLE scheduler_tenant BYPASSRLS", "NOBYPASSRLS", "scheduler_tenant"),
        ("ALTER ROLE scheduler_system LOGIN", "NOLOGIN", "scheduler_system"),
        ("ALTER ROLE scheduler_owner SUPERUSER", "NOSUPERUSER", "scheduler_owner"),
        (
            "GRANT pg_read_all_data TO scheduler_tenant",
            "another role",
            "scheduler_tenant in pg_read_all_data",
        ),
        (
            "GRANT scheduler_system TO scheduler WITH INHERIT TRUE",
            *("others inherit", "scheduler in scheduler_system"),
        ),
    ],
)
def test_each_defect_is_found(bad, change, wrong, name):
    bad.execute(GOOD)
    bad.execute(change)
    assert [(name, found) for what, found in defects(bad) if wrong in what] == [(name, name)]


def test_the_lists_of_exceptions_name_what_is_there(bad):
    assert set(RIGHTS) <= set(tables_of_tenants(bad))
    for exceptions, unique in ((UNIQUE_FOR_ALL, True), (INDEXES_FOR_ALL, False)):
        found = bad.execute(NOT_BY_TENANT, [[*exceptions], unique])
        assert {name for (name,) in found} == set(exceptions)


def test_a_tenant_has_the_rights_that_are_listed_and_no_others(bad):
    found = bad.execute(
        """
        SELECT c.oid::regclass::text, array_agg(DISTINCT g.privilege_type::text) FROM pg_class AS c
        CROSS JOIN LATERAL aclexplode(c.relacl) AS g
        WHERE c.oid::regclass::text = ANY(%s) AND g.grantee = 'scheduler_tenant'::regrole GROUP BY 1
    """,
        [tables_of_tenants(bad)],
    )
    rights = {table: set(granted) for table, granted in found}
    assert rights == {t: RIGHTS.get(t, {"SELECT", "INSERT", "UPDATE"}) for t in tables_of_tenants(bad)}

"""A tenant sees and changes only its own rows, with any SQL; both tenants have a row in every table."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from resources.database import Database
from resources.errors import NotFound, TenantRequired
from resources.ids import new_id
from resources.inventory_records import FindingRow, GraphRow
from resources.records import ImpactSnapshot, LogLine
from resources.settings import SchedulerSettings
from resources.states import JobKind, PolicyMode, RunState
from scheduler_defs.edits.tenants import create_tenant

TABLES = [
    *(f"scheduler.{name}" for name in ("tenants", "schedules", "schedule_versions", "triggers", "runs")),
    *(
        f"scheduler.{name}"
        for name in ("graph_jobs", "policy_jobs", "impact_snapshots", "impact_snapshot_images")
    ),
    *(f"scheduler.{name}" for name in ("execution_logs", "run_summaries", "audit")),
    *(
        f"inventory.{name}"
        for name in ("images", "sboms", "component_versions", "image_components", "graphs")
    ),
    *(f"inventory.{name}" for name in ("policies", "policy_revisions", "findings", "vex_statements")),
]
READ_ONLY = {"scheduler.tenants"}
INSERT_ONLY = {
    *("scheduler.schedule_versions", "scheduler.impact_snapshots", "scheduler.impact_snapshot_images"),
    *("scheduler.execution_logs", "scheduler.audit", "inventory.sboms", "inventory.component_versions"),
    *(
        "inventory.graphs",
        "inventory.policy_revisions",
        "inventory.vex_statements",
        "inventory.image_components",
    ),
}
DIGEST = "a" * 64


def plant_every_table(database, planter, admin, tenant):
    """One row at least in every tenant table."""
    plant = planter(database, datetime.now(UTC))
    with database.begin_system() as store:
        create_tenant(store, tenant, "tests")
    image = plant.image(components=["lodash@4.0"], tenant_id=tenant)
    plant.advisory(f"A-{tenant}", "lodash")
    schedule = plant.schedule(tenant=tenant)
    (run,) = plant.open(plant.launch(plant.fired(plant.trigger(schedule), plant.now)))
    policy_run = plant.running(tenant=tenant, kind=JobKind.POLICY, mode=PolicyMode.FULL)
    with database.begin(tenant) as store:
        store.schedules.add_version(tenant, schedule.id, 1, {}, "ann", plant.now)
        store.graph_jobs.create_many(run, [image], plant.now)
        store.policy_jobs.create_many(policy_run, PolicyMode.FULL, [image], plant.now)
        kept = ImpactSnapshot(tenant, new_id(), run.id, schedule.id, {}, 1, 1, 0, DIGEST, plant.now)
        store.impact_snapshots.create(kept, {image.id: []})
        store.execution_logs.append(run, [LogLine(1, 1, plant.now, "info", "said", {})])
        store.images.add_graph(tenant, GraphRow(DIGEST, "root", 1, 0, 0, b"x"), plant.now)
        policy = store.policies.list(tenant)[0]
        store.policies.apply(tenant, "without findings", "rules", DIGEST, "ann", plant.now)
        ((component,),) = store.connection.execute("SELECT id FROM inventory.component_versions").fetchall()
        found = (image.id, policy.policy_id, component, f"A-{tenant}", policy.revision)
        finding = FindingRow(*found, "affected", "high", "block", None, None)
        store.findings.replace(policy_run, [image.id], [finding], plant.now)
        store.runs.finish(run, RunState.COMPLETED, plant.now)
        store.run_summaries.roll_up(tenant, schedule.id, run.kind, plant.now, plant.now)
    vex = (tenant, new_id(), plant.now, DIGEST)
    admin.execute(
        "INSERT INTO inventory.vex_statements VALUES (%s, %s, 'A', 'p', 'fixed', NULL, %s, %s)", vex
    )
    retry = {"id": new_id(), "of": policy_run.id, "tenant": tenant}
    admin.execute(
        """
        INSERT INTO scheduler.runs (tenant_id, id, trigger_kind, retry_of, kind, mode, state, scheduled_for,
            available_at, requested_by, created_at)
        SELECT tenant_id, %(id)s, 'retry', id, kind, mode, 'pending', now(), now(), 'ann', now()
        FROM scheduler.runs WHERE id = %(of)s AND tenant_id = %(tenant)s
        """,
        retry,
    )


@pytest.fixture(scope="module")
def planted(module_database, planter):
    """The database with both tenants' rows, and a superuser's connection to it."""
    dsn = make_conninfo(module_database, user="scheduler")
    with psycopg.connect(module_database, autocommit=True) as admin:
        with Database(SchedulerSettings(persistence="postgres", dsn=dsn)) as database:
            for tenant in ("acme", "globex"):
                plant_every_table(database, planter, admin, tenant)
            yield database, admin


@pytest.fixture(scope="module")
def shared(planted):
    return planted[0]


def query(database, tenant, statement, parameters=None):
    with database.begin(tenant) as store:
        return store.connection.execute(statement, parameters)


def test_the_tables_are_all_there_are(planted):
    found = planted[1].execute("""
        SELECT DISTINCT table_schema || '.' || table_name FROM information_schema.columns
        JOIN information_schema.tables USING (table_schema, table_name)
        WHERE column_name = 'tenant_id' AND table_schema IN ('scheduler', 'inventory') AND table_type = 'BASE TABLE'
            AND table_name NOT LIKE 'execution\\_logs\\_%'
    """)
    assert {name for (name,) in found} == set(TABLES)


def test_a_view_shows_a_tenant_its_own_rows_only(planted):
    for tenant in ("acme", "globex"):
        with planted[0].begin(tenant) as store:
            seen = store.connection.execute("SELECT DISTINCT tenant_id FROM scheduler.ledger").fetchall()
        assert seen == [(tenant,)]
    owners_rights = planted[1].execute("""
        SELECT relname FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
        WHERE nspname IN ('scheduler', 'inventory') AND relkind = 'v'
            AND NOT coalesce('security_invoker=true' = ANY(reloptions), false)
    """)
    assert owners_rights.fetchall() == []


@pytest.mark.parametrize("table", TABLES)
def test_a_tenant_reads_its_own_rows_only(planted, table):
    shared, admin = planted
    everything = f"SELECT DISTINCT tenant_id FROM {table} WHERE tenant_id IS NOT NULL"
    assert {name for (name,) in admin.execute(everything)} == {"acme", "globex"}
    for tenant, other in (("acme", "globex"), ("globex", "acme")):
        assert {name for (name,) in query(shared, tenant, everything)} == {tenant}
        assert query(shared, tenant, f"SELECT FROM {table} WHERE tenant_id = %s", [other]).rowcount == 0


@pytest.mark.parametrize("table", sorted(set(TABLES) - READ_ONLY - INSERT_ONLY))
def test_a_tenant_updates_its_own_rows_only(shared, table):
    touch = f"UPDATE {table} SET tenant_id = tenant_id WHERE tenant_id = %s"
    assert query(shared, "globex", touch, ["globex"]).rowcount > 0
    assert query(shared, "acme", touch, ["globex"]).rowcount == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        query(shared, "acme", f"UPDATE {table} SET tenant_id = 'globex' WHERE tenant_id = 'acme'")


@pytest.mark.parametrize("table", sorted(READ_ONLY | INSERT_ONLY))
def test_what_is_written_once_a_tenant_updates_nowhere(shared, table):
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
        query(shared, "acme", f"UPDATE {table} SET tenant_id = tenant_id")


@pytest.mark.parametrize("table", TABLES)
def test_a_tenant_inserts_rows_of_its_own_only(planted, table):
    shared, admin = planted
    (row,) = admin.execute(
        f"SELECT to_jsonb(t) FROM {table} AS t WHERE tenant_id = 'globex' LIMIT 1"
    ).fetchone()
    (columns,) = admin.execute(
        """
        SELECT string_agg(attname, ', ') FROM pg_attribute
        WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
        """,
        [table],
    ).fetchone()
    insert = f"""
        INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE
        SELECT {columns} FROM jsonb_populate_record(NULL::{table}, %s)
    """
    theirs = [psycopg.types.json.Jsonb(row)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        query(shared, "acme", insert, theirs)
    # As its own the row gets past the policy, to the row that is there already.
    own = psycopg.errors.InsufficientPrivilege if table in READ_ONLY else psycopg.errors.UniqueViolation
    with pytest.raises(own):
        query(shared, "globex", insert, theirs)


@pytest.mark.parametrize("table", TABLES)
def test_a_tenant_deletes_nothing_of_another(planted, table):
    shared, admin = planted
    everything = f"SELECT count(*) FROM {table}"
    before = admin.execute(everything).fetchone()
    if table == "inventory.image_components":
        assert query(shared, "acme", f"DELETE FROM {table} WHERE tenant_id = 'globex'").rowcount == 0
    else:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            query(shared, "acme", f"DELETE FROM {table}")
    assert admin.execute(everything).fetchone() == before


def test_no_foreign_key_leads_into_another_tenant(planted):
    _, admin = planted
    keys = admin.execute(
        """
        SELECT o.conname, o.conrelid::regclass::text, o.confrelid::regclass::text,
            array_agg(h.attname::text ORDER BY k.n), array_agg(t.attname::text ORDER BY k.n)
        FROM pg_constraint AS o CROSS JOIN LATERAL unnest(o.conkey, o.confkey) WITH ORDINALITY AS k (here, there, n)
        JOIN pg_attribute AS h ON h.attrelid = o.conrelid AND h.attnum = k.here
        JOIN pg_attribute AS t ON t.attrelid = o.confrelid AND t.attnum = k.there
        WHERE o.contype = 'f' AND o.conrelid::regclass::text = ANY(%s) AND o.confrelid::regclass::text = ANY(%s)
            AND o.confrelid <> 'scheduler.tenants'::regclass
        GROUP BY o.oid
    """,
        [TABLES, TABLES],
    ).fetchall()
    assert len(keys) > 15
    for name, child, parent, here, there in keys:
        moved = [(mine, its) for mine, its in zip(here, there, strict=True) if mine != "tenant_id"]
        statement = sql.SQL("""
            UPDATE {child} SET ({mine}) = ROW({theirs})
            WHERE ctid = (SELECT max(ctid) FROM {child} WHERE tenant_id = 'globex' AND {first} IS NOT NULL)
        """)
        theirs = sql.SQL(", ").join(
            sql.SQL("(SELECT {} FROM {} WHERE tenant_id = 'acme' ORDER BY 1 LIMIT 1)").format(
                sql.Identifier(its), sql.Identifier(*parent.split("."))
            )
            for _, its in moved
        )
        with pytest.raises(psycopg.errors.ForeignKeyViolation) as refused:
            admin.execute(
                statement.format(
                    child=sql.Identifier(*child.split(".")),
                    mine=sql.SQL(", ").join(sql.Identifier(mine) for mine, _ in moved),
                    theirs=theirs,
                    first=sql.Identifier(moved[0][0]),
                )
            )
        assert refused.value.diag.constraint_name == name


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("reused", [False, True], ids=["fresh connection", "reused connection"])
def select_as(connection, table, tenant=None):
    with connection.transaction():
        connection.execute("SET LOCAL ROLE scheduler_tenant")
        if tenant:
            connection.execute("SELECT set_config('scheduler.tenant', %s, true)", [tenant])
        return connection.execute(f"SELECT FROM {table}").rowcount


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("reused", [False, True], ids=["fresh connection", "reused connection"])
def test_without_a_tenant_every_table_is_an_error_not_zero_rows(shared, table, reused):
    with psycopg.connect(shared.settings.conninfo()) as connection:
        if reused:
            assert select_as(connection, table, "acme") > 0
        with pytest.raises(psycopg.Error) as refused:
            select_as(connection, table)
        assert refused.value.sqlstate == "SC001"


def test_a_transaction_that_loses_its_tenant_raises_tenant_required(shared):
    def lose_the_tenant():
        with shared.begin("acme") as store:
            store.connection.execute("SELECT set_config('scheduler.tenant', '', true)")
            store.runs.list("acme")

    with pytest.raises(TenantRequired, match=r"begin\(tenant\)"):
        lose_the_tenant()


def test_an_empty_tenant_is_refused(shared):
    with pytest.raises(TenantRequired), shared.begin(""):
        pytest.fail("a transaction began")


@pytest.mark.parametrize("ends", ["well", "with an error"])
def test_role_and_tenant_are_gone_after_the_transaction(shared, ends):
    who = "SELECT current_user, current_setting('scheduler.tenant', true)"
    for enter, role, tenant in (
        (lambda: shared.begin("acme"), "scheduler_tenant", "acme"),
        (shared.begin_system, "scheduler_system", ""),
    ):
        try:
            with enter() as store:
                connection = store.connection
                assert connection.execute(who).fetchone() == (role, tenant)
                if ends == "with an error":
                    store.tenants.get("nobody")
        except NotFound:
            assert ends == "with an error"
        with connection.transaction():
            assert connection.execute(who).fetchone() == ("scheduler", "")


def test_the_system_sees_every_tenant(shared):
    with shared.begin_system() as store:
        for table in TABLES:
            found = store.connection.execute(
                f"SELECT DISTINCT tenant_id FROM {table} WHERE tenant_id IS NOT NULL"
            )
            assert {name for (name,) in found} == {"acme", "globex"}, table


def test_an_unknown_tenant_sees_nothing_and_writes_nothing(shared):
    with shared.begin("nobody") as store:
        for table in TABLES:
            assert store.connection.execute(f"SELECT FROM {table}").rowcount == 0
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            store.policies.apply("nobody", "p", "d", DIGEST, "eve", store.now())


@pytest.mark.parametrize(
    "statement",
    [
        *(
            f"SELECT FROM scheduler.{table}"
            for table in ("launches", "workers", "locks", "applied_migrations")
        ),
        f"SELECT FROM scheduler.execution_logs_{datetime.now(UTC):%Y%m}",
        "SELECT scheduler.isolate_tenant('scheduler.launches')",
        "SELECT scheduler.ensure_log_partitions(now(), now())",
        "CREATE TABLE scheduler.mine ()",
        "ALTER TABLE scheduler.runs DISABLE ROW LEVEL SECURITY",
        "INSERT INTO inventory.feed_revisions (source) VALUES ('mine')",
    ],
)
def test_what_is_not_a_tenants_is_closed_to_it(shared, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        query(shared, "acme", statement)


def test_threads_that_share_the_pool_never_see_another_tenant(shared):
    def names(number):
        tenant = ("acme", "globex")[number % 2]
        with shared.begin(tenant) as store:
            found = store.connection.execute("SELECT DISTINCT tenant_id FROM scheduler.runs").fetchall()
        return found == [(tenant,)]

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(names, range(200)))

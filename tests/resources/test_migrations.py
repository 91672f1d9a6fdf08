"""Upgrades and what they refuse; processes racing, and logins without rights, are in test_external_server.py."""

from hashlib import sha256

import psycopg
import pytest
from psycopg.types.json import Jsonb
from pydantic import SecretStr
from sqlalchemy.exc import ProgrammingError

from resources.database import Database
from resources.errors import SchemaMismatch, ServerUnavailable
from resources.migrations import MIGRATIONS, require_current, status, upgrade
from resources.settings import SchedulerSettings

FILES = tuple(sorted(path.name.removesuffix(".sql") for path in (MIGRATIONS / "versions").glob("*.sql")))


@pytest.fixture
def empty(server, make_database):
    """Settings of a database nobody has migrated, as the superuser."""
    return SchedulerSettings(persistence="postgres", dsn=server.conninfo(make_database(), "postgres"))


@pytest.fixture
def outsider(server):
    """A login that may enter none of the roles."""
    with psycopg.connect(server.conninfo("postgres", "postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE outsider LOGIN")
        yield "outsider"
        connection.execute("DROP ROLE outsider")


def test_an_empty_database_has_everything_pending(empty):
    found = status(empty)
    assert (found.current, found.head, found.pending, found.edited) == (None, FILES[-1], FILES, ())
    assert not found.up_to_date
    with pytest.raises(SchemaMismatch, match=rf"not applied: {FILES[0]}, .*scheduler db upgrade"):
        require_current(empty)


def test_status_creates_nothing(empty):
    status(empty)
    with psycopg.connect(empty.conninfo()) as connection:
        assert connection.execute("SELECT to_regnamespace('scheduler')").fetchone() == (None,)


def test_an_empty_database_is_named_before_any_statement_runs(empty):
    with Database(empty) as database, pytest.raises(SchemaMismatch, match="scheduler db upgrade"):
        with database.begin_system() as store:
            store.tenants.list()


def test_upgrade_brings_an_empty_database_to_the_head(empty):
    after = upgrade(empty)
    assert (after.current, after.pending, after.edited) == (FILES[-1], (), ())
    assert after.up_to_date
    require_current(empty)


def test_upgrade_makes_log_partitions_for_a_hundred_days(empty):
    upgrade(empty)
    with Database(empty) as database, database.begin_system() as store:
        found = store.connection.execute("""
            SELECT count(*), bool_or(to_regclass('scheduler.execution_logs_' || to_char(
                now() AT TIME ZONE 'UTC' + interval '100 days', 'YYYYMM')) IS NOT NULL)
            FROM pg_inherits WHERE inhparent = 'scheduler.execution_logs'::regclass
        """).fetchone()
    assert found[0] in (4, 5)
    assert found[1]


def test_a_second_upgrade_changes_nothing(empty):
    def catalog() -> list[tuple[object, ...]]:
        with psycopg.connect(empty.conninfo()) as connection:
            return connection.execute("""
                SELECT 'class', oid, xmin::text FROM pg_class UNION ALL
                SELECT 'namespace', oid, xmin::text FROM pg_namespace UNION ALL
                SELECT 'member', oid, xmin::text FROM pg_auth_members UNION ALL
                SELECT revision, NULL, applied_at::text FROM scheduler.applied_migrations ORDER BY 1, 2
            """).fetchall()

    first = upgrade(empty)
    before = catalog()
    assert upgrade(empty) == first
    assert catalog() == before


def test_the_login_may_upgrade_a_current_database(settings):
    assert upgrade(settings).up_to_date


def test_an_edited_migration_is_refused_by_name(settings, admin):
    admin.execute(
        "UPDATE scheduler.applied_migrations SET sha256 = repeat('0', 64) WHERE revision = %s", [FILES[1]]
    )
    assert status(settings).edited == (FILES[1],)
    for refuse in (upgrade, require_current):
        with pytest.raises(SchemaMismatch, match=FILES[1]) as refused:
            refuse(settings)
        assert FILES[0] not in str(refused.value)


def test_a_newer_database_is_refused_by_name(settings, admin):
    admin.execute("INSERT INTO scheduler.applied_migrations VALUES ('9999_future', repeat('0', 64))")
    with pytest.raises(SchemaMismatch, match="9999_future"):
        upgrade(settings)


def test_a_failed_migration_leaves_nothing_behind(empty):
    with psycopg.connect(empty.conninfo()) as connection:
        connection.execute(
            "CREATE SCHEMA inventory AUTHORIZATION scheduler_owner; CREATE TABLE inventory.images ()"
        )
        connection.execute("ALTER TABLE inventory.images OWNER TO scheduler_owner")
    with pytest.raises(ProgrammingError, match=r"images.*already exists"):
        upgrade(empty)
    assert status(empty).pending == FILES
    with psycopg.connect(empty.conninfo()) as connection:
        assert connection.execute("SELECT to_regclass('scheduler.tenants')").fetchone() == (None,)
        connection.execute("DROP TABLE inventory.images")
    assert upgrade(empty).up_to_date


def test_a_login_that_may_not_create_schemas_is_told_what_to_run(server, template, make_database):
    name = make_database()
    settings = SchedulerSettings(persistence="postgres", dsn=server.conninfo(name))
    with pytest.raises(
        ServerUnavailable, match=rf"user scheduler may not prepare or use database {name}"
    ) as refused:
        upgrade(settings)
    wanted = str(refused.value).partition("and in the database: ")[2]
    with psycopg.connect(server.conninfo(name, "postgres")) as connection:
        connection.execute(wanted)
    assert upgrade(settings).up_to_date


def test_a_server_that_is_not_there_is_named(tmp_path):
    settings = SchedulerSettings(persistence="postgres", dsn=f"host={tmp_path} dbname=gone user=ann")
    for ask in (status, upgrade, require_current):
        with pytest.raises(ServerUnavailable, match=f"host={tmp_path} dbname=gone user=ann"):
            ask(settings)


def test_a_login_outside_the_roles_is_told_what_to_run_on_a_current_database(settings, outsider):
    outside = settings.model_copy(update={"dsn": SecretStr(f"{settings.conninfo()} user={outsider}")})
    for ask in (status, upgrade, require_current):
        with pytest.raises(ServerUnavailable, match=f'GRANT scheduler_owner, .* TO "{outsider}";'):
            ask(outside)
    with Database(outside) as database, pytest.raises(SchemaMismatch, match="scheduler db upgrade"):
        with database.begin("acme"):
            pytest.fail("a transaction began")


def test_packages_of_distributions_get_the_name_of_their_purl(admin, plant):
    """0032 finds those of rpm by it, however an SBOM called them; of an npm package the scope is a part of it."""
    plant.image()
    admin.execute("DROP INDEX inventory.component_versions_of_binary")
    admin.execute("""
        INSERT INTO inventory.component_versions (tenant_id, purl, type, package, name)
        VALUES ('acme', 'pkg:rpm/redhat/a', 'rpm', 's', 'redhat/a'), ('acme', 'pkg:rpm/redhat/b', 'rpm', 's', 'b'),
            ('acme', 'pkg:deb/debian/c', 'deb', 's', 'debian/c'), ('acme', 'pkg:npm/%40d/e', 'npm', '@d/e', '@d/e'),
            ('acme', 'pkg:rpm/redhat/libstdc%2B%2B@1?arch=x86', 'rpm', 'gcc', 'libstdc++-1:1.el9'),
            ('acme', 'pkg:rpm/f#g/h', 'rpm', 's', 'f')""")
    admin.execute((MIGRATIONS / "versions" / "0032_binary_packages.sql").read_text(encoding="utf-8"))
    found = admin.execute("SELECT name FROM inventory.component_versions WHERE name <> 'lodash' ORDER BY id")
    assert [name for (name,) in found] == ["a", "b", "c", "@d/e", "libstdc++", "f"]


def test_images_of_docker_hub_get_its_one_name(admin, plant):
    """0036; of two that would have the same name the one that is called so keeps it, else the one changed last."""
    admin.execute("""
        INSERT INTO inventory.images (tenant_id, id, registry, repository, tag, namespace, created_at, updated_at)
        SELECT 'acme', gen_random_uuid(), registry, repository, '1', n::text, now(), now() + n * interval '1 s'
        FROM unnest(
            ARRAY['index.docker.io', 'docker.io', 'registry-1.docker.io', 'docker.io', 'ghcr.io', 'docker.io', ''],
            ARRAY['library/a', 'a', 'b', 'library/b', 'a', 'c/d', 'a'])
            WITH ORDINALITY AS named (registry, repository, n)""")
    stated = {"registry": "index.docker.io", "repository": "a", "tag": None, "digest": None}
    statement = """
        INSERT INTO inventory.vex_statements (tenant_id, id, vulnerability, image, status, stated_at, digest, note,
            source, ingested_at, ingested_by)
        VALUES ('acme', gen_random_uuid(), 'CVE-1', %s, 'fixed', now(), repeat('f', 64), '', 's', now(), 'ann')"""
    admin.execute(statement, [Jsonb(stated)])
    admin.execute((MIGRATIONS / "versions" / "0036_docker_hub.sql").read_text(encoding="utf-8"))
    found = admin.execute(
        "SELECT registry || '/' || repository FROM inventory.images ORDER BY namespace"
    ).fetchall()
    assert [name for (name,) in found] == [
        "index.docker.io/library/a",
        "docker.io/library/a",
        "registry-1.docker.io/b",
        "docker.io/library/b",
        "ghcr.io/a",
        "docker.io/c/d",
        "/a",
    ]
    (image,) = admin.execute("SELECT image FROM inventory.vex_statements").fetchone()
    assert image == stated | {"registry": "docker.io", "repository": "library/a"}


def test_names_of_advisories_that_no_index_takes_are_dropped(admin, plant):
    """0037; of the others all stay, and an index finds them."""
    admin.execute("DROP INDEX inventory.advisories_names")
    admin.execute("""
        INSERT INTO inventory.feed_revisions (source, added, changed, unchanged, created_at, created_by)
        VALUES ('feed', 2, 0, 0, now(), 'ann')""")
    noise = "".join(f"{sha256(str(number).encode()).hexdigest()}" for number in range(100))
    for name, aliases, upstream in (("A", ["CVE-1", noise], ["CVE-2"]), ("B", ["CVE-3"], [noise, "CVE-4"])):
        admin.execute(
            "INSERT INTO inventory.advisories (id, revision, modified, summary, aliases, upstream, severity, digest)"
            " SELECT %s, revision, now(), '', %s, %s, 'low', repeat('f', 64) FROM inventory.feed_revisions",
            [name, aliases, upstream],
        )
    admin.execute((MIGRATIONS / "versions" / "0037_advisory_names.sql").read_text(encoding="utf-8"))
    found = admin.execute("SELECT id, aliases, upstream FROM inventory.advisories ORDER BY id").fetchall()
    assert found == [("A", ["CVE-1"], ["CVE-2"]), ("B", ["CVE-3"], ["CVE-4"])]


UPSTREAM = (MIGRATIONS / "versions" / "0034_upstream.sql").read_text(encoding="utf-8")


@pytest.fixture
def before_upstream(admin, plant):
    """The database as 0034 finds it."""
    for table in ("advisories", "staged_advisories"):
        admin.execute(f"ALTER TABLE inventory.{table} DROP COLUMN upstream")
    return admin


def test_what_an_import_staged_without_upstream_is_read_again(before_upstream):
    before_upstream.execute("""
        INSERT INTO inventory.advisory_imports
            (id, source, fingerprint, started_at, started_by, touched_at, finished_at)
        SELECT gen_random_uuid(), 'feed', repeat('f', 64), now(), 'ann', now(), at
        FROM unnest(ARRAY[now(), NULL]) AS at;
        INSERT INTO inventory.staged_advisories
        SELECT id, 'A', now(), NULL, NULL, '', '{}', 'low', 0, NULL, repeat('f', 64), '[]'
        FROM inventory.advisory_imports""")
    before_upstream.execute(UPSTREAM)
    found = before_upstream.execute("""
        SELECT finished_at IS NOT NULL, upstream FROM inventory.staged_advisories
        JOIN inventory.advisory_imports AS i ON i.id = import_id""")
    assert found.fetchall() == [(True, [])]


def test_an_advisory_of_the_future_gives_way_to_any_record(before_upstream):
    before_upstream.execute("""
        INSERT INTO inventory.feed_revisions (revision, source, added, changed, unchanged, created_at, created_by)
        OVERRIDING SYSTEM VALUE VALUES (1, 'feed', 2, 0, 0, now(), 'ann');
        INSERT INTO inventory.advisories (id, revision, modified, severity, digest)
        VALUES ('A', 1, '9998-12-31T00:00:00Z', 'low', repeat('f', 64)), ('B', 1, now(), 'low', repeat('f', 64))""")
    before_upstream.execute(UPSTREAM)
    found = before_upstream.execute("SELECT id, extract(year FROM modified) < 1990 FROM inventory.advisories")
    assert found.fetchall() == [("B", False), ("A", True)]


def test_conditions_written_by_hand_keep_what_they_meant(admin, plant):
    """0017 refuses what the claim could not read, and finds rows of before it that say so."""
    admin.execute("ALTER TABLE scheduler.schedules DROP CONSTRAINT conditions_are_readable")
    admin.execute("CREATE INDEX tenants_claimed ON scheduler.tenants (claimed_at)")
    days = "report_older_than_days"
    said = {
        "good": ({days: 0.5, "feed_changed": True}, {days: 0.5, "feed_changed": True}),
        "any value": (
            {"feed_changed": False, "policy_revision_changed": "x"},
            {"feed_changed": True, "policy_revision_changed": True},
        ),
        "no days": ({days: "7", "feed_changed": True}, {"feed_changed": True}),
        "too many days": ({days: 1e300}, None),
        "none": (None, None),
    }
    for name, (before, _) in said.items():
        plant.schedule(name)
        admin.execute(
            "UPDATE scheduler.schedules SET only_if = %s WHERE name = %s", [before and Jsonb(before), name]
        )
    admin.execute((MIGRATIONS / "versions" / "0017_claim.sql").read_text(encoding="utf-8"))
    after = dict(admin.execute("SELECT name, only_if FROM scheduler.schedules").fetchall())
    assert after == {name: kept for name, (_, kept) in said.items()}

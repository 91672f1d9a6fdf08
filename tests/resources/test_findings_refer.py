"""What findings name exists and is kept: triggers that look it up once a statement stand in for foreign keys."""

from uuid import uuid4

import psycopg
import pytest

from resources.inventory_records import Decided
from resources.states import JobKind, PolicyMode

THEIR_POLICY = "(SELECT id FROM inventory.policies WHERE tenant_id = 'globex' LIMIT 1)"
LOOSE = {
    "image": f"image_id = '{uuid4()}'",
    "image of another tenant": "image_id = (SELECT id FROM inventory.images WHERE tenant_id = 'globex')",
    "component": "component_id = 999999",
    "component of another tenant": (
        "component_id = (SELECT id FROM inventory.component_versions WHERE tenant_id = 'globex')"
    ),
    "advisory": "advisory_id = 'A-9'",
    "policy": f"policy_id = '{uuid4()}'",
    "policy of another tenant": f"policy_id = {THEIR_POLICY}",
    "revision": "policy_revision = 99",
}
NAMED = {
    "image": "inventory.images WHERE repository = 'bare'",
    "component": "inventory.component_versions WHERE purl = 'pkg:npm/alone@1.0'",
    "advisory": "inventory.advisories WHERE id = 'A-1'",
    "revision": "inventory.policy_revisions WHERE tenant_id = 'acme'",
}
RENAME = {"image": "id = gen_random_uuid()", "component": "tenant_id = 'globex'", "advisory": "id = 'A-9'"}
RENAME |= {"revision": "revision = 99"}


@pytest.fixture
def finding(database, plant, admin):
    """A run of acme, and a finding of an image and of a component that nothing else refers to."""
    plant.image("theirs", ["lodash@4.0"], tenant_id="globex")
    plant.advisory("A-1", "alone")
    run = plant.running(kind=JobKind.POLICY, mode=PolicyMode.FULL)
    bare = uuid4()
    admin.execute(
        "INSERT INTO inventory.images (tenant_id, id, registry, repository, namespace, created_at, updated_at)"
        " VALUES ('acme', %s, 'registry.test', 'bare', 'web', %s, %s)",
        [bare, plant.now, plant.now],
    )
    ((component,),) = admin.execute(
        "INSERT INTO inventory.component_versions (tenant_id, purl, type, package, name, version)"
        " VALUES ('acme', 'pkg:npm/alone@1.0', 'npm', 'alone', 'alone', '1.0') RETURNING id"
    )
    with database.begin("acme") as store:
        policy = store.policies.list("acme")[0]
        decided = Decided(
            *(policy.policy_id, component, "A-1", policy.revision, "affected", "high", "block", None, None)
        )
        store.findings.write(run, {bare: [decided]}, plant.now)
    return run, bare, decided


def write_anew(admin, change):
    admin.execute("CREATE TEMPORARY TABLE copied ON COMMIT DROP AS TABLE inventory.findings")
    admin.execute(f"UPDATE copied SET {change}")
    admin.execute("DELETE FROM inventory.findings")
    admin.execute("INSERT INTO inventory.findings TABLE copied")


def write(database, finding, now, setting="SET LOCAL lock_timeout = 0"):
    run, bare, decided = finding
    with database.begin("acme") as store:
        store.connection.execute(setting)
        store.findings.write(run, {bare: [decided]}, now)


def test_what_a_finding_names_must_exist(finding, plant, admin):
    for name, change in LOOSE.items():
        with pytest.raises(
            psycopg.errors.ForeignKeyViolation, match=f"names .*{name.partition(' ')[0]}"
        ) as no:
            admin.execute(f"UPDATE inventory.findings SET {change}")
        assert no.value.diag.constraint_name == "changed_findings_refer"
        with pytest.raises(psycopg.errors.ForeignKeyViolation) as refused, admin.transaction():
            write_anew(admin, change)
        assert refused.value.diag.constraint_name == "new_findings_refer"


@pytest.mark.parametrize("name", NAMED)
def test_what_a_finding_names_is_neither_deleted_nor_renamed(finding, admin, name):
    table, _, where = NAMED[name].partition(" ")
    admin.execute("DELETE FROM inventory.advisory_ranges")
    for change, by in (
        (f"DELETE FROM {table} {where}", "findings_refer"),
        (f"UPDATE {table} SET {RENAME[name]} {where}", "findings_refer_by_key"),
    ):
        with pytest.raises(psycopg.errors.ForeignKeyViolation) as refused:
            admin.execute(change)
        assert refused.value.diag.constraint_name == by
    admin.execute("DELETE FROM inventory.findings")
    assert admin.execute(f"DELETE FROM {table} {where}").rowcount == 1


def test_a_deletion_waits_for_who_writes_findings_and_sees_them(finding, database, plant, admin):
    run, bare, decided = finding
    admin.execute("DELETE FROM inventory.findings")
    admin.execute("SET lock_timeout = '100ms'")
    with database.begin("acme") as store:
        store.findings.write(run, {bare: [decided]}, plant.now)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            admin.execute(f"DELETE FROM {NAMED['image']}")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        admin.execute(f"DELETE FROM {NAMED['image']}")


def test_who_writes_findings_waits_for_a_deletion_and_sees_it(finding, database, plant, admin):
    admin.execute("DELETE FROM inventory.findings")
    with admin.transaction():
        admin.execute(f"DELETE FROM {NAMED['image']}")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            write(database, finding, plant.now, "SET LOCAL lock_timeout = '100ms'")
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match=f"image {finding[1]}"):
        write(database, finding, plant.now)


def test_what_findings_name_is_not_truncated(finding, admin):
    for table in ("images", "component_versions", "advisories", "policy_revisions"):
        with pytest.raises(psycopg.errors.ForeignKeyViolation) as refused:
            admin.execute(f"TRUNCATE inventory.{table} CASCADE")
        assert refused.value.diag.constraint_name == "findings_refer_to_all"
    admin.execute("DELETE FROM inventory.findings")
    admin.execute("TRUNCATE inventory.component_versions CASCADE")


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_snapshot_that_may_not_see_the_other_side_is_refused(finding, admin, level):
    for change in (
        "UPDATE inventory.findings SET rule = 'other'",
        f"DELETE FROM {NAMED['image']}",
        "TRUNCATE inventory.advisories CASCADE",
    ):
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="READ COMMITTED"):
            admin.execute(f"BEGIN ISOLATION LEVEL {level}; {change}")
        admin.execute("ROLLBACK")

"""A superuser rewrites the record: each way is found by following the chain, the cut tail by an exported head."""

import re
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from resources.audit_chain import GENESIS, link_hash, seals_of
from resources.database import Database
from resources.settings import SchedulerSettings
from scheduler_defs.cli.chains import check_chain
from scheduler_defs.edits.tenants import create_tenant
from scheduler_defs.sensors.sealing import seal_audit

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
CHAINS = ("", "acme", "globex")
LINKS = 6
THIRD = "id = (SELECT audit_id FROM scheduler.audit_seals WHERE chain = 'acme' AND seq = 3)"
CHANGED = f"UPDATE scheduler.audit SET actor = 'eve' WHERE {THIRD}"
TABLES = ("audit", "audit_seals", "audit_unsealed")
ENTRY_CHANGES = {
    "id": "gen_random_uuid()",
    "tenant_id": "'globex'",
    "at": "at + interval '1 microsecond'",
    "actor": "actor || ' '",
    "action": "upper(action)",
    "entity": "''",
    "entity_id": "entity_id || entity",
    "old": """'{"number": 3.00}'""",
    "new": "NULL",
    "correlation_id": "gen_random_uuid()",
}
SEAL_CHANGES = {
    "chain": "'globex', tenant_id = 'globex', seq = 99",
    "tenant_id": "NULL",
    "seq": "77",
    "audit_id": "gen_random_uuid()",
    "previous_hash": "set_byte(previous_hash, 31, get_byte(previous_hash, 31) # 1)",
    "hash": "set_byte(hash, 0, get_byte(hash, 0) # 128)",
    "sealed_at": "sealed_at + interval '1 microsecond'",
}
FORGED = """
    INSERT INTO scheduler.audit (id, tenant_id, at, actor, action, entity, entity_id, new, correlation_id)
    SELECT gen_random_uuid(), 'acme', '2026-03-14T12:00:02.5Z', 'eve', 'pause', 'schedule', '1', '{}', id
    FROM scheduler.audit LIMIT 1
"""
SWAPPED_ENTRIES = """
    UPDATE scheduler.audit AS a SET actor = b.actor, entity_id = b.entity_id, old = b.old, new = b.new, at = b.at
    FROM scheduler.audit AS b, scheduler.audit_seals AS s, scheduler.audit_seals AS t
    WHERE s.chain = 'acme' AND t.chain = 'acme' AND (s.seq, t.seq) IN ((3, 4), (4, 3))
        AND s.audit_id = a.id AND t.audit_id = b.id
"""
DELETED = "DELETE FROM scheduler.audit AS a USING scheduler.audit_seals AS s WHERE s.audit_id = a.id AND chain = 'acme'"
UNSEALED = "DELETE FROM scheduler.audit_seals WHERE chain = 'acme'"
WAYS = {
    "entry deleted": ([f"{DELETED} AND seq = 3"], 3, "the entry is missing"),
    "first entry deleted": ([f"{DELETED} AND seq = 1"], 1, "the entry is missing"),
    "last entry deleted": ([f"{DELETED} AND seq = 6"], 6, "the entry is missing"),
    "seal deleted": ([f"{UNSEALED} AND seq = 3"], 3, "is missing: the next one is 4"),
    "entry and seal deleted": ([f"{DELETED} AND seq = 3", f"{UNSEALED} AND seq = 3"], 3, "the next one is 4"),
    "beginning deleted": ([f"{DELETED} AND seq < 3", f"{UNSEALED} AND seq < 3"], 1, "the next one is 3"),
    "gap closed": (
        [f"{DELETED} AND seq = 3", f"{UNSEALED} AND seq = 3"]
        + [
            f"UPDATE scheduler.audit_seals SET seq = {n - 1} WHERE chain = 'acme' AND seq = {n}"
            for n in (4, 5, 6)
        ],
        3,
        "its previous hash is not the hash of the link before",
    ),
    "entries swapped": ([SWAPPED_ENTRIES], 3, "its hash is not that of its content"),
    "seals swapped": (
        [
            f"UPDATE scheduler.audit_seals SET seq = {new} WHERE chain = 'acme' AND seq = {old}"
            for old, new in ((3, 77), (4, 3), (77, 4))
        ],
        3,
        "its previous hash",
    ),
    "hashes recomputed for one": (
        [CHANGED, 3],
        4,
        "its previous",
    ),
    "last seal deleted": ([f"{UNSEALED} AND seq = 6"], None, "has no seal and does not wait for one"),
    "every seal deleted": ([UNSEALED], None, "has no seal and does not wait for one"),
    "entry forged": ([FORGED], None, "has no seal and does not wait for one"),
}
BY_HEAD = {
    "tail cut": ([f"{DELETED} AND seq > 4", f"{UNSEALED} AND seq > 4"], 5, "its tail was cut"),
    "all deleted": ([DELETED, UNSEALED], 1, "its tail was cut"),
    "tail written anew": (
        [CHANGED, *range(3, 7)],
        6,
        "written anew",
    ),
    "tail cut and written anew": (
        [
            f"{DELETED} AND seq > 4",
            f"{UNSEALED} AND seq > 4",
            CHANGED,
            3,
            4,
        ],
        5,
        "its tail was cut",
    ),
}


@pytest.fixture(scope="module")
def sealed(module_database):
    """A database with six links for acme, two for globex and one of no tenant; and a superuser's connection."""
    dsn = make_conninfo(module_database, user="scheduler")
    with Database(SchedulerSettings(persistence="postgres", dsn=dsn)) as database:
        with database.begin_system() as store:
            for tenant in ("acme", "globex"):
                create_tenant(store, tenant, "tests")
            for number, chain in enumerate(["acme"] * (LINKS - 2) + [None]):
                store.audit.append(
                    **{"tenant_id": chain, "actor": f"ann{number}", "action": "pause", "entity": "schedule"},
                    **{"entity_id": str(number), "now": NOW + timedelta(seconds=number)},
                    **{"old": {"number": 3.0}, "new": {"number": 1}},
                )
        assert seal_audit(database) == LINKS + 3
        with psycopg.connect(module_database, autocommit=True) as admin:
            admin.execute("SET session_replication_role = replica")  # switches the triggers off
            for table in TABLES:
                admin.execute(f"CREATE TEMP TABLE kept_{table} AS TABLE scheduler.{table}")
            yield database, admin


@pytest.fixture
def admin(sealed):
    _, admin = sealed
    yield admin
    for table in TABLES:
        admin.execute(f"TRUNCATE scheduler.{table}")
        admin.execute(f"INSERT INTO scheduler.{table} TABLE kept_{table}")


@pytest.fixture
def check(sealed, admin):
    """check(heads) is the faults by chain."""

    def check(heads=()):
        return {chain: fault for chain in CHAINS if (fault := check_chain(sealed[0], chain, heads).fault)}

    return check


@pytest.fixture
def heads(sealed):
    with sealed[0].begin_system() as store:
        return [store.audit_seals.head(chain) for chain in CHAINS]


@pytest.fixture
def tamper(admin, sealed):
    """Runs statements; a number is a link whose hash is computed anew, as one who knows the code would."""

    def reseal(seq):
        with sealed[0].begin_system() as store:
            *before, link = store.audit_seals.list_links("acme", 0, seq)
        previous = before[-1].hash if before else GENESIS
        digest = link_hash(previous, "acme", seq, "acme", link.sealed_at, link.content)
        values = (previous, digest, seq)
        admin.execute(
            "UPDATE scheduler.audit_seals SET previous_hash = %s, hash = %s WHERE chain = 'acme' AND seq = %s",
            values,
        )

    def tamper(steps):
        for step in steps:
            if isinstance(step, int):
                reseal(step)
            else:
                assert admin.execute(step).rowcount > 0

    return tamper


def test_an_honest_chain_has_no_fault(check, heads):
    assert check() == {}
    assert check(heads) == {}


def test_resealing_an_untouched_chain_changes_nothing(check, heads, tamper):
    tamper(range(1, LINKS + 1))
    assert check(heads) == {}


@pytest.mark.parametrize(("table", "changes"), [("audit", ENTRY_CHANGES), ("audit_seals", SEAL_CHANGES)])
def test_no_column_is_left_out(admin, table, changes):
    columns = admin.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'scheduler' AND table_name = %s",
        [table],
    )
    assert {name for (name,) in columns} == set(changes)


@pytest.mark.parametrize("column", ENTRY_CHANGES)
def test_a_change_of_any_column_of_an_entry_is_found(check, tamper, column):
    tamper([f"UPDATE scheduler.audit SET {column} = {ENTRY_CHANGES[column]} WHERE {THIRD}"])
    fault = check()["acme"]
    assert (fault.seq, fault.what) == (
        3,
        "the entry is missing"
        if column == "id"
        else "its hash is not that of its content: the entry or its seal was changed",
    )


@pytest.mark.parametrize("column", SEAL_CHANGES)
def test_a_change_of_any_column_of_a_seal_is_found(check, tamper, admin, column):
    checks = "ALTER TABLE scheduler.audit_seals DROP CONSTRAINT IF EXISTS chain_is_tenants"
    admin.execute(checks)
    tamper(
        [
            f"UPDATE scheduler.audit_seals SET {column} = {SEAL_CHANGES[column]} WHERE chain = 'acme' AND seq = 3"
        ]
    )
    assert check()["acme"].seq == 3


@pytest.mark.parametrize("way", WAYS)
def test_every_way_is_found_and_named(check, tamper, heads, way):
    steps, seq, what = WAYS[way]
    tamper(steps)
    faults = check()
    assert set(faults) == {"acme"}
    assert (faults["acme"].seq, bool(re.search(what, faults["acme"].what))) == (seq, True), faults["acme"]
    assert set(check(heads)) == {"acme"}


@pytest.mark.parametrize("way", BY_HEAD)
def test_some_ways_are_found_by_an_exported_head_only(check, tamper, heads, way):
    steps, seq, what = BY_HEAD[way]
    tamper(steps)
    assert check() == {}
    faults = check(heads)
    assert set(faults) == {"acme"}
    assert (faults["acme"].seq, bool(re.search(what, faults["acme"].what))) == (seq, True), faults["acme"]


def test_an_entry_deleted_while_it_waited_for_its_seal_is_found(sealed, check, admin):
    admin.execute("SET session_replication_role = origin")
    admin.execute(FORGED)
    admin.execute("SET session_replication_role = replica")
    assert check() == {}
    admin.execute("DELETE FROM scheduler.audit WHERE actor = 'eve'")
    assert seal_audit(sealed[0]) == 0
    assert check()["acme"].what == "the entry is missing, it waited for its seal"


def test_an_entry_put_in_as_the_product_would_is_sealed_like_any_other(sealed, check, heads, admin):
    admin.execute("SET session_replication_role = origin")
    admin.execute(FORGED)
    admin.execute("SET session_replication_role = replica")
    assert seal_audit(sealed[0]) == 1
    assert check(heads) == {}, "guarantees.md and security.md say so"


def test_an_entry_sealed_into_another_tenants_chain_is_found(sealed, check, admin):
    admin.execute("SET session_replication_role = origin")
    admin.execute(FORGED)
    with sealed[0].begin_system() as store:
        taken = store.audit_seals.take_unsealed("acme", 10)
        seals = seals_of("globex", store.audit_seals.head("globex"), taken, NOW)
        store.audit_seals.append_many(list(seals))
    admin.execute("SET session_replication_role = replica")
    faults = check()
    assert faults["globex"].what == "it is of another tenant than its chain"
    assert faults["acme"].seq is None


def test_sealing_goes_on_after_a_fault_and_does_not_hide_it(sealed, check, admin, tamper):
    tamper([f"{DELETED} AND seq = 3", f"{UNSEALED} AND seq > 4"])
    admin.execute("SET session_replication_role = origin")
    admin.execute(FORGED)
    admin.execute("SET session_replication_role = replica")
    assert seal_audit(sealed[0]) == 1
    assert check()["acme"].seq == 3

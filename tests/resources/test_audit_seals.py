"""Tables audit_seals and audit_unsealed: committed entries are queued, then sealed once, in one chain a tenant."""

import json
import subprocess
import sys
from collections import Counter
from datetime import timedelta

import psycopg
import pytest
from psycopg.types.json import Jsonb

from resources import migrations
from resources.audit_chain import GENESIS, check_links, seals_of
from resources.database import Database
from resources.ids import new_id
from resources.records import AuditSeal
from resources.settings import SchedulerSettings
from scheduler_defs.cli.chains import check_chain
from scheduler_defs.sensors.sealing import seal_audit

CHAINS = ("", "acme", "globex")
SEALER = """
import select, sys
from resources.database import Database
from scheduler_defs.sensors.sealing import seal_audit

with Database() as database:
    with database.begin_system():
        print("ready", flush=True)
    sealed = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        sealed += seal_audit(database, size=7)
    print(sealed, flush=True)
"""


@pytest.fixture
def append(plant):
    """append(chain, count) commits edits of a tenant, or of none, in one transaction."""

    def append(chain="acme", count=1):
        with plant.database.begin_system() as store:
            for number in range(count):
                store.audit.append(
                    tenant_id=chain or None,
                    actor="ann",
                    action="pause",
                    entity="schedule",
                    entity_id=str(number),
                    new={"number": number},
                    now=plant.now + timedelta(seconds=number),
                )

    return append


@pytest.fixture
def counts(admin):
    """How many entries, seals and queued entries there are."""

    def count():
        tables = ("audit", "audit_seals", "audit_unsealed")
        return tuple(
            admin.execute(f"SELECT count(*) FROM scheduler.{table}").fetchone()[0] for table in tables
        )

    return count


def links(database, chain="acme"):
    with database.begin_system() as store:
        return store.audit_seals.list_links(chain, 0, 1000)


def assert_intact(database):
    reports = {chain: check_chain(database, chain, []) for chain in CHAINS}
    assert {chain: str(report.fault) for chain, report in reports.items() if report.fault} == {}
    return {chain: (report.sealed, report.unsealed) for chain, report in reports.items()}


def test_each_chain_is_sealed_by_itself_and_follows_from_the_genesis(database, append):
    append("", 2)
    append("acme", 3)
    assert seal_audit(database) == 9
    assert assert_intact(database) == {"": (2, 0), "acme": (5, 0), "globex": (2, 0)}
    chain = links(database)
    assert [link.seq for link in chain] == [1, 2, 3, 4, 5]
    assert [link.previous_hash for link in chain] == [GENESIS, *(link.hash for link in chain[:-1])]
    assert seal_audit(database) == 0


def test_entries_are_sealed_in_the_order_of_their_instants(database, append, plant, admin):
    append("acme", 3)
    seal_audit(database)
    queued = admin.execute(
        "SELECT id FROM scheduler.audit WHERE tenant_id = 'acme' ORDER BY at, id"
    ).fetchall()
    assert [link.audit_id for link in links(database)] == [one for (one,) in queued]


def test_small_batches_make_the_same_chain(database, append, counts):
    append("acme", 10)
    assert seal_audit(database, size=3) == 14
    assert_intact(database)


def test_a_tick_is_bounded_and_a_long_chain_does_not_keep_others_waiting(database, append, counts):
    append("acme", 100)
    assert seal_audit(database, budget=50, size=25) == 25 + 2 + 25
    assert assert_intact(database) == {"": (0, 0), "acme": (50, 52), "globex": (2, 0)}
    assert seal_audit(database) == 52
    assert_intact(database)


def test_only_committed_entries_are_queued_and_one_that_commits_late_comes_later(database, append, plant):
    append("acme")
    with database.begin("acme") as late:
        late.audit.append(
            **{"tenant_id": "acme", "actor": "late", "action": "pause", "entity": "schedule"},
            **{"entity_id": "1", "new": {}, "now": plant.now - timedelta(days=1)},
        )
        append("acme")
        seal_audit(database)
        assert assert_intact(database)["acme"] == (4, 0)
    assert assert_intact(database)["acme"] == (4, 1)
    seal_audit(database)
    assert assert_intact(database)["acme"] == (5, 0)
    assert links(database)[-1].content[3] == "late"


def test_an_edit_that_rolls_back_is_not_queued(database, append, counts, plant):
    before = counts()

    def edit(*actors):
        with database.begin("acme") as store:
            for actor in actors:
                named = {"tenant_id": "acme", "action": "a", "entity": "e", "entity_id": "1", "new": {}}
                store.audit.append(actor=actor, now=plant.now, **named)

    with pytest.raises(psycopg.errors.CheckViolation):
        edit("ann", "")
    assert counts() == before
    edit("ann", "bob")
    assert counts() == (before[0] + 2, before[1], before[2] + 2)


def test_waiting_chains_come_longest_waiting_first(database, append, admin):
    seal_audit(database)
    append("globex", 2)
    append("acme")
    admin.execute("UPDATE scheduler.audit_unsealed SET at = at - interval '1 day' WHERE chain = 'acme'")
    with database.begin_system() as store:
        assert store.audit_seals.list_waiting() == ["acme", "globex"]
        assert store.audit_seals.list_chains() == ["acme", "globex"]
        assert [store.audit_seals.count_unsealed(chain) for chain in CHAINS] == [0, 1, 2]


def test_one_sealer_at_a_time_holds_a_chain_and_none_waits(database, append):
    append("acme")
    with database.begin_system() as store:
        assert store.audit_seals.try_lock("acme")
        assert seal_audit(database) == 2
        with database.begin_system() as other:
            assert not other.audit_seals.try_lock("acme")
            assert other.audit_seals.try_lock("globex")
    assert seal_audit(database) == 3


def test_taken_entries_stay_queued_when_their_seals_are_not_committed(database, append, counts):
    append("acme")
    before = counts()
    with database.begin_system() as store, store.connection.transaction(force_rollback=True):
        assert len(store.audit_seals.take_unsealed("acme", 10)) == 3
        assert store.audit_seals.take_unsealed("acme", 10) == []
    assert counts() == before


def test_an_entry_queued_again_is_not_sealed_again(database, append, admin, counts):
    seal_audit(database)
    admin.execute(
        "INSERT INTO scheduler.audit_unsealed SELECT tenant_id, at, id FROM scheduler.audit LIMIT 1"
    )
    sealed = counts()[1]
    assert seal_audit(database) == 0
    assert counts()[1:] == (sealed, 0)
    assert_intact(database)


@pytest.mark.parametrize("statement", ["UPDATE {} SET seq = seq + 9", "DELETE FROM {}", "TRUNCATE {}"])
def test_nobody_but_the_owner_rewrites_seals(database, append, admin, statement):
    seal_audit(database)
    written = statement.format("scheduler.audit_seals")
    before = links(database)
    for enter in (lambda: database.begin("acme"), database.begin_system):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), enter() as store:
            store.connection.execute(written)
    with pytest.raises(psycopg.Error, match="append-only"):
        admin.execute(written)
    assert links(database) == before
    admin.execute("SET ROLE scheduler_owner")
    admin.execute(statement.format("scheduler.audit_seals"))
    assert links(database) != before


def test_a_tenant_reads_its_own_chain_and_writes_none(database, plant):
    seal_audit(database)
    with database.begin("acme") as store:
        mine = store.audit_seals.head("acme")
        assert (mine.seq, store.audit_seals.head("globex")) == (2, None)
        assert store.audit_seals.list_links("globex", 0, 10) == []
        assert len(store.audit_seals.list_links("acme", 1, 10)) == 1
    seal = AuditSeal("acme", "acme", 3, new_id(), mine.hash, bytes(32), plant.now)
    for refused in (
        lambda seals: seals.append_many([seal]),
        lambda seals: seals.take_unsealed("acme", 1),
        lambda seals: seals.list_waiting(),
        lambda seals: seals.count_unsealed("acme"),
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), database.begin("acme") as store:
            refused(store.audit_seals)


def test_links_are_read_in_batches(database, append, monkeypatch):
    append("acme", 10)
    seal_audit(database)
    monkeypatch.setattr("scheduler_defs.cli.chains.BATCH", 5)
    assert assert_intact(database)["acme"] == (12, 0)


def test_sealers_and_writers_at_once_make_one_chain(database, append, environment, counts):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    sealers = [subprocess.Popen([sys.executable, "-c", SEALER], env=environment, **pipes) for _ in range(2)]
    try:
        for sealer in sealers:
            assert sealer.stdout.readline() == "ready\n"
        for number in range(30):
            append(CHAINS[number % 3], 5)
        sealed = sum(int(sealer.communicate(timeout=60)[0]) for sealer in sealers)
    finally:
        for sealer in sealers:
            sealer.kill()
            sealer.communicate()
    assert sealed > 0
    assert sealed + seal_audit(database) == 154
    assert counts() == (154, 154, 0)
    assert assert_intact(database) == {"": (50, 0), "acme": (52, 0), "globex": (52, 0)}


def test_a_chain_survives_being_dumped_and_loaded(database, append, admin):
    """In another session's time zone, date style and float format, as rows of text."""
    append("acme", 3)
    seal_audit(database)
    append("acme")
    admin.execute(
        "SET timezone = 'Asia/Kathmandu'; SET datestyle = 'SQL, DMY'; SET intervalstyle = 'iso_8601'"
    )
    admin.execute("SET session_replication_role = replica")
    for table in ("audit", "audit_seals", "audit_unsealed"):
        with admin.cursor().copy(f"COPY scheduler.{table} TO STDOUT") as out:
            dumped = b"".join(bytes(part) for part in out)
        admin.execute(f"TRUNCATE scheduler.{table}")
        with admin.cursor().copy(f"COPY scheduler.{table} FROM STDIN") as back:
            back.write(dumped)
    assert assert_intact(database)["acme"] == (5, 1)
    seal_audit(database)
    assert assert_intact(database)["acme"] == (6, 0)


def test_odd_values_are_sealed_as_they_are_kept(database, plant, admin):
    odd = {"1.00": 1.10, "é\u2028": [None, True, {"z": 1, "a": "\\ \" '"}], "big": 10**30}
    with database.begin("acme") as store:
        for old, new in ((odd, None), (None, odd), ({}, {})):
            store.audit.append(
                **{"tenant_id": "acme", "actor": "ann\n\t'\"", "action": "", "entity": "", "entity_id": "ß"},
                **{"old": old, "new": new, "now": plant.now},
            )
    admin.execute(
        "INSERT INTO scheduler.audit SELECT gen_random_uuid(), 'acme', '0002-01-01Z', 'sql', '', '', '', NULL, %s, id"
        " FROM scheduler.audit LIMIT 1",
        [Jsonb(json.loads("[1.0, 1.00, 1e3]"))],
    )
    seal_audit(database)
    assert assert_intact(database)["acme"] == (6, 0)
    assert Counter(len(link.content) for link in links(database)) == {10: 6}


def test_what_is_appended_is_what_is_read(database, append, plant):
    append("acme", 2)
    with database.begin_system() as store:
        taken = store.audit_seals.take_unsealed("acme", 3)
        seals = list(seals_of("acme", None, taken, plant.now))
        store.audit_seals.append_many(seals)
        kept = store.audit_seals.list_links("acme", 0, 10)
        assert [(one.seq, one.audit_id, one.hash) for one in kept] == [
            (one.seq, one.audit_id, one.hash) for one in seals
        ]
        assert [one.content for one in kept] == [one.content for one in taken]
        assert check_links("acme", kept, []).fault is None
        assert store.audit_seals.find_stray("acme") is None
        assert store.audit_seals.find_lost("acme") is None


def test_entries_from_before_the_chain_are_queued_by_its_migration(server, make_database, monkeypatch):
    name = make_database()
    settings = SchedulerSettings(persistence="postgres", dsn=server.conninfo(name, "postgres"))
    to_head = migrations.command.upgrade
    with monkeypatch.context() as patch:
        patch.setattr(migrations.command, "upgrade", lambda config, _: to_head(config, "0006_retention"))
        migrations.upgrade(settings)
    with psycopg.connect(settings.conninfo(), autocommit=True) as admin:
        admin.execute(
            "INSERT INTO scheduler.audit SELECT gen_random_uuid(), tenant, now(), 'ann', 'a', 'e', '1', NULL, '{}',"
            " gen_random_uuid() FROM unnest(ARRAY['acme', 'acme', NULL]) AS tenant"
        )
    migrations.upgrade(settings)
    with Database(settings) as database:
        assert seal_audit(database) == 3
        assert assert_intact(database) == {"": (1, 0), "acme": (2, 0), "globex": (0, 0)}

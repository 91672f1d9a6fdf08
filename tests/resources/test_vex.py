"""Inventory: VEX statements; what is stated stays, and later statements are beside it."""

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from resources.errors import InvalidInput
from resources.inventory_records import VexRow
from tests.resources.conftest import NOW, sha256

FIRST = VexRow(
    vulnerability="CVE-2026-1",
    aliases=["GHSA-1", "PYSEC-1"],
    purl="pkg:npm/a@1.0.0",
    image=None,
    status="not_affected",
    justification="vulnerable_code_not_present",
    note="The shop leaves it out.",
    stated_at=NOW,
    digest=sha256("first"),
)
OF_AN_IMAGE = replace(
    FIRST,
    vulnerability="CVE-2026-2",
    aliases=[],
    purl=None,
    image={"registry": "registry.test", "repository": "shop", "tag": "1.0", "digest": None},
    status="fixed",
    justification=None,
    note="",
    stated_at=NOW + timedelta(days=1),
    digest=sha256("second"),
)


@pytest.fixture
def add(database, plant):
    def add(*statements, tenant="acme", source="a.vex.json"):
        with database.begin(tenant) as store:
            return store.vex.add(tenant, statements, source, "ann", plant.now)

    return add


@pytest.fixture
def read(database):
    def read(question, tenant="acme"):
        with database.begin(tenant) as store:
            return question(store.vex)

    return read


def test_a_statement_is_kept_whole(add, read):
    assert add(FIRST, OF_AN_IMAGE) == 2
    assert sorted(read(lambda vex: vex.list_all("acme")), key=lambda one: one.vulnerability) == [
        FIRST,
        OF_AN_IMAGE,
    ]
    assert read(lambda vex: vex.count("acme")) == 2


def test_what_says_the_same_is_kept_once(add, read):
    assert add(FIRST, FIRST) == 1
    assert add(FIRST, OF_AN_IMAGE, source="b.vex.json") == 1
    assert add(FIRST, source="c.vex.json") == 0
    assert add() == 0
    assert read(lambda vex: vex.count("acme")) == 2
    assert {one.source for one in read(lambda vex: vex.list("acme")).items} == {"a.vex.json", "b.vex.json"}


def test_statements_are_a_tenants_own(add, read):
    add(FIRST)
    assert add(FIRST, tenant="globex") == 1
    assert add(OF_AN_IMAGE, tenant="globex") == 1
    assert read(lambda vex: vex.list_all("acme")) == [FIRST]
    assert read(lambda vex: vex.list_all("globex"), "acme") == []
    assert read(lambda vex: vex.count("globex"), "acme") == 0
    assert read(lambda vex: vex.list("globex"), "acme").items == []


def test_people_read_what_was_stated_last_first_page_by_page(add, read, plant):
    later = [
        replace(FIRST, stated_at=NOW + timedelta(days=day), digest=sha256(f"day {day}")) for day in range(5)
    ]
    add(*later, OF_AN_IMAGE)
    pages, cursor = [], None
    while True:
        page = read(lambda vex, cursor=cursor: vex.list("acme", cursor=cursor, limit=2))
        pages.append([one.stated_at for one in page.items])
        cursor = page.next_cursor
        if cursor is None:
            break
    seen = [at for page in pages for at in page]
    assert [len(page) for page in pages] == [2, 2, 2]
    assert seen == sorted((one.stated_at for one in [*later, OF_AN_IMAGE]), reverse=True)
    newest = read(lambda vex: vex.list("acme", vulnerability="CVE-2026-1", limit=1)).items[0]
    assert (newest.ingested_by, newest.ingested_at, newest.source) == ("ann", plant.now, "a.vex.json")
    assert (newest.note, newest.purl, newest.aliases) == (FIRST.note, FIRST.purl, FIRST.aliases)


@pytest.mark.parametrize("name", ["CVE-2026-1", "cve-2026-1", "ghsa-1", "PYSEC-1"])
def test_a_vulnerability_is_found_by_any_of_its_ids(add, read, name):
    add(FIRST, OF_AN_IMAGE)
    found = read(lambda vex: vex.list("acme", vulnerability=name)).items
    assert [one.vulnerability for one in found] == ["CVE-2026-1"]
    assert read(lambda vex: vex.list("acme", vulnerability="CVE-2026-10")).items == []


def test_a_cursor_of_another_vulnerability_is_refused(add, read):
    add(FIRST, OF_AN_IMAGE)
    cursor = read(lambda vex: vex.list("acme", limit=1)).next_cursor
    with pytest.raises(InvalidInput, match="cursor"):
        read(lambda vex: vex.list("acme", vulnerability="CVE-2026-1", cursor=cursor))


@pytest.mark.parametrize("statement", ["UPDATE {} SET status = 'fixed'", "DELETE FROM {}"])
def test_nobody_but_the_owner_rewrites_a_statement(add, database, statement):
    add(FIRST)
    for enter in (lambda: database.begin("acme"), database.begin_system):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), enter() as store:
            store.connection.execute(statement.format("inventory.vex_statements"))

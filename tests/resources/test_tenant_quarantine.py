"""Inventory: what imports of SBOMs and VEX left out; a tenant's own, replaced by the next import, gone in the end."""

from dataclasses import replace
from datetime import timedelta

import pytest

from resources.errors import InvalidInput
from resources.ids import new_id
from resources.inventory_records import LeftOut, Quarantined

LEFT_OUT = LeftOut(1, "sboms/a.jsonl", 3, "/components", "holds no components")
DAY = timedelta(days=1)


@pytest.fixture
def leave_out(database, plant):
    """Keeps what an import leaves out, numbered from 1; returns the import."""

    def leave_out(*files, tenant="acme", kind="sbom", source="sboms", import_id=None, at=plant.now):
        import_id = import_id or new_id()
        batch = [replace(LEFT_OUT, record=number, file=file) for number, file in enumerate(files, 1)]
        with database.begin(tenant) as store:
            store.tenant_quarantine.add(tenant, import_id, kind, source, batch, at)
        return import_id

    return leave_out


@pytest.fixture
def listed(database):
    """The files of what was left out, as a tenant reads it."""

    def listed(tenant="acme", reader=None):
        with database.begin(reader or tenant) as store:
            return [one.file for one in store.tenant_quarantine.list(tenant).items]

    return listed


def test_what_was_left_out_is_kept_whole(database, plant, leave_out):
    import_id = leave_out("a.json", kind="vex")
    with database.begin("acme") as store:
        (kept,) = store.tenant_quarantine.list("acme").items
    assert kept == Quarantined(
        **vars(replace(LEFT_OUT, file="a.json")), kind="vex", import_id=import_id, at=plant.now
    )
    leave_out()


def test_the_newest_import_is_listed_first_in_its_order_page_by_page(database, leave_out):
    older, newer = leave_out("a", "b", "c"), leave_out("d", "e")
    found, cursor = [], None
    while True:
        with database.begin("acme") as store:
            page = store.tenant_quarantine.list("acme", cursor=cursor, limit=2)
        found.append([(one.import_id, one.record) for one in page.items])
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == [[(newer, 1), (newer, 2)], [(older, 1), (older, 2)], [(older, 3)]]
    with pytest.raises(InvalidInput, match="limit"), database.begin("acme") as store:
        store.tenant_quarantine.list("acme", limit=0)


def test_an_import_replaces_all_others_of_its_source_kind_and_tenant_only(database, leave_out, listed):
    leave_out("before")
    last = leave_out("last")
    leave_out("later, cut off")
    leave_out("other kind", kind="vex")
    leave_out("other source", source="other")
    leave_out("of globex", tenant="globex")
    with database.begin("acme") as store:
        store.tenant_quarantine.forget_earlier("acme", last, "sbom", "sboms")
    assert listed() == ["other source", "other kind", "last"]
    assert listed("globex") == ["of globex"]


def test_a_refused_import_leaves_what_others_left_out(database, leave_out, listed):
    leave_out("before")
    refused = leave_out("refused", "refused too")
    leave_out("of globex", tenant="globex", import_id=refused)
    with database.begin("acme") as store:
        store.tenant_quarantine.refuse("acme", refused)
    assert (listed(), listed("globex")) == (["before"], ["of globex"])


def test_what_was_left_out_is_a_tenants_own(database, leave_out, listed):
    kept = leave_out("of acme")
    assert listed("acme", reader="globex") == []
    with database.begin("globex") as store:
        store.tenant_quarantine.forget_earlier("acme", new_id(), "sbom", "sboms")
        store.tenant_quarantine.refuse("acme", kept)
    assert listed() == ["of acme"]


def test_what_is_past_retention_goes_the_oldest_first_whoever_left_it_out(
    database, plant, admin, leave_out, listed
):
    leave_out("a", at=plant.now - DAY)
    leave_out("b", "c", tenant="globex", at=plant.now - 2 * DAY)
    leave_out("kept")

    def prune(batch):
        with database.begin_system() as store:
            return store.retention.prune_tenant_quarantine(plant.now, batch)

    with admin.transaction():
        admin.execute("SELECT FROM inventory.tenant_quarantine WHERE file = 'b' FOR UPDATE")
        assert prune(batch=1) == 1
        assert listed("globex") == ["b"]
    assert prune(batch=1) == 1
    assert (listed(), listed("globex")) == (["kept", "a"], [])
    assert [prune(batch=10), prune(batch=10)] == [1, 0]
    assert listed() == ["kept"]


def test_what_was_left_out_goes_with_its_tenant(database, plant, admin, leave_out, listed):
    with database.begin_system() as store:
        store.tenants.create("gone", "soon", "ann", plant.now)
    leave_out("a", tenant="gone")
    leave_out("b")
    admin.execute("DELETE FROM scheduler.tenants WHERE tenant_id = 'gone'")
    assert admin.execute("SELECT tenant_id FROM inventory.tenant_quarantine").fetchall() == [("acme",)]

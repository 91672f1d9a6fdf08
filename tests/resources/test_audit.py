"""Table audit: appended in the transaction of the change, never rewritten."""

from datetime import timedelta

import psycopg
import pytest

from resources.database import Database
from resources.errors import InvalidInput, NotFound
from resources.ids import new_id
from resources.protocols.audit import AuditFilter

REWRITES = [
    "UPDATE scheduler.audit SET actor = 'nobody'",
    "DELETE FROM scheduler.audit",
    "TRUNCATE scheduler.audit",
]


def entry(now, **changes):
    wanted = {"tenant_id": "acme", "actor": "ann", "action": "pause", "entity": "schedule", "entity_id": "1"}
    return wanted | {"now": now, "new": {"enabled": False}} | changes


def test_an_edit_is_read_as_it_was_written(database, plant):
    correlation = new_id()
    with database.begin("acme") as store:
        store.audit.append(**entry(plant.now, old={"enabled": True}, correlation_id=correlation))
        (found,) = store.audit.list("acme", AuditFilter("schedule")).items
    assert (found.tenant_id, found.at, found.actor, found.action) == ("acme", plant.now, "ann", "pause")
    assert (found.entity, found.entity_id, found.correlation_id) == ("schedule", "1", correlation)
    assert (found.old, found.new) == ({"enabled": True}, {"enabled": False})


def test_an_edit_that_says_nothing_is_refused(database, plant):
    with (
        pytest.raises(psycopg.errors.CheckViolation, match="says_what_changed"),
        database.begin("acme") as store,
    ):
        store.audit.append(**entry(plant.now, new=None))


@pytest.fixture
def edits(database, plant):
    """Six edits of acme, a second apart, by their entity ids; later ones differ from the first in one field each."""
    correlation = new_id()
    changes = [
        {},
        {"entity": "run"},
        {"actor": "bob"},
        {"action": "resume"},
        {"correlation_id": correlation},
        {},
    ]
    with database.begin("acme") as store:
        for number, change in enumerate(changes):
            at = plant.now + timedelta(seconds=number)
            store.audit.append(**entry(at, entity_id=str(number)) | change)
    return correlation


def ids(page):
    return "".join(one.entity_id for one in page.items if one.entity_id.isdigit())


def test_lists_filter_newest_first(database, plant, edits):
    second = plant.now + timedelta(seconds=1)
    wanted = {
        "543210": AuditFilter(),
        "54320": AuditFilter(entity="schedule"),
        "3": AuditFilter(entity_id="3"),
        "2": AuditFilter(actor="bob"),
        "3 ": AuditFilter(action="resume"),
        "4": AuditFilter(correlation_id=edits),
        "10": AuditFilter(since=plant.now, until=plant.now + timedelta(seconds=2)),
        "1": AuditFilter(entity="run", entity_id="1", actor="ann", action="pause", since=second),
    }
    with database.begin("acme") as store:
        assert {text: ids(store.audit.list("acme", one)) for text, one in wanted.items()} == {
            text: text.strip() for text in wanted
        }
    with database.begin_system() as store:
        mine = {text: ids(store.audit.list_all(one)) for text, one in wanted.items()}
    assert mine == {text: text.strip() for text in wanted}


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_join_to_the_whole_list_while_entries_are_added(database, plant, edits, limit):
    with database.begin("acme") as store:
        whole = store.audit.list("acme").items
        page = store.audit.list("acme", limit=limit)
        found = page.items
        while page.next_cursor:
            store.audit.append(**entry(plant.now + timedelta(days=1000)))
            page = store.audit.list("acme", limit=limit, cursor=page.next_cursor)
            found += page.items
    assert found == whole


def test_a_tenant_gets_its_own_entries_only(database, plant):
    with database.begin("acme") as store:
        (mine,) = store.audit.list("acme", AuditFilter("tenant")).items
        assert store.audit.get("acme", mine.id) == mine
        assert {one.tenant_id for one in store.audit.list_all().items} == {"acme"}
    with database.begin("globex") as store:
        assert store.audit.list("acme").items == []
        with pytest.raises(NotFound, match=str(mine.id)):
            store.audit.get("acme", mine.id)
    with database.begin_system() as store:
        assert {one.tenant_id for one in store.audit.list_all().items} == {"acme", "globex"}


def test_the_systems_edits_of_no_tenant_are_kept_apart(database, plant):
    with database.begin_system() as store:
        store.audit.append(**entry(plant.now, tenant_id=None, entity="feed"))
        (found,) = store.audit.list_of_no_tenant().items
        assert (found.tenant_id, found.entity) == (None, "feed")
    with database.begin("acme") as store:
        assert store.audit.list_all(AuditFilter("feed")).items == []
        assert store.audit.list_of_no_tenant().items == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.begin("acme") as store:
        store.audit.append(**entry(plant.now, tenant_id=None))


def test_the_entries_of_a_transaction_share_its_correlation_id(database, plant):
    with database.begin("acme") as store:
        for number in range(2):
            store.audit.append(**entry(plant.now, entity_id=str(number)))
        shared = store.correlation_id
        assert ids(store.audit.list("acme", AuditFilter(correlation_id=shared))) == "10"
    with database.begin("acme") as store:
        assert store.correlation_id != shared


def test_a_process_may_be_part_of_a_larger_request(settings, plant):
    request = new_id()
    with Database(settings.model_copy(update={"correlation_id": request})) as database:
        for number in range(2):
            with database.begin("acme") as store:
                store.audit.append(**entry(plant.now, entity_id=str(number)))
        with database.begin("acme") as store:
            assert ids(store.audit.list("acme", AuditFilter(correlation_id=request))) == "10"


@pytest.mark.parametrize("statement", REWRITES)
def test_nobody_but_the_owner_rewrites_it(database, tenant, admin, statement):
    before = admin.execute("SELECT * FROM scheduler.audit ORDER BY id").fetchall()
    assert before
    for enter in (lambda: database.begin(tenant), database.begin_system):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), enter() as store:
            store.connection.execute(statement)
    with pytest.raises(psycopg.Error, match=r"on scheduler\.audit is refused: it is append-only") as refused:
        admin.execute(statement)
    assert refused.value.sqlstate == "SC002"
    assert admin.execute("SELECT * FROM scheduler.audit ORDER BY id").fetchall() == before


def test_an_upsert_cannot_rewrite_it_either(database, tenant, admin):
    statement = """
        INSERT INTO scheduler.audit SELECT * FROM scheduler.audit LIMIT 1
        ON CONFLICT (id) DO UPDATE SET actor = 'nobody'
    """
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.begin_system() as store:
        store.connection.execute(statement)
    with pytest.raises(psycopg.Error, match="append-only"):
        admin.execute(statement)


def test_the_owner_may_for_retention(tenant, admin):
    admin.execute("SET ROLE scheduler_owner")
    admin.execute("DELETE FROM scheduler.audit")
    assert admin.execute("SELECT FROM scheduler.audit").fetchall() == []


@pytest.mark.parametrize("field", ["actor", "action", "entity", "entity_id"])
def test_a_text_longer_than_an_index_takes_is_refused_by_name(database, tenant, field):
    said = {"actor": "ann", "action": "edit", "entity": "schedule", "entity_id": "1"} | {field: "x" * 501}
    with (
        database.begin(tenant) as store,
        pytest.raises(InvalidInput, match=f"{field}: .*at most 500 characters"),
    ):
        store.audit.append(tenant_id=tenant, new={}, now=store.now(), **said)

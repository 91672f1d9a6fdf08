"""Table audit: appended in the transaction of the change, never rewritten."""

from datetime import timedelta

import psycopg
import pytest

from resources.ids import new_id

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
        (found,) = store.audit.list("acme", "schedule")
    assert (found.tenant_id, found.at, found.actor, found.action) == ("acme", plant.now, "ann", "pause")
    assert (found.entity, found.entity_id, found.correlation_id) == ("schedule", "1", correlation)
    assert (found.old, found.new) == ({"enabled": True}, {"enabled": False})


def test_an_edit_that_says_nothing_is_refused(database, plant):
    with (
        pytest.raises(psycopg.errors.CheckViolation, match="says_what_changed"),
        database.begin("acme") as store,
    ):
        store.audit.append(**entry(plant.now, new=None))


def test_lists_filter_newest_first(database, plant):
    with database.begin("acme") as store:
        for number, entity in enumerate(("schedule", "schedule", "run")):
            at = plant.now + timedelta(seconds=number)
            store.audit.append(**entry(at, entity=entity, entity_id=str(number)))

        def ids(*arguments, limit=10):
            return [one.entity_id for one in store.audit.list("acme", *arguments, limit=limit)]

        assert ids()[-2:] == ["1", "0"]
        assert ids("schedule") == ["1", "0"]
        assert ids("schedule", limit=1) == ["1"]
        assert ids("schedule", "0") == ["0"]
        assert ids(None, "2") == ["2"]


def test_the_systems_edits_of_no_tenant_are_kept_apart(database, plant, admin):
    with database.begin_system() as store:
        store.audit.append(**entry(plant.now, tenant_id=None, entity="feed"))
    with database.begin("acme") as store:
        assert store.audit.list("acme", "feed") == []
        assert store.connection.execute("SELECT FROM scheduler.audit WHERE entity = 'feed'").fetchall() == []
    assert admin.execute("SELECT tenant_id FROM scheduler.audit WHERE entity = 'feed'").fetchall() == [
        (None,)
    ]
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.begin("acme") as store:
        store.audit.append(**entry(plant.now, tenant_id=None))


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

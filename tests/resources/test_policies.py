"""Inventory: policies; a document is never rewritten."""

import psycopg
import pytest

from resources.errors import NotFound

A, B = "a" * 64, "b" * 64


def test_a_document_becomes_the_first_revision(database, plant):
    with database.begin("acme") as store:
        current, before = store.policies.apply("acme", "strict", "rules: []", A, "ann", plant.now)
        assert (current.name, current.revision, current.document, current.digest, before) == (
            *("strict", 1, "rules: []", A, None),
        )
        assert current in store.policies.list("acme")


def test_the_same_document_changes_nothing_and_another_is_the_next_revision(database, plant, admin):
    with database.begin("acme") as store:
        first, _ = store.policies.apply("acme", "strict", "one", A, "ann", plant.now)
        assert store.policies.apply("acme", "strict", "one", A, "bob", plant.now) == (first, first)
        second, before = store.policies.apply("acme", "strict", "two", B, "bob", plant.now)
        assert (second.policy_id, second.revision, before) == (first.policy_id, 2, first)
        third, _ = store.policies.apply("acme", "strict", "one", A, "ann", plant.now)
        assert third.revision == 3
        assert [one for one in store.policies.list("acme") if one.name == "strict"] == [third]
    found = admin.execute(
        "SELECT revision, document, digest, created_by FROM inventory.policy_revisions WHERE policy_id = %s ORDER BY 1",
        [first.policy_id],
    )
    assert found.fetchall() == [(1, "one", A, "ann"), (2, "two", B, "bob"), (3, "one", A, "ann")]


def test_names_are_a_tenants_own(database, plant):
    with database.begin("acme") as store:
        ours, _ = store.policies.apply("acme", "strict", "ours", A, "ann", plant.now)
    with database.begin("globex") as store:
        theirs, before = store.policies.apply("globex", "strict", "theirs", B, "eve", plant.now)
        assert before is None
        assert ours not in store.policies.list("globex")
    assert theirs.policy_id != ours.policy_id


def test_lists_come_by_name(database, plant):
    with database.begin("acme") as store:
        for name in ("b", "a"):
            store.policies.apply("acme", name, name, A, "ann", plant.now)
        names = [one.name for one in store.policies.list("acme")]
    assert names == sorted(names)
    assert {"a", "b"} < set(names)


def test_a_removed_policy_keeps_its_revisions_and_comes_back_as_the_next(database, plant):
    with database.begin("acme") as store:
        first, _ = store.policies.apply("acme", "strict", "one", A, "ann", plant.now)
        second, _ = store.policies.apply("acme", "strict", "two", B, "ann", plant.now)
        assert store.policies.remove("acme", "strict", plant.now) == second
        assert "strict" not in {one.name for one in store.policies.list("acme")}
        assert [store.policies.get_revision("acme", "strict", one) for one in (1, 2)] == [first, second]
        with pytest.raises(NotFound, match="policy 'strict' does not exist"):
            store.policies.remove("acme", "strict", plant.now)
        third, before = store.policies.apply("acme", "strict", "two", B, "ann", plant.now)
        assert (third.policy_id, third.revision, before) == (first.policy_id, 3, None)
        assert third in store.policies.list("acme")


def test_revisions_and_policies_that_there_are_not_are_not_found(database, plant):
    with database.begin("globex") as store:
        store.policies.apply("globex", "strict", "theirs", A, "eve", plant.now)
    with database.begin("acme") as store:
        with pytest.raises(NotFound, match="policy revision 'default 7' does not exist for this tenant"):
            store.policies.get_revision("acme", "default", 7)
        with pytest.raises(NotFound, match="strict 1"):
            store.policies.get_revision("acme", "strict", 1)
        with pytest.raises(NotFound, match="strict"):
            store.policies.remove("acme", "strict", plant.now)


@pytest.mark.parametrize("statement", ["UPDATE {} SET document = ''", "DELETE FROM {}"])
def test_nobody_but_the_owner_rewrites_a_revision(database, tenant, statement):
    for enter in (lambda: database.begin(tenant), database.begin_system):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), enter() as store:
            store.connection.execute(statement.format("inventory.policy_revisions"))

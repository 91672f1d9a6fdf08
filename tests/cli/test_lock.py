"""scheduler lock: list and release."""

import json
from datetime import timedelta

import pytest

from resources.states import LockStrategy


@pytest.fixture
def held(database):
    """The fencing token of a lock that is held, beside one that was released."""
    with database.begin_system() as store:
        now, minute = store.now(), timedelta(minutes=1)
        token = store.locks.try_acquire("feed", "importer", LockStrategy.LEASE, minute, now)
        store.locks.release("old", store.locks.try_acquire("old", "me", LockStrategy.LEASE, minute, now), now)
    return token


def test_locks_are_listed(cli, held):
    assert [one["key"] for one in json.loads(cli("lock", "list", "--json").stdout)] == ["feed", "old"]
    (row,) = json.loads(cli("lock", "list", "--held", "--json").stdout)
    assert (row["key"], row["holder"], row["fencing_token"]) == ("feed", "importer", held)


def test_a_release_by_force_is_done_and_audited(cli, held, database):
    result = cli("lock", "release", "feed", "--force", "--actor", "ann")
    assert result.stdout == f"lock feed was held by importer under token {held}; it is free\n"
    assert json.loads(cli("lock", "list", "--held", "--json").stdout) == []
    with database.begin_system() as store:
        (entry, *_) = store.audit.list_of_no_tenant().items
    assert (entry.actor, entry.action, entry.entity_id) == ("ann", "force_release", "feed")
    assert entry.old == {"holder": "importer", "strategy": "lease", "fencing_token": held}


def test_what_makes_no_sense_is_refused(cli, refused, held):
    assert "Missing option '--force'" in refused("lock", "release", "feed")
    assert "lock 'none' does not exist" in refused("lock", "release", "none", "--force")
    assert cli("lock", "release", "old", "--force").exit_code == 1
    assert "--held" in cli("lock", "list", "--held", "--cursor", "x").stderr

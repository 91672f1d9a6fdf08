"""Table tenants: creating, and the line in which tenants are served."""

from datetime import timedelta

import psycopg
import pytest

from resources.errors import AlreadyExists, NotFound
from resources.states import Overlap

SECOND = timedelta(seconds=1)


def test_a_tenant_is_stored_as_it_was_given(database):
    with database.begin_system() as store:
        now = store.now()
        made = store.tenants.create("acme", "Acme Inc.", "ann", now, max_concurrent_runs=3)
        assert (made.tenant_id, made.display_name, made.max_concurrent_runs) == ("acme", "Acme Inc.", 3)
        assert (made.created_by, made.created_at) == ("ann", now)
    with database.begin_system() as store:
        assert store.tenants.get("acme") == made


def test_a_second_tenant_of_the_name_is_refused_and_the_first_stays(database, tenant):
    with database.begin_system() as store:
        before = store.tenants.get(tenant)
        with pytest.raises(AlreadyExists, match="tenant 'acme' exists already"):
            store.tenants.create(tenant, "Another", "bob", store.now())
        assert store.tenants.get(tenant) == before


def test_an_unknown_tenant_is_not_found(database):
    with database.begin_system() as store, pytest.raises(NotFound, match="tenant 'nobody'"):
        store.tenants.get("nobody")


def test_the_system_lists_all_and_a_tenant_itself(database, tenant):
    with database.begin_system() as store:
        assert [one.tenant_id for one in store.tenants.list()] == ["acme", "globex"]
    with database.begin("globex") as store:
        assert [one.tenant_id for one in store.tenants.list()] == ["globex"]


def test_only_tenants_with_something_due_are_locked(database, plant):
    plant.trigger(plant.schedule(), next_fire_at=plant.now)
    plant.trigger(plant.schedule(tenant="globex"), next_fire_at=plant.now + timedelta(seconds=1))
    with database.begin_system() as store:
        assert store.tenants.lock_due(plant.now - timedelta(seconds=1), 10) == []
        assert store.tenants.lock_due(plant.now, 10) == ["acme"]
        assert store.tenants.lock_due(plant.now + timedelta(seconds=1), 10) == ["acme", "globex"]


def test_a_disabled_trigger_is_not_due(database, plant):
    plant.trigger(plant.schedule(), next_fire_at=plant.now, enabled=False)
    with database.begin_system() as store:
        assert store.tenants.lock_due(plant.now, 10) == []


def test_a_pending_run_makes_its_tenant_wait_until_it_is_queued(database, plant):
    run = plant.run("globex")
    with database.begin_system() as store:
        assert store.tenants.lock_due(plant.now, 10) == []
        assert store.tenants.lock_waiting(plant.now, 10) == ["globex"]
    plant.launch(run)
    with database.begin_system() as store:
        assert store.tenants.lock_waiting(plant.now, 10) == []


def test_a_tenant_with_something_to_fire_does_not_wait_too(database, plant):
    plant.run()
    plant.trigger(plant.schedule(), next_fire_at=plant.now)
    with database.begin_system() as store:
        assert store.tenants.lock_due(plant.now, 10) == ["acme"]
        assert store.tenants.lock_waiting(plant.now, 10) == []


def test_a_tenant_without_room_for_another_run_does_not_wait(database, plant, admin):
    plant.launch(plant.run())
    plant.run()
    admin.execute("UPDATE scheduler.tenants SET max_concurrent_runs = 2")
    with database.begin_system() as store:
        assert store.tenants.lock_waiting(plant.now, 10) == ["acme"]
    admin.execute("UPDATE scheduler.tenants SET max_concurrent_runs = 1")
    with database.begin_system() as store:
        assert store.tenants.lock_waiting(plant.now, 10) == []


def test_a_tenant_without_room_waits_while_a_run_of_it_is_to_stop_for_a_newer_one(database, plant, admin):
    admin.execute("UPDATE scheduler.tenants SET max_concurrent_runs = 1")
    trigger = plant.trigger(plant.schedule(overlap=Overlap.CANCEL_RUNNING))
    plant.open(plant.launch(plant.fired(trigger, plant.now)))
    plant.fired(trigger, plant.now + SECOND)
    with database.begin_system() as store:
        assert store.tenants.lock_waiting(plant.now + SECOND, 10) == ["acme"]
        store.runs.stop_superseded(["acme"], plant.now + SECOND)
        assert store.tenants.lock_waiting(plant.now + SECOND, 10) == []


def ready(plant, name, way):
    if way == "lock_due":
        plant.trigger(plant.schedule(tenant=name), next_fire_at=plant.now)
    else:
        plant.run(name)


WAYS = pytest.mark.parametrize("way", ["lock_due", "lock_waiting"])


@WAYS
def test_the_longest_unserved_comes_first(database, plant, way):
    for name in ("acme", "globex"):
        ready(plant, name, way)
    with database.begin_system() as store:
        lock = getattr(store.tenants, way)
        store.tenants.mark_served(["acme"], plant.now)
        assert lock(plant.now + SECOND, 1) == ["globex"]
        store.tenants.mark_served(["globex"], plant.now + SECOND)
        assert lock(plant.now + SECOND, 1) == ["acme"]


@WAYS
def test_one_served_by_a_clock_that_was_set_back_since_comes_before_all(database, plant, way):
    for name in ("acme", "globex"):
        ready(plant, name, way)
    with database.begin_system() as store:
        store.tenants.mark_served(["acme"], plant.now - SECOND)
        store.tenants.mark_served(["globex"], plant.now + timedelta(days=1))
        assert getattr(store.tenants, way)(plant.now, 1) == ["globex"]


@WAYS
def test_a_tenant_that_another_claimer_holds_is_left_to_it(database, plant, way):
    for name in ("acme", "globex"):
        ready(plant, name, way)
    with database.begin_system() as first, database.begin_system() as second:
        assert getattr(first.tenants, way)(plant.now, 1) == ["acme"]
        assert getattr(second.tenants, way)(plant.now, 10) == ["globex"]
    with database.begin_system() as store:
        assert getattr(store.tenants, way)(plant.now, 10) == ["acme", "globex"]


def test_the_capacity_of_a_tenant_is_its_limit_or_none(database):
    with database.begin_system() as store:
        store.tenants.create("acme", "Acme", "ann", store.now(), max_concurrent_runs=3)
        store.tenants.create("globex", "Globex", "ann", store.now())
    with database.begin_system() as store:
        assert [store.tenants.lock_capacity(name) for name in ("acme", "globex")] == [3, None]
        with pytest.raises(NotFound, match="tenant 'nobody'"):
            store.tenants.lock_capacity("nobody")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.begin("acme") as store:
        store.tenants.lock_capacity("acme")


def test_who_fills_a_tenants_capacity_keeps_others_waiting_until_the_end(database, plant):
    def lock_impatiently(name):
        with database.begin_system() as store:
            store.retention.limit_waiting(timedelta(milliseconds=30))
            return store.tenants.lock_capacity(name)

    plant.run()
    with database.begin_system() as first:
        first.tenants.lock_capacity("acme")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            lock_impatiently("acme")
        assert lock_impatiently("globex") is None
        with database.begin_system() as claimer:
            assert claimer.tenants.lock_waiting(plant.now, 10) == [], "the claim passes it over"
    assert lock_impatiently("acme") is None

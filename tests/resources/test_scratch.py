"""What is tried in a scratch database is gone afterwards; a scratch tenant is, and nobody else's is."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest

from resources.errors import NotFound, TenantRequired
from resources.ids import new_id
from resources.protocols.audit import AuditFilter
from resources.scratch import (
    ABANDONED_AFTER,
    TenantTable,
    change_row,
    count_rows,
    delete_rows,
    insert_row,
    new_name,
    remove_abandoned,
    scratch,
    scratch_tenant,
    server_version,
    set_state,
    tables_of_tenants,
    touch_rows,
)
from resources.states import JobKind

SCHEDULES = TenantTable("scheduler", "schedules")
RUNS, COMPONENTS = TenantTable("scheduler", "runs"), TenantTable("inventory", "image_components")
LAUNCHES = TenantTable("scheduler", "launches")


def names(database):
    with database.begin_system() as store:
        return [one.tenant_id for one in store.tenants.list()]


def create_then_look_for(store, name):
    store.tenants.create(name, name, "ann", store.now())
    store.tenants.get("another")


def test_its_transactions_see_each_other_and_nobody_else_sees_them(database, tenant):
    before = names(database)
    with scratch(database) as tried:
        with tried.begin_system() as store:
            store.tenants.create("new", "New", "ann", store.now())
        with tried.begin("new") as store:
            assert [one.tenant_id for one in store.tenants.list()] == ["new"]
        assert names(database) == before
    assert names(database) == before


def test_an_error_undoes_one_transaction_only(database, tenant):
    with scratch(database) as tried:
        with tried.begin_system() as store:
            store.tenants.create("kept", "Kept", "ann", store.now())
        with pytest.raises(NotFound), tried.begin_system() as store:
            create_then_look_for(store, "undone")
        assert {"kept", "undone"} & {*names(tried)} == {"kept"}


def test_threads_take_turns(database, tenant):
    with scratch(database) as tried, ThreadPoolExecutor(4) as pool:

        def add(number):
            with tried.begin_system() as store:
                store.tenants.create(f"t{number}", "T", "ann", store.now())
                return len(store.tenants.list())

        assert sorted(pool.map(add, range(8))) == [*range(3, 11)]


def test_nobody_is_told_that_a_tenant_is_required(database, plant, tenant):
    plant.schedule()
    with scratch(database) as tried, pytest.raises(TenantRequired), tried.begin_nobody() as store:
        count_rows(store, SCHEDULES, "acme")


def test_the_tables_of_tenants_are_read_from_the_catalog(database, tenant):
    with database.begin_system() as store:
        found = {str(one): one.partitioned for one in tables_of_tenants(store)}
    assert found["scheduler.execution_logs"] is True
    assert found["scheduler.runs"] is False
    assert "scheduler.launches" not in found
    assert not [name for name in found if "execution_logs_" in name]


def test_rows_are_written_as_far_as_the_room_lets(database, plant, tenant):
    run, image = plant.run(), plant.image(components=["a@1"])
    with scratch(database) as tried:
        for room, rows in (("globex", 0), ("acme", 1)):
            with tried.begin(room) as store:
                assert count_rows(store, RUNS, "acme") == rows
                assert touch_rows(store, RUNS, "acme") == rows
                assert delete_rows(store, RUNS, "acme") == 0  # not granted
        for room, rows in (("globex", 0), ("acme", 1)):
            with tried.begin(room) as store:
                assert delete_rows(store, COMPONENTS, "acme") == rows
                refused = insert_row(store, COMPONENTS, "acme")
                assert (refused is None) == (room == "acme"), refused
    with database.begin("acme") as store:
        assert count_rows(store, COMPONENTS, image.tenant_id) == 1
        assert store.runs.get("acme", run.id) == run


def test_a_row_that_lacks_nothing_is_added(database, admin, tenant):
    admin.execute("ALTER TABLE scheduler.tenants ALTER COLUMN display_name SET DEFAULT 'x'")
    admin.execute("ALTER TABLE scheduler.tenants ALTER COLUMN created_at SET DEFAULT now()")
    admin.execute("ALTER TABLE scheduler.tenants ALTER COLUMN created_by SET DEFAULT 'x'")
    with scratch(database) as tried, tried.begin_system() as store:
        assert insert_row(store, TenantTable("scheduler", "tenants"), "new") is None
        assert store.tenants.get("new").created_by == "x"


def test_a_state_is_set_by_hand_or_refused_with_its_sqlstate(database, tenant):
    launch_id = new_id()
    with scratch(database) as tried, tried.begin_system() as store:
        store.launches.create_many({launch_id: JobKind.GRAPH}, "here", store.now())
        assert change_row(store, LAUNCHES, launch_id) is None
        assert set_state(store, LAUNCHES, launch_id, "finished") == "SC003"
        assert set_state(store, LAUNCHES, launch_id, "offered") is None
        store.launches.bury(launch_id, store.now())
        assert change_row(store, LAUNCHES, launch_id) == "SC003"
        assert server_version(store)[0].isdigit()


def test_a_scratch_tenant_is_seen_by_others_and_removed(database, plant, tenant):
    with scratch_tenant(database) as name:
        assert name in names(database)
        trigger = plant.trigger(plant.schedule(tenant=name), next_fire_at=plant.now)
        plant.launch(plant.fired(trigger, plant.now), owner=name)
        with database.begin_system() as store:
            store.locks.try_acquire(name, "me", "lease", timedelta(minutes=1), store.now())
        remove_abandoned(database)
        assert name in names(database)
    assert name not in names(database)
    with pytest.raises(NotFound), database.begin_system() as store:
        store.locks.get(name)
    with database.begin_system() as store:
        assert store.launches.list_open(name, store.now(), 10) == []


def test_what_else_names_a_scratch_tenant_keeps_it(database, plant, tenant):
    with pytest.raises(psycopg.errors.ForeignKeyViolation), scratch_tenant(database) as name:
        plant.image(tenant_id=name)
    assert name in names(database)


def test_only_what_is_an_hour_old_and_of_a_verification_is_abandoned(database, admin, tenant):
    with database.begin_system() as store:
        now = store.now()
        wanted, young, others, real = new_name(), new_name(), new_name(), "verify-me"
        old = now - ABANDONED_AFTER - timedelta(minutes=1)
        for name, actor, at in (
            (wanted, "scheduler verify", old),
            (young, "scheduler verify", now),
            (others, "ann", old),
            (real, "scheduler verify", old),
        ):
            store.tenants.create(name, name, actor, at)
    assert remove_abandoned(database) == [wanted]
    assert {young, others, real} < {*names(database)}
    with database.begin_system() as store:
        assert store.audit.list_all(AuditFilter(entity_id=wanted)).items == []

"""Tables impact_snapshots and impact_snapshot_images: one snapshot a run, never changed."""

from uuid import UUID

import psycopg
import pytest

from resources.ids import new_id
from resources.records import ImpactSnapshot
from resources.states import JobKind


def snapshot(run, plant, **changes):
    wanted = {
        "selector": {"advisories": ["A-1"]},
        "feed_revision": 3,
        "total": 2,
        "unknown": 1,
        "digest": "a" * 64,
    }
    wanted |= {"schedule_id": run.schedule_id, "created_at": plant.now} | changes
    wanted = {"id": new_id()} | wanted
    return ImpactSnapshot(tenant_id=run.tenant_id, run_id=run.id, **wanted)


def test_a_snapshot_is_read_as_it_was_written(database, plant):
    wanted = snapshot(plant.run(kind=JobKind.IMPACT), plant)
    first, second = new_id(), new_id()
    reasons = {first: [("pkg:npm/a@1", "A-1"), ("pkg:npm/b@1", "A-1")], second: []}
    with database.begin("acme") as store:
        store.impact_snapshots.create(wanted, reasons)
    with database.begin("acme") as store:
        assert store.impact_snapshots.get_of_run("acme", wanted.run_id) == wanted
        assert store.impact_snapshots.list_images(wanted) == {
            first: [["pkg:npm/a@1", "A-1"], ["pkg:npm/b@1", "A-1"]],
            second: [],
        }
        assert store.impact_snapshots.get_of_run("acme", new_id()) is None


def test_a_run_has_one_snapshot(database, plant):
    run = plant.run(kind=JobKind.IMPACT)
    first = snapshot(run, plant)
    with database.begin("acme") as store:
        store.impact_snapshots.create(first, {})
    with pytest.raises(psycopg.errors.UniqueViolation), database.begin("acme") as store:
        store.impact_snapshots.create(snapshot(run, plant), {})
    with database.begin("acme") as store:
        assert store.impact_snapshots.get_of_run("acme", run.id) == first


def test_the_latest_of_a_schedule_is_another_runs(database, plant):
    trigger, other = plant.trigger(plant.schedule("a")), plant.trigger(plant.schedule("b"))
    runs = [plant.fired(trigger, plant.now.replace(hour=hour), kind=JobKind.IMPACT) for hour in (1, 2, 3)]
    elsewhere = plant.fired(other, plant.now, kind=JobKind.IMPACT)
    by_hand = plant.run(kind=JobKind.IMPACT)
    with database.begin("acme") as store:
        assert store.impact_snapshots.latest_of_schedule(runs[0]) is None
        for number, run in enumerate((*runs[:2], elsewhere, by_hand)):
            store.impact_snapshots.create(snapshot(run, plant, id=UUID(int=number)), {})
        assert store.impact_snapshots.latest_of_schedule(runs[2]).run_id == runs[1].id
        assert store.impact_snapshots.latest_of_schedule(runs[1]).run_id == runs[0].id
        assert store.impact_snapshots.latest_of_schedule(elsewhere) is None
        assert store.impact_snapshots.latest_of_schedule(by_hand) is None


@pytest.mark.parametrize("table", ["impact_snapshots", "impact_snapshot_images"])
@pytest.mark.parametrize(
    "statement", ["UPDATE scheduler.{} SET tenant_id = 'acme'", "DELETE FROM scheduler.{}"]
)
def test_nobody_but_the_owner_changes_a_snapshot(database, plant, table, statement):
    with database.begin("acme") as store:
        store.impact_snapshots.create(snapshot(plant.run(kind=JobKind.IMPACT), plant), {new_id(): []})
    for enter in (lambda: database.begin("acme"), database.begin_system):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), enter() as store:
            store.connection.execute(statement.format(table))

"""Table workers: registered, heard from, gone."""

from datetime import timedelta

import pytest

from resources.ids import new_id

MINUTE = timedelta(minutes=1)


def test_a_worker_is_registered_as_active(plant, admin):
    worker = plant.worker()
    found = admin.execute("""
        SELECT id, host, pid, kinds, capacity, version, dagster_run_id, status, registered_at, last_heartbeat_at,
            ended_at FROM scheduler.workers
    """).fetchall()
    kinds = ["graph", "impact", "policy"]
    assert found == [
        (worker, "localhost", 1234, kinds, 1, "0", None, "active", plant.now, plant.now, None),
    ]


def test_heartbeats_never_go_back(database, plant, admin):
    worker, other = plant.worker(), plant.worker()
    with database.begin_system() as store:
        assert store.workers.heartbeat(worker, plant.now + MINUTE)
        assert store.workers.heartbeat(worker, plant.now)
    found = dict(admin.execute("SELECT id, last_heartbeat_at FROM scheduler.workers").fetchall())
    assert found == {worker: plant.now + MINUTE, other: plant.now}


@pytest.mark.parametrize(
    ("status", "alive"), [("active", True), ("draining", True), ("gone", False), ("dead", False)]
)
@pytest.mark.parametrize("call", ["heartbeat", "deregister"])
def test_a_worker_that_is_gone_or_dead_is_told_so(database, plant, admin, status, alive, call):
    worker = plant.worker()
    ended = None if alive else plant.now
    admin.execute("UPDATE scheduler.workers SET status = %s, ended_at = %s", [status, ended])
    with database.begin_system() as store:
        assert getattr(store.workers, call)(worker, plant.now + MINUTE) is alive
    after = admin.execute("SELECT status, ended_at, last_heartbeat_at FROM scheduler.workers").fetchone()
    expected = {
        ("heartbeat", True): (status, None, plant.now + MINUTE),
        ("deregister", True): ("gone", plant.now + MINUTE, plant.now),
    }
    assert after == expected.get((call, alive), (status, ended, plant.now))


def test_an_unknown_worker_is_not_alive(database, tenant):
    with database.begin_system() as store:
        assert store.workers.heartbeat(new_id(), store.now()) is False
        assert store.workers.deregister(new_id(), store.now()) is False


def test_a_worker_silent_for_longer_than_the_limit_is_declared_dead_once(database, plant, admin):
    silent, alive, draining, gone = (plant.worker() for _ in range(4))
    admin.execute("UPDATE scheduler.workers SET status = 'draining' WHERE id = %s", [draining])
    later = plant.now + MINUTE + timedelta(microseconds=1)
    with database.begin_system() as store:
        store.workers.deregister(gone, plant.now)
        store.workers.heartbeat(alive, plant.now + timedelta(microseconds=1))
        assert store.workers.declare_dead(plant.now + MINUTE, MINUTE) == {}
        assert set(store.workers.declare_dead(later, MINUTE)) == {silent, draining}
        assert store.workers.declare_dead(later, MINUTE) == {}
    found = dict(admin.execute("SELECT id, (status, ended_at)::text FROM scheduler.workers").fetchall())
    assert found[silent] == found[draining] != found[gone]
    assert admin.execute(
        "SELECT status, ended_at FROM scheduler.workers WHERE id = %s", [silent]
    ).fetchone() == (*("dead", later),)

"""Table workers: registered, heard from, drained, gone."""

from datetime import timedelta

import psycopg
import pytest

from resources.errors import AlreadyExists, IllegalTransition, InvalidInput, NotFound
from resources.ids import new_id
from resources.records import Worker
from resources.states import JobKind, RunState, WorkerState

MINUTE = timedelta(minutes=1)
ALIVE = (WorkerState.ACTIVE, WorkerState.DRAINING)
CALLS = {
    "heartbeat": (ALIVE, lambda store, worker, now: store.workers.heartbeat(worker, now)),
    "deregister": (ALIVE, lambda store, worker, now: store.workers.deregister(worker, now)),
    "drain": ({WorkerState.ACTIVE}, lambda store, worker, now: store.workers.drain(worker)),
}


def put(admin, worker, status, at):
    ended = None if status in ALIVE else at
    admin.execute(
        "UPDATE scheduler.workers SET status = %s, ended_at = %s WHERE id = %s", [status, ended, worker]
    )


def test_a_worker_is_registered_as_active(database, plant):
    worker = plant.worker()
    kinds = ["graph", "impact", "policy"]
    with database.begin_system() as store:
        assert store.workers.get(worker) == Worker(
            *(worker, "localhost", 1234, kinds, 1, "0", None, WorkerState.ACTIVE, plant.now, plant.now, None)
        )


def test_an_id_is_registered_once(database, plant):
    fields = {"host": "other", "pid": 1, "kinds": [JobKind.GRAPH], "capacity": 1, "version": "0"}
    worker = plant.worker()
    with pytest.raises(AlreadyExists), database.begin_system() as store:
        store.workers.register(worker, **fields, dagster_run_id=None, now=plant.now)
    with database.begin_system() as store:
        assert store.workers.get(worker).host == "localhost"


def test_heartbeats_never_go_back(database, plant, admin):
    worker, other = plant.worker(), plant.worker()
    with database.begin_system() as store:
        store.workers.heartbeat(worker, plant.now + MINUTE)
        store.workers.heartbeat(worker, plant.now)
    found = dict(admin.execute("SELECT id, last_heartbeat_at FROM scheduler.workers").fetchall())
    assert found == {worker: plant.now + MINUTE, other: plant.now}


@pytest.mark.parametrize("status", ALIVE)
def test_a_heartbeat_tells_what_is_asked_of_the_worker(database, plant, admin, status):
    worker = plant.worker()
    put(admin, worker, status, None)
    with database.begin_system() as store:
        assert store.workers.heartbeat(worker, plant.now) is status


@pytest.mark.parametrize("status", WorkerState)
@pytest.mark.parametrize("call", CALLS)
def test_a_worker_changes_only_from_the_right_state(database, plant, admin, status, call):
    worker, later = plant.worker(), plant.now + MINUTE
    allowed, change = CALLS[call]
    put(admin, worker, status, plant.now)
    with database.begin_system() as store:
        before = store.workers.get(worker)
    if status in allowed:
        with database.begin_system() as store:
            change(store, worker, later)
            after = store.workers.get(worker)
        expected = {
            "heartbeat": (status, None, later),
            "deregister": (WorkerState.GONE, later, plant.now),
            "drain": (WorkerState.DRAINING, None, plant.now),
        }
        assert (after.status, after.ended_at, after.last_heartbeat_at) == expected[call]
        return
    with pytest.raises(IllegalTransition, match=f"is {status}"), database.begin_system() as store:
        change(store, worker, later)
    with database.begin_system() as store:
        assert store.workers.get(worker) == before


@pytest.mark.parametrize("call", [*CALLS, "get"])
def test_an_unknown_worker_is_not_found(database, plant, call):
    _, change = CALLS.get(call, (None, lambda store, worker, _: store.workers.get(worker)))
    plant.worker()
    with pytest.raises(NotFound, match=r"does not exist$"), database.begin_system() as store:
        change(store, new_id(), plant.now)


def test_workers_of_dagster_runs_are_alive_until_they_end(database, plant, admin):
    workers = dict(zip(WorkerState, (plant.worker() for _ in WorkerState), strict=True))
    for state, worker in workers.items():
        put(admin, worker, state, plant.now if state in {WorkerState.DEAD, WorkerState.GONE} else None)
        admin.execute(
            "UPDATE scheduler.workers SET dagster_run_id = %s WHERE id = %s", [f"of {state}", worker]
        )
    with database.begin_system() as store:
        asked = [f"of {state}" for state in WorkerState]
        assert store.workers.list_alive_of([*asked, "nobody's"]) == {"of active", "of draining"}
        assert store.workers.list_alive_of(["of active", "of dead"]) == {"of active"}
        assert store.workers.list_alive_of([]) == set()


def test_a_worker_silent_for_longer_than_the_limit_is_declared_dead_once(database, plant, admin):
    silent, alive, draining, gone = (plant.worker() for _ in range(4))
    put(admin, draining, WorkerState.DRAINING, None)
    later = plant.now + MINUTE + timedelta(microseconds=1)
    with database.begin_system() as store:
        store.workers.deregister(gone, plant.now)
        store.workers.heartbeat(alive, plant.now + timedelta(microseconds=1))
        assert store.workers.find_dead(plant.now + MINUTE, MINUTE) == []
        assert store.workers.declare_dead(plant.now + MINUTE, MINUTE) == {}
        assert {one.id for one in store.workers.find_dead(later, MINUTE)} == {silent, draining}
        assert len(store.workers.find_dead(later, MINUTE, limit=1)) == 1
        assert store.workers.get(silent).status is WorkerState.ACTIVE, "finding changes nothing"
        assert set(store.workers.declare_dead(later, MINUTE)) == {silent, draining}
        assert store.workers.declare_dead(later, MINUTE) == {}
        assert store.workers.find_dead(later, MINUTE) == []
        dead, left = store.workers.get(silent), store.workers.get(gone)
    assert (dead.status, dead.ended_at) == (WorkerState.DEAD, later)
    assert (left.status, left.ended_at) == (WorkerState.GONE, plant.now)


def test_workers_are_listed_newest_first_page_by_page(database, plant, admin):
    workers = [plant.worker() for _ in range(5)][::-1]
    put(admin, workers[1], WorkerState.DEAD, plant.now)
    admin.execute("UPDATE scheduler.workers SET host = 'other' WHERE id = %s", [workers[2]])
    with database.begin_system() as store:
        first = store.workers.list(limit=2)
        second = store.workers.list(limit=2, cursor=first.next_cursor)
        last = store.workers.list(limit=2, cursor=second.next_cursor)
        assert [one.id for page in (first, second, last) for one in page.items] == workers
        assert last.next_cursor is None
        assert [one.id for one in store.workers.list(status=WorkerState.DEAD).items] == [workers[1]]
        assert [one.id for one in store.workers.list(host="other").items] == [workers[2]]
        with pytest.raises(InvalidInput):
            store.workers.list(host="other", cursor=first.next_cursor)


def test_a_worker_is_found_by_how_its_id_begins_or_ends(database, plant):
    workers = [plant.worker() for _ in range(2)]
    text = str(workers[0])
    with database.begin_system() as store:
        for name in (text, text[-8:], f"  {text[-8:].upper()} "):
            assert store.workers.find(name).id == workers[0]
        with pytest.raises(InvalidInput, match=r"worker: .* several workers match"):
            store.workers.find(text[:6])
        for name in ("0000", str(new_id())):
            with pytest.raises(NotFound):
                store.workers.find(name)
        for name in ("", "%", "xyz", "_"):
            with pytest.raises(InvalidInput, match="a worker id, or how one begins or ends"):
                store.workers.find(name)


def test_the_runs_that_workers_carry_now_are_counted_for_all_tenants(database, plant):
    first, second = plant.open(plant.launch(plant.run(), plant.run("globex")))
    alone, idle = plant.running(), plant.worker()
    with database.begin_system() as store:
        asked = [first.worker_id, alone.worker_id, idle]
        assert store.workers.count_running(asked) == {first.worker_id: 2, alone.worker_id: 1}
        assert store.workers.count_running([alone.worker_id]) == {alone.worker_id: 1}
        assert store.workers.count_running([]) == {}
        store.runs.finish(second, RunState.COMPLETED, plant.now)
        assert store.workers.count_running(asked) == {first.worker_id: 1, alone.worker_id: 1}


def test_a_tenant_sees_no_worker(database, plant):
    plant.worker()
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.begin("acme") as store:
        store.workers.list()


def test_a_worker_heard_by_a_clock_that_was_set_back_since_counts_as_heard_now(database, plant):
    ahead = plant.now + 600 * MINUTE
    silent, alive = plant.worker(), plant.worker()
    with database.begin_system() as store:
        for worker in (silent, alive):
            store.workers.heartbeat(worker, ahead)
        assert store.workers.declare_dead(plant.now, MINUTE) == {}
        store.workers.heartbeat(alive, plant.now + MINUTE)
        assert store.workers.get(alive).last_heartbeat_at == plant.now + MINUTE
        assert store.workers.declare_dead(plant.now + MINUTE, MINUTE) == {}
        later = plant.now + MINUTE + timedelta(microseconds=1)
        assert set(store.workers.declare_dead(later, MINUTE)) == {silent}

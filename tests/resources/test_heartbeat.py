"""Heartbeat: silent while the main thread is stuck, told to drain, lost when given up, never ended by an error."""

import subprocess
import sys
from datetime import timedelta
from time import monotonic

import pytest

from resources.database import Database
from resources.heartbeat import Heartbeat
from resources.ids import new_id

MINUTE = timedelta(minutes=1)
LIMIT = timedelta(minutes=10)
EXIT_DURING_A_BEAT = """
import sys
from datetime import timedelta
from uuid import UUID

from resources.database import Database
from resources.heartbeat import Heartbeat

database = Database()
Heartbeat(database, UUID(sys.argv[1]), timedelta(minutes=10), print, every=0.01).start()
sys.stdout.write("started\\n")
sys.stdout.flush()
sys.stdin.readline()
"""


class Clock:
    """Stands still until a test moves it."""

    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds

    def move(self, by):
        self.seconds += by.total_seconds()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def said():
    """What was logged."""
    return []


@pytest.fixture
def worker(plant, admin):
    """A worker that was last heard an hour ago."""
    worker = plant.worker()
    admin.execute("UPDATE scheduler.workers SET last_heartbeat_at = now() - interval '1 hour'")
    return worker


@pytest.fixture
def heartbeat(database, worker, clock, said):
    return Heartbeat(database, worker, LIMIT, said.append, clock=clock)


@pytest.fixture
def heard(admin):
    """Whether the worker was heard since it was last asked."""

    def ask():
        (late,) = admin.execute(
            "SELECT last_heartbeat_at > now() - interval '1 minute' FROM scheduler.workers"
        )
        admin.execute("UPDATE scheduler.workers SET last_heartbeat_at = now() - interval '1 hour'")
        return late[0]

    return ask


def until(happened):
    give_up_at = monotonic() + 20
    while not happened():
        assert monotonic() < give_up_at


def waits(admin):
    """Whether some transaction waits for a lock."""
    return admin.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()[0]


def test_a_beat_says_by_the_databases_clock_that_the_worker_lives(heartbeat, heard, said):
    assert not heard()
    heartbeat.beat()
    assert heard()
    assert (heartbeat.draining.is_set(), heartbeat.lost.is_set(), said) == (False, False, [])


def test_a_main_thread_that_is_stuck_for_longer_than_the_limit_makes_it_silent(heartbeat, heard, clock, said):
    clock.move(LIMIT)
    heartbeat.beat()
    assert (heard(), said) == (True, [])
    clock.move(timedelta(seconds=1))
    for _ in range(3):
        heartbeat.beat()
    assert not heard()
    (why,) = said
    assert f"worker {heartbeat.worker_id} got nowhere for 601 s, longer than 600 s" in why
    assert "SCHEDULER_STUCK_AFTER_SECONDS" in why
    assert not heartbeat.lost.is_set()


def test_one_that_gets_on_in_time_is_heard_again(heartbeat, heard, clock, said):
    clock.move(LIMIT + MINUTE)
    heartbeat.beat()
    heartbeat.progress()
    clock.move(LIMIT)
    heartbeat.beat()
    assert heard()
    assert said[1:] == [f"worker {heartbeat.worker_id} gets on, and sends heartbeats again"]
    clock.move(MINUTE)
    heartbeat.beat()
    assert (heard(), len(said)) == (False, 3)


def test_one_that_gets_on_too_late_is_lost(heartbeat, database, clock, said):
    clock.move(LIMIT + MINUTE)
    heartbeat.beat()
    with database.begin_system() as store:
        assert store.workers.declare_dead(store.now(), MINUTE).keys() == {heartbeat.worker_id}
    heartbeat.beat()
    assert not heartbeat.lost.is_set(), "nobody asks while it is stuck"
    heartbeat.progress()
    heartbeat.beat()
    assert heartbeat.lost.is_set()


def test_a_beat_reads_that_the_worker_is_to_drain_and_goes_on(heartbeat, database, heard, said):
    with database.begin_system() as store:
        store.workers.drain(heartbeat.worker_id)
    assert not heartbeat.draining.is_set()
    heartbeat.beat()
    assert heartbeat.draining.is_set()
    assert heard()
    heartbeat.beat()
    assert (heard(), heartbeat.lost.is_set(), said) == (True, False, [])


@pytest.mark.parametrize("end", ["gone", "dead", "missing"])
def test_a_worker_that_is_no_more_is_lost(heartbeat, database, admin, said, end):
    if end == "missing":
        admin.execute("DELETE FROM scheduler.workers")
    else:
        admin.execute("UPDATE scheduler.workers SET status = %s, ended_at = now()", [end])
    before = admin.execute("SELECT * FROM scheduler.workers").fetchall()
    heartbeat.beat()
    assert heartbeat.lost.is_set()
    assert not heartbeat.draining.is_set()
    assert admin.execute("SELECT * FROM scheduler.workers").fetchall() == before
    (why,) = said
    assert f"worker {heartbeat.worker_id} is given up" in why
    assert ("does not exist" if end == "missing" else f"is {end}") in why


def test_a_beat_that_fails_in_the_database_is_logged_and_the_next_one_is_sent(heartbeat, admin, heard, said):
    admin.execute("ALTER TABLE scheduler.workers RENAME TO elsewhere")
    heartbeat.beat()
    (why,) = said
    assert f"heartbeat of worker {heartbeat.worker_id} failed: " in why
    admin.execute("ALTER TABLE scheduler.elsewhere RENAME TO workers")
    heartbeat.beat()
    assert (heard(), len(said), heartbeat.lost.is_set()) == (True, 1, False)


def test_a_beat_without_a_server_is_logged(settings, worker, clock, said):
    nowhere = settings.model_copy(update={"dsn": type(settings.dsn)("host=127.0.0.1 port=1")})
    with Database(nowhere) as database:
        heartbeat = Heartbeat(database, worker, LIMIT, said.append, clock=clock)
        heartbeat.beat()
    assert "cannot be reached" in said[0]
    assert not heartbeat.lost.is_set()


def test_no_error_whatever_leaves_a_beat(database, worker, clock, heard):
    def refuse(_):
        raise OSError("the disk is full")

    heartbeat = Heartbeat(database, worker, LIMIT, refuse, clock=clock)
    clock.seconds = "broken"
    heartbeat.beat()
    clock.seconds = 1e9
    heartbeat.beat()
    assert not heard()
    heartbeat.progress()
    heartbeat.beat()
    assert heard()


def test_the_thread_beats_until_it_is_stopped(database, worker, heard, said):
    heartbeat = Heartbeat(database, worker, LIMIT, said.append, every=0.01)
    heartbeat.start()
    for _ in range(3):
        until(heard)
    assert heartbeat._thread.daemon
    heartbeat.stop()
    assert not heartbeat._thread.is_alive()
    heard()
    assert (heard(), said) == (False, [])


def test_the_thread_ends_when_the_worker_is_lost(database, worker, said):
    heartbeat = Heartbeat(database, worker, LIMIT, said.append, every=0.01)
    heartbeat.start()
    with database.begin_system() as store:
        store.workers.deregister(worker, store.now())
    assert heartbeat.lost.wait(20)
    heartbeat._thread.join(20)
    assert not heartbeat._thread.is_alive()
    assert len(said) == 1


def test_a_beat_that_hangs_holds_up_neither_the_end_of_the_run(database, worker, admin, said, monkeypatch):
    monkeypatch.setattr("resources.heartbeat.LAST_BEAT_SECONDS", 0.05)
    heartbeat = Heartbeat(database, worker, LIMIT, said.append, every=0.01)
    with admin.transaction():
        admin.execute("SELECT FROM scheduler.workers FOR UPDATE")
        heartbeat.start()
        until(lambda: waits(admin))
        heartbeat.stop()
        assert heartbeat._thread.is_alive()
    heartbeat._thread.join(20)
    assert not heartbeat._thread.is_alive()


def test_nor_the_end_of_the_process(environment, worker, admin):
    with admin.transaction():
        admin.execute("SELECT FROM scheduler.workers FOR UPDATE")
        with subprocess.Popen(
            [sys.executable, "-c", EXIT_DURING_A_BEAT, str(worker)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout.readline() == b"started\n"
            until(lambda: waits(admin))
            process.stdin.close()
            assert process.wait(20) == 0
            assert waits(admin)


def test_an_unknown_worker_is_lost_at_once(database, plant, clock, said):
    heartbeat = Heartbeat(database, new_id(), LIMIT, said.append, clock=clock)
    heartbeat.beat()
    assert heartbeat.lost.is_set()

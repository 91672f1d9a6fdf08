"""Waiting for a DistributedLock: in order, for how long, how often it looks, and what goes wrong meanwhile."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from resources import lock_queue
from resources.database import Database
from resources.errors import InvalidInput, LockLost, ServerUnavailable
from resources.lock import DistributedLock
from resources.lock_queue import DEATH_WATCH, LONGEST_PAUSE, pause_of
from resources.records import LockWait
from resources.states import LockStrategy
from scheduler_defs.edits.locks import release_lock

LEASE, ADVISORY = LockStrategy.LEASE, LockStrategy.ADVISORY
LONG = timedelta(seconds=20)
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


@pytest.fixture(params=["lease", "lease pgbouncer", "advisory"])
def lock(request, settings):
    strategy, *pooled = request.param.split()
    if pooled:
        settings = request.getfixturevalue("pooler").settings(settings)
    with Database(settings) as database:
        yield DistributedLock(database, LockStrategy(strategy), "ann")


@contextmanager
def waiting(lock, key="k", timeout=LONG, seen=None):
    """A thread that waits for a lock and stands in its queue; yields its future, and fills ``seen``."""
    stands, seen = threading.Event(), [] if seen is None else seen

    def note(place):
        seen.append(place)
        stands.set()

    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(lock.try_acquire, key, timeout, on_wait=note)
        assert stands.wait(LONG.total_seconds())
        yield future


@pytest.mark.parametrize("timeout", [LONG, None, timedelta.max])
def test_waiters_are_served_in_the_order_in_which_they_came(lock, admin, timeout):
    holder = lock.try_acquire("k")
    with waiting(lock, timeout=timeout) as first, waiting(lock, timeout=timeout) as second:
        with waiting(lock, timeout=timeout) as third:
            assert lock.try_acquire("k") is None
            holder.release()
            tokens = [holder.fencing_token]
            for one in (first, second, third):
                handle = one.result()
                assert lock.try_acquire("k") is None
                assert handle.waited > timedelta()
                tokens.append(handle.fencing_token)
                handle.release()
    assert tokens == sorted(tokens)
    assert admin.execute("SELECT FROM scheduler.lock_waiters").rowcount == 0
    assert lock.try_acquire("k").waited == timedelta()


def test_a_waiter_is_told_its_place_and_who_holds_the_lock(lock):
    seen = []
    with lock.try_acquire("k") as handle, waiting(lock) as first:
        assert lock.try_acquire("k", timedelta(seconds=0.2), on_wait=seen.append) is None
        assert {(one.holder, one.fencing_token, one.ahead) for one in seen} == {
            ("ann", handle.fencing_token, 1)
        }
        handle.release()
        first.result().release()


def test_who_gives_up_leaves_the_queue_and_the_next_takes_its_place(lock, admin):
    with lock.try_acquire("k") as holder:
        with waiting(lock, timeout=timedelta(seconds=0.5)) as first, waiting(lock) as second:
            assert first.result() is None
            holder.release()
            second.result().release()
    assert admin.execute("SELECT FROM scheduler.lock_waiters").rowcount == 0


def test_a_holder_that_asks_again_is_not_let_in_twice(lock):
    with lock.try_acquire("k"):
        assert lock.try_acquire("k") is None
        assert lock.try_acquire("k", timedelta(seconds=0.1)) is None


@pytest.mark.parametrize("key", [" ", "a\nb", "Ünïcode 🔒", "x" * 10_240, "%(key)s", "'; --"])
def test_any_text_can_be_waited_for(lock, key):
    with lock.try_acquire(key) as holder, waiting(lock, key) as first:
        holder.release()
        with first.result() as handle:
            assert (handle.key, handle.fencing_token > holder.fencing_token) == (key, True)


@pytest.mark.parametrize("key", ["", "a\0b", "\ud800", "x" * 10_241])
def test_what_is_no_key_is_refused(lock, key):
    for timeout in (timedelta(), LONG, None):
        with pytest.raises(InvalidInput, match="key: "):
            lock.try_acquire(key, timeout)


def test_an_index_is_made_concurrently_while_others_wait(lock, admin):
    admin.execute("SET statement_timeout = '15s'")
    with lock.try_acquire("k") as holder, waiting(lock) as first, waiting(lock) as second:
        admin.execute("CREATE INDEX CONCURRENTLY ON scheduler.runs (reason)")
        holder.release()
        first.result().release()
        second.result().release()


@pytest.mark.parametrize("strategy", [LEASE, ADVISORY])
def test_waiters_of_both_strategies_share_one_queue(database, strategy):
    other = ADVISORY if strategy is LEASE else LEASE
    locks = [DistributedLock(database, one, one) for one in (strategy, other)]
    holder = locks[0].try_acquire("k")
    with waiting(locks[1]) as first, waiting(locks[0]) as second, waiting(locks[1]) as third:
        holder.release()
        for one in (first, second, third):
            one.result().release()


def test_a_waiter_that_listens_looks_about_once_a_second_and_one_that_watches_a_session_each_50_ms(database):
    seconds = 1.5
    for strategy, pause in ((LEASE, LONGEST_PAUSE), (ADVISORY, DEATH_WATCH)):
        lock, seen = DistributedLock(database, strategy), []
        with lock.try_acquire("k"):
            assert lock.try_acquire("k", timedelta(seconds=seconds), on_wait=seen.append) is None
        # The two before it listens and after, the last at its timeout, and the pauses with their jitter.
        assert len(seen) <= 3 + seconds / (0.7 * pause)


@pytest.mark.parametrize("strategy", LockStrategy)
def test_a_waiter_that_listens_is_told_when_its_turn_comes(database, monkeypatch, strategy):
    patient = timedelta(seconds=15)
    monkeypatch.setattr(lock_queue, "LONGEST_PAUSE", patient.total_seconds())
    monkeypatch.setattr(lock_queue, "STAY", 4 * patient)
    lock, seen = DistributedLock(database, strategy), []
    holder = lock.try_acquire("k")
    with waiting(lock) as first, waiting(lock, seen=seen) as second:
        holder.release()
        handle = first.result()
        give_up = time.monotonic() + 0.7 * patient.total_seconds()
        while seen[-1].ahead:
            assert time.monotonic() < give_up
        with database.begin_system() as store:
            release_lock(store, "k", "ann")
        with pytest.raises(LockLost):
            handle.release()
        assert max(handle.waited, second.result().waited) < 0.7 * patient


def end_sessions(admin, seen):
    """Ends the newest session once a waiter listens by it, which it does from its second look on, and pauses."""
    give_up = time.monotonic() + LONG.total_seconds()
    while len(seen) < 2:
        assert time.monotonic() < give_up
    newest = """
        SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
        ORDER BY backend_start DESC LIMIT 1
        """
    assert admin.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM ({newest}) AS it").fetchone() == (
        True,
    )


def test_a_waiter_whose_session_ends_says_so(database, admin):
    seen = []
    with DistributedLock(database, LEASE).try_acquire("k"):
        with waiting(DistributedLock(database, ADVISORY), seen=seen) as first:
            end_sessions(admin, seen)
            with pytest.raises(ServerUnavailable, match="lock 'k': taking it"):
                first.result()


def test_a_waiter_for_a_lease_that_hears_no_more_looks_instead(database, admin, monkeypatch):
    monkeypatch.setattr(lock_queue, "LONGEST_PAUSE", 10.0)
    monkeypatch.setattr(lock_queue, "STAY", LONG)
    lock, seen = DistributedLock(database, LEASE), []
    with lock.try_acquire("k") as holder, waiting(lock, seen=seen) as first:
        end_sessions(admin, seen)
        holder.release()
        with first.result() as handle:
            assert handle.waited.total_seconds() < 7


@pytest.mark.parametrize(("hears", "longest"), [(True, LONGEST_PAUSE), (False, 0.2)])
def test_how_long_a_waiter_pauses(hears, longest):
    def pause(ahead=0, strategy=LEASE, held=LONG, left=LONG):
        expires = None if strategy is ADVISORY else NOON + left
        return pause_of(LockWait(1, ahead, strategy, "ann", 1, NOON - held, expires), NOON, hears)

    assert 0.7 * longest <= pause() <= longest
    assert pause(left=timedelta(seconds=0.1)) <= 0.1
    assert 0 < pause(left=-LONG) <= 0.02
    assert pause(strategy=ADVISORY) <= DEATH_WATCH
    assert pause_of(LockWait(1, 0, None, None, None, None, None), NOON, hears) <= DEATH_WATCH
    assert 0.7 <= pause(ahead=100) <= LONGEST_PAUSE
    assert pause(ahead=1) <= (LONGEST_PAUSE if hears else 0.1)
    assert hears or pause(held=timedelta(seconds=0.3)) <= 0.03

"""Holders and waiters that are killed, stopped or cut off: who has the lock then, and who learns of it when."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest

from resources.database import Database
from resources.errors import LockLost
from resources.lock import DistributedLock
from resources.states import LockStrategy

ADVISORY, LEASE = LockStrategy.ADVISORY, LockStrategy.LEASE
TTL = timedelta(seconds=1)
PATIENCE = timedelta(seconds=30)
HANDED_OVER_WITHIN = 2.0
"""Seconds, for a machine that is busy with other tests; the lock table shows what it took."""

HOLDER = """
import sys
from datetime import timedelta
from resources.database import Database
from resources.errors import LockLost
from resources.lock import DistributedLock
from resources.states import LockStrategy

WRITE = "UPDATE public.ledger SET token = %(token)s WHERE token <= %(token)s"
with Database() as database:
    lock = DistributedLock(database, LockStrategy(sys.argv[1]))
    handle = lock.try_acquire("k", timedelta(seconds=30), timedelta(seconds=1), renewing=sys.argv[2] == "renewing")
    print(handle.fencing_token, flush=True)
    for line in sys.stdin:
        try:
            with database.begin_system() as store:
                if line == "guard\\n":
                    handle.guard(store)
                print(store.connection.execute(WRITE, {"token": handle.fencing_token}).rowcount, flush=True)
        except LockLost as error:
            print(error, flush=True)
"""
SESSIONS = """
    SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture
def hold(spawn, admin):
    """hold(strategy) starts a process that holds the lock k; returns it, and its token."""
    admin.execute("CREATE TABLE public.ledger (token bigint); INSERT INTO public.ledger VALUES (0)")
    admin.execute("GRANT SELECT, UPDATE ON public.ledger TO scheduler_system")

    def hold(strategy, renewing="renewing"):
        process = spawn(HOLDER, strategy, renewing)
        return process, int(process.stdout.readline())

    return hold


@pytest.fixture
def ask():
    """ask(process, "write") has a holder write what the lock protects; returns what it says."""

    def ask(process, how):
        process.stdin.write(f"{how}\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    return ask


@contextmanager
def waiter(database, strategy):
    """A thread that waits for the lock k and stands in its queue; yields its future."""
    waits = threading.Event()

    def wait():
        lock = DistributedLock(database, strategy)
        handle = lock.try_acquire("k", PATIENCE, on_wait=lambda seen: waits.set())
        return handle, time.monotonic()

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(wait)
        assert waits.wait(PATIENCE.total_seconds())
        yield waiting


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
    return time.monotonic()


def test_a_killed_holders_advisory_lock_is_handed_over_at_once(hold, database, admin, record_property):
    process, token = hold(ADVISORY)
    ((backend,),) = admin.execute(SESSIONS).fetchall()
    with waiter(database, ADVISORY) as waiting:
        killed_at = kill(process)
        while admin.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [backend]).fetchall():
            assert time.monotonic() < killed_at + PATIENCE.total_seconds()
        noticed_at = time.monotonic()
        handle, taken_at = waiting.result()
    with handle:
        assert handle.fencing_token > token
    assert taken_at - noticed_at < HANDED_OVER_WITHIN
    told = {"strategy": "advisory, killed", "taken after the kill, ms": round((taken_at - killed_at) * 1000)}
    told |= {"after the server noticed, ms": max(0, round((taken_at - noticed_at) * 1000))}
    record_property("lock table", told)


def test_a_killed_holders_lease_is_handed_over_when_it_ends_and_not_before(
    hold, database, admin, record_property
):
    process, token = hold(LEASE)
    with waiter(database, LEASE) as waiting:
        kill(process)
        (killed_at,) = admin.execute("SELECT clock_timestamp()").fetchone()
        ends = "SELECT expires_at FROM scheduler.locks WHERE key = 'k'"
        (expires_at,) = admin.execute(ends).fetchone()
        handle, _ = waiting.result()
    (taken_at,) = admin.execute("SELECT acquired_at FROM scheduler.locks WHERE key = 'k'").fetchone()
    with handle:
        assert handle.fencing_token > token
    assert expires_at <= killed_at + TTL
    assert expires_at <= taken_at < expires_at + timedelta(seconds=HANDED_OVER_WITHIN)
    told = {"strategy": "lease, killed", "ttl": str(TTL)}
    told |= {"taken after the lease's end, ms": round((taken_at - expires_at).total_seconds() * 1000)}
    record_property("lock table", told)


def test_who_lost_its_session_and_lives_learns_it_before_it_writes(hold, ask, database, admin):
    process, token = hold(ADVISORY, "not renewing")
    assert ask(process, "guard") == "1"
    ((backend,),) = admin.execute(SESSIONS).fetchall()
    admin.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
    with DistributedLock(database, ADVISORY).try_acquire("k", PATIENCE) as handle:
        refused = ask(process, "guard")
        assert f"not held by fencing token {token}" in refused
        with database.begin_system() as store:
            handle.guard(store)
            update = "UPDATE public.ledger SET token = %(token)s WHERE token <= %(token)s"
            assert store.connection.execute(update, {"token": handle.fencing_token}).rowcount == 1
        # Nor is it accepted by whoever compares tokens alone.
        assert ask(process, "write") == "0"


def test_a_stalled_holder_of_a_lease_is_refused_when_it_goes_on(hold, ask, database):
    process, token = hold(LEASE)
    process.send_signal(signal.SIGSTOP)
    with DistributedLock(database, LEASE).try_acquire("k", PATIENCE) as handle:
        assert handle.fencing_token > token
        process.send_signal(signal.SIGCONT)
        assert f"not held by fencing token {token}" in ask(process, "guard")
        with database.begin_system() as store:
            handle.guard(store)


@pytest.mark.parametrize("strategy", LockStrategy)
def test_a_killed_waiter_is_passed_over(hold, spawn, database, admin, strategy):
    holder = DistributedLock(database, strategy).try_acquire("k")
    dying = spawn(HOLDER, strategy, "renewing")
    queue = "SELECT count(*) FROM scheduler.lock_waiters"
    give_up = time.monotonic() + PATIENCE.total_seconds()
    while admin.execute(queue).fetchone() != (1,):
        assert time.monotonic() < give_up
    with waiter(database, strategy) as waiting:
        kill(dying)
        holder.release()
        handle, _ = waiting.result()
        with handle:
            assert handle.fencing_token > holder.fencing_token
    assert admin.execute(queue).fetchone() == (1,)  # the dead one's place, which has expired


def test_two_databases_of_one_server_have_locks_of_their_own(database, settings, make_database, template):
    other = settings.model_copy(
        update={
            "dsn": type(settings.dsn)(f"{settings.conninfo()} dbname={make_database(f'TEMPLATE {template}')}")
        }
    )
    with Database(other) as elsewhere, DistributedLock(database, ADVISORY).try_acquire("k"):
        with DistributedLock(elsewhere, ADVISORY).try_acquire("k") as handle:
            handle.check()
        with pytest.raises(LockLost):
            handle.check()

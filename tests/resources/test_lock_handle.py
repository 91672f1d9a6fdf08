"""LockHandle: renewed from a thread, asked before it acts, cut off from the server."""

import threading
import time
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest

from resources.database import Database
from resources.errors import InvalidInput, LockLost, ServerUnavailable
from resources.lock import DistributedLock
from resources.states import LockStrategy
from tests.conftest import database_name
from tests.databases import superuser

LEASE, ADVISORY = LockStrategy.LEASE, LockStrategy.ADVISORY
TTL = timedelta(seconds=0.6)
PATIENCE = 20
EXPIRES = "SELECT expires_at FROM scheduler.locks WHERE key = 'k'"
SESSIONS = """
    SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture(params=LockStrategy)
def lock(request, database):
    return DistributedLock(database, request.param, "ann")


def wait_until(condition):
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def renewals():
    return [thread for thread in threading.enumerate() if thread.name == "scheduler-lock-renewal"]


def force(database):
    with database.begin_system() as store:
        store.locks.force_release("k", store.now())


def test_a_lease_that_is_renewed_from_a_thread_outlives_its_ttl(database, admin):
    lock = DistributedLock(database, LEASE)
    with lock.try_acquire("k", ttl=TTL, renewing=True) as handle:
        (first_end,) = admin.execute(EXPIRES).fetchone()
        wait_until(lambda: admin.execute(EXPIRES).fetchone() > (first_end + TTL,))
        assert lock.try_acquire("k") is None
        assert not handle.lost
        handle.check()
    assert renewals() == []
    assert lock.try_acquire("k").fencing_token > handle.fencing_token


def test_a_thread_that_renews_learns_of_the_loss_and_ends(lock, database, caplog):
    handle = lock.try_acquire("k", ttl=TTL, renewing=True)
    force(database)
    wait_until(lambda: not renewals())
    assert handle.lost
    assert f"not held by fencing token {handle.fencing_token}: it was released" in caplog.text
    with DistributedLock(database, lock._strategy).try_acquire("k"):
        for method in (handle.check, handle.renew, handle.release):
            with pytest.raises(LockLost, match="it was released"):
                method()
    handle.release()


def test_a_thread_learns_that_its_session_ended(database, admin):
    handle = DistributedLock(database, ADVISORY).try_acquire("k", ttl=TTL, renewing=True)
    ((session,),) = admin.execute(SESSIONS).fetchall()
    admin.execute("SELECT pg_terminate_backend(%s, 5000)", [session])
    wait_until(lambda: handle.lost)
    with pytest.raises(LockLost, match="its session ended"):
        handle.check()


def test_whoever_asks_is_told_whether_it_holds_the_lock(lock, database):
    handle = lock.try_acquire("k")
    handle.check()
    handle.renew()
    assert not handle.lost
    force(database)
    for method in (handle.check, handle.release):
        with pytest.raises(LockLost, match="it was released"):
            method()
        assert handle.lost


def test_a_lease_that_ran_out_is_lost_without_asking_and_refused_when_asked(database, admin):
    lock = DistributedLock(database, LEASE)
    handle = lock.try_acquire("k", ttl=TTL)
    assert not handle.lost
    ended = "SELECT FROM scheduler.locks WHERE expires_at < clock_timestamp()"
    wait_until(lambda: admin.execute(ended).rowcount)
    assert handle.lost
    with pytest.raises(LockLost, match="it expired"):
        handle.check()


def test_a_released_handle_is_good_for_nothing(lock):
    handle = lock.try_acquire("k", renewing=True)
    handle.release()
    handle.release()
    assert handle.lost
    for method in (handle.check, handle.renew):
        with pytest.raises(LockLost, match="it was released"):
            method()


def test_a_guarded_transaction_writes_as_the_holder_or_not_at_all(lock, database, admin):
    admin.execute("CREATE TABLE public.ledger (token bigint)")
    admin.execute("GRANT SELECT, INSERT ON public.ledger TO scheduler_system")

    def write(handle):
        with database.begin_system() as store:
            handle.guard(store)
            store.connection.execute("INSERT INTO public.ledger VALUES (%s)", [handle.fencing_token])

    first = lock.try_acquire("k")
    write(first)
    force(database)
    if lock._strategy is ADVISORY:
        with pytest.raises(LockLost):
            first.check()  # which ends its session
    second = lock.try_acquire("k", timedelta(seconds=PATIENCE))
    for _ in range(2):
        with pytest.raises(LockLost):
            write(first)
    write(second)
    second.release()
    with pytest.raises(LockLost, match="it was released"):
        write(second)
    assert admin.execute("SELECT token FROM public.ledger").fetchall() == [
        (first.fencing_token,),
        (second.fencing_token,),
    ]


def test_a_holder_may_ask_while_its_guarded_transaction_holds_up_a_renewal(database, admin):
    handle = DistributedLock(database, LEASE).try_acquire("k", ttl=TTL, renewing=True)
    blocked = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with database.begin_system() as store:
        handle.guard(store)
        wait_until(lambda: admin.execute(blocked).rowcount)
        handle.check()
    handle.release()


def test_a_renewal_for_no_time_is_refused(database):
    with DistributedLock(database, LEASE).try_acquire("k") as handle:
        with pytest.raises(InvalidInput, match="ttl"):
            handle.renew(timedelta())


@pytest.fixture
def cut_off(server, settings):
    """with cut_off(): nobody reaches the test's database."""
    name = database_name(settings)

    @contextmanager
    def cut_off():
        with superuser(server) as elsewhere:
            elsewhere.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
            elsewhere.execute(ended, [name])
            yield
            elsewhere.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    return cut_off


@pytest.fixture
def impatient(settings):
    with Database(settings.model_copy(update={"pool_timeout": 0.2})) as database:
        yield database


def test_a_holder_of_a_lease_that_cannot_ask_is_told_so_and_goes_on_when_it_can(impatient, cut_off):
    handle = DistributedLock(impatient, LEASE).try_acquire("k")
    with cut_off():
        for method in (handle.check, handle.renew, handle.release):
            with pytest.raises(ServerUnavailable, match="no connection to PostgreSQL"):
                method()
    impatient.close()  # its pool could not connect, and takes its time before it tries again
    handle.renew()
    handle.release()
    assert DistributedLock(impatient).try_acquire("k").waited == timedelta()


def test_a_holder_of_an_advisory_lock_that_is_cut_off_has_lost_it(impatient, cut_off):
    handle = DistributedLock(impatient, ADVISORY).try_acquire("k")
    with cut_off():
        for _ in range(2):
            with pytest.raises(LockLost, match="its session ended"):
                handle.check()
    with pytest.raises(LockLost, match="its session ended"):
        handle.release()
    assert DistributedLock(impatient, LEASE).try_acquire("k")


def test_a_lease_that_no_renewal_reached_within_its_ttl_is_lost(impatient, cut_off):
    handle = DistributedLock(impatient, LEASE).try_acquire("k", ttl=3 * TTL, renewing=True)
    with cut_off():
        wait_until(lambda: not renewals())
    with pytest.raises(LockLost, match="no renewal reached the server within its ttl"):
        handle.check()


def test_a_block_that_cannot_release_hides_no_other_error(impatient, cut_off):
    def leave(error=None):
        with DistributedLock(impatient, LEASE).try_acquire(f"k {error}"):
            blocked.enter_context(cut_off())
            if error:
                raise error

    with ExitStack() as blocked, pytest.raises(ZeroDivisionError):
        leave(ZeroDivisionError())
    impatient.close()
    with ExitStack() as blocked, pytest.raises(ServerUnavailable):
        leave()

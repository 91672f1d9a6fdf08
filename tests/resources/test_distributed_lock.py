"""DistributedLock: both strategies, directly and behind PgBouncer."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from resources.database import Database, transaction
from resources.errors import DirectConnectionRequired, InvalidInput, LockLost, ServerUnavailable
from resources.lock import DistributedLock
from resources.lock_session import open_session
from resources.postgres import LockResource, shared_database
from resources.states import LockStrategy

LEASE, ADVISORY = LockStrategy.LEASE, LockStrategy.ADVISORY
SOON = timedelta(seconds=0.3)
LONG = timedelta(seconds=20)
SESSIONS = """
    SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture(
    params=[f"{strategy} {route}" for strategy in LockStrategy for route in ("direct", "pgbouncer")]
)
def lock(request, settings):
    """A lock of either strategy; behind PgBouncer the advisory one has its way past it."""
    strategy, route = request.param.split()
    if route == "pgbouncer":
        pooler = request.getfixturevalue("pooler")
        settings = pooler.settings(settings, direct_dsn=settings.dsn)
    with Database(settings) as database:
        yield DistributedLock(database, LockStrategy(strategy), "ann")


@pytest.fixture
def advisory(database):
    return DistributedLock(database, ADVISORY, "ann")


def holder(admin, key="k"):
    return admin.execute("SELECT strategy, holder FROM scheduler.locks WHERE key = %s", [key]).fetchone()


def test_a_lock_excludes_others_until_it_is_released(lock, admin):
    with lock.try_acquire("k") as handle:
        assert lock.try_acquire("k") is None
        assert lock.try_acquire("other").fencing_token > handle.fencing_token
        assert holder(admin)[1] == "ann"
        handle.renew()
    handle.release()
    assert holder(admin)[1] is None
    assert lock.try_acquire("k").fencing_token > handle.fencing_token


def test_the_two_strategies_exclude_each_other(database):
    for first, second in ((LEASE, ADVISORY), (ADVISORY, LEASE)):
        handle = DistributedLock(database, first).try_acquire("k")
        assert DistributedLock(database, second).try_acquire("k") is None
        handle.release()
        DistributedLock(database, second).try_acquire("k").release()


def test_waiting_ends_at_the_timeout(lock, database):
    handle = lock.try_acquire("k")
    with database.begin_system() as store:
        before = store.now()
    assert lock.try_acquire("k", SOON) is None
    with database.begin_system() as store:
        assert SOON <= store.now() - before < LONG
    handle.renew()


def test_a_waiter_gets_the_lock_when_it_is_released(lock):
    handle = lock.try_acquire("k")
    begun = threading.Event()

    def wait():
        begun.set()
        return lock.try_acquire("k", LONG)

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(wait)
        begun.wait()
        handle.release()
        assert waiting.result().fencing_token > handle.fencing_token


def test_a_waiter_gets_a_lease_that_expires(database):
    lock = DistributedLock(database, LEASE)
    first = lock.try_acquire("k", ttl=SOON)
    second = lock.try_acquire("k", LONG)
    assert second.fencing_token > first.fencing_token
    with pytest.raises(LockLost, match=f"took it under {second.fencing_token}"):
        first.renew()
    with pytest.raises(LockLost):
        first.release()


def test_an_advisory_lock_is_free_the_moment_its_session_ends(advisory, admin):
    handle = advisory.try_acquire("k")
    ((session,),) = admin.execute(SESSIONS).fetchall()
    admin.execute("SELECT pg_terminate_backend(%s, 5000)", [session])
    with pytest.raises(LockLost, match="its session ended"):
        handle.renew()
    with advisory.try_acquire("k") as next_handle:
        assert next_handle.fencing_token > handle.fencing_token
        with pytest.raises(LockLost, match="its session ended"):
            handle.release()
        next_handle.renew()


def test_releasing_an_advisory_lock_frees_its_sessions_lock_before_the_session_ends(settings, admin):
    with open_session(settings) as session:
        with transaction(session, "session/begin_system", {}) as store:
            token = store.locks.try_acquire("k", "ann", ADVISORY, LONG, store.now())
        assert admin.execute(SESSIONS).rowcount == 1
        with transaction(session, "session/begin_system", {}) as store:
            store.locks.release("k", token, store.now())
        assert admin.execute(SESSIONS).rowcount == 0


def test_a_renewal_that_another_transaction_holds_up_does_not_say_the_lease_is_lost(settings, admin):
    impatient = make_conninfo(settings.conninfo(), options="-c lock_timeout=50ms")
    with Database(settings.model_copy(update={"dsn": SecretStr(impatient)})) as database:
        handle = DistributedLock(database, LEASE).try_acquire("k")
        with admin.transaction():
            admin.execute("SELECT FROM scheduler.locks WHERE key = 'k' FOR UPDATE")
            with pytest.raises(ServerUnavailable, match="lock timeout"):
                handle.renew()
        handle.renew()
        handle.release()


@pytest.mark.filterwarnings("error::ResourceWarning", "error::pytest.PytestUnraisableExceptionWarning")
def test_an_advisory_lock_leaves_no_session_behind(advisory, database, admin):
    with advisory.try_acquire("k"):
        assert advisory.try_acquire("k") is None
        assert admin.execute(SESSIONS).rowcount == 1
    with DistributedLock(database, LEASE).try_acquire("k"):
        assert advisory.try_acquire("k") is None
    with pytest.raises(InvalidInput):
        advisory.try_acquire("")
    # A session that was closed a moment ago may still be on its way out.
    assert any(admin.execute(SESSIONS).rowcount == 0 for _ in range(10_000))


def test_an_advisory_lock_refuses_a_pooler(settings, pooler, admin):
    through = pooler.settings(settings)
    for changes, variable in (({}, "SCHEDULER_DSN"), ({"direct_dsn": through.dsn}, "SCHEDULER_DIRECT_DSN")):
        with Database(through.model_copy(update=changes)) as database:
            message = (
                f"{variable} leads through a pooler; set SCHEDULER_DIRECT_DSN .* or use the strategy lease"
            )
            with pytest.raises(DirectConnectionRequired, match=message):
                DistributedLock(database, ADVISORY).try_acquire("k")
            DistributedLock(database, LEASE).try_acquire("k").release()
    assert holder(admin) == ("lease", None)


def test_a_direct_way_that_leads_nowhere_is_named(settings, tmp_path):
    wrong = settings.model_copy(update={"direct_dsn": type(settings.dsn)(f"host={tmp_path} dbname=gone")})
    with Database(wrong) as database, pytest.raises(ServerUnavailable, match="SCHEDULER_DIRECT_DSN"):
        DistributedLock(database, ADVISORY).try_acquire("k")


def test_a_lock_lost_inside_its_block_is_told_at_its_end_but_hides_no_other_error(lock, database):
    def lose(error=None):
        with lock.try_acquire("k"):
            with database.begin_system() as store:
                store.locks.force_release("k", store.now())
            if error:
                raise error

    with pytest.raises(LockLost, match="it was released"):
        lose()
    with pytest.raises(ZeroDivisionError):
        lose(ZeroDivisionError())


def test_a_negative_timeout_is_refused(lock):
    with pytest.raises(InvalidInput, match="timeout"):
        lock.try_acquire("k", -SOON)


@pytest.mark.parametrize("strategy", LockStrategy)
def test_dagster_has_it_as_a_resource(settings, admin, monkeypatch, strategy):
    monkeypatch.setenv("SCHEDULER_PERSISTENCE", "postgres")
    monkeypatch.setenv("SCHEDULER_DSN", settings.conninfo())
    shared_database.cache_clear()
    try:
        with LockResource(strategy=strategy.value).try_acquire("k"):
            assert holder(admin)[0] == strategy
            assert LockResource().try_acquire("k", ttl=LONG) is None
    finally:
        shared_database().close()
        shared_database.cache_clear()

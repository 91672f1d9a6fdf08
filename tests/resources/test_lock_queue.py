"""Table lock_waiters: who is served next, who is passed over, and who is told."""

from contextlib import nullcontext
from datetime import timedelta

import psycopg
import pytest

from resources.errors import InvalidInput, LockLost, NotFound
from resources.records import LockWait
from resources.states import LockStrategy

SESSION_LOCKS = """
    SELECT FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
    WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.objsubid = 1"""
LEASE, ADVISORY = LockStrategy.LEASE, LockStrategy.ADVISORY
TTL, STAY = timedelta(seconds=30), timedelta(seconds=3)
TICK = timedelta(microseconds=1)


@pytest.fixture
def call(database):
    """call("get", "k") calls one method of the repository in a transaction of its own."""

    def call(method, *arguments, **options):
        with database.begin_system() as store:
            return getattr(store.locks, method)(*arguments, **options)

    return call


@pytest.fixture
def take(call, plant):
    """take(ticket=1) tries to take the lock k as a lease at noon; returns its token or None."""

    def take(key="k", holder="ann", now=plant.now, strategy=LEASE, ticket=None):
        return call("try_acquire", key, holder, strategy, TTL, now, ticket)

    return take


@pytest.fixture
def wait(call, plant):
    """wait("bob") takes a place in the queue of the lock k at noon."""

    def wait(waiter, ticket=None, now=plant.now, key="k"):
        return call("wait", key, waiter, STAY, now, ticket)

    return wait


def test_places_are_in_the_order_of_arrival_and_tell_who_holds_the_lock(take, wait, plant):
    token = take()
    held = [LEASE, "ann", token, plant.now, plant.now + TTL]
    first = wait("bob")
    assert first == LockWait(first.ticket, 0, *held)
    second, third = wait("cid"), wait("bob")
    assert first.ticket < second.ticket < third.ticket
    assert (second.ahead, third.ahead) == (1, 2)
    assert wait("cid", second.ticket) == second
    assert wait("bob", key="other") == LockWait(third.ticket + 1, 0, None, None, None, None, None)


@pytest.mark.parametrize("strategy", [LEASE, ADVISORY])
def test_only_the_first_of_the_queue_gets_a_free_lock(take, wait, call, plant, strategy):
    token = take()
    first, second = wait("bob"), wait("cid")
    call("release", "k", token, plant.now)
    assert take(strategy=strategy) is None
    assert take(strategy=strategy, ticket=second.ticket) is None
    assert take(strategy=strategy, key="other")
    assert take(ticket=first.ticket) > token


def test_nobody_keeps_a_sessions_lock_that_was_not_his_turn(wait, take, admin):
    wait("bob")
    assert take(strategy=ADVISORY) is None
    assert admin.execute(SESSION_LOCKS).rowcount == 0


def test_a_waiter_that_does_not_look_again_is_passed_over_until_it_does(wait, take, plant):
    first, second = wait("bob"), wait("cid", now=plant.now + TICK)
    late = plant.now + STAY
    assert wait("cid", second.ticket, late - TICK).ahead == 1
    assert wait("cid", second.ticket, late).ahead == 0
    assert wait("bob", first.ticket, late).ahead == 0
    assert wait("cid", second.ticket, late).ahead == 1
    assert take(now=late, ticket=second.ticket) is None
    assert take(now=late + STAY)


def test_a_clock_that_goes_back_shortens_no_stay(wait, plant):
    first = wait("bob")
    wait("bob", first.ticket, plant.now - STAY)
    assert wait("cid", now=plant.now + STAY - TICK).ahead == 1


def test_who_leaves_makes_room_and_takes_the_dead_before_it_along(wait, call, admin, plant):
    left = "SELECT waiter FROM scheduler.lock_waiters ORDER BY ticket"
    places = [wait(name) for name in ("bob", "cid", "dan", "eve", "fay")]
    for key, place in (("k", places[0]), ("k", places[0]), ("other", places[1])):
        call("leave", key, place.ticket, plant.now)
    assert wait("dan", places[2].ticket).ahead == 1
    minute_later = plant.now + STAY + timedelta(minutes=1)
    call("leave", "k", places[2].ticket, minute_later)
    assert admin.execute(left).fetchall() == [("cid",), ("eve",), ("fay",)]
    call("leave", "k", places[3].ticket, minute_later + TICK)
    assert admin.execute(left).fetchall() == [("fay",)]


def test_leaving_waits_for_no_waiter_that_looks_right_now(wait, call, admin, database, plant):
    dead = wait("bob")
    later = plant.now + timedelta(hours=1)
    with admin.transaction(), database.begin_system() as store:
        admin.execute("SELECT FROM scheduler.lock_waiters FOR UPDATE")
        store.connection.execute("SET LOCAL lock_timeout = '100ms'")
        store.locks.leave("k", dead.ticket + 1, later)
    assert wait("cid").ahead == 1


def test_the_first_living_waiter_alone_is_told(wait, call, admin, plant):
    dead, *living = wait("bob"), wait("cid", now=plant.now + TICK), wait("dan", now=plant.now + TICK)
    for place in (dead, *living):
        admin.execute(f"LISTEN scheduler_lock_{place.ticket}")
    call("wake_first", "nobody waits for this", plant.now)
    call("wake_first", "k", plant.now + STAY)
    (told,) = admin.notifies(timeout=5, stop_after=1)
    assert told.channel == f"scheduler_lock_{living[0].ticket}"
    assert list(admin.notifies(timeout=0)) == []


def test_a_session_hears_its_ticket(wait, database, admin):
    with database.begin_system() as store:
        place = store.locks.wait("k", "bob", STAY, store.now())
        store.locks.listen(place.ticket)
        heard = store.connection.execute("SELECT pg_listening_channels()").fetchall()
    assert heard in ([], [(f"scheduler_lock_{place.ticket}",)])  # from the commit on


@pytest.mark.parametrize("key", ["", "a\0b", "\ud800", "x" * 10_241])
def test_what_is_no_key_is_refused(call, plant, key):
    for method, more in (
        ("guard", [1, plant.now]),
        ("wait", ["bob", STAY, plant.now]),
        ("leave", [1, plant.now]),
        ("wake_first", [plant.now]),
    ):
        with pytest.raises(InvalidInput, match=r"key: .* 1 to 10,240 bytes of text without NUL"):
            call(method, key, *more)


def test_what_is_no_waiter_or_no_stay_is_refused(call, plant):
    with pytest.raises(InvalidInput, match="waiter: ''"):
        call("wait", "k", "", STAY, plant.now)
    with pytest.raises(InvalidInput, match="stay: "):
        call("wait", "k", "bob", timedelta(), plant.now)


def test_a_guard_lets_only_the_holder_pass(take, call, plant):
    with pytest.raises(NotFound):
        call("guard", "k", 1, plant.now)
    token = take()
    call("guard", "k", token, plant.now + TTL - TICK)
    with pytest.raises(LockLost, match="it expired"):
        call("guard", "k", token, plant.now + TTL)
    other = take(holder="bob", now=plant.now + TTL)
    with pytest.raises(LockLost, match=f"bob took it under {other}"):
        call("guard", "k", token, plant.now + TTL)
    call("guard", "k", other, plant.now + TTL)


def test_nobody_takes_a_lock_before_the_guarded_transaction_ends(take, database, plant):
    token, later = take(), plant.now + TTL
    with database.begin_system() as guarded:
        guarded.locks.guard("k", token, plant.now)
        for method, arguments, expected in (
            ("try_acquire", ["bob", LEASE, TTL, later], pytest.raises(psycopg.errors.LockNotAvailable)),
            ("guard", [token, plant.now], nullcontext()),  # another one of the holder's is not kept waiting
        ):
            with expected, database.begin_system() as store:
                store.connection.execute("SET LOCAL lock_timeout = '100ms'")
                getattr(store.locks, method)("k", *arguments)
    assert take(holder="bob", now=later) > token


def test_who_does_not_get_the_lock_keeps_no_sessions_lock(take, wait, plant, admin):
    first = wait("bob")
    take(ticket=first.ticket)
    for _ in range(2):
        assert take(strategy=ADVISORY, ticket=first.ticket) is None
    assert admin.execute(SESSION_LOCKS).rowcount == 0

"""Table locks: who holds what, under tokens that only grow."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest

from resources.errors import IllegalTransition, InvalidInput, LockLost, NotFound
from resources.records import Lock
from resources.states import LockStrategy

LEASE, ADVISORY = LockStrategy.LEASE, LockStrategy.ADVISORY
TTL = timedelta(seconds=30)
TICK = timedelta(microseconds=1)
KEYS = ["k", " ", "a\nb", "Ünïcode 🔒", "u\N{COMBINING DIAERESIS}", "x" * 10_240, "%(key)s", "'; --"]


@pytest.fixture
def take(database, plant):
    """take("k") tries to take a lock as a lease at noon; returns its token or None."""

    def take(key="k", holder="ann", now=plant.now, strategy=LEASE):
        with database.begin_system() as store:
            return store.locks.try_acquire(key, holder, strategy, TTL, now)

    return take


@pytest.fixture
def call(database):
    """call("get", "k") calls one method of the repository in a transaction of its own."""

    def call(method, *arguments, **options):
        with database.begin_system() as store:
            return getattr(store.locks, method)(*arguments, **options)

    return call


@pytest.mark.parametrize("key", KEYS)
def test_a_lock_is_held_by_the_first_until_it_is_released(take, call, plant, key):
    token = take(key)
    assert take(key, "bob") is None
    assert call("get", key) == Lock(key, LEASE, "ann", token, plant.now, plant.now + TTL)
    call("release", key, token, plant.now)
    assert call("get", key) == Lock(key, LEASE, None, token, None, None)
    assert take(key, "bob") > token


def test_keys_that_only_look_alike_are_two_locks(take):
    assert take("ü")
    assert take("u\N{COMBINING DIAERESIS}")
    assert take("Ü")
    assert take("ü") is None


@pytest.mark.parametrize("key", ["", "a\0b", "\ud800", "x" * 10_241, "ä" * 5_121])
@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("try_acquire", lambda now: ["ann", LEASE, TTL, now]),
        ("renew", lambda now: [1, TTL, now]),
        ("release", lambda now: [1, now]),
        ("force_release", lambda now: [now]),
        ("get", lambda now: []),
    ],
)
def test_what_is_no_key_is_refused(call, plant, key, method, more):
    with pytest.raises(InvalidInput, match=r"key: .* 1 to 10,240 bytes of text without NUL"):
        call(method, key, *more(plant.now))
    assert call("list").items == []


def test_what_is_no_holder_or_no_ttl_is_refused(take, call, plant):
    with pytest.raises(InvalidInput, match="holder: ''"):
        take(holder="")
    token = take()
    for ttl in (timedelta(), -TICK, timedelta(days=30) + TICK, timedelta.max):
        with pytest.raises(InvalidInput, match=r"ttl: .* at most 30 days"):
            call("try_acquire", "other", "ann", LEASE, ttl, plant.now)
        with pytest.raises(InvalidInput, match="ttl: "):
            call("renew", "k", token, ttl, plant.now)
    call("renew", "k", token, timedelta(days=30), plant.now)
    assert len(call("list").items) == 1


def test_a_lease_ends_by_itself_at_its_instant(take, plant):
    token = take()
    assert take(now=plant.now + TTL - TICK) is None
    assert take(holder="bob", now=plant.now + TTL) > token


def test_renewing_holds_a_lease_from_now_on(take, call, plant):
    token = take()
    call("renew", "k", token, TTL, plant.now + TTL - TICK)
    assert take(now=plant.now + TTL + TTL - 2 * TICK) is None
    assert take(now=plant.now + TTL + TTL - TICK)


@pytest.mark.parametrize(("method", "more"), [("renew", [TTL]), ("release", [])])
def test_who_lost_a_lock_is_told_how(take, call, plant, method, more):
    later = plant.now + TTL
    with pytest.raises(NotFound, match=r"lock 'k' does not exist$"):
        call(method, "k", 1, *more, plant.now)
    token = take()
    with pytest.raises(LockLost, match=f"fencing token {token}: it expired at 2026-03-14 12:00:30"):
        call(method, "k", token, *more, later)
    other = take(holder="bob", now=later)
    with pytest.raises(LockLost, match=f"fencing token {token}: bob took it under {other}"):
        call(method, "k", token, *more, later)
    assert call("get", "k") == Lock("k", LEASE, "bob", other, later, later + TTL)
    call("release", "k", other, later)
    with pytest.raises(LockLost, match=f"fencing token {other}: it was released"):
        call(method, "k", other, *more, later)


def test_a_forced_release_returns_what_was_held(take, call, plant):
    with pytest.raises(NotFound):
        call("force_release", "k", plant.now)
    token, other = take(), take("other")
    held = Lock("k", LEASE, "ann", token, plant.now, plant.now + TTL)
    assert call("force_release", "k", plant.now) == held
    with pytest.raises(IllegalTransition, match="lock 'k' is free"):
        call("force_release", "k", plant.now)
    with pytest.raises(IllegalTransition):
        call("force_release", "other", plant.now + TTL)
    with pytest.raises(LockLost, match="released"):
        call("renew", "k", token, TTL, plant.now)
    call("renew", "other", other, TTL, plant.now)
    assert take(holder="bob") > token


def test_locks_are_paged_by_key_and_listed_while_held(take, call, plant):
    long = ["x" * 300 + str(number) for number in range(3)]
    tokens = {key: take(key) for key in ["b", "a", *long, "c"]}
    call("release", "b", tokens["b"], plant.now)
    take("0 expired", now=plant.now - TTL)
    page = call("list", limit=2)
    seen = [lock.key for lock in page.items]
    while page.next_cursor:
        page = call("list", cursor=page.next_cursor, limit=2)
        seen += [lock.key for lock in page.items]
    assert seen[:4] == ["0 expired", "a", "b", "c"]
    assert sorted(seen[4:]) == long
    held = call("list", held_at=plant.now, limit=2)
    assert [lock.key for lock in held.items] == ["a", "c"]
    with pytest.raises(InvalidInput, match="same filters"):
        call("list", held_at=plant.now + TICK, cursor=held.next_cursor)
    assert len(call("list", held_at=plant.now, cursor=held.next_cursor).items) == 3


@pytest.mark.parametrize("before", ["new", "released", "expired"])
def test_of_many_that_come_at_once_one_wins(take, call, plant, before):
    now = plant.now
    if before != "new":
        token = take(now=now - TTL)
        if before == "released":
            call("release", "k", token, now - TTL)
    together = threading.Barrier(4)

    def compete(name):
        together.wait()
        return take(holder=name, now=now)

    with ThreadPoolExecutor(4) as threads:
        won = [token for token in threads.map(compete, "abcd") if token]
    assert won == [call("get", "k").fencing_token]


def test_an_advisory_lock_of_a_session_that_ended_is_free_for_both_strategies(take, call, plant, admin):
    for strategy in (LEASE, ADVISORY):
        key = f"of {strategy}"
        admin.execute(
            "INSERT INTO scheduler.locks VALUES (sha256(%s), %s, 'advisory', 'dead', 1, %s, NULL)",
            [key.encode(), key, plant.now],
        )
        with pytest.raises(LockLost, match="its session ended"):
            call("release", key, 1, plant.now)
        assert take(key, strategy=strategy) > 1


def test_a_living_sessions_advisory_lock_excludes_both_strategies(take, call, plant, admin):
    admin.execute(
        "INSERT INTO scheduler.locks VALUES (sha256('k'), 'k', 'advisory', 'alive', 1, %s, NULL)", [plant.now]
    )
    admin.execute("SELECT pg_advisory_lock(scheduler.advisory_key('k'))")
    assert take() is None
    assert take(strategy=ADVISORY) is None
    assert [lock.holder for lock in call("list", held_at=plant.now).items] == ["alive"]
    call("renew", "k", 1, TTL, plant.now)
    assert call("get", "k").expires_at is None
    assert call("force_release", "k", plant.now).holder == "alive"
    assert take() > 1


def test_an_advisory_lock_yields_to_a_lease_that_is_held(take, plant):
    token = take()
    assert take(holder="bob", strategy=ADVISORY) is None
    assert take(holder="bob", strategy=ADVISORY, now=plant.now + TTL) > token


def test_no_statement_takes_a_token_back(take, admin):
    token = take()
    with pytest.raises(psycopg.Error, match=f"of lock k cannot go from {token} to {token - 1}") as refused:
        admin.execute("UPDATE scheduler.locks SET fencing_token = fencing_token - 1")
    assert refused.value.sqlstate == "SC004"
    admin.execute("UPDATE scheduler.locks SET fencing_token = fencing_token + 1")


def test_locks_are_the_systems(database, take, plant):
    take()
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.begin("acme") as store:
        store.locks.get("k")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.begin("acme") as store:
        store.locks.try_acquire("k", "eve", LEASE, TTL, plant.now + TTL)

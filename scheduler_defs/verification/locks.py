"""One holder at a time: processes that ask for one lock at once, by threads with connections of their own.

What they take is committed, since each has to see what the others did; the lock goes with its scratch tenant.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Barrier
from typing import TypeVar

from resources.errors import DirectConnectionRequired, LockLost
from resources.lock import DistributedLock, LockHandle
from resources.states import LockStrategy
from scheduler_defs.verification.check import (
    Bench,
    Failed,
    Named,
    Skipped,
    expect,
    expect_equal,
    expect_refused,
)

RIVALS = 4
ROUNDS = 5
LEASE = timedelta(minutes=5)
Answer = TypeVar("Answer")


def at_once(ask: Callable[[int], Answer], rivals: int = RIVALS) -> list[Answer]:
    """Asks in so many threads at the same time; returns the answers."""
    ready = Barrier(rivals)

    def wait_and_ask(number: int) -> Answer:
        ready.wait(timeout=30)
        return ask(number)

    with ThreadPoolExecutor(rivals) as pool:
        return [*pool.map(wait_and_ask, range(rivals))]


def check_lease(bench: Bench) -> str:
    """Of rivals one gets the lease; once it is over the next one does, and the first one is told."""
    with bench.tenant() as key:
        tokens = _contend(bench, LockStrategy.LEASE, key)
        with bench.database.begin_system() as store:
            now = store.now()
            first = store.locks.try_acquire(key, "first", LockStrategy.LEASE, LEASE, now)
        with bench.database.begin_system() as store:
            early = store.locks.try_acquire(key, "second", LockStrategy.LEASE, LEASE, now + LEASE / 2)
            expect(early is None, "a lease that holds was given to a second holder")
            second = store.locks.try_acquire(key, "second", LockStrategy.LEASE, LEASE, now + 2 * LEASE)
        if first is None or second is None:
            raise Failed("a free lease was refused")
        expect(tokens[-1] < first < second, "fencing tokens went back")
        expect_refused(
            "a renewal by who lost the lease",
            bench.database.begin_system(),
            lambda store: store.locks.renew(key, first, LEASE, now + 2 * LEASE),
            LockLost,
        )
    return f"{ROUNDS} rounds of {RIVALS} rivals, one holder each; an expired lease went on"


def check_advisory(bench: Bench) -> str:
    """Of rivals one gets the session's lock, and no lease beside it."""
    with bench.tenant() as key:
        try:
            _contend(bench, LockStrategy.ADVISORY, key)
        except DirectConnectionRequired as reason:
            raise Skipped(str(reason)) from None
        held = DistributedLock(bench.database, LockStrategy.ADVISORY).try_acquire(key)
        if held is None:
            raise Failed("a free lock was refused")
        with held:
            lease = DistributedLock(bench.database, LockStrategy.LEASE).try_acquire(key)
            expect(lease is None, "a lease was given beside a session's lock")
    return f"{ROUNDS} rounds of {RIVALS} rivals, one holder each; a lease was refused beside it"


def _contend(bench: Bench, strategy: LockStrategy, key: str) -> list[int]:
    """Lets rivals ask at once, some rounds; returns the fencing tokens in their order."""
    tokens: list[int] = []
    for _ in range(ROUNDS):
        handles: list[LockHandle | None] = at_once(
            lambda number: DistributedLock(bench.database, strategy, f"rival {number}").try_acquire(key)
        )
        holders = [handle for handle in handles if handle is not None]
        try:
            expect_equal(f"holders of one {strategy}", len(holders), 1)
        finally:
            for handle in holders:
                with suppress(LockLost):  # where it had two holders, that is what the report is to say
                    handle.release()
        tokens.append(holders[0].fencing_token)
    expect(tokens == sorted(set(tokens)), f"fencing tokens did not grow: {tokens}")
    return tokens


CHECKS: tuple[Named, ...] = (("locks: lease", check_lease), ("locks: advisory", check_advisory))

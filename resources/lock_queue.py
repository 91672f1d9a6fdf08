"""Waiting for a lock: its queue is served in order, and only its first tries to take it.

A waiter holds no snapshot and no transaction while it pauses, which a wait in PostgreSQL would. It hears when it is
its turn where it has a session of its own, so its pauses only bound what nobody tells: the death of a holder or of a
waiter ahead, and the end of a lease. Who hears nothing looks more often the nearer its turn is. The clock is the
database's.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from resources.errors import SchedulerError
from resources.lock_session import Begin, Session, begin_on
from resources.records import LockWait
from resources.states import LockStrategy
from resources.store import Store

STAY = timedelta(seconds=3)
"""For how long a waiter that did not look again keeps its place: more than its longest pause, for a busy machine."""
LONGEST_PAUSE = 1.0
DEATH_WATCH = 0.05
"""Seconds between two looks of the first waiter at an advisory lock: nobody tells that its holder died."""
DEAF_PAUSES = (0.02, 0.2)

OnWait = Callable[[LockWait], None]


@dataclass(frozen=True)
class Request:
    """What is asked for, by whom."""

    key: str
    holder: str
    strategy: LockStrategy
    ttl: timedelta

    def take(self, store: Store, now: datetime, ticket: int | None = None) -> int | None:
        """One try; returns the fencing token."""
        return store.locks.try_acquire(self.key, self.holder, self.strategy, self.ttl, now, ticket)


@dataclass(frozen=True)
class Taken:
    """A fencing token, when it was asked for by time.monotonic, and how long its holder waited."""

    token: int
    asked_at: float
    waited: timedelta = timedelta()


class Place:
    """A place in the queue of a lock, kept until the lock is taken or ``leave`` gives the place up.

    ``ears`` is a session that listens: the lock's own for the advisory strategy, and a spare one, which may break,
    for a lease.
    """

    def __init__(self, request: Request, begin: Begin, ears: Session | None, on_wait: OnWait | None) -> None:
        self._request, self._begin, self._ears, self._on_wait = request, begin, ears, on_wait
        self._ticket: int | None = None

    def wait(self, since: datetime, timeout: timedelta | None) -> Taken | None:
        """Waits until it has the lock, or until ``timeout`` after ``since``."""
        listening = False
        while True:
            asked_at = time.monotonic()
            token, seen, now = self._look()
            if token is not None:
                return Taken(token, asked_at, now - since)
            if self._on_wait is not None:
                self._on_wait(seen)
            left = LONGEST_PAUSE if timeout is None else (timeout - (now - since)).total_seconds()
            if left <= 0:
                return None
            if not listening:
                listening = True
                self._listen()
                continue  # with another look: what was told before it listened is missed
            self._pause(min(left, pause_of(seen, now, self._ears is not None)))

    def leave(self) -> None:
        """Gives the place up; the next of the queue learns that its turn may have come."""
        if self._ticket is not None:
            with suppress(SchedulerError, psycopg.Error), self._begin() as store:
                now = store.now()
                store.locks.leave(self._request.key, self._ticket, now)
                store.locks.wake_first(self._request.key, now)

    def _look(self) -> tuple[int | None, LockWait, datetime]:
        asked = self._request
        with self._begin() as store:
            now = store.now()
            seen = store.locks.wait(asked.key, asked.holder, STAY, now, self._ticket)
            token = None if seen.ahead else asked.take(store, now, seen.ticket)
            if token is not None:
                store.locks.leave(asked.key, seen.ticket, now)
                store.locks.wake_first(asked.key, now)
        self._ticket = seen.ticket if token is None else None
        return token, seen, now

    def _listen(self) -> None:
        if self._ears is not None and self._ticket is not None:
            with self._hearing(), begin_on(self._ears)() as store:
                store.locks.listen(self._ticket)

    def _pause(self, seconds: float) -> None:
        if self._ears is None:
            time.sleep(seconds)
            return
        with self._hearing():
            for _ in self._ears.notifies(timeout=seconds, stop_after=1):
                pass

    @contextmanager
    def _hearing(self) -> Iterator[None]:
        try:
            yield
        except psycopg.OperationalError:
            if self._request.strategy is LockStrategy.ADVISORY:
                raise
            self._ears = None


def pause_of(seen: LockWait, now: datetime, hears: bool) -> float:
    """Seconds until the next look of a waiter, given what it saw at the last one."""
    shortest, longest = DEAF_PAUSES
    jitter = random.uniform(0.7, 1)
    if seen.ahead:
        return jitter * (LONGEST_PAUSE if hears else min(LONGEST_PAUSE, DEATH_WATCH * (1 + seen.ahead)))
    if seen.expires_at is None or seen.acquired_at is None:
        return jitter * DEATH_WATCH
    left = max((seen.expires_at - now).total_seconds(), shortest)
    if hears:
        return min(LONGEST_PAUSE, left)
    held = (now - seen.acquired_at).total_seconds()
    return min(left, jitter * min(longest, max(shortest, held / 10)))

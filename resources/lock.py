"""Locks between processes and machines: ``DistributedLock`` takes one, its ``LockHandle`` keeps and frees it.

Waiting is a loop of tries with random pauses. So a waiter holds no snapshot, which a wait in PostgreSQL would for
as long as it lasts, and waiters are served in no order. The clock is the database's.
"""

import os
import random
import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Self

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from resources.database import Database, transaction
from resources.errors import DirectConnectionRequired, InvalidInput, LockLost
from resources.pooler import is_pooled
from resources.queries import load
from resources.settings import SchedulerSettings, ensure_server
from resources.states import LockStrategy
from resources.store import Store

Begin = Callable[[], AbstractContextManager[Store]]

DEFAULT_TTL = timedelta(seconds=30)
PAUSE_SECONDS = (0.02, 0.2)


class LockHandle:
    """A lock that is held; as context manager it releases it at the end. One thread at a time may use it.

    Pass ``fencing_token`` on to whatever the lock protects: only who compares it there is safe from a holder that
    stalled and does not know yet that it lost the lock.
    """

    def __init__(
        self, key: str, fencing_token: int, begin: Begin, session: Connection[TupleRow] | None = None
    ) -> None:
        self.key, self.fencing_token = key, fencing_token
        self._begin, self._session = begin, session
        self._released = False

    def renew(self, ttl: timedelta = DEFAULT_TTL) -> None:
        """Holds a lease for ``ttl`` from now on, and an advisory lock on; raises LockLost when it is gone."""
        try:
            with self._begin() as store:
                store.locks.renew(self.key, self.fencing_token, ttl, store.now())
        except psycopg.OperationalError as error:
            raise self._translated(error) from None

    def release(self) -> None:
        """Frees the lock; does nothing the second time. Raises LockLost when it was gone."""
        if self._released:
            return
        self._released = True
        try:
            with self._begin() as store:
                store.locks.release(self.key, self.fencing_token, store.now())
        except psycopg.OperationalError as error:
            raise self._translated(error) from None
        finally:
            if self._session is not None:
                self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.release()
        except LockLost:
            if error is None:
                raise

    def _translated(self, error: psycopg.OperationalError) -> Exception:
        if self._session is not None and self._session.closed:
            return LockLost(self.key, self.fencing_token, "its session ended")
        return error


class DistributedLock:
    """Takes locks by one strategy; the two exclude each other on one key.

    ``lease``: a row that expires. Works behind a pooler; after a crash others wait until it expires.
    ``advisory``: a session of its own, free the moment its holder dies; a ttl counts for nothing. It goes by
    SCHEDULER_DIRECT_DSN where that is set, and refuses to go through a pooler. Neither is reentrant.
    """

    def __init__(
        self, database: Database, strategy: LockStrategy = LockStrategy.LEASE, holder: str | None = None
    ) -> None:
        self._database, self._strategy = database, LockStrategy(strategy)
        self._holder = holder or f"{socket.gethostname()}:{os.getpid()}"

    def try_acquire(
        self, key: str, timeout: timedelta = timedelta(), ttl: timedelta = DEFAULT_TTL
    ) -> LockHandle | None:
        """Takes the lock within ``timeout``, which 0 makes one try; None when somebody else keeps it.

        Raises InvalidInput for what is no key, holder, timeout or ttl, DirectConnectionRequired for the advisory
        strategy behind a pooler, ServerUnavailable without a server.
        """
        if timeout < timedelta():
            raise InvalidInput("timeout", timeout, "0 or more")
        if self._strategy is LockStrategy.LEASE:
            return self._poll(key, timeout, ttl, self._database.begin_system)
        session = open_session(self._database.settings)
        handle = None
        try:
            begin = partial(transaction, session, "session/begin_system", {})
            handle = self._poll(key, timeout, ttl, begin, session)
        finally:
            if handle is None:
                session.close()
        return handle

    def _poll(
        self,
        key: str,
        timeout: timedelta,
        ttl: timedelta,
        begin: Begin,
        session: Connection[TupleRow] | None = None,
    ) -> LockHandle | None:
        deadline = None
        while True:
            with begin() as store:
                now = store.now()
                token = store.locks.try_acquire(key, self._holder, self._strategy, ttl, now)
            if token is not None:
                return LockHandle(key, token, begin, session)
            deadline = deadline or now + timeout
            left = (deadline - now).total_seconds()
            if left <= 0:
                return None
            time.sleep(min(left, random.uniform(*PAUSE_SECONDS)))


def open_session(settings: SchedulerSettings) -> Connection[TupleRow]:
    """A connection of the caller's own to PostgreSQL itself, whose session lives as long as the caller.

    Raises DirectConnectionRequired when a pooler answers, ServerUnavailable when nobody does.
    """
    ensure_server(settings, direct=True)
    session = psycopg.connect(
        settings.direct_conninfo(),
        autocommit=True,
        prepare_threshold=None,
        connect_timeout=5,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
    )
    try:
        if is_pooled(session):
            variable = "SCHEDULER_DIRECT_DSN" if settings.direct_dsn else "SCHEDULER_DSN"
            raise DirectConnectionRequired(
                f"an advisory lock needs a session of its own, and {variable} leads through a pooler; set "
                "SCHEDULER_DIRECT_DSN to PostgreSQL itself, or use the strategy lease"
            )
        session.execute(load("session/keep"))
    except BaseException:
        session.close()
        raise
    return session

"""The database as a Dagster resource."""

import time
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import cache
from typing import Literal

from dagster import ConfigurableResource, get_dagster_logger

from resources.database import Database
from resources.lock import DEFAULT_TTL, DistributedLock, LockHandle
from resources.records import LockWait
from resources.states import LockStrategy
from resources.store import Store

WAIT_LOG_SECONDS = 10.0


@cache
def shared_database() -> Database:
    """The one pool of this process, by the settings of its environment; raises InvalidSettings."""
    return Database()


class PostgresResource(ConfigurableResource[None]):
    """Transactions on the ``scheduler`` database, by the settings SCHEDULER_* of the process.

    ``begin(tenant)`` and ``begin_system()`` are the only ways to one. The pool is the process's own and stays open:
    a sensor evaluated every second opens no connections of its own.
    """

    @property
    def database(self) -> Database:
        """The process's pool."""
        return shared_database()

    def begin(self, tenant: str) -> AbstractContextManager[Store]:
        """One transaction as a tenant."""
        return self.database.begin(tenant)

    def begin_system(self) -> AbstractContextManager[Store]:
        """One transaction as the system."""
        return self.database.begin_system()


class LockResource(ConfigurableResource[None]):
    """Locks between runs, processes and machines: ``with lock.try_acquire("import") as handle``.

    It logs into the run for whom it waits, at first and then every WAIT_LOG_SECONDS, and what came of it.
    """

    strategy: Literal["lease", "advisory"] = "lease"

    def try_acquire(
        self,
        key: str,
        timeout: timedelta | None = timedelta(),
        ttl: timedelta = DEFAULT_TTL,
        *,
        renewing: bool = True,
    ) -> LockHandle | None:
        """As DistributedLock.try_acquire; renewed from a thread until it is released or lost."""
        lock = DistributedLock(shared_database(), LockStrategy(self.strategy))
        log, shown = get_dagster_logger(), repr(key if len(key) <= 100 else f"{key[:100]}…")
        logged_at: float | None = None

        def log_wait(seen: LockWait) -> None:
            nonlocal logged_at
            if logged_at is None or time.monotonic() - logged_at >= WAIT_LOG_SECONDS:
                logged_at = time.monotonic()
                log.info("waits for lock %s, %s; %s ahead", shown, _held_by(seen), seen.ahead)

        handle = lock.try_acquire(key, timeout, ttl, renewing=renewing, on_wait=log_wait)
        if handle is None:
            log.info("did not get lock %s within %s", shown, timeout)
        else:
            waited = handle.waited.total_seconds()
            log.info("took lock %s under token %s after %.3f s", shown, handle.fencing_token, waited)
        return handle


def _held_by(seen: LockWait) -> str:
    if seen.holder is None or seen.acquired_at is None:
        return "held by nobody"
    since = seen.acquired_at.isoformat(timespec="seconds")
    return f"held by {seen.holder} since {since} under token {seen.fencing_token}"

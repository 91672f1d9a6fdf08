"""The database as a Dagster resource."""

from contextlib import AbstractContextManager
from datetime import timedelta
from functools import cache
from typing import Literal

from dagster import ConfigurableResource

from resources.database import Database
from resources.lock import DEFAULT_TTL, DistributedLock, LockHandle
from resources.states import LockStrategy
from resources.store import Store


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
    """Locks between runs, processes and machines: ``with lock.try_acquire("import") as handle``."""

    strategy: Literal["lease", "advisory"] = "lease"

    def try_acquire(
        self, key: str, timeout: timedelta = timedelta(), ttl: timedelta = DEFAULT_TTL
    ) -> LockHandle | None:
        """As DistributedLock.try_acquire."""
        lock = DistributedLock(shared_database(), LockStrategy(self.strategy))
        return lock.try_acquire(key, timeout, ttl)

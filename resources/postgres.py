"""The database as a Dagster resource."""

from contextlib import AbstractContextManager
from functools import cache

from dagster import ConfigurableResource

from resources.database import Database
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

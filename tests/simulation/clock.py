"""The clock of the simulation: edits read the instant they are told."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from psycopg import Connection
from psycopg.rows import TupleRow

from resources.database import Database
from resources.store import Store


class ClockedStore(Store):
    """A store whose clock stands still at one instant."""

    def __init__(self, connection: Connection[TupleRow], instant: datetime) -> None:
        super().__init__(connection)
        self._instant = instant

    def now(self) -> datetime:
        return self._instant


@contextmanager
def at(database: Database, instant: datetime, tenant: str | None = None) -> Iterator[ClockedStore]:
    """A transaction at an instant, of a tenant or of the system."""
    with database.begin(tenant) if tenant else database.begin_system() as store:
        yield ClockedStore(store.connection, instant)

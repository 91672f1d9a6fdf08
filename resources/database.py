"""The connection pool, and the only two ways to a transaction: ``begin(tenant)`` and ``begin_system()``."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from resources.errors import PreparedStatementsRefused, SchemaMismatch, ServerUnavailable, TenantRequired
from resources.pooler import is_pooled
from resources.queries import load
from resources.settings import SchedulerSettings, ensure_server
from resources.store import Store

NO_TENANT_SET = "SC001"
ROLE_REFUSED = (
    psycopg.errors.InvalidParameterValue,
    psycopg.errors.UndefinedObject,
    psycopg.errors.InsufficientPrivilege,
)
SHARED_SESSION = (
    psycopg.errors.DuplicatePreparedStatement,
    psycopg.errors.InvalidSqlStatementName,
)
ALIVE = {
    **{"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3},
    "tcp_user_timeout": 60_000,
}
"""A server that vanished without a word is given up within a minute or so; of no account over a unix socket."""


class Database:
    """A pool of connections to the ``scheduler`` database; safe to share between threads, closed by ``close``.

    With the embedded server a connection that cannot be made starts the server and tries once more, so that a
    killed server comes back with the next transaction.
    """

    def __init__(self, settings: SchedulerSettings | None = None) -> None:
        self.settings = settings or SchedulerSettings.load()
        self._pool: ConnectionPool[Connection[TupleRow]] | None = None
        self._opening = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes every connection; the next transaction opens new ones."""
        with self._opening:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    @contextmanager
    def begin(self, tenant: str) -> Iterator[Store]:
        """One transaction as a tenant, under row-level security; commits at the end, rolls back on an error.

        Raises TenantRequired for an empty name, ServerUnavailable without a server, SchemaMismatch without a schema.
        """
        if not tenant:
            raise TenantRequired("begin: a tenant is required")
        with self._transaction("session/begin_tenant", {"tenant": tenant}) as store:
            yield store

    @contextmanager
    def begin_system(self) -> Iterator[Store]:
        """One transaction as the system, which sees every tenant; for the claim, launches, workers and feeds."""
        with self._transaction("session/begin_system", {}) as store:
            yield store

    @contextmanager
    def _transaction(self, enter: str, parameters: dict[str, Any]) -> Iterator[Store]:
        with self._connection() as connection:
            with transaction(connection, enter, parameters, self.settings.correlation_id) as store:
                yield store

    @contextmanager
    def _connection(self) -> Iterator[Connection[TupleRow]]:
        pool = self._open_pool()
        try:
            connection = pool.getconn()
        except PoolTimeout as error:
            raise ServerUnavailable(
                f"no connection to PostgreSQL within {self.settings.pool_timeout:g} s ({error}); "
                "is it running, and is SCHEDULER_POOL_MAX_SIZE large enough?"
            ) from None
        try:
            yield connection
        finally:
            pool.putconn(connection)

    def _open_pool(self) -> ConnectionPool[Connection[TupleRow]]:
        with self._opening:
            if self._pool is None:
                ensure_server(self.settings)
                self._pool = self._new_pool()
            return self._pool

    def _new_pool(self) -> ConnectionPool[Connection[TupleRow]]:
        return ConnectionPool(
            self.settings.conninfo(),
            connection_class=_reviving(self.settings) if self.settings.dsn is None else Connection,
            kwargs={"prepare_threshold": None if self.settings.prepare_statements is False else 5} | ALIVE,
            configure=_prepare_nothing_behind_a_pooler if self.settings.prepare_statements is None else None,
            min_size=self.settings.pool_min_size,
            max_size=self.settings.pool_max_size,
            timeout=self.settings.pool_timeout,
            check=ConnectionPool.check_connection,
            name="scheduler",
            open=True,
        )


@contextmanager
def transaction(
    connection: Connection[TupleRow],
    enter: str,
    parameters: dict[str, Any],
    correlation_id: UUID | None = None,
) -> Iterator[Store]:
    """One transaction on a connection, in the room that the query ``enter`` opens; translates driver errors."""
    with connection.transaction():
        try:
            connection.execute(load(enter), parameters)
        except ROLE_REFUSED as error:
            raise SchemaMismatch(
                f"the database has no role for this transaction ({error.diag.message_primary}); "
                "run `scheduler db upgrade`"
            ) from None
        except SHARED_SESSION as error:
            raise _statements_refused(error) from None
        try:
            yield Store(connection, correlation_id)
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
            raise SchemaMismatch(
                f"the database has no schema yet ({error.diag.message_primary}); run `scheduler db upgrade`"
            ) from None
        except SHARED_SESSION as error:
            raise _statements_refused(error) from None
        except psycopg.Error as error:
            if error.sqlstate == NO_TENANT_SET:
                raise TenantRequired(
                    "no tenant is set in this transaction; open it with begin(tenant)"
                ) from None
            raise


def _statements_refused(error: psycopg.Error) -> PreparedStatementsRefused:
    return PreparedStatementsRefused(
        f"{error.diag.message_primary}: a pooler gave another client's session; "
        "unset SCHEDULER_PREPARE_STATEMENTS, or set it to false"
    )


def _prepare_nothing_behind_a_pooler(connection: Connection[TupleRow]) -> None:
    connection.autocommit = True
    if is_pooled(connection):
        connection.prepare_threshold = None
    connection.autocommit = False


def _reviving(settings: SchedulerSettings) -> type[Connection[TupleRow]]:
    class RevivingConnection(Connection[TupleRow]):
        """A connection that starts the embedded server when nobody answers."""

        @classmethod
        def connect(cls, *args: Any, **kwargs: Any) -> Self:
            try:
                return super().connect(*args, **kwargs)
            except psycopg.OperationalError:
                ensure_server(settings)
                return super().connect(*args, **kwargs)

    return RevivingConnection

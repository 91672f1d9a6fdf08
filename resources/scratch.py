"""Room to try things out on a database that is in use: a transaction that is rolled back, and scratch tenants.

What one connection can show happens in a ScratchDatabase and leaves nothing, whatever becomes of the process. What
needs two connections has to be committed, for a tenant that `scratch_tenant` makes and `remove` deletes. Only the
tables' owner may delete a tenant, so that is entered for this one statement, and no role gets a right for it.
Sequences are not rolled back: the numbers that were drawn stay used.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from threading import RLock
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow, class_row

from resources.database import Database
from resources.ids import new_id
from resources.store import Store

SCRATCH = files("sql") / "scratch"
ACTOR = "scheduler verify"
ABANDONED_AFTER = timedelta(hours=1)
"""No verification takes as long: what is older was left by one that was killed."""


@dataclass(frozen=True)
class TenantTable:
    """A table whose rows belong to tenants."""

    schema: str
    name: str
    partitioned: bool = False

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


class ScratchDatabase(Database):
    """A Database whose transactions are savepoints of one transaction, which `scratch` rolls back.

    Threads take turns. What a transaction commits the later ones see, and nobody else does.
    """

    def __init__(self, database: Database, session: Connection[TupleRow]) -> None:
        super().__init__(database.settings)
        self._session, self._turn = session, RLock()

    @contextmanager
    def _connection(self) -> Iterator[Connection[TupleRow]]:
        with self._turn:
            yield self._session

    @contextmanager
    def begin_nobody(self) -> Iterator[Store]:
        """One transaction in the tenants' role without a tenant; whoever touches rows in it gets TenantRequired."""
        with self._transaction("session/begin_tenant", {"tenant": ""}) as store:
            yield store


@contextmanager
def scratch(database: Database) -> Iterator[ScratchDatabase]:
    """A ScratchDatabase on one connection of a database; nothing of it is left afterwards."""
    with database._connection() as session, session.transaction(force_rollback=True):
        yield ScratchDatabase(database, session)


def new_name() -> str:
    """A name that no tenant has and that `remove` would delete."""
    return f"verify-{new_id()}"


@contextmanager
def scratch_tenant(database: Database) -> Iterator[str]:
    """The id of a committed tenant that is removed afterwards, with what the checks of two connections make for it.

    These are schedules, triggers, runs, work items, launches it owns, and the lock with its name. Anything else that
    names the tenant keeps it from being removed, which raises.
    """
    tenant_id = new_name()
    with database.begin_system() as store:
        now = store.now()
        store.tenants.create(tenant_id, "made and removed by scheduler verify", ACTOR, now)
    try:
        yield tenant_id
    finally:
        _remove(database, tenant_id, None)


def remove_abandoned(database: Database) -> list[str]:
    """Removes scratch tenants that a killed verification left more than an hour ago; returns their ids."""
    with database.begin_system() as store:
        before = store.now() - ABANDONED_AFTER
    return _remove(database, None, before)


def _remove(database: Database, tenant_id: str | None, before: datetime | None) -> list[str]:
    with database._connection() as connection, connection.transaction():
        connection.execute(_text("become_owner"))
        removed = connection.execute(_text("remove"), {"tenant": tenant_id, "before": before}).fetchall()
    return [row[0] for row in removed]


def server_version(store: Store) -> str:
    """The version of PostgreSQL, as it calls itself."""
    (version,) = store.connection.execute(_text("version")).fetchall()[0]
    return str(version)


def tables_of_tenants(store: Store) -> Sequence[TenantTable]:
    """Every table whose rows belong to tenants, partitions left out."""
    with store.connection.cursor(row_factory=class_row(TenantTable)) as cursor:
        return cursor.execute(_text("tables_of_tenants")).fetchall()


def count_rows(store: Store, table: TenantTable, tenant_id: str) -> int:
    """How many rows of a tenant the transaction sees in a table."""
    (rows,) = _on(store, "count_rows", table, tenant=tenant_id).fetchall()[0]
    return int(rows)


def touch_rows(store: Store, table: TenantTable, tenant_id: str) -> int:
    """Writes the rows of a tenant that the transaction may write; returns how many."""
    return _allowed(store, "touch_rows", table, tenant_id)


def delete_rows(store: Store, table: TenantTable, tenant_id: str) -> int:
    """Deletes the rows of a tenant that the transaction may delete; returns how many."""
    return _allowed(store, "delete_rows", table, tenant_id)


def insert_row(store: Store, table: TenantTable, tenant_id: str) -> str | None:
    """Adds a row of a tenant; returns the reason when it was refused for whose it would be, and else None."""
    try:
        with store.connection.transaction():
            _on(store, "insert_row", table, tenant=tenant_id)
    except psycopg.errors.InsufficientPrivilege as error:
        return str(error.diag.message_primary)
    except psycopg.IntegrityError:
        return None
    return None


def set_state(
    store: Store, table: TenantTable, row_id: UUID, state: str, column: str = "state"
) -> str | None:
    """Puts a row into a state by hand, past every repository; returns the SQLSTATE when that was refused."""
    return _refusal(store, "set_state", table, sql.Identifier(column), id=row_id, state=state)


def change_row(store: Store, table: TenantTable, row_id: UUID) -> str | None:
    """Changes a row by hand without moving it; returns the SQLSTATE when that was refused."""
    return _refusal(store, "change_row", table, id=row_id)


def _refusal(
    store: Store, name: str, table: TenantTable, column: sql.Identifier | None = None, **values: Any
) -> str | None:
    try:
        with store.connection.transaction():
            _on(store, name, table, column, **values)
    except psycopg.Error as error:
        return error.sqlstate
    return None


def _allowed(store: Store, name: str, table: TenantTable, tenant_id: str) -> int:
    try:
        with store.connection.transaction():
            return _on(store, name, table, tenant=tenant_id).rowcount
    except psycopg.errors.InsufficientPrivilege:
        return 0


def _on(
    store: Store, name: str, table: TenantTable, column: sql.Identifier | None = None, **values: Any
) -> psycopg.Cursor[TupleRow]:
    names = {"table": sql.Identifier(table.schema, table.name), "column": column or sql.SQL("")}
    return store.connection.execute(sql.SQL(_text(name)).format(**names), values)


def _text(name: str) -> LiteralString:
    text: LiteralString = (SCRATCH / f"{name}.sql").read_text(encoding="utf-8")
    return text

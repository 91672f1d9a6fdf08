"""What the embedded PostgreSQL holds before any migration: a login role and two databases."""

from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from typing import NamedTuple, cast

import psycopg

SUPERUSER = "postgres"
LOGIN = "scheduler"
DATABASE = "scheduler"
DAGSTER_DATABASE = "dagster"

AnyConnection = psycopg.Connection[tuple[object, ...]]


class ServerState(NamedTuple):
    """One row of server_state.sql: whose server it is, and which parts of the bootstrap are done."""

    data_directory: str
    version: str
    started_at: datetime
    has_role: bool
    has_scheduler_database: bool
    has_dagster_database: bool

    @property
    def bootstrapped(self) -> bool:
        """Whether nothing is missing."""
        return self.has_role and self.has_scheduler_database and self.has_dagster_database


def read_state(connection: AnyConnection) -> ServerState:
    """Return the state of the server behind a superuser's connection."""
    row = connection.execute(_statement("server_state")).fetchone()
    return ServerState(*cast("ServerState", row))


def bootstrap(connection: AnyConnection) -> None:
    """Create what is missing of the login role and both databases.

    The connection is a superuser's, in autocommit; the caller keeps others from doing the same.
    """
    state = read_state(connection)
    if not state.has_role:
        connection.execute(_statement("create_role"))
    if not state.has_scheduler_database:
        connection.execute(_statement("create_scheduler_database"))
    if not state.has_dagster_database:
        connection.execute(_statement("create_dagster_database"))


def database_sizes(connection: AnyConnection) -> Mapping[str, int]:
    """Return the size in bytes of each of the product's databases."""
    rows = connection.execute(_statement("database_sizes")).fetchall()
    return dict(cast("list[tuple[str, int]]", rows))


def _statement(name: str) -> str:
    return files("sql").joinpath("bootstrap", f"{name}.sql").read_text(encoding="utf-8")

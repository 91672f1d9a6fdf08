"""What an external server must have before the product can use it: looked at, and granted by an administrator."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo
from psycopg.rows import TupleRow, class_row

from resources.errors import ServerUnavailable

ROLES = files("sql") / "roles"


@dataclass(frozen=True)
class Requirement:
    """One thing the server must have; ``remedy`` is the SQL that brings it, to be run in ``database``.

    ``by_hand`` says that only a person may run it: it makes a login or a database, or takes rights from a login.
    """

    what: str
    met: bool
    remedy: str
    by_hand: bool
    database: str


@dataclass(frozen=True)
class Refusal:
    """SQL that the server refused to this administrator, and its reason."""

    remedy: str
    reason: str


def list_requirements(conninfo: str, login: str, dagster: str | None) -> list[Requirement]:
    """Everything needed for a login in the database of ``conninfo`` and in Dagster's, met or not.

    ``dagster`` is the name of Dagster's database on the same server, None when it is elsewhere. Any login may look.
    Raises ServerUnavailable.
    """
    with _connect(conninfo) as connection:
        found = _list(connection, "list_requirements", login=login, dagster=dagster)
        known = connection.execute(_role_file("find_database"), {"database": dagster}).fetchone()
    if known:
        try:
            with _connect(conninfo, dbname=dagster) as connection:
                found += _list(connection, "list_dagster_requirements", login=login)
        except ServerUnavailable:
            if all(one.met for one in found):
                raise
    return found


def same_database(conninfo: str, other: str) -> bool:
    """Whether two connection strings lead to one database of one server.

    Where only ``other`` cannot be reached, host, port and database decide. Raises ServerUnavailable.
    """
    with _connect(conninfo) as connection:
        found = connection.execute(_role_file("identify_database")).fetchone()
        reached = connection.info.host, connection.info.port, connection.info.dbname
    try:
        with _connect(other) as connection:
            return found == connection.execute(_role_file("identify_database")).fetchone()
    except ServerUnavailable:
        return reached == place_of(other)


def place_of(conninfo: str) -> tuple[str, int, str]:
    """Host, port and database of a connection string, with libpq's defaults."""
    defaults = {one.keyword: one.val for one in Conninfo.get_defaults() if one.val is not None}
    known = {name.decode(): value.decode() for name, value in defaults.items()}
    parts = known | {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}
    return parts.get("host", ""), int(parts.get("port", 0)), parts.get("dbname") or parts.get("user", "")


def grant(conninfo: str, login: str, dagster: str | None) -> list[Refusal]:
    """Runs what is missing and not ``by_hand``; returns what the server refused. Doing it twice changes nothing."""
    refused = []
    for missing in list_requirements(conninfo, login, dagster):
        if missing.met or missing.by_hand:
            continue
        with _connect(conninfo, dbname=missing.database) as connection:
            try:
                connection.execute(missing.remedy.encode())
            except psycopg.Error as error:
                refused.append(Refusal(missing.remedy, str(error.diag.message_primary)))
    return refused


def warn_of_login(conninfo: str) -> str | None:
    """What to say of the login of ``conninfo`` when the policies do not bind it by themselves."""
    with _connect(conninfo) as connection:
        login = connection.info.user
        row = connection.execute(_role_file("read_login"), {"login": login}).fetchone()
    attributes = [name for name, has in zip(("SUPERUSER", "BYPASSRLS"), row or (), strict=False) if has]
    if not attributes:
        return None
    return (
        f"login {login} is {' and '.join(attributes)}. Transactions of the product enter a role that row-level "
        "security binds, so tenants stay apart in them; but a statement outside of such a transaction sees every "
        "tenant instead of failing. Use a login that is neither: `scheduler db grant --check` says how"
    )


@contextmanager
def _connect(conninfo: str, **overrides: str | None) -> Iterator[Connection[TupleRow]]:
    target = make_conninfo(conninfo, **overrides)
    try:
        connection = psycopg.connect(target, connect_timeout=5, autocommit=True)
    except psycopg.OperationalError as error:
        raise ServerUnavailable(f"PostgreSQL cannot be reached: {' '.join(str(error).split())}") from None
    with connection:
        yield connection


def _list(connection: Connection[TupleRow], name: str, **parameters: str | None) -> list[Requirement]:
    with connection.cursor(row_factory=class_row(Requirement)) as cursor:
        return cursor.execute(_role_file(name), parameters).fetchall()


def _role_file(name: str) -> bytes:
    return (ROLES / f"{name}.sql").read_bytes()

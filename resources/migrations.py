"""Brings a database's schema up to this code's, and tells how they compare."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import Connection, sql
from psycopg.rows import TupleRow
from sqlalchemy import Connection as SqlalchemyConnection
from sqlalchemy import create_engine, event
from sqlalchemy.pool import NullPool

from resources.database import Database
from resources.embedded_bootstrap import LOGIN
from resources.errors import SchemaMismatch, ServerUnavailable
from resources.log_partitions import LOG_PARTITIONS_AHEAD
from resources.settings import SchedulerSettings, ensure_server

MIGRATIONS = files("sql") / "migrations"
ROLES = files("sql") / "roles"


@dataclass(frozen=True)
class SchemaStatus:
    """Where a database's schema stands; ``edited`` names applied files whose content changed since."""

    current: str | None
    head: str
    pending: tuple[str, ...]
    edited: tuple[str, ...]

    @property
    def up_to_date(self) -> bool:
        """Nothing pending, nothing edited."""
        return not self.pending and not self.edited


def status(settings: SchedulerSettings) -> SchemaStatus:
    """Compares the database's applied migrations with the files; raises ServerUnavailable."""
    ensure_server(settings, direct=True)
    with _connect(settings) as connection:
        try:
            applied = _applied(connection)
        except psycopg.errors.InsufficientPrivilege as error:
            raise _rights_missing(connection, error) from None
    available = _available()
    edited = tuple(name for name, digest in applied.items() if available.get(name) != digest)
    pending = tuple(name for name in available if name not in applied)
    return SchemaStatus(next(reversed(applied), None), next(reversed(available)), pending, edited)


def upgrade(settings: SchedulerSettings) -> SchemaStatus:
    """Creates roles, schemas and tables that are missing; does nothing on a current database.

    Safe when several processes run it at once. Raises SchemaMismatch for an edited migration file or a
    database newer than this code, ServerUnavailable when the login may not do what is needed.
    """
    before = status(settings)
    if before.edited:
        raise SchemaMismatch(
            f"applied migrations differ from their files: {', '.join(before.edited)}; "
            "restore the files, or use the code that belongs to this database, and put changes in a new migration"
        )
    _prepare_roles(settings)
    engine = create_engine("postgresql+psycopg://", creator=lambda: _connect(settings), poolclass=NullPool)
    event.listen(engine, "begin", _as_owner)
    with engine.connect() as connection:
        command.upgrade(_alembic(connection), "head")
    with Database(settings) as database, database.begin_system() as store:
        now = store.now()
        store.execution_logs.ensure_partitions(now - timedelta(days=1), now + LOG_PARTITIONS_AHEAD)
    return status(settings)


def require_current(settings: SchedulerSettings) -> None:
    """Raises SchemaMismatch unless the schema is the one this code needs."""
    found = status(settings)
    if not found.up_to_date:
        what = (
            f"edited: {', '.join(found.edited)}"
            if found.edited
            else f"not applied: {', '.join(found.pending)}"
        )
        raise SchemaMismatch(f"the database's schema is not this code's ({what}); run `scheduler db upgrade`")


def _connect(settings: SchedulerSettings) -> Connection[TupleRow]:
    # A pooler would give a prepared statement to the next client.
    return psycopg.connect(settings.admin_conninfo(), connect_timeout=5, prepare_threshold=None)


def _as_owner(connection: SqlalchemyConnection) -> None:
    """Enters the owner's room for one transaction: behind a pooler the next one may run in another session."""
    connection.exec_driver_sql("SET LOCAL ROLE scheduler_owner")


def _alembic(connection: object) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _available() -> dict[str, str]:
    """Migration names in their order, each with the digest of its SQL file."""
    revisions = ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    names = reversed([script.revision for script in revisions])
    return {name: _digest(name) for name in names}


def _digest(name: str) -> str:
    return hashlib.sha256((MIGRATIONS / "versions" / f"{name}.sql").read_bytes()).hexdigest()


def _applied(connection: Connection[TupleRow]) -> dict[str, str]:
    if not connection.execute(_role_file("find_ledger")).fetchone():
        return {}
    connection.execute("SET LOCAL ROLE scheduler_owner")
    return dict(connection.execute(_role_file("list_applied")))


def _prepare_roles(settings: SchedulerSettings) -> None:
    """Creates the three group roles, lets the application's login enter them, creates the two schemas."""
    with _connect(settings) as connection:
        user = connection.info.user
        login = LOGIN if settings.dsn is None else user
        try:
            connection.execute(_role_file("create_roles"))
            connection.execute(_role_file("name_login"), {"login": login})
            connection.execute(_role_file("grant_roles"))
            connection.execute(_role_file("create_schemas"))
        except psycopg.errors.InsufficientPrivilege as error:
            raise _rights_missing(connection, error) from None


def _rights_missing(connection: Connection[TupleRow], error: psycopg.Error) -> ServerUnavailable:
    user, database = connection.info.user, connection.info.dbname
    login = sql.Identifier(user).as_string(connection)
    return ServerUnavailable(
        f"user {user} may not prepare or use database {database} ({error.diag.message_primary}); let an "
        f"administrator run `scheduler db grant --login {login}`, which with --check lists what is missing, "
        "or once what is missing of: CREATE ROLE scheduler_owner; CREATE ROLE scheduler_system; "
        "CREATE ROLE scheduler_tenant; GRANT scheduler_owner, scheduler_system, scheduler_tenant TO "
        f"{login}; and in the database: CREATE SCHEMA scheduler AUTHORIZATION scheduler_owner; "
        "CREATE SCHEMA inventory AUTHORIZATION scheduler_owner"
    )


def _role_file(name: str) -> bytes:
    return (ROLES / f"{name}.sql").read_bytes()

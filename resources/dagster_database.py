"""The database of Dagster's own storage: there, and ours to fill."""

from importlib.resources import files

import psycopg
from psycopg.conninfo import conninfo_to_dict

from resources.errors import ServerUnavailable
from resources.settings import SchedulerSettings

MAY_CREATE = files("sql") / "roles" / "may_create_tables.sql"


def require_dagster_database(settings: SchedulerSettings) -> None:
    """Raises ServerUnavailable, with what to run, unless Dagster can keep its tables in its database."""
    conninfo = settings.dagster_conninfo()
    parts = conninfo_to_dict(conninfo)
    user, database = parts.get("user"), parts.get("dbname")
    try:
        with psycopg.connect(conninfo, connect_timeout=5) as connection:
            row = connection.execute(MAY_CREATE.read_bytes()).fetchone()
    except psycopg.OperationalError as error:
        reason = " ".join(str(error).split())
        raise ServerUnavailable(
            f"Dagster's own database cannot be reached: {reason}; create it (CREATE DATABASE {database} "
            f"OWNER {user}) or name another one with SCHEDULER_DAGSTER_DSN"
        ) from None
    if not (row and row[0]):
        raise ServerUnavailable(
            f"user {user} may not create tables in Dagster's own database {database}; let an administrator run "
            f"there: GRANT CREATE ON SCHEMA public TO {user}"
        )

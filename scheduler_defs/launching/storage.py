"""Dagster's own PostgreSQL storage, found by our settings and behind one pool of connections.

The tables and the SQL are dagster-postgres's. Stock, every statement opens a connection of its own
(NullPool), and a submitted run takes about twenty. This is the one module that leans on the private name
``_engine`` of its three storages; tests/dagster/test_storage.py holds it to that.
"""

from typing import Any, Self

import psycopg2
import sqlalchemy
from dagster import Field
from dagster._config.config_schema import UserConfigSchema
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage

from resources.dagster_database import require_dagster_database
from resources.settings import SchedulerSettings, ensure_server

POOL_SIZE = 5
POOL_OVERFLOW = 20
RECYCLE_SECONDS = 600


class PooledPostgresStorage(DagsterPostgresStorage):
    """``storage: custom`` of dagster.yaml: the database ``dagster`` of SCHEDULER_DSN or of the embedded server.

    Starts the embedded server when nobody answers. Raises ServerUnavailable when the database is not there.
    """

    def __init__(
        self,
        settings: SchedulerSettings,
        should_autocreate_tables: bool = True,
        inst_data: ConfigurableClassData | None = None,
    ) -> None:
        url = settings.dagster_url()
        engine = _engine(url, settings)
        super().__init__(url, should_autocreate_tables, inst_data)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = engine

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Where the database is comes from SCHEDULER_*; only table creation is configured here."""
        return {"should_autocreate_tables": Field(bool, is_required=False, default_value=True)}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        """What Dagster calls with the block of dagster.yaml; raises InvalidSettings, ServerUnavailable."""
        settings = SchedulerSettings.load()
        return cls(settings, config_value.get("should_autocreate_tables", True), inst_data)


def _engine(url: str, settings: SchedulerSettings) -> sqlalchemy.Engine:
    """One engine for the three storages; what it needs of the database is checked first."""
    conninfo = settings.dagster_conninfo()

    def connect() -> Any:
        try:
            return psycopg2.connect(conninfo)
        except psycopg2.OperationalError:
            ensure_server(settings)
            return psycopg2.connect(conninfo)

    ensure_server(settings)
    require_dagster_database(settings)
    return sqlalchemy.create_engine(
        url,
        creator=connect,
        isolation_level="AUTOCOMMIT",
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_recycle=RECYCLE_SECONDS,
        pool_pre_ping=True,
    )

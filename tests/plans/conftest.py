"""One database with 200,000 rows in each large table, which every test of this folder leaves as it is."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from resources.database import Database
from resources.settings import SchedulerSettings
from tests.plans.planting import plant


@pytest.fixture(scope="session")
def large(server, template) -> Iterator[Database]:
    from tests.databases import fresh_databases

    with fresh_databases(server) as make:
        dsn = server.conninfo(make(f"TEMPLATE {template}"), "postgres")
        with psycopg.connect(dsn, autocommit=True) as admin:
            plant(admin)
        settings = SchedulerSettings(persistence="postgres", dsn=make_conninfo(dsn, user="scheduler"))
        with Database(settings) as database:
            yield database

"""A bench on the test's database, and what the superuser sees of it before and after."""

from collections.abc import Callable

import psycopg
import pytest

from resources.database import Database
from resources.settings import SchedulerSettings
from scheduler_defs.verification.check import Bench

TABLES = """
    SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
    WHERE schemaname IN ('scheduler', 'inventory') ORDER BY 1
"""


@pytest.fixture
def bench(settings: SchedulerSettings, database: Database) -> Bench:
    return Bench(settings, database)


@pytest.fixture
def everything(admin: psycopg.Connection) -> Callable[[], dict[str, str]]:
    """A digest of all rows of each table, which no added, changed or lost row leaves as it was."""

    def read() -> dict[str, str]:
        digests = (
            f"SELECT '{name}', count(*) || ' ' || md5(coalesce(string_agg(md5(t::text), '' ORDER BY md5(t::text)), ''))"
            f" FROM {name} AS t"
            for (name,) in admin.execute(TABLES).fetchall()
        )
        return dict(admin.execute(" UNION ALL ".join(digests)).fetchall())

    return read

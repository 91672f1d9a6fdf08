"""A database with the rows of two tenants, acme and globex, that every test of this folder leaves as it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from resources.database import Database
from resources.settings import SchedulerSettings
from tests.tenancy.world import Tenant, plant


@dataclass(frozen=True)
class World:
    """Both tenants, a superuser's connection, and the product's way in."""

    dsn: str
    admin: psycopg.Connection
    database: Database
    acme: Tenant
    globex: Tenant


@pytest.fixture(scope="session")
def world(server, template) -> Iterator[World]:
    from tests.databases import fresh_databases

    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0)
    with fresh_databases(server) as make:
        dsn = server.conninfo(make(f"TEMPLATE {template}"), "postgres")
        settings = SchedulerSettings(persistence="postgres", dsn=make_conninfo(dsn, user="scheduler"))
        with psycopg.connect(dsn, autocommit=True) as admin, Database(settings) as database:
            acme = Tenant(admin, "acme", noon.replace(microsecond=111_111), 5_000_000_000)
            earlier = noon.replace(microsecond=777_777) - timedelta(minutes=3)
            globex = Tenant(admin, "globex", earlier, 7_000_000_000)
            for tenant in (acme, globex):
                plant(tenant)
            # Tokens only grow, beyond those planted.
            admin.execute("SELECT setval('scheduler.fencing_tokens', %s)", [8_000_000_000])
            admin.execute("ANALYZE")
            admin.execute(f"ALTER DATABASE {admin.info.dbname} SET timezone = 'UTC'")
            yield World(dsn, admin, database, acme, globex)


@pytest.fixture(scope="session", params=["direct", "pooled"])
def way(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """The way to the server, as a change to connection strings: straight, and behind PgBouncer in transaction mode."""
    return str if request.param == "direct" else request.getfixturevalue("pooler").conninfo


@pytest.fixture(scope="session")
def shared(world: World, way: Callable[[str], str]) -> Iterator[Database]:
    """The product's way in, by either way."""
    settings = SchedulerSettings(persistence="postgres", dsn=way(world.database.settings.conninfo()))
    with Database(settings) as database:
        yield database

"""What the scenarios share: where they play, and the table of verdicts."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from resources.database import Database
from resources.embedded import EmbeddedServer
from resources.embedded_directories import PORT
from resources.migrations import upgrade
from resources.settings import SchedulerSettings
from tests.conftest import GROUP_ROLES, database_name, scratch_directory
from tests.databases import superuser
from tests.faults.judging import Verdict
from tests.faults.profile import LONG
from tests.faults.proxy import Proxy
from tests.faults.stage import Stage
from tests.faults.table import tell

SLOTS = 24
"""Of a server of one's own: a few more than the processes of a scenario need."""
ONLY_LONG = (
    "test_clocks.py",
    "test_dagster.py",
    "test_engines.py",
    "test_kills.py",
    "test_network.py",
    "test_server.py",
)
collect_ignore = [] if LONG else [*ONLY_LONG]


@pytest.fixture(scope="session")
def verdicts() -> Iterator[list[Verdict]]:
    """Collects the verdicts; at the end they are a table."""
    found: list[Verdict] = []
    yield found
    if found:
        print(f"\n{tell(found)}", flush=True)


@pytest.fixture
def stage(
    server: EmbeddedServer,
    settings: SchedulerSettings,
    database: Database,
    tmp_path: Path,
    verdicts: list[Verdict],
) -> Iterator[Stage]:
    """A database of the session's server."""
    stage = Stage(database, lambda: superuser(server, database_name(settings)), tmp_path, verdicts)
    yield stage
    stage.end()


@pytest.fixture(scope="session")
def own_server(_clean_environment: None) -> Iterator[EmbeddedServer]:
    """A server that may be stopped: one that writes to its disk, and has few connections to give."""
    base = Path(tempfile.mkdtemp(dir=scratch_directory(), prefix="scheduler-faults-")).resolve()
    base.chmod(0o755)
    server = EmbeddedServer(base / "pg", {"max_connections": str(SLOTS), "shared_buffers": "32MB"})
    try:
        server.start()
        yield server
    finally:
        server.stop("immediate")
        shutil.rmtree(base)


@pytest.fixture
def own_stage(own_server: EmbeddedServer, tmp_path: Path, verdicts: list[Verdict]) -> Iterator[Stage]:
    """A database of a server of one's own."""
    name = f"faults_{tmp_path.name.lower()[-40:].replace('-', '_')}"
    with superuser(own_server) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    upgrade(SchedulerSettings(persistence="postgres", dsn=own_server.conninfo(name, "postgres")))
    with superuser(own_server) as connection:
        connection.execute(f"GRANT {GROUP_ROLES} TO scheduler WITH INHERIT FALSE, SET TRUE")
    dsn = SecretStr(own_server.conninfo(name))
    with Database(SchedulerSettings(persistence="postgres", dsn=dsn)) as database:
        stage = Stage(database, lambda: _patient(own_server, name), tmp_path, verdicts)
        yield stage
        stage.end()


def _patient(server: EmbeddedServer, name: str) -> psycopg.Connection:
    """A server that recovers does not answer at once."""
    return psycopg.connect(server.conninfo(name, "postgres"), autocommit=True, connect_timeout=10)


Proxied = Callable[[EmbeddedServer, Stage], tuple[Proxy, str]]


@pytest.fixture
def proxied() -> Iterator[Proxied]:
    """proxied(server, stage): a proxy in front of a server, and the stage's database by way of it."""
    proxies: list[Proxy] = []

    def make(server: EmbeddedServer, stage: Stage) -> tuple[Proxy, str]:
        proxy = Proxy(server.socket_directory / f".s.PGSQL.{PORT}")
        proxies.append(proxy)
        return proxy, make_conninfo(stage.database.settings.conninfo(), host="127.0.0.1", port=proxy.port)

    yield make
    for proxy in proxies:
        proxy.close()

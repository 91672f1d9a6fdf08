"""A throw-away PostgreSQL for the session, and an empty migrated database for each test that asks for one."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg.conninfo import conninfo_to_dict
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from resources.database import Database
from resources.embedded import THROW_AWAY_SETTINGS, EmbeddedServer
from resources.migrations import upgrade
from resources.settings import SchedulerSettings
from tests import pgbouncer
from tests.databases import Reused, fresh_databases, superuser

TOGETHER = {
    "stacks": ("tests/dagster/", "tests/cli/test_up.py", "tests/cli/test_demo.py"),
    "store": ("tests/resources/", "tests/tenancy/", "tests/plans/"),
    "faults": ("tests/faults/",),
    "simulation": ("tests/simulation/",),
}
"""Rooms whose tests share a process, those that take longest first."""
EARLY = (
    "tests/verification/",
    "tests/locks/",
    "tests/cli/",
    "tests/ops/",
    "tests/timing/",
    "tests/auditing/",
)
"""What follows the rooms: files that take long, none of which is to be left over for one process at the end."""
TEMPLATE = "migrated"
TENANTS = ("acme", "globex")
GROUP_ROLES = "scheduler_owner, scheduler_system, scheduler_tenant"

hypothesis.settings.register_profile("ci", derandomize=True, deadline=None)
hypothesis.settings.register_profile("nightly", max_examples=2500, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


class ByRoom(LoadScopeScheduling):
    """Which tests share a process of pytest-xdist: those of a room, or of a file that is in none."""

    def _split_scope(self, nodeid: str) -> str:
        return room_of(nodeid)


def room_of(nodeid: str) -> str:
    path = nodeid.partition("::")[0]
    return next((room for room, paths in TOGETHER.items() if path.startswith(paths)), path)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with what takes long, so that both processes are at work to the end."""
    items.sort(key=lambda item: place_of(item.nodeid))


def place_of(nodeid: str) -> int:
    rooms, room = [*TOGETHER], room_of(nodeid)
    if room in rooms:
        return rooms.index(room)
    early = (place for place, path in enumerate(EARLY) if nodeid.startswith(path))
    return len(rooms) + next(early, len(EARLY))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByRoom:
    return ByRoom(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Shows what tests recorded for a table: record_property("lock table", {"strategy": "lease", …})."""
    reports = [report for of_outcome in terminalreporter.stats.values() for report in of_outcome]
    ended = (one.user_properties for one in reports if getattr(one, "when", None) == "call")
    rows = [row for properties in ended for name, row in properties if name == "lock table"]
    if rows:
        terminalreporter.section("lock table")
        for row in rows:
            terminalreporter.line("; ".join(f"{name} {value}" for name, value in row.items()))


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> Iterator[None]:
    """What the caller's shell sets for the product must not decide a test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("SCHEDULER_") or name in {"DAGSTER_HOME", "COLUMNS", "LINES"}:
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def server(_clean_environment: None) -> Iterator[EmbeddedServer]:
    """A running server; not below tmp_path, which PostgreSQL's user cannot enter when pytest runs as root."""
    base = Path(tempfile.mkdtemp(dir=scratch_directory(), prefix="scheduler-tests-")).resolve()
    base.chmod(0o755)
    # A test that waits for a lock of its own must fail, not hang.
    settings = {**THROW_AWAY_SETTINGS, "max_wal_size": "256MB", "lock_timeout": "30s"}
    embedded = EmbeddedServer(base / "pg", settings)
    try:
        embedded.start()
        yield embedded
    finally:
        embedded.stop("immediate")
        shutil.rmtree(base)


@pytest.fixture(scope="session")
def template(server: EmbeddedServer) -> str:
    """The name of a migrated database nobody connects to; the login `scheduler` may enter the group roles."""
    with superuser(server) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
        upgrade(SchedulerSettings(persistence="postgres", dsn=server.conninfo(TEMPLATE, "postgres")))
        connection.execute(f"GRANT {GROUP_ROLES} TO scheduler WITH INHERIT FALSE, SET TRUE")
    return TEMPLATE


@pytest.fixture(scope="session")
def tenants_template(server: EmbeddedServer, template: str) -> str:
    """The name of a migrated database with the tenants acme and globex, copied for each test that wants them."""
    from scheduler_defs.edits.tenants import create_tenant

    name = f"{TEMPLATE}_tenants"
    with superuser(server) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log")
    with Database(SchedulerSettings(persistence="postgres", dsn=server.conninfo(name))) as database:
        for one in TENANTS:
            with database.begin_system() as store:
                create_tenant(store, one, "tests")
    return name


@pytest.fixture(scope="session")
def pooler(server: EmbeddedServer) -> Iterator[pgbouncer.Pooler]:
    """A PgBouncer in transaction mode in front of the server, with fewer sessions than clients."""
    if not pgbouncer.PROGRAM:
        pytest.skip("NO POOLER: pgbouncer is not installed; to run this, as root: apt-get install pgbouncer")
    with pgbouncer.running(server, scratch_directory()) as pooler:
        yield pooler


@pytest.fixture(scope="module")
def module_database(server: EmbeddedServer, template: str) -> Iterator[str]:
    """A superuser's connection string of a migrated database that the tests of one file share."""
    with fresh_databases(server) as make:
        yield server.conninfo(make(f"TEMPLATE {template}"), "postgres")


@pytest.fixture(scope="session")
def reused(server: EmbeddedServer) -> Reused:
    """Databases that one test uses after the other."""
    return Reused(server)


@pytest.fixture
def make_database(server: EmbeddedServer) -> Iterator[Callable[[str], str]]:
    """Makes databases that live as long as the test: make_database("OWNER scheduler") returns the name."""
    with fresh_databases(server) as make:
        yield make


@pytest.fixture
def settings(
    server: EmbeddedServer, reused: Reused, request: pytest.FixtureRequest
) -> Iterator[SchedulerSettings]:
    """Settings of an empty migrated database, as the login that is no superuser; for `tenant`, of one with tenants."""
    template = "tenants_template" if "tenant" in request.fixturenames else "template"
    pooled = "pgbouncer" in request.node.name
    with reused.lend(f"TEMPLATE {request.getfixturevalue(template)}", pooled) as name:
        yield SchedulerSettings(persistence="postgres", dsn=server.conninfo(name))


@pytest.fixture
def database(settings: SchedulerSettings) -> Iterator[Database]:
    with Database(settings) as database:
        yield database


@pytest.fixture
def admin(server: EmbeddedServer, settings: SchedulerSettings) -> Iterator[psycopg.Connection]:
    """A superuser's connection to the test's database, in autocommit: for planting and tampering."""
    with superuser(server, database_name(settings)) as connection:
        yield connection


@pytest.fixture
def tenant(settings: SchedulerSettings) -> str:
    """The tenant acme; globex is there too, for what acme must not see."""
    return TENANTS[0]


@pytest.fixture
def environment(
    server: EmbeddedServer, settings: SchedulerSettings, reused: Reused, tmp_path: Path
) -> Iterator[dict[str, str]]:
    """Environment of a subprocess: the test's database, and an empty one for Dagster's own storage."""
    with reused.lend("OWNER scheduler") as for_dagster:
        yield {
            **os.environ,
            "SCHEDULER_PERSISTENCE": "postgres",
            "SCHEDULER_DSN": settings.conninfo(),
            "SCHEDULER_DAGSTER_DSN": server.conninfo(for_dagster),
            "SCHEDULER_DATA_DIRECTORY": str(tmp_path / "data"),
        }


@pytest.fixture
def cli(environment: dict[str, str]) -> Callable[..., Result]:
    """The `scheduler` command in this process: cli("tenant", "list"); errors not printed by it are raised."""
    from scheduler_defs.cli.main import main

    def run(*arguments: object, **options: object) -> Result:
        words = [str(argument) for argument in arguments]
        return CliRunner().invoke(main, words, env=environment, catch_exceptions=False, **options)

    return run


def scratch_directory() -> str:
    """Memory where there is plenty, programs may be run there: a disk may take 300 ms to make a database, not 20."""
    memory = Path("/dev/shm")
    if memory.is_dir():
        room = os.statvfs(memory)
        if room.f_bavail * room.f_frsize > 4 * 1024**3 and not room.f_flag & os.ST_NOEXEC:
            return str(memory)
    return "/var/tmp"


def database_name(settings: SchedulerSettings) -> str:
    return str(conninfo_to_dict(settings.conninfo())["dbname"])

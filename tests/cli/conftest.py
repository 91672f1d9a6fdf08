"""What the tests of the command share."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import psycopg
import pytest
from click.testing import Result

from resources.database import Database
from resources.ids import new_id
from resources.records import Launchable, LogLine, Run, Schedule, Trigger
from resources.states import RunState
from tests.conftest import scratch_directory

COMMAND = [sys.executable, "-m", "scheduler_defs.cli.main"]
EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class OwnDirectory:
    """A data directory for a whole stack, embedded server included, and who still uses it."""

    path: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SCHEDULER_DATA_DIRECTORY": str(self.path), "PYTHONUNBUFFERED": "1"}

    def processes(self) -> list[psutil.Process]:
        """Every other process whose command line or environment names the directory."""
        found = []
        for process in psutil.process_iter():
            try:
                said = [*process.cmdline(), *process.environ().values()]
            except psutil.Error:
                continue
            if process.pid != os.getpid() and any(str(self.path) in word for word in said):
                found.append(process)
        return found

    def kill(self) -> None:
        """Kills every process, also those that start while others are being killed."""

        def all_gone() -> bool:
            left = self.processes()
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            return not left

        self.until(all_gone, "every process is gone")

    def until(self, read: Callable[[], object], what: str, seconds: float = 60) -> None:
        give_up_at = time.monotonic() + seconds
        while not read():
            assert time.monotonic() < give_up_at, f"not within {seconds} s: {what}"
            time.sleep(0.05)


@pytest.fixture
def own_directory() -> Iterator[OwnDirectory]:
    """Not below tmp_path, which PostgreSQL's user cannot enter when pytest runs as root; gone afterwards."""
    path = Path(tempfile.mkdtemp(dir=scratch_directory(), prefix="scheduler-tests-"))
    path.chmod(0o755)
    own = OwnDirectory(path)
    try:
        yield own
    finally:
        own.kill()
        shutil.rmtree(path)


@pytest.fixture
def examples() -> Path:
    """The directory of the examples."""
    return EXAMPLES


@pytest.fixture
def process(environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Runs the command as a process of its own."""

    def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
        given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment} | options
        return subprocess.run([*COMMAND, *arguments], check=False, timeout=60, **given)

    return run


@pytest.fixture
def row_counts(admin: psycopg.Connection) -> Callable[[], dict[str, int]]:
    """How many rows each table of the product has, as the superuser sees them."""

    def count() -> dict[str, int]:
        tables = admin.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname IN ('scheduler', 'inventory') ORDER BY 1"
        ).fetchall()
        union = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for (name,) in tables)
        return dict(admin.execute(union).fetchall())

    return count


@pytest.fixture
def refused(cli, row_counts) -> Callable[..., str]:
    """Runs a command that must be refused and write nothing; returns its one line of error."""

    def run(*arguments: object, code: int = 2, **options: object) -> str:
        before = row_counts()
        result: Result = cli(*arguments, **options)
        assert (result.exit_code, result.stdout) == (code, ""), result.output
        assert row_counts() == before
        assert "Traceback" not in result.stderr
        error = result.stderr.splitlines()[-1]
        assert error.startswith("Error: ")
        assert sum(line.startswith("Error: ") for line in result.stderr.splitlines()) == 1
        return error

    return run


@pytest.fixture
def carry_out(database: Database) -> Callable[..., None]:
    """Takes a pending run through a launch as Dagster would, up to a state, and lets it say some lines."""

    def carry(
        tenant: str, run_id: UUID, state: RunState = RunState.COMPLETED, say: tuple[str, ...] = ()
    ) -> None:
        with database.begin(tenant) as store:
            kind = store.runs.get(tenant, run_id).kind
        launch_id, worker_id = new_id(), new_id()
        with database.begin_system() as store:
            now = store.now()
            store.launches.create_many({launch_id: kind}, "tests", now)
            store.runs.enqueue_many({launch_id: [Launchable(tenant, run_id, kind)]})
            if state is RunState.QUEUED:
                return
            store.workers.register(
                worker_id,
                host="here",
                pid=1,
                kinds=[kind],
                capacity=1,
                version="1",
                dagster_run_id="d",
                now=now,
            )
            store.launches.acknowledge(launch_id, "d", now)
            store.runs.open_of_launch(launch_id, "d", worker_id, now)
        with database.begin(tenant) as store:
            run: Run = store.runs.get(tenant, run_id)
            lines = [LogLine(1, number, now, "info", text, {}) for number, text in enumerate(say, 1)]
            if lines:
                store.execution_logs.append(run, lines)
            if state is not RunState.RUNNING:
                error = "the engine broke" if state is RunState.FAILED else None
                store.runs.finish(run, state, store.now(), stats={"nodes": 3}, error=error)

    return carry


@pytest.fixture
def runs(database: Database) -> Callable[..., list[Run]]:
    """The runs of a tenant, newest first."""

    def read(tenant: str = "acme") -> list[Run]:
        with database.begin(tenant) as store:
            return store.runs.list(tenant).items

    return read


@pytest.fixture
def scheduler(cli: Callable[..., Result], tenant: str) -> Callable[..., Result]:
    """The command for tenant acme."""
    return lambda *arguments, **options: cli(*arguments, "--tenant", tenant, **options)


@pytest.fixture
def kept(database: Database, tenant: str) -> Callable[[str], tuple[Schedule, list[Trigger]]]:
    """A schedule and its triggers as they are kept."""

    def read(name: str) -> tuple[Schedule, list[Trigger]]:
        with database.begin(tenant) as store:
            found = store.schedules.get_by_name(tenant, name)
            return found, store.triggers.list_of_schedule(tenant, found.id)

    return read

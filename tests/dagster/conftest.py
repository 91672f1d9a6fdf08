"""The real stack: Dagster's daemon and web server over databases of their own, started once for the session."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import pytest
import requests
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from resources.database import Database
from resources.embedded import EmbeddedServer
from resources.records import Run
from resources.settings import SchedulerSettings
from resources.states import JobKind, RunState, TriggerKind
from scheduler_defs.edits.schedules import NewSchedule, create_schedule
from scheduler_defs.edits.tenants import create_tenant
from scheduler_defs.inputs.advisories import ingest_advisories
from scheduler_defs.inputs.policies import apply_policy
from scheduler_defs.inputs.sboms import Placement, ingest_sbom
from scheduler_defs.launching.instances import owner_of
from scheduler_defs.timing.rules import OnceRule

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
TENANT = "acme"
PATIENCE_SECONDS = 90

T = TypeVar("T")


@dataclass(frozen=True)
class Stack:
    """The running stack, and how a test sees it: the ledger, Dagster's instance, the web server."""

    url: str
    database: Database
    instance: DagsterInstance
    log: Path
    superuser: str
    """A connection string of the ledger."""

    @property
    def owner(self) -> str:
        return owner_of(self.instance)

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = requests.post(
            f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=30
        ).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def until(self, read: Callable[[], T | None], what: str) -> T:
        """Reads until there is something; fails with the end of Dagster's output when the time is over."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up_at:
            found = read()
            if found:
                return found
            time.sleep(0.1)
        raise AssertionError(f"not within {PATIENCE_SECONDS} s: {what}\n{self.log.read_text()[-5000:]}")

    @contextmanager
    def hold(self, table: str) -> Iterator[None]:
        """Lets nobody read or write a table meanwhile."""
        with psycopg.connect(self.superuser) as connection:
            connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield

    def somebody_waits(self) -> bool:
        """Whether a session of the ledger waits for a lock."""
        waiting = (
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with psycopg.connect(self.superuser) as connection:
            return connection.execute(waiting).rowcount > 0

    def run(self, run_id: UUID) -> Run:
        with self.database.begin(TENANT) as store:
            return store.runs.get(TENANT, run_id)

    def runs(self, **filters: Any) -> list[Run]:
        with self.database.begin(TENANT) as store:
            return store.runs.list(TENANT, **filters).items

    def ended(self, run_id: UUID) -> Run:
        """Waits for a run of the ledger to end."""

        def read() -> Run | None:
            run = self.run(run_id)
            return run if run.finished_at else None

        return self.until(read, f"run {run_id} ends")

    def ended_in_dagster(self, dagster_run_id: str) -> DagsterRunStatus:
        """Waits for a Dagster run to end."""

        def read() -> DagsterRunStatus | None:
            dagster_run = self.instance.get_run_by_id(dagster_run_id)
            return dagster_run.status if dagster_run and dagster_run.is_finished else None

        return self.until(read, f"Dagster run {dagster_run_id} ends")

    def dagster_runs_of(self, launch_id: UUID) -> list[str]:
        made = self.instance.get_runs(RunsFilter(tags={"scheduler/launch": str(launch_id)}))
        return [one.run_id for one in made]


@pytest.fixture(scope="session")
def stack(server: EmbeddedServer, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A daemon and a web server as an operator starts them; the tenant acme with the examples."""
    home = tmp_path_factory.mktemp("dagster-home")
    shutil.copyfile(ROOT / "dagster.yaml", home / "dagster.yaml")
    with _database(server, f"TEMPLATE {template}") as ledger, _database(server, "OWNER scheduler") as own:
        variables = {
            "SCHEDULER_PERSISTENCE": "postgres",
            "SCHEDULER_DSN": server.conninfo(ledger),
            "SCHEDULER_DAGSTER_DSN": server.conninfo(own),
            "SCHEDULER_DATA_DIRECTORY": str(home / "data"),
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            settings = SchedulerSettings.load()
            instance = DagsterInstance.from_config(str(home))
        environment = os.environ | variables | {"DAGSTER_HOME": str(home), "PYTHONWARNINGS": "ignore"}
        log, port = home / "stack.log", _free_port()
        web = ("-m", "dagster_webserver", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port))
        daemon = ("-m", "dagster._daemon", "run", "-w", "workspace.yaml")
        with Database(settings) as database, instance:
            _load_examples(database)
            with _process(daemon, environment, log), _process(web, environment, log):
                stack = Stack(
                    f"http://127.0.0.1:{port}", database, instance, log, server.conninfo(ledger, "postgres")
                )
                stack.until(lambda: _serves(stack.url), "the web server answers")
                yield stack


@pytest.fixture(scope="session")
def scheduled_runs(stack: Stack) -> dict[JobKind, Run]:
    """A completed run of each kind, each fired by the once trigger of a schedule of its own."""
    with stack.database.begin(TENANT) as store:
        now = store.now()
        for kind in JobKind:
            create_schedule(store, TENANT, NewSchedule(f"{kind} now", kind, [OnceRule(now)]), "tests", now)

    def read() -> dict[JobKind, Run] | None:
        ended = {run.kind: run for run in stack.runs(trigger_kind=TriggerKind.ONCE) if run.finished_at}
        return ended if len(ended) == len(JobKind) else None

    found = stack.until(read, "a scheduled run of each kind ends")
    assert {kind: (run.state, run.error) for kind, run in found.items()} == dict.fromkeys(
        JobKind, (RunState.COMPLETED, None)
    )
    for run in found.values():
        stack.ended_in_dagster(str(run.dagster_run_id))
    return found


def _load_examples(database: Database) -> None:
    with database.begin_system() as store:
        create_tenant(store, TENANT, "tests")
    ingest_advisories(database, EXAMPLES / "advisories.osv.jsonl", "tests")
    with database.begin(TENANT) as store:
        document = (EXAMPLES / "policy.yaml").read_text(encoding="utf-8")
        apply_policy(store, TENANT, "policy.yaml", document, "tests")
    place = Placement(namespace="shop", labels={"tier": "production"})
    ingest_sbom(database, TENANT, EXAMPLES / "shop.cdx.json", place, "tests")


@contextmanager
def _database(server: EmbeddedServer, options: str) -> Iterator[str]:
    name = f"stack_{os.urandom(6).hex()}"
    with psycopg.connect(server.conninfo("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} {options} STRATEGY wal_log")
        try:
            yield name
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _process(arguments: tuple[str, ...], environment: dict[str, str], log: Path) -> Iterator[None]:
    """A process in a group of its own, all of which ends with the context: code servers and runs too."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _serves(url: str) -> bool:
    try:
        return requests.get(f"{url}/server_info", timeout=5).ok
    except requests.ConnectionError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""A throw-away server, and runs carried out on it as the ops of a launch do: opened, begun, closed, nothing left out.

What Dagster adds around them (a process for each launch, its own event log) is not measured.
"""

import gc
import inspect
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson
import psycopg

from resources.database import Database
from resources.embedded import THROW_AWAY_SETTINGS, EmbeddedServer
from resources.ids import new_id
from resources.migrations import upgrade
from resources.records import Image, Launchable, Run
from resources.selection import Selection
from resources.settings import SchedulerSettings
from resources.states import JobKind, PolicyMode, RunState
from scheduler_defs.edits.runs import request_run
from scheduler_defs.edits.tenants import create_tenant
from scheduler_defs.inputs.advisories import ingest_advisories
from scheduler_defs.ops.attempt import Attempt, Result, carry_out
from scheduler_defs.ops.launches import close_run, finish_launch, open_launch

ACTOR = "benchmark"
TENANT, GRAPH_TENANT, ROWS_TENANT = "fleet", "graphs", "rows"
Value = TypeVar("Value")


@dataclass(frozen=True)
class Measured(Generic[Value]):
    """What an engine gave in a run, and how long it took."""

    run: Run
    seconds: float
    value: Value


@contextmanager
def throw_away_house(parent: Path | None) -> Iterator["House"]:
    """A migrated database with three tenants on a server of its own, below a temporary directory that goes with it.

    Also when the process is told to end.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    base = Path(tempfile.mkdtemp(prefix="scheduler-benchmark-", dir=parent)).resolve()
    base.chmod(0o755)  # as root, PostgreSQL's user has to get in
    settings = SchedulerSettings(persistence="embedded", data_directory=base / "server")
    server = EmbeddedServer(settings.data_directory, THROW_AWAY_SETTINGS)
    try:
        server.start()
        upgrade(settings)
        with Database(settings) as database:
            yield House(database, base)
    finally:
        server.stop("immediate")
        shutil.rmtree(base)


class House:
    """One database, one worker, and where input files are written before they are ingested."""

    def __init__(self, database: Database, directory: Path) -> None:
        self.database, self.directory, self.worker = database, directory, new_id()
        with database.begin_system() as store:
            for tenant in (TENANT, GRAPH_TENANT, ROWS_TENANT):
                create_tenant(store, tenant, ACTOR)
            store.workers.register(
                self.worker,
                host=ACTOR,
                pid=os.getpid(),
                kinds=list(JobKind),
                capacity=1,
                version="0",
                dagster_run_id=None,
                now=store.now(),
            )

    def run(
        self,
        kind: JobKind,
        engine: Callable[[Attempt], Value],
        *,
        tenant: str = TENANT,
        selection: Selection | None = None,
        mode: PolicyMode | None = None,
    ) -> Measured[Value]:
        """Carries out one run from its request to its end; the engine alone is timed, in a process without results.

        Raises RuntimeError when the run does not complete.
        """
        measured: list[Measured[Value]] = []

        def timed(attempt: Attempt) -> Result:
            forget_results()
            began = perf_counter()
            value = engine(attempt)
            measured.append(Measured(attempt.run, perf_counter() - began, value))
            return value if isinstance(value, Result) else Result({})

        launch_id = self._launch(kind, tenant, selection, mode)
        opened = open_launch(self.database, launch_id, kind, f"dagster-{launch_id}", self.worker)
        (run,) = opened.runs
        outcome = carry_out(self.database, run, self.worker, timed, _quiet)
        if close_run(self.database, outcome) is not RunState.COMPLETED:
            raise RuntimeError(f"a {kind} run did not complete: {outcome.error}")
        finish_launch(self.database, opened)
        return measured[0]

    def ingest_advisories(self, records: Iterable[Mapping[str, Any]]) -> int:
        """Ingests OSV records as one feed revision; returns how many there were."""
        return ingest_advisories(self.database, self.feed(records), ACTOR, strict=True).total

    def feed(self, records: Iterable[Mapping[str, Any]]) -> Path:
        """Writes OSV records to a file."""
        path = self.directory / "feed.jsonl"
        path.write_bytes(b"\n".join(map(orjson.dumps, records)))
        return path

    def forget_evaluations(self) -> None:
        """Leaves no finding and no work item of a policy run, as before the first one."""
        with self._administrator() as connection:
            connection.execute("TRUNCATE inventory.findings, scheduler.policy_jobs")

    def tidy(self) -> None:
        """What autovacuum does in time: without it the first plans go by the statistics of empty tables."""
        with self._administrator() as connection:
            connection.execute("VACUUM (ANALYZE)")

    @contextmanager
    def _administrator(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self.database.settings.admin_conninfo(), autocommit=True) as connection:
            yield connection

    def _launch(
        self, kind: JobKind, tenant: str, selection: Selection | None, mode: PolicyMode | None
    ) -> UUID:
        launch_id = new_id()
        with self.database.begin_system() as store:
            run_id = request_run(store, tenant, kind, ACTOR, selection=selection, mode=mode)
            store.launches.create_many({launch_id: kind}, ACTOR, store.now())
            store.runs.enqueue_many({launch_id: [Launchable(tenant, run_id, kind)]})
        return launch_id


def all_images(house: House) -> list[Image]:
    """The fleet as it is stored."""
    with house.database.begin(TENANT) as store:
        return store.images.select(TENANT, Selection())


def spread(every: Sequence[Value], wanted: int) -> Sequence[Value]:
    """So many of them, evenly spread; all for 0."""
    if not 0 < wanted < len(every):
        return every
    return [every[index * len(every) // wanted] for index in range(wanted)]


def forget_results() -> None:
    """Empties what the engines remember of values, as the process of a new run does; compiled schemas stay."""
    for name, module in list(sys.modules.items()):
        if name.startswith("scheduler_defs."):
            for _, function in inspect.getmembers(module, _remembers_values):
                function.cache_clear()
    gc.collect()


def _remembers_values(member: object) -> bool:
    parameters = getattr(member, "cache_parameters", None)
    return callable(parameters) and parameters()["maxsize"] is not None


def _quiet(_level: str, _message: str) -> None:
    """Says nothing; the lines are still written to execution_logs."""

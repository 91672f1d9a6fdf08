"""Dagster instances with daemons of their own over one schema; a daemon dies at random and at named points."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

ROOT = Path(__file__).parents[2]
WAITS_FOR = """
    SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ILIKE %s LIMIT 1"""
MADE = "SELECT count(*) FROM runs"
POINT_SECONDS = 120.0
"""How long a daemon is awaited at a point; when nothing is due it does not come there, and dies where it is."""


class House:
    """One Dagster instance: its directory, its database, its daemon."""

    def __init__(
        self, home: Path, ledger: str, dagster: str, admin: Callable[[], psycopg.Connection]
    ) -> None:
        """``ledger`` and ``dagster`` are conninfos of the login, ``admin`` connects to Dagster's as superuser."""
        home.mkdir(parents=True)
        shutil.copyfile(ROOT / "dagster.yaml", home / "dagster.yaml")
        self.log, self.admin = home / "daemon.log", admin
        self._environment = os.environ | {
            "SCHEDULER_PERSISTENCE": "postgres",
            "SCHEDULER_DSN": ledger,
            "SCHEDULER_DAGSTER_DSN": dagster,
            "SCHEDULER_DATA_DIRECTORY": str(home / "data"),
            "DAGSTER_HOME": str(home),
            "PYTHONWARNINGS": "ignore",
        }
        self._daemon: subprocess.Popen | None = None

    def start(self) -> None:
        with self.log.open("ab") as output:
            self._daemon = subprocess.Popen(
                [sys.executable, "-m", "dagster._daemon", "run", "-w", "workspace.yaml"],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, *, all_of_it: bool) -> None:
        """kill -9 of the daemon, or of its code server and of the runs it carries too."""
        if self._daemon is None:
            return
        with suppress(ProcessLookupError):
            (os.killpg if all_of_it else os.kill)(self._daemon.pid, signal.SIGKILL)
        self._daemon.wait()

    @contextmanager
    def before_commit(self, ledger: Callable[[], psycopg.Connection]) -> Iterator[bool]:
        """A claim waits inside its transaction, which has written its runs and launches."""
        with held_up(ledger, "scheduler.tenants", "%UPDATE scheduler.tenants%") as there:
            yield there

    @contextmanager
    def after_commit(self) -> Iterator[bool]:
        """The claim has committed; Dagster's daemon waits before it has made a single run."""
        with held_up(self.admin, "runs", "%INSERT INTO runs%") as there:
            yield there

    def mid_submission(self) -> bool:
        """Waits until the daemon has begun to make runs; it is about to make the others."""
        with self.admin() as connection:
            before = connection.execute(MADE).fetchone()
            return until(lambda: connection.execute(MADE).fetchone() != before)


@contextmanager
def held_up(connect: Callable[[], psycopg.Connection], table: str, statement: str) -> Iterator[bool]:
    """Holds a table until somebody waits to write into it; says whether somebody came."""
    with connect() as holder, connect() as watcher:
        with holder.transaction():
            holder.execute(f"LOCK TABLE {table} IN SHARE MODE")
            yield until(lambda: watcher.execute(WAITS_FOR, [statement]).fetchone())


def until(read: Callable[[], object], seconds: float = POINT_SECONDS) -> bool:
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        if read():
            return True
        time.sleep(0.02)
    return False

"""The running product on one machine: PostgreSQL, migrations, Dagster's daemon and web interface."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

import click
import psutil
import psycopg

from resources.dagster_database import require_dagster_database
from resources.database import Database
from resources.errors import InvalidInput, InvalidSettings, SchedulerError
from resources.migrations import upgrade
from resources.settings import SchedulerSettings, ensure_server
from resources.states import WorkerState

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
START_PATIENCE_SECONDS = 120
TICK_PATIENCE_SECONDS = 3
"""How long Dagster's daemon may wait for its open ticks when it stops: fire_due waits far longer for a trigger."""
STOP_PATIENCE_SECONDS = 30
LEFT_SERVER = "PostgreSQL ran before and goes on; `make stop` or `scheduler server stop` stops it"


@dataclass(frozen=True)
class Stack:
    """What runs: where its web interface answers, where Dagster's output goes.

    ``leaves_server``: PostgreSQL ran before and goes on when the stack stops.
    """

    url: str
    log: Path
    process: subprocess.Popen[bytes]
    leaves_server: bool

    def require_alive(self) -> None:
        """Raises SchedulerError when Dagster has ended."""
        if self.process.poll() is not None:
            raise SchedulerError(
                f"Dagster ended with exit code {self.process.returncode}; its output is in {self.log}"
            )


@contextmanager
def running_stack(settings: SchedulerSettings, port: int) -> Iterator[Stack]:
    """Starts what is not running, migrates, starts Dagster; stops what it started at the end, the data stays.

    ``port`` 0 takes a free one. Raises InvalidInput for a port in use, and what the settings, the server or
    the migrations raise.
    """
    _check_files()
    port = _usable_port(port)
    embedded = settings.dsn is None
    ours = embedded and not settings.embedded_server().status().running
    with _handling(signal.SIGTERM, _interrupt), _heeding_interrupts():
        try:
            ensure_server(settings)
            upgrade(settings)
            require_dagster_database(settings)
            home = _dagster_home(settings)
            with _only_stack(home):
                _clear_leftovers(settings, home)
                log = home / "dagster.log"
                with log.open("ab") as output:
                    process = _start_dagster(home, port, output)
                try:
                    yield Stack(f"http://{HOST}:{port}", log, process, embedded and not ours)
                finally:
                    _stop_dagster(settings, process)
                    if embedded and not ours:
                        click.echo(LEFT_SERVER, err=True)
        finally:
            if ours:
                settings.embedded_server().stop()


def wait_until_served(stack: Stack) -> None:
    """Waits until the web interface answers; raises SchedulerError when it does not."""
    give_up_at = time.monotonic() + START_PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        stack.require_alive()
        try:
            with urllib.request.urlopen(f"{stack.url}/server_info", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
    raise SchedulerError(
        f"the web interface did not answer at {stack.url}; Dagster's output is in {stack.log}"
    )


def _check_files() -> None:
    for name in ("dagster.yaml", "workspace.yaml", "examples"):
        if not (ROOT / name).exists():
            raise InvalidSettings(
                name, str(ROOT / name), "a checkout of the project; this command runs from one"
            )


def _dagster_home(settings: SchedulerSettings) -> Path:
    home = settings.data_directory / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "dagster.yaml", home / "dagster.yaml")
    return home


@contextmanager
def _only_stack(home: Path) -> Iterator[None]:
    """Holds the lock of this data directory; raises InvalidInput when another stack runs on it."""
    with (home / "stack.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InvalidInput(
                "data directory", str(home.parent), "one that no other `scheduler up` or `demo` uses"
            ) from None
        yield


def _clear_leftovers(settings: SchedulerSettings, home: Path) -> None:
    """Ends what an earlier stack was carrying when it stopped, so that it does not hold up its schedules.

    Only with the embedded server: behind a DSN other machines may carry runs of the same Dagster.
    """
    began = home / "began"
    if settings.dsn is None and began.exists():
        from scheduler_defs.cli.leftovers import end_leftovers

        end_leftovers(settings, home)
    began.touch()


def _start_dagster(home: Path, port: int, output: IO[bytes]) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "dagster",
        "dev",
        "-w",
        str(ROOT / "workspace.yaml"),
        "-h",
        HOST,
        "-p",
        str(port),
    ]
    environment = os.environ | {"DAGSTER_HOME": str(home), "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _ask_workers_to_leave(settings: SchedulerSettings, process: subprocess.Popen[bytes]) -> None:
    """Tells the processes that carry runs to hand them back, which takes them a chunk of work."""
    with suppress(SchedulerError, psycopg.Error), Database(settings) as database:
        with database.begin_system() as store:
            here = store.workers.list(status=WorkerState.ACTIVE, host=socket.gethostname(), limit=1000).items
        pids = {worker.pid for worker in here}
        with suppress(psutil.Error):
            for child in psutil.Process(process.pid).children(recursive=True):
                if child.pid in pids:
                    child.terminate()


def _stop_dagster(settings: SchedulerSettings, process: subprocess.Popen[bytes]) -> None:
    """Asks Dagster and what carries runs to stop, then ends what is left of its process group.

    The daemon stops its loops at once, but stays until its last tick returns. That tick writes nothing while
    it waits for a trigger, and Dagster resumes one that was submitting: the daemon is ended after a grace.
    """
    try:
        process.send_signal(signal.SIGINT)
        _ask_workers_to_leave(settings, process)
        with suppress(subprocess.TimeoutExpired):
            process.wait(TICK_PATIENCE_SECONDS)
            return
        _end_daemon(process.pid)
        process.wait(STOP_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        click.echo("Dagster does not stop by itself; ending it", err=True)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _end_daemon(pid: int) -> None:
    with suppress(psutil.Error):
        for child in psutil.Process(pid).children():
            if "dagster._daemon" in child.cmdline():
                child.kill()


def _usable_port(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise InvalidInput(
                "port", port, f"a free port ({error.strerror}); choose another with --port"
            ) from None
        chosen: int = probe.getsockname()[1]
    return chosen


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _heeding_interrupts() -> Iterator[None]:
    """Undoes that a shell starts its background jobs, and so their children, with SIGINT ignored."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return
    with _handling(signal.SIGINT, signal.default_int_handler):
        yield


@contextmanager
def _handling(number: signal.Signals, handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)

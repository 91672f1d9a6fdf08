"""Lifecycle of the embedded PostgreSQL: the wheel gives the programs, this module starts and stops them.

    <root>/data         the data directory, of the server's user
    <root>/run          the unix socket's directory, mode 0700: who may enter needs no password
    <root>/server.log   the server's and initdb's output
    <root>/server.lock  held (flock) by whoever starts or stops

The server lives in a session of its own and outlives whoever started it.
"""

import fcntl
import os
import shlex
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from resources.embedded_bootstrap import (
    DATABASE,
    LOGIN,
    SUPERUSER,
    AnyConnection,
    ServerState,
    bootstrap,
    database_sizes,
    read_state,
)
from resources.embedded_directories import (
    PORT,
    ServerUser,
    digest,
    is_private,
    make_private,
    prepare_root,
    server_user,
    socket_directory,
    unusable,
)
from resources.embedded_process import find_binaries, rotate_log, run_program, server_processes
from resources.errors import InvalidInput, ServerUnavailable

THROW_AWAY_SETTINGS: Mapping[str, str] = {"fsync": "off", "full_page_writes": "off"}
"""For tests and benchmarks: a crash of the machine may lose the data, a kill -9 of the server does not."""

_SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
}
_INITDB = (
    f"--username={SUPERUSER}",
    "--auth=trust",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--no-instructions",
)
_STOP_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class ServerStatus:
    """What `status` found; pid, version and started_at are None and databases is empty while not running.

    databases maps a database's name to its size in bytes.
    """

    running: bool
    pid: int | None
    version: str | None
    started_at: datetime | None
    data_directory: Path
    socket_directory: Path
    databases: Mapping[str, int]


class EmbeddedServer:
    """One PostgreSQL below one root directory, by unix socket only; any number of processes may share it.

    `settings` are PostgreSQL's, added to ours or replacing them; they count for the process that starts it.
    """

    def __init__(self, root: Path, settings: Mapping[str, str] | None = None) -> None:
        self.root = Path(root).resolve()
        self.data = self.root / "data"
        self.log = self.root / "server.log"
        self.socket_directory = socket_directory(self.root)
        self._cluster_name = f"scheduler@{digest(self.root)}"
        self._settings = _SETTINGS | dict(settings or {})

    def conninfo(self, database: str = DATABASE, user: str = LOGIN) -> str:
        """Return libpq's connection string for one database and role; starts nothing."""
        return make_conninfo(host=str(self.socket_directory), port=PORT, user=user, dbname=database)

    def start(self) -> None:
        """Attach to the server, or start it; afterwards the login role and both databases exist.

        Safe for many processes at once; heals what a kill -9 of a starter or of the server left behind.
        Raises InvalidSettings for an unusable root directory, ServerUnavailable when the server stays down.
        """
        state = self._state()
        if state is not None and state.bootstrapped:
            return
        user = server_user(self.data)
        prepare_root(self.root, user)
        with self._locked():
            if not self._answers_in_the_end():
                self._launch(user)
            with self._connected() as connection:
                bootstrap(connection)

    def stop(self, mode: str = "fast") -> bool:
        """Stop the server and wait until no process of it is left; returns whether there was one to stop.

        Modes as in pg_ctl: smart waits for clients, fast ends them, immediate skips the checkpoint.
        Raises InvalidInput for another mode, ServerUnavailable when it does not stop within 60 seconds.
        """
        if mode not in _STOP_SIGNALS:
            raise InvalidInput("mode", mode, " or ".join(_STOP_SIGNALS))
        if not os.path.exists(self.data):
            return False
        with self._locked():
            postmaster = self._postmaster_pid()
            if postmaster is not None:
                os.kill(postmaster, _STOP_SIGNALS[mode])
            self._await_exit()
            return postmaster is not None

    def status(self) -> ServerStatus:
        """Return whether the server answers and what it is; starts and creates nothing."""
        state = self._state()
        if state is None:
            return ServerStatus(False, None, None, None, self.data, self.socket_directory, {})
        with self._connected() as connection:
            sizes = database_sizes(connection)
        return ServerStatus(
            running=True,
            pid=self._postmaster_pid(),
            version=state.version,
            started_at=state.started_at,
            data_directory=self.data,
            socket_directory=self.socket_directory,
            databases=sizes,
        )

    @contextmanager
    def _connected(self) -> Iterator[AnyConnection]:
        try:
            conninfo = self.conninfo("postgres", SUPERUSER)
            with psycopg.connect(conninfo, autocommit=True, connect_timeout=5) as connection:
                yield connection
        except psycopg.OperationalError as error:
            raise ServerUnavailable(f"PostgreSQL in {self.data} does not answer: {error}") from None

    def _is_initialised(self) -> bool:
        return os.path.exists(self.data / "PG_VERSION")

    def _state(self) -> ServerState | None:
        # A server can live on after its data directory was deleted; it is no longer ours then.
        if not self._is_initialised() or not is_private(self.socket_directory, self.data.stat().st_uid):
            return None
        try:
            with self._connected() as connection:
                state = read_state(connection)
        except ServerUnavailable:
            return None
        if Path(state.data_directory) != self.data:
            raise ServerUnavailable(
                f"the server in {self.socket_directory} was started for {state.data_directory}, which is now "
                f"{self.data}: move it back, or end process {self._recorded_pid()} and start again"
            )
        return state

    def _answers_in_the_end(self) -> bool:
        """Wait while processes of the server live: it is starting, recovering, or dying after a kill -9."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self._state() is None:
            pids = server_processes(self._cluster_name)
            if not pids:
                return False
            if not self._is_initialised():
                _end_orphans(pids)
            if time.monotonic() > deadline:
                raise ServerUnavailable(
                    f"PostgreSQL in {self.data} does not answer within {_PATIENCE_SECONDS} s, "
                    f"yet its processes {pids} live; see {self.log}"
                )
            time.sleep(0.05)
        return True

    def _launch(self, user: ServerUser) -> None:
        rotate_log(self.log)
        binaries = find_binaries(self.root, user)
        if not self._is_initialised():
            self._initialise(binaries, user)
        make_private(self.socket_directory, user)
        self._remove_stale_locks()
        options = self._settings | {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_directory),
            "unix_socket_permissions": "0700",
            "port": str(PORT),
            "cluster_name": self._cluster_name,
        }
        run_program(
            binaries / "pg_ctl",
            "start",
            "--silent",
            "--wait",
            f"--timeout={_PATIENCE_SECONDS}",
            "--options="
            + " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in options.items()),
            user=user,
            log=self.log,
            environment={"PGDATA": str(self.data)},
        )

    def _initialise(self, binaries: Path, user: ServerUser) -> None:
        """Make the data directory under another name and rename it: a killed initdb leaves no half of one."""
        if os.path.exists(self.data) and any(self.data.iterdir()):
            raise unusable(self.root, "its folder data absent, empty or a PostgreSQL data directory")
        for leftover in self.root.glob("initdb-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        unfinished = Path(tempfile.mkdtemp(prefix="initdb-", dir=self.root))
        if user.dropped:
            os.chown(unfinished, user.uid, user.gid)
        sync = ("--no-sync",) if self._settings.get("fsync") == "off" else ()
        run_program(binaries / "initdb", *_INITDB, *sync, f"--pgdata={unfinished}", user=user, log=self.log)
        unfinished.rename(self.data)

    def _remove_stale_locks(self) -> None:
        """Remove the lock files of a server that is gone; PostgreSQL itself believes a reused pid."""
        socket = self.socket_directory / f".s.PGSQL.{PORT}"
        for path in (self.data / "postmaster.pid", socket.with_name(f"{socket.name}.lock"), socket):
            path.unlink(missing_ok=True)

    def _recorded_pid(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return None

    def _postmaster_pid(self) -> int | None:
        """Return the recorded pid if it is still this server's: after a kill -9 it may be anybody's."""
        pid = self._recorded_pid()
        return pid if pid in server_processes(self._cluster_name) else None

    def _await_exit(self) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while pids := server_processes(self._cluster_name):
            if time.monotonic() > deadline:
                raise ServerUnavailable(
                    f"PostgreSQL in {self.data} does not stop; its processes {pids} live on"
                )
            time.sleep(0.02)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            descriptor = os.open(self.root / "server.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise unusable(self.root, f"a directory whose server.lock opens ({error.strerror})") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _end_orphans(pids: list[int]) -> None:
    """Kill a server whose data directory was deleted: its own exit would unlink the next one's socket."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue

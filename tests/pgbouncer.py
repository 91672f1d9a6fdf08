"""A PgBouncer in front of a test's server; Debian's package, which is 1.18."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from resources.embedded import EmbeddedServer
from resources.embedded_directories import PORT as SERVER_PORT
from resources.embedded_directories import server_user
from resources.settings import SchedulerSettings

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
PORT = 6432
PATIENCE_SECONDS = 10
CONFIGURATION = """
[databases]
* = host={server} port={server_port}

[pgbouncer]
listen_addr =
listen_port = {port}
unix_socket_dir = {directory}
auth_type = trust
auth_file = {directory}/users
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 200
query_wait_timeout = 20
log_connections = 0
log_disconnections = 0
"""


@dataclass(frozen=True)
class Pooler:
    """A running PgBouncer: any database of the server, at most ``size`` sessions for each database and user."""

    directory: Path
    size: int
    start: Callable[[], subprocess.Popen[bytes]]
    processes: list[subprocess.Popen[bytes]]

    def restart(self) -> None:
        """Kills it, and starts another in its place."""
        self.processes[-1].kill()
        self.processes[-1].wait(PATIENCE_SECONDS)
        self.processes.append(self.start())

    def conninfo(self, conninfo: str) -> str:
        """The same database and user, by way of the pooler."""
        return make_conninfo(conninfo, host=str(self.directory), port=PORT)

    def settings(self, settings: SchedulerSettings, **changes: object) -> SchedulerSettings:
        through = SecretStr(self.conninfo(settings.conninfo()))
        return settings.model_copy(update={"dsn": through, **changes})


@contextmanager
def running(
    server: EmbeddedServer, scratch: str, mode: str = "transaction", size: int = 4
) -> Iterator[Pooler]:
    """A PgBouncer that dies with pytest; it runs as the server's user, because it refuses root."""
    assert PROGRAM, "pgbouncer is not installed"
    directory = Path(tempfile.mkdtemp(dir=scratch, prefix="pgbouncer-"))
    directory.chmod(0o755)
    user = server_user(server.data)
    os.chown(directory, user.uid, user.gid)
    where = {"server": server.socket_directory, "server_port": SERVER_PORT, "directory": directory}
    (directory / "ini").write_text(CONFIGURATION.format(**where, port=PORT, mode=mode, size=size))
    (directory / "users").write_text('"scheduler" ""\n"postgres" ""\n')

    def start() -> subprocess.Popen[bytes]:
        with open(directory / "log", "a") as log:
            return subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", PROGRAM, "-q", str(directory / "ini")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **user.switch(),
            )

    pooler = Pooler(directory, size, start, [start()])
    try:
        _await(pooler.processes[0], pooler.conninfo(server.conninfo()), directory / "log")
        yield pooler
    finally:
        pooler.processes[-1].terminate()
        pooler.processes[-1].wait(PATIENCE_SECONDS)
        shutil.rmtree(directory)


def _await(process: subprocess.Popen[bytes], conninfo: str, log: Path) -> None:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return psycopg.connect(conninfo).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > give_up:
                raise AssertionError(f"pgbouncer does not answer: {log.read_text()}") from None
        time.sleep(0.01)

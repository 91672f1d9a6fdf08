"""What a check is: a function with a name that returns what it saw, or says why it failed or could not look."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from time import monotonic

from resources.database import Database
from resources.errors import SchedulerError
from resources.scratch import scratch, scratch_tenant
from resources.settings import SchedulerSettings
from resources.store import Store
from scheduler_defs.verification.world import World


class Outcome(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Failed(Exception):
    """What was checked does not hold."""


class Skipped(Exception):
    """What was to be checked cannot be looked at here; says why."""


@dataclass(frozen=True)
class Check:
    """One line of a report; ``detail`` is what was seen, or why it failed or was skipped."""

    name: str
    outcome: Outcome
    seconds: float
    detail: str


@dataclass(frozen=True)
class Bench:
    """The database under verification, and room to try things out on it."""

    settings: SchedulerSettings
    database: Database
    committed: list[str] = field(default_factory=list)

    @contextmanager
    def world(self) -> Iterator[World]:
        """Two new tenants on a database of which nothing is left."""
        with scratch(self.database) as database:
            yield World(database)

    @contextmanager
    def tenant(self) -> Iterator[str]:
        """A tenant that other connections see, and that is removed afterwards; ``committed`` remembers it."""
        with scratch_tenant(self.database) as tenant_id:
            self.committed.append(tenant_id)
            yield tenant_id


LONGEST = 200
CheckFunction = Callable[[Bench], str]
Named = tuple[str, CheckFunction]


def run_check(name: str, function: CheckFunction, bench: Bench) -> Check:
    """Runs one check; whatever it raises is its own outcome."""
    began = monotonic()
    try:
        outcome, detail = Outcome.PASSED, function(bench)
    except Skipped as reason:
        outcome, detail = Outcome.SKIPPED, str(reason)
    except Failed as failure:
        outcome, detail = Outcome.FAILED, str(failure)
    except Exception as error:  # a check that breaks has failed: the others still run
        outcome, detail = Outcome.FAILED, f"{type(error).__name__}: {' '.join(str(error).split())}"
    return Check(name, outcome, monotonic() - began, detail)


def expect(holds: bool, otherwise: str) -> None:
    """Raises Failed, saying what is wrong, unless something holds."""
    if not holds:
        raise Failed(otherwise)


def expect_equal(what: str, found: object, expected: object) -> None:
    """Raises Failed unless two values are equal."""
    if found != expected:
        raise Failed(f"{what}: found {_shown(found)}, expected {_shown(expected)}")


def expect_refused(
    what: str,
    begin: AbstractContextManager[Store],
    action: Callable[[Store], object],
    *reasons: type[SchedulerError],
) -> None:
    """Raises Failed unless an action, in a transaction of its own, is refused for one of the reasons."""
    try:
        with begin as store:
            action(store)
    except reasons:
        return
    raise Failed(f"{what} was not refused")


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"

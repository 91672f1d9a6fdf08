"""One attempt of a run: its guarded transactions, its log, its outcome."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from resources.database import Database
from resources.errors import (
    CancelRequested,
    InvalidInput,
    LeaveRequested,
    RunTimedOut,
    SchedulerError,
    ServerUnavailable,
    StaleAttempt,
)
from resources.records import LogLine, Run
from resources.selection import Selection
from resources.states import RunState
from resources.store import Store
from scheduler_defs.ops.endings import note_late_write, policy_for
from scheduler_defs.ops.garbage import collected_seldom

Say = Callable[[str, str], None]
MAY_PASS = (RunTimedOut, ServerUnavailable)
"""What another attempt may not meet again; our other errors name a cause that stays."""
FLUSH_AT = 200
OVERLAP = timedelta(minutes=10)
"""What is dated before it is committed: from so long before a run was asked for it may not have seen it."""
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True)
class Result:
    """What an engine gives back: counts, changes, and a table for people."""

    stats: Mapping[str, Any]
    deltas: Mapping[str, int] = field(default_factory=dict)
    table: Sequence[Mapping[str, str | int | float | None]] = ()
    failure: str | None = None


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended.

    ``state`` is None when the attempt was no longer the current one, and pending when it is to be made again;
    ``may_pass`` says of a failure that another attempt may not meet it.
    """

    run: Run
    state: RunState | None
    ended_at: datetime
    result: Result
    error: str | None = None
    may_pass: bool = False


@dataclass(frozen=True)
class Process:
    """What an attempt and the process that carries it tell each other: that it is to leave, and that it gets on.

    ``progress`` is called whenever the attempt begins a transaction or says something.
    """

    leave: Callable[[], bool] = lambda: False
    progress: Callable[[], None] = lambda: None


ALONE = Process()


class Attempt:
    """The running attempt of one run; every transaction holds it in place under its fencing token.

    The database's clock is read once; what is said later is dated by the time elapsed in this process since.
    """

    def __init__(
        self,
        database: Database,
        run: Run,
        worker_id: UUID,
        say: Say,
        process: Process = ALONE,
        timeout: timedelta | None = None,
    ) -> None:
        self.run, self.worker_id = run, worker_id
        self.selection = Selection.parse(run.selection)
        self._database, self._say, self._process, self._timeout = database, say, process, timeout
        self._lines: list[LogLine] = []
        self._written = 0
        self._began_at, self._began = _now(database), monotonic()

    @contextmanager
    def begin(self) -> Iterator[Store]:
        """One transaction as the run's tenant.

        Raises StaleAttempt when the attempt is not the current one, CancelRequested when it is to stop,
        RunTimedOut when its time is over, LeaveRequested when its process is to leave.
        """
        self._process.progress()
        with self._database.begin(self.run.tenant_id) as store:
            if store.runs.hold_attempt(self.run) is not None:
                raise CancelRequested(f"run {self.run.id} was asked to stop")
            if self._timeout is not None and monotonic() - self._began > self._timeout.total_seconds():
                raise RunTimedOut(
                    f"the attempt took longer than the schedule's run_timeout of {self._timeout}"
                )
            if self._process.leave():
                raise LeaveRequested(f"the process that carries run {self.run.id} was told to leave")
            yield store

    def narrow_to_ingested(self) -> None:
        """Lets the selection say since when ``ingested`` looks; at all images while no run has completed.

        Raises InvalidInput without a schedule.
        """
        if not self.selection.ingested:
            return
        if self.run.schedule_id is None:
            raise InvalidInput("selection.ingested", "true", "a run of a schedule")
        with self.begin() as store:
            asked_at = store.runs.last_completed_request(self.run)
        since = None if asked_at is None else asked_at - OVERLAP
        said = (
            "all: no run has completed"
            if since is None
            else f"those that got another SBOM or place since {since}"
        )
        self.log(f"images considered: {said}")
        self.selection = replace(self.selection, ingested_since=since)

    def check(self) -> None:
        """Raises what ``begin`` does."""
        with self.begin():
            pass

    def log(self, message: str, level: str = "info", **fields: Any) -> None:
        """Says something: into execution_logs (in batches) and to Dagster. Levels: debug, info, warning, error.

        Not inside ``begin``: it takes a connection of its own. Raises StaleAttempt when a batch is full.
        """
        self._process.progress()
        message = storable(message)
        number = self._written + len(self._lines) + 1
        at = self._began_at + timedelta(seconds=monotonic() - self._began)
        self._lines.append(LogLine(self.run.attempt, number, at, level, message, fields))
        self._say(level, message)
        if len(self._lines) >= FLUSH_AT:
            self.flush()

    def say_empty(self) -> None:
        """Says that no image is selected: a warning, unless the run looks at what is new and nothing is."""
        level = "info" if self.selection.impacted or self.selection.ingested else "warning"
        self.log("the selection names no image with an SBOM", level)

    def flush(self) -> None:
        """Writes what was said so far; an attempt that is no longer the current one writes nothing."""
        if not self._lines:
            return
        with self._database.begin(self.run.tenant_id) as store:
            store.runs.hold_attempt(self.run)
            store.execution_logs.append(self.run, self._lines)
        self._written += len(self._lines)
        self._lines.clear()


Engine = Callable[[Attempt], Result]


def carry_out(
    database: Database, run: Run, worker_id: UUID, engine: Engine, say: Say, process: Process = ALONE
) -> Outcome:
    """Begins the attempt and runs the engine for one run; whatever goes wrong is that run's own outcome."""
    attempt: Attempt | None = None
    may_pass = False
    try:
        with database.begin(run.tenant_id) as store:
            run = store.runs.begin_attempt(run, store.now())
            timeout = policy_for(store, run).timeout
        attempt = Attempt(database, run, worker_id, say, process, timeout)
        attempt.log(f"{run.kind} run of {run.tenant_id} begins", selection=attempt.selection.to_json())
        attempt.narrow_to_ingested()
        with collected_seldom():
            result = engine(attempt)
        state, error = RunState.COMPLETED, None
        if result.failure:
            state, error = RunState.FAILED, storable(result.failure)
    except CancelRequested:
        state, error, result = RunState.CANCELLED, None, Result({})
    except LeaveRequested as told:
        state, error, result = RunState.PENDING, str(told), Result({})
    except StaleAttempt as stale:
        return _lost(database, run, stale, say)
    except Exception as failure:  # a run's failure is its own: the launch goes on
        state, error, result = RunState.FAILED, _error_of(failure), Result({})
        may_pass = not isinstance(failure, SchedulerError) or isinstance(failure, MAY_PASS)
    outcome = Outcome(run, state, _now(database), result, error, may_pass)
    try:
        if attempt:
            _say_end(attempt, outcome)
    except StaleAttempt as stale:
        return _lost(database, run, stale, say)
    except Exception as unwritten:  # nor does a log that cannot be written end the launch
        say("error", _error_of(unwritten))
        if outcome.error is not None:
            return replace(outcome, state=RunState.FAILED)
        return replace(outcome, state=RunState.FAILED, error=_error_of(unwritten), may_pass=True)
    return outcome


def storable(text: str) -> str:
    """The text without what no database keeps: NUL and halves of surrogate pairs become U+FFFD."""
    return _NOT_STORABLE.sub("\ufffd", text)


def _say_end(attempt: Attempt, outcome: Outcome) -> None:
    if outcome.state is RunState.PENDING:
        attempt.log(f"{outcome.error}; another attempt follows", "warning")
    elif outcome.error is not None:
        attempt.log(outcome.error, "error")
    elif outcome.state is RunState.CANCELLED:
        attempt.log(f"run {outcome.run.id} was asked to stop", "warning")
    else:
        attempt.log(f"{outcome.run.kind} run completes", **dict(outcome.result.stats))
    attempt.flush()


def _error_of(failure: Exception) -> str:
    return storable(f"{type(failure).__name__}: {failure}")


def _lost(database: Database, run: Run, stale: StaleAttempt, say: Say) -> Outcome:
    say("warning", str(stale))
    note_late_write(database, run, stale)
    return Outcome(run, None, _now(database), Result({}), str(stale))


def _now(database: Database) -> datetime:
    with database.begin_system() as store:
        return store.now()

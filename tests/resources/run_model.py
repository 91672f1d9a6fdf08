"""What runs and launches do, in plain Python: the model that test_run_model.py holds PostgreSQL to."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from resources.errors import IllegalTransition, NotFound, SchedulerError, StaleAttempt
from resources.records import Run
from resources.states import LaunchState, RunState

ENDED = (RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED, RunState.SKIPPED)
DRAWN = -1
"""Stands for a fencing token that the sequence has just drawn."""
NO_ATTEMPT = dict.fromkeys(("launch_id", "fencing_token", "started_at", "dagster_run_id", "worker_id"))


@dataclass(frozen=True)
class Act:
    """A command with everything it is given: the run as its caller read it, who asks, and for which launch."""

    name: str
    tenant: str
    run: Run
    launch_id: UUID
    dagster_run_id: str
    worker_id: UUID
    state: RunState
    now: datetime

    @property
    def error(self) -> str | None:
        return "boom" if self.state is RunState.FAILED else None


@dataclass
class Model:
    """The rows as they should be; each command returns what the repository returns, or raises what it raises."""

    runs: dict[UUID, Run] = field(default_factory=dict)
    launches: dict[UUID, tuple[LaunchState, str | None]] = field(default_factory=dict)

    def copy(self) -> "Model":
        return Model(dict(self.runs), dict(self.launches))

    def carry_out(self, act: Act) -> object:
        return getattr(self, act.name)(act)

    def enqueue(self, act: Act) -> object:
        self.launches[act.launch_id] = LaunchState.OFFERED, None
        row = self.runs.get(act.run.id)
        if row is None or row.tenant_id != act.run.tenant_id or row.state is not RunState.PENDING:
            return []
        self._write(row, state=RunState.QUEUED, launch_id=act.launch_id)
        return [row.id]

    def acknowledge(self, act: Act) -> object:
        state, _ = self._launch(act)
        if state is not LaunchState.OFFERED:
            raise IllegalTransition("launch", act.launch_id, state, "acknowledged")
        self.launches[act.launch_id] = LaunchState.ACKNOWLEDGED, act.dagster_run_id
        return None

    def open(self, act: Act) -> object:
        state, taken_by = self._launch(act)
        if state is not LaunchState.ACKNOWLEDGED:
            raise IllegalTransition("launch", act.launch_id, state, "opened")
        if taken_by != act.dagster_run_id:
            raise StaleAttempt("launch", act.launch_id, act.dagster_run_id)
        opened = [
            row
            for row in self.runs.values()
            if (row.launch_id, row.state) == (act.launch_id, RunState.QUEUED)
        ]
        for row in opened:
            drawn = {"fencing_token": DRAWN, "started_at": act.now, "worker_id": act.worker_id}
            self._write(row, state=RunState.RUNNING, dagster_run_id=act.dagster_run_id, **drawn)
        return [row.id for row in opened]

    def take(self, act: Act) -> object:
        self.acknowledge(act)
        return self.open(act)

    def finish_launch(self, act: Act) -> object:
        state, taken_by = self._launch(act)
        if state is not LaunchState.ACKNOWLEDGED:
            raise IllegalTransition("launch", act.launch_id, state, "finished")
        if taken_by != act.dagster_run_id:
            raise StaleAttempt("launch", act.launch_id, act.dagster_run_id)
        self.launches[act.launch_id] = LaunchState.FINISHED, taken_by
        return None

    def bury(self, act: Act) -> object:
        state, taken_by = self._launch(act)
        if state not in (LaunchState.OFFERED, LaunchState.ACKNOWLEDGED):
            raise IllegalTransition("launch", act.launch_id, state, "dead")
        self.launches[act.launch_id] = LaunchState.DEAD, taken_by
        return None

    def begin(self, act: Act) -> object:
        self._write(self._held(act), started_at=act.now, begun=True)
        return act.now

    def hold(self, act: Act) -> object:
        return self._held(act).cancel_requested_at

    def finish(self, act: Act) -> object:
        row = self._own(act, {RunState.RUNNING}, "fencing_token")
        reason = row.reason or "finish" if act.state is RunState.CANCELLED else "finish"
        stats = {"stats": {"images": 1}, "deltas": {"new": 1}, "error": act.error}
        self._write(row, state=act.state, finished_at=act.now, reason=reason, **stats)
        return None

    def end_with_launch(self, act: Act) -> object:
        row = self._own(act, {RunState.QUEUED, RunState.RUNNING}, "launch_id")
        reason = row.reason or "launch" if act.state is RunState.CANCELLED else "launch"
        self._write(row, state=act.state, finished_at=act.now, reason=reason, error=act.error)
        return None

    def return_to_pending(self, act: Act) -> object:
        row = self._own(act, {RunState.QUEUED}, "launch_id")
        waits = {"available_at": max(row.available_at, act.now), "lost_launches": row.lost_launches + 1}
        self._write(row, state=RunState.PENDING, launch_id=None, reason=None, **waits)
        return None

    def retry(self, act: Act) -> object:
        row = self._own(act, {RunState.RUNNING}, "fencing_token")
        if row.cancel_requested_at is not None:
            raise IllegalTransition("run", row.id, row.state, "pending")
        waits = {
            "state": RunState.PENDING,
            "attempt": row.attempt + row.begun,
            "failures": row.failures + row.begun,
            "begun": False,
            "available_at": act.now,
            "reason": None,
        }
        self._write(row, **waits, **NO_ATTEMPT)
        return None

    def cancel(self, act: Act) -> object:
        row = self._seen(act)
        if row.state in ENDED:
            raise IllegalTransition("run", row.id, row.state, "cancelled")
        asked = {"reason": "stop", "cancel_requested_at": row.cancel_requested_at or act.now}
        if row.state is RunState.RUNNING:
            self._write(row, **asked)
            return RunState.RUNNING
        self._write(row, state=RunState.CANCELLED, finished_at=act.now, **asked)
        return RunState.CANCELLED

    def _seen(self, act: Act) -> Run:
        row = self.runs.get(act.run.id)
        if row is None or not act.tenant == act.run.tenant_id == row.tenant_id:
            raise NotFound("run", act.run.id)
        return row

    def _own(self, act: Act, sources: set[RunState], held: str) -> Run:
        row = self._seen(act)
        mine = getattr(row, held) == getattr(act.run, held)
        if row.state in sources and mine:
            return row
        if row.state not in ENDED and not mine:
            raise StaleAttempt("run", row.id, 0)
        raise IllegalTransition("run", row.id, row.state, "else")

    def _held(self, act: Act) -> Run:
        row = self._seen(act)
        if row.state is not RunState.RUNNING or row.fencing_token != act.run.fencing_token:
            raise StaleAttempt("run", row.id, 0)
        return row

    def _launch(self, act: Act) -> tuple[LaunchState, str | None]:
        if act.launch_id not in self.launches:
            raise NotFound("launch", act.launch_id)
        return self.launches[act.launch_id]

    def _write(self, row: Run, **changes: object) -> None:
        self.runs[row.id] = replace(row, **changes)


@dataclass(frozen=True)
class Refused:
    """An error as a result: its kind and, where it names one, the state the row was in."""

    kind: type[Exception]
    source: str | None


def outcome_of(command):
    try:
        return command()
    except SchedulerError as error:
        return Refused(type(error), getattr(error, "source", None))


def check_shape(run):
    """What the CHECKs of the table promise of every row."""
    attempt = (run.fencing_token, run.started_at, run.dagster_run_id, run.worker_id)
    assert attempt.count(None) in (0, 4)
    assert run.failures < run.attempt
    assert run.fencing_token or not run.begun
    assert (run.state in ENDED) == (run.finished_at is not None)
    assert (run.state is RunState.FAILED) == (run.error is not None)
    if run.state is RunState.PENDING:
        assert (run.launch_id, *attempt) == (None,) * 5
    if run.state is RunState.QUEUED:
        assert run.launch_id
        assert attempt == (None,) * 4
    if run.state in (RunState.PENDING, RunState.QUEUED):
        assert (run.cancel_requested_at, run.stats, run.deltas) == (None, {}, {})
    if run.state in (RunState.RUNNING, RunState.COMPLETED):
        assert None not in (run.launch_id, *attempt)
    if run.started_at and run.finished_at:
        assert run.started_at <= run.finished_at

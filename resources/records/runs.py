"""Rows of what happened: runs, launches, logs and summaries."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from resources.records.base import Json
from resources.states import JobKind, LaunchState, PolicyMode, RunState, TriggerKind


@dataclass(frozen=True)
class NewRun:
    """A run about to be written: pending, or skipped with its reason and count."""

    tenant_id: str
    id: UUID
    kind: JobKind
    trigger_kind: TriggerKind
    scheduled_for: datetime
    requested_by: str
    mode: PolicyMode | None = None
    selection: Json = field(default_factory=dict)
    priority: int = 0
    schedule_id: UUID | None = None
    schedule_version: int | None = None
    trigger_id: UUID | None = None
    reason: str | None = None
    skipped_count: int | None = None
    skipped_first: datetime | None = None
    skipped_last: datetime | None = None
    retry_of: UUID | None = None
    due_at: datetime | None = None
    tzdata: str | None = None


@dataclass(frozen=True)
class Run:
    """One row of the ledger."""

    tenant_id: str
    id: UUID
    schedule_id: UUID | None
    schedule_name: str | None
    schedule_version: int | None
    trigger_id: UUID | None
    trigger_kind: TriggerKind
    kind: JobKind
    mode: PolicyMode | None
    selection: Json
    priority: int
    state: RunState
    reason: str | None
    attempt: int
    fencing_token: int | None
    scheduled_for: datetime
    available_at: datetime
    launch_id: UUID | None
    dagster_run_id: str | None
    worker_id: UUID | None
    retry_of: UUID | None
    cancel_requested_at: datetime | None
    requested_by: str
    skipped_count: int | None
    skipped_first: datetime | None
    skipped_last: datetime | None
    stats: Json
    deltas: Json
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    due_at: datetime | None
    tzdata: str | None
    begun: bool = False
    failures: int = 0
    lost_launches: int = 0


@dataclass(frozen=True)
class Launchable:
    """A pending run that may be put into a launch now; one that something died with before goes ``alone``."""

    tenant_id: str
    id: UUID
    kind: JobKind
    alone: bool = False


@dataclass(frozen=True)
class OpenRuns:
    """How many runs of a schedule are open: those that wait to do what a new one would, and ``active`` all others."""

    tenant_id: str
    schedule_id: UUID
    active: int
    pending: int


@dataclass(frozen=True)
class FiringFacts:
    """What limits and conditions of a schedule are held against.

    How many runs its triggers started within the last hour, when its last completed run started, and whether an
    advisory feed or a policy changed since; both are true when none completed.
    """

    tenant_id: str
    schedule_id: UUID
    fired: int
    last_started_at: datetime | None
    feed_changed: bool
    policy_revision_changed: bool


@dataclass(frozen=True)
class Launch:
    """One Dagster run and where it stands."""

    id: UUID
    owner: str
    kind: JobKind
    state: LaunchState
    offers: int
    offered_at: datetime | None
    dagster_run_id: str | None
    created_at: datetime
    acknowledged_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True)
class Offer:
    """A launch to hand to Dagster, with what its tags say; the lists hold distinct values."""

    id: UUID
    kind: JobKind
    run_count: int
    tenants: list[str]
    runs: list[UUID]
    schedules: list[str]
    trigger_kinds: list[str]


@dataclass(frozen=True)
class LogLine:
    """One line of what a run said."""

    attempt: int
    line: int
    at: datetime
    level: str
    message: str
    fields: Json


@dataclass(frozen=True)
class LogHit:
    """A line of a log that a search found, with the run that said it."""

    run_id: UUID
    attempt: int
    line: int
    at: datetime
    level: str
    message: str
    fields: Json


@dataclass(frozen=True)
class LogPartition:
    """A month of execution_logs; ``pending`` is a detach that was interrupted."""

    partition: str
    attached: bool
    pending: bool


@dataclass(frozen=True)
class RunSummary:
    """Finished runs of a schedule in one hour or day; durations and lateness in seconds."""

    tenant_id: str
    schedule_id: UUID | None
    kind: JobKind
    granularity: str
    bucket: datetime
    completed: int
    failed: int
    cancelled: int
    skipped: int
    duration_min: float | None
    duration_avg: float | None
    duration_max: float | None
    duration_p95: float | None
    lateness_avg: float | None
    lateness_max: float | None
    lateness_p95: float | None
    deltas: Json
    updated_at: datetime

"""What a row is: one frozen dataclass a table, field names equal to column names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from resources.states import (
    CatchUp,
    DstGap,
    DstOverlap,
    JobKind,
    LaunchState,
    Overlap,
    PolicyMode,
    RunState,
    TriggerKind,
    WorkState,
)

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Tenant:
    """Whom rows belong to."""

    tenant_id: str
    display_name: str
    max_concurrent_runs: int | None
    created_at: datetime
    created_by: str


@dataclass(frozen=True)
class Schedule:
    """What to run and how to treat missed and overlapping fires."""

    tenant_id: str
    id: UUID
    name: str
    kind: JobKind
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    description: str = ""
    mode: PolicyMode | None = None
    selection: Json = field(default_factory=dict)
    labels: Json = field(default_factory=dict)
    priority: int = 0
    overlap: Overlap = Overlap.SKIP
    catch_up: CatchUp = CatchUp.LATEST
    catch_up_window: timedelta = timedelta(days=1)
    misfire_grace: timedelta = timedelta(minutes=1)
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    enabled: bool = True
    paused_reason: str | None = None
    version: int = 1
    deleted_at: datetime | None = None
    deleted_by: str | None = None


@dataclass(frozen=True)
class Trigger:
    """When a schedule fires."""

    tenant_id: str
    id: UUID
    schedule_id: UUID
    kind: TriggerKind
    created_at: datetime
    updated_at: datetime
    cron: str | None = None
    timezone: str | None = None
    dst_gap: DstGap | None = None
    dst_overlap: DstOverlap | None = None
    every: timedelta | None = None
    anchor: datetime | None = None
    at: datetime | None = None
    event: str | None = None
    enabled: bool = True
    next_fire_at: datetime | None = None
    last_fire_at: datetime | None = None
    fire_count: int = 0
    misfire_count: int = 0


@dataclass(frozen=True)
class Advance:
    """What a tick did to a trigger: its new next fire and how many occurrences it accounted for."""

    tenant_id: str
    trigger_id: UUID
    next_fire_at: datetime | None
    last_fire_at: datetime | None
    fires: int
    misfires: int


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


@dataclass(frozen=True)
class Launchable:
    """A pending run that may be put into a launch now."""

    tenant_id: str
    id: UUID
    kind: JobKind


@dataclass(frozen=True)
class OpenRuns:
    """How many runs of a schedule are open: queued or running, and pending."""

    tenant_id: str
    schedule_id: UUID
    active: int
    pending: int


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
class WorkItem:
    """A row of graph_jobs or policy_jobs."""

    tenant_id: str
    id: UUID
    run_id: UUID
    kind: str
    image_id: UUID
    sbom_id: UUID
    status: WorkState
    attempts: int
    result_digest: str | None
    stats: Json
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True)
class ImpactSnapshot:
    """Which images a run found affected."""

    tenant_id: str
    id: UUID
    run_id: UUID
    schedule_id: UUID | None
    selector: Json
    feed_revision: int
    total: int
    unknown: int
    digest: str
    created_at: datetime


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


@dataclass(frozen=True)
class AuditEntry:
    """Who changed what, when."""

    id: UUID
    tenant_id: str | None
    at: datetime
    actor: str
    action: str
    entity: str
    entity_id: str
    old: Json | None
    new: Json | None
    correlation_id: UUID


@dataclass(frozen=True)
class Image:
    """A container image and the SBOM that holds for it now."""

    tenant_id: str
    id: UUID
    registry: str
    repository: str
    digest: str | None
    tag: str | None
    namespace: str
    labels: Json
    sbom_id: UUID | None

    @property
    def name(self) -> str:
        """``registry/repository:tag``."""
        name = f"{self.registry}/{self.repository}" if self.registry else self.repository
        return f"{name}:{self.tag}" if self.tag else name


@dataclass(frozen=True)
class PolicyRevision:
    """The current document of a policy."""

    policy_id: UUID
    name: str
    revision: int
    document: str
    digest: str

"""What a row is: one frozen dataclass a table, field names equal to column names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from resources.states import (
    CalendarMode,
    CatchUp,
    DayMatch,
    DstGap,
    DstOverlap,
    JobKind,
    LaunchState,
    LockStrategy,
    NotificationKind,
    OnExcluded,
    Overlap,
    PolicyMode,
    RunState,
    TriggerKind,
    WorkerState,
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
    max_runs_per_hour: int | None = None
    only_if: Json | None = None
    max_attempts: int = 3
    backoff_base: timedelta = timedelta(seconds=30)
    backoff_factor: float = 2.0
    backoff_cap: timedelta = timedelta(hours=1)
    backoff_jitter: float = 0.1
    run_timeout: timedelta | None = None
    pause_after_failures: int | None = None
    enabled: bool = True
    paused_reason: str | None = None
    version: int = 1
    deleted_at: datetime | None = None
    deleted_by: str | None = None


@dataclass(frozen=True)
class ScheduleVersion:
    """What a version of a schedule and its triggers said, as JSON; ``valid_from`` its edit on."""

    tenant_id: str
    schedule_id: UUID
    version: int
    valid_from: datetime
    changed_by: str
    content: Json


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
    day_match: DayMatch | None = None
    jitter: timedelta = timedelta()
    calendars: Sequence[str] = field(default_factory=list)
    max_fires: int | None = None
    enabled: bool = True
    next_fire_at: datetime | None = None
    due_delay: timedelta = timedelta()
    next_due_at: datetime | None = field(default=None, compare=False)
    last_fire_at: datetime | None = None
    fire_count: int = 0
    misfire_count: int = 0
    deleted_at: datetime | None = None


@dataclass(frozen=True)
class CalendarRow:
    """Which times triggers leave out, by name; ``entries`` as timing/calendar_entries.py reads them."""

    tenant_id: str
    name: str
    mode: CalendarMode
    timezone: str
    on_excluded: OnExcluded
    entries: Sequence[Json]
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    description: str = ""
    version: int = 1


@dataclass(frozen=True)
class CalendarVersion:
    """What a version of a calendar said, as JSON, ``valid_from`` its edit on; None says that it was deleted."""

    tenant_id: str
    name: str
    version: int
    valid_from: datetime
    changed_by: str
    content: Json | None


@dataclass(frozen=True)
class WaitingEvent:
    """An event that a trigger has not accounted for yet."""

    tenant_id: str
    trigger_id: UUID
    at: datetime


@dataclass(frozen=True)
class Advance:
    """What a tick did to a trigger: its new next fire and how many occurrences it accounted for."""

    tenant_id: str
    trigger_id: UUID
    next_fire_at: datetime | None
    last_fire_at: datetime | None
    fires: int
    misfires: int
    due_delay: timedelta = timedelta()


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
    """How many runs of a schedule are open: queued or running, and pending."""

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
class WorkItem:
    """A row of graph_jobs or policy_jobs; only those of policy_jobs have an input digest."""

    tenant_id: str
    id: UUID
    run_id: UUID
    kind: str
    image_id: UUID
    sbom_id: UUID
    status: WorkState
    attempts: int
    lease_owner: str | None
    lease_expires_at: datetime | None
    result_digest: str | None
    stats: Json
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    input_digest: str | None = None


@dataclass(frozen=True)
class Completion:
    """The result of a work item, as it was claimed; those of policy_jobs name the digest of their input."""

    item: WorkItem
    result_digest: str
    stats: Json
    input_digest: str | None = None


@dataclass(frozen=True)
class Evaluated:
    """What a policy run found of an image, by the SBOM that held then."""

    id: UUID
    image_id: UUID
    sbom_id: UUID
    input_digest: str
    result_digest: str
    stats: Json


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
class AffectedBy:
    """An image of a snapshot: why it is affected, and may be where versions cannot be compared.

    Both are [purl, advisory id] pairs, sorted.
    """

    image_id: UUID
    reasons: list[list[str]]
    unknown: list[list[str]]


@dataclass(frozen=True)
class ImpactDiff:
    """How the images of two snapshots differ, by id; changed ones are affected in both, for other reasons."""

    earlier_id: UUID
    later_id: UUID
    added: list[UUID]
    removed: list[UUID]
    changed: list[UUID]
    unchanged: int


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
class Worker:
    """A process that carries runs; ``capacity`` in runs."""

    id: UUID
    host: str
    pid: int
    kinds: Sequence[str]
    capacity: int
    version: str
    dagster_run_id: str | None
    status: WorkerState
    registered_at: datetime
    last_heartbeat_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class Pruned:
    """How many rows one batch deleted, by table."""

    runs: int
    graph_jobs: int
    policy_jobs: int
    impact_snapshots: int
    impact_snapshot_images: int


@dataclass(frozen=True)
class HeldLock:
    """A table a transaction has locked, and PostgreSQL's name of the mode."""

    relation: str
    mode: str


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
class Lock:
    """Who took a lock last and has not released it; expires_at is None for the advisory strategy."""

    key: str
    strategy: LockStrategy
    holder: str | None
    fencing_token: int
    acquired_at: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True)
class LockWait:
    """A place in a lock's queue, and who took the lock last and has not released it; None where nobody ever did."""

    ticket: int
    ahead: int
    strategy: LockStrategy | None
    holder: str | None
    fencing_token: int | None
    acquired_at: datetime | None
    expires_at: datetime | None


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
class UnsealedEntry:
    """An audit entry as the texts that its seal covers, column by column."""

    audit_id: UUID
    content: list[str | None]


@dataclass(frozen=True)
class AuditSeal:
    """One link of a chain, about to be appended."""

    chain: str
    tenant_id: str | None
    seq: int
    audit_id: UUID
    previous_hash: bytes
    hash: bytes
    sealed_at: datetime


@dataclass(frozen=True)
class AuditLink:
    """One link as it is kept, with its entry's content; None where the entry is gone. ``sealed_at`` in microseconds."""

    seq: int
    tenant_id: str | None
    audit_id: UUID
    previous_hash: bytes
    hash: bytes
    sealed_at: str
    content: list[str | None] | None


@dataclass(frozen=True)
class ChainHead:
    """The last link of a chain at some time: what an auditor keeps elsewhere."""

    chain: str
    seq: int
    hash: bytes


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
        return image_name(self.registry, self.repository, self.tag)


def image_name(registry: str, repository: str, tag: str | None) -> str:
    """``registry/repository:tag``, without what is empty."""
    name = f"{registry}/{repository}" if registry else repository
    return f"{name}:{tag}" if tag else name


@dataclass(frozen=True)
class PolicyRevision:
    """The current document of a policy."""

    policy_id: UUID
    name: str
    revision: int
    document: str
    digest: str


@dataclass(frozen=True)
class Notification:
    """What people are to be told; ``attempts`` counts deliveries begun, ``available_at`` is when the next may begin."""

    tenant_id: str
    id: UUID
    kind: NotificationKind
    subject: str
    message: str
    created_at: datetime
    attempts: int
    available_at: datetime
    delivered_at: datetime | None
    given_up_at: datetime | None
    error: str | None

"""Rows of what keeps it all going: workers, locks, audit, notifications and retention."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from resources.records.base import Json
from resources.states import LockStrategy, NotificationKind, WorkerState


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

"""Records of the audit of fires."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class AuditedSchedule:
    """A schedule to audit, deleted or not; its tenant's ledger is whole since ``ledger_since``, None: always."""

    tenant_id: str
    id: UUID
    name: str
    ledger_since: datetime | None


@dataclass(frozen=True)
class LedgerRow:
    """A row that accounts for planned occurrences of a trigger."""

    tenant_id: str
    id: UUID
    trigger_id: UUID
    state: str
    reason: str | None
    scheduled_for: datetime
    created_at: datetime
    skipped_count: int | None
    skipped_first: datetime | None
    skipped_last: datetime | None

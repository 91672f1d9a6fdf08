"""Records of the audit of fires."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from resources.records import Json


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
    schedule_version: int | None


@dataclass(frozen=True)
class CalendarEdit:
    """What a version of a calendar said, as JSON, None: it was deleted; ``edit_id`` is the edit's in the audit."""

    tenant_id: str
    name: str
    version: int
    valid_from: datetime
    content: Json | None
    edit_id: UUID | None


@dataclass(frozen=True)
class TriggerEvent:
    """Something that a trigger waited for; ``handled_at`` says when a claim or an edit accounted for it."""

    tenant_id: str
    trigger_id: UUID
    at: datetime
    handled_at: datetime | None

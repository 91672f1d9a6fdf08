"""What the audit of fires reads: the history of schedules and calendars, and the ledger."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol
from uuid import UUID

from resources.fire_records import AuditedSchedule, CalendarEdit, LedgerRow, TriggerEvent
from resources.pages import Page
from resources.records import ScheduleVersion


class FireAudit(Protocol):
    """Histories from the oldest on, in pages; nothing here writes or locks."""

    def list_schedules(
        self, tenant_id: str, name: str | None = None, *, cursor: str | None = None, limit: int = 100
    ) -> Page[AuditedSchedule]:
        """Schedules in the order of their ids, deleted ones too; with ``name`` those that have it."""

    def list_versions(
        self, tenant_id: str, schedule_id: UUID, *, cursor: str | None = None, limit: int = 100
    ) -> Page[ScheduleVersion]:
        """The history of a schedule, oldest version first."""

    def list_calendar_versions(self, tenant_id: str, names: Iterable[str]) -> list[CalendarEdit]:
        """The histories of calendars by name, each oldest version first."""

    def earliest_range(self, tenant_id: str, schedule_id: UUID, since: datetime) -> datetime | None:
        """The first occurrence of all skipped ranges that contain an instant; None when none does."""

    def list_rows(
        self,
        tenant_id: str,
        schedule_id: UUID,
        since: datetime,
        until: datetime,
        *,
        cursor: str | None = None,
        limit: int = 1000,
    ) -> Page[LedgerRow]:
        """Rows of triggers in [since, until], by the first occurrence of each; none of runs by hand and retries."""

    def list_events(
        self,
        tenant_id: str,
        triggers: Iterable[UUID],
        since: datetime,
        until: datetime,
        *,
        cursor: str | None = None,
        limit: int = 1000,
    ) -> Page[TriggerEvent]:
        """What happened in (since, until] that triggers waited for, oldest first."""

    def count_fires(self, tenant_id: str, triggers: Iterable[UUID], until: datetime) -> dict[UUID, int]:
        """How often each trigger had fired up to an instant, pruned rows too."""

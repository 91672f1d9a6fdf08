"""Reads several tables for the audit of fires."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from resources.fire_records import AuditedSchedule, CalendarEdit, LedgerRow, TriggerEvent
from resources.pages import Page
from resources.protocols.fire_audit import FireAudit
from resources.records import ScheduleVersion
from resources.repositories.base import Repository


class FireAuditRepository(Repository, FireAudit):
    """The history and the ledger on PostgreSQL."""

    def list_schedules(
        self, tenant_id: str, name: str | None = None, *, cursor: str | None = None, limit: int = 100
    ) -> Page[AuditedSchedule]:
        return self._page(
            "auditing/list_schedules",
            AuditedSchedule,
            ("id",),
            cursor=cursor,
            limit=limit,
            tenant_id=tenant_id,
            name=name,
        )

    def list_versions(
        self, tenant_id: str, schedule_id: UUID, *, cursor: str | None = None, limit: int = 100
    ) -> Page[ScheduleVersion]:
        return self._page(
            "auditing/list_versions",
            ScheduleVersion,
            ("version",),
            cursor=cursor,
            limit=limit,
            tenant_id=tenant_id,
            schedule_id=schedule_id,
        )

    def list_calendar_versions(self, tenant_id: str, names: Iterable[str]) -> list[CalendarEdit]:
        return self._all("auditing/list_calendar_versions", CalendarEdit, tenant_id=tenant_id, names=[*names])

    def earliest_range(self, tenant_id: str, schedule_id: UUID, since: datetime) -> datetime | None:
        found: datetime | None = self._scalar(
            "auditing/earliest_range", tenant_id=tenant_id, schedule_id=schedule_id, since=since
        )
        return found

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
        return self._page(
            "auditing/list_rows",
            LedgerRow,
            ("scheduled_for", "id"),
            cursor=cursor,
            limit=limit,
            tenant_id=tenant_id,
            schedule_id=schedule_id,
            since=since,
            until=until,
        )

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
        return self._page(
            "auditing/list_events",
            TriggerEvent,
            ("at", "trigger_id"),
            cursor=cursor,
            limit=limit,
            tenant_id=tenant_id,
            triggers=[*triggers],
            since=since,
            until=until,
        )

    def count_fires(self, tenant_id: str, triggers: Iterable[UUID], until: datetime) -> dict[UUID, int]:
        rows = self._rows("auditing/count_fires", tenant_id=tenant_id, triggers=[*triggers], until=until)
        return dict(rows)

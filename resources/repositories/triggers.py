"""Table triggers."""

import builtins
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import NoReturn
from uuid import UUID

from resources.errors import IllegalTransition, NotFound
from resources.pages import Page
from resources.protocols.triggers import Triggers
from resources.records import Advance, Schedule, Trigger
from resources.repositories.base import Repository, columns_of, fields_of
from resources.repositories.schedules import ScheduleRepository, differences, version_conflict
from resources.states import TriggerKind


class TriggerRepository(Repository, Triggers):
    """Triggers on PostgreSQL."""

    def create(self, trigger: Trigger) -> None:
        self._execute("triggers/insert", **fields_of(trigger))

    def get(self, tenant_id: str, trigger_id: UUID) -> Trigger:
        trigger = self._one("triggers/get", Trigger, tenant_id=tenant_id, id=trigger_id)
        if trigger is None:
            raise NotFound("trigger", trigger_id)
        return trigger

    def list(
        self,
        tenant_id: str,
        *,
        kind: TriggerKind | None = None,
        enabled: bool | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[Trigger]:
        return self._page(
            "triggers/list",
            Trigger,
            ("id",),
            cursor=cursor,
            limit=limit,
            tenant_id=tenant_id,
            kind=kind,
            enabled=enabled,
        )

    def list_of_schedule(self, tenant_id: str, schedule_id: UUID) -> builtins.list[Trigger]:
        return self._all("triggers/list_of_schedule", Trigger, tenant_id=tenant_id, schedule_id=schedule_id)

    def get_due(self, tenant_id: str, now: datetime, limit: int = 100) -> builtins.list[Trigger]:
        return self._all("triggers/get_due", Trigger, tenant_id=tenant_id, now=now, limit=limit)

    def update(self, trigger: Trigger, version: int, now: datetime) -> Trigger:
        parameters = fields_of(trigger) | {"version": version, "now": now}
        found = self._one("triggers/update", Trigger, **parameters)
        return found or self._refuse(trigger, version, "edited")

    def set_enabled(self, trigger: Trigger, enabled: bool, version: int, now: datetime) -> Trigger:
        wanted = replace(trigger, enabled=enabled)
        parameters = fields_of(wanted) | {"version": version, "now": now}
        found = self._one("triggers/set_enabled", Trigger, **parameters)
        return found or self._refuse(wanted, version, "active" if enabled else "paused")

    def soft_delete(self, trigger: Trigger, version: int, now: datetime) -> Trigger:
        wanted = replace(trigger, deleted_at=now)
        parameters = fields_of(wanted) | {"version": version, "now": now}
        found = self._one("triggers/soft_delete", Trigger, **parameters)
        return found or self._refuse(wanted, version, "deleted")

    def set_next_fire(
        self,
        tenant_id: str,
        trigger_id: UUID,
        next_fire_at: datetime | None,
        now: datetime,
        due_delay: timedelta = timedelta(),
    ) -> None:
        self._execute(
            "triggers/set_next_fire",
            tenant_id=tenant_id,
            id=trigger_id,
            next_fire_at=next_fire_at,
            due_delay=due_delay,
            now=now,
        )

    def lock_of_calendar(self, tenant_id: str, name: str) -> builtins.list[Trigger]:
        self._execute("schedules/lock_of_calendar", tenant_id=tenant_id, name=name)
        return self._all("triggers/list_of_calendar", Trigger, tenant_id=tenant_id, name=name)

    def delay_many(self, triggers: Sequence[Trigger], now: datetime) -> None:
        columns = columns_of(triggers, "tenant_id", "id", "next_fire_at", "due_delay")
        self._execute(
            "triggers/delay_many", tenants=columns.pop("tenant_id"), ids=columns.pop("id"), now=now, **columns
        )

    def lock_due(self, schedules: Sequence[Schedule], now: datetime, limit: int) -> builtins.list[Trigger]:
        return self._all(
            "triggers/lock_due",
            Trigger,
            tenants=[schedule.tenant_id for schedule in schedules],
            schedules=[schedule.id for schedule in schedules],
            now=now,
            limit=limit,
        )

    def advance_many(self, advances: Sequence[Advance], now: datetime) -> None:
        columns = columns_of(advances, *(field.name for field in fields(Advance)))
        self._execute(
            "triggers/advance_many",
            tenants=columns.pop("tenant_id"),
            ids=columns.pop("trigger_id"),
            now=now,
            **columns,
        )

    def next_due_at(self) -> datetime | None:
        next_fire_at: datetime | None = self._scalar("triggers/next_due_at")
        return next_fire_at

    def _refuse(self, wanted: Trigger, version: int, target: str) -> NoReturn:
        found = self.get(wanted.tenant_id, wanted.id)
        schedule = ScheduleRepository(self._connection).get(found.tenant_id, found.schedule_id)
        if schedule.version != version:
            raise version_conflict(schedule, version, differences(wanted, found))
        deleted = found.deleted_at or schedule.deleted_at
        state = "deleted" if deleted else "active" if found.enabled else "paused"
        raise IllegalTransition("trigger", found.id, state, target)

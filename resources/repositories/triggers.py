"""Table triggers."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from resources.records import Advance, Schedule, Trigger
from resources.repositories.base import Repository, columns_of, fields_of


class TriggerRepository(Repository):
    """Triggers of a tenant's schedules."""

    def create(self, trigger: Trigger) -> None:
        """Adds a trigger."""
        self._execute("triggers/insert", **fields_of(trigger))

    def list_of_schedule(self, tenant_id: str, schedule_id: UUID) -> list[Trigger]:
        """The triggers of a schedule, oldest first."""
        return self._all("triggers/list_of_schedule", Trigger, tenant_id=tenant_id, schedule_id=schedule_id)

    def set_next_fire(
        self, tenant_id: str, trigger_id: UUID, next_fire_at: datetime | None, now: datetime
    ) -> None:
        """Plans (or with None unplans) a trigger; the caller holds its schedule locked."""
        self._execute(
            "triggers/set_next_fire", tenant_id=tenant_id, id=trigger_id, next_fire_at=next_fire_at, now=now
        )

    def lock_due(self, schedules: Sequence[Schedule], now: datetime, limit: int) -> list[Trigger]:
        """Locks and reads the due triggers of locked schedules, earliest first."""
        return self._all(
            "triggers/lock_due",
            Trigger,
            tenants=[schedule.tenant_id for schedule in schedules],
            schedules=[schedule.id for schedule in schedules],
            now=now,
            limit=limit,
        )

    def advance_many(self, advances: Sequence[Advance], now: datetime) -> None:
        """Moves fired triggers on; the caller holds them locked."""
        columns = columns_of(
            advances, "tenant_id", "trigger_id", "next_fire_at", "last_fire_at", "fires", "misfires"
        )
        self._execute(
            "triggers/advance_many",
            tenants=columns.pop("tenant_id"),
            ids=columns.pop("trigger_id"),
            now=now,
            **columns,
        )

    def next_due_at(self) -> datetime | None:
        """When the earliest planned trigger of any tenant is due."""
        next_fire_at: datetime | None = self._scalar("triggers/next_due_at")
        return next_fire_at

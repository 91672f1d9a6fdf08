"""Tables schedules and schedule_versions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import errors
from psycopg.types.json import Jsonb

from resources.errors import AlreadyExists, NotFound, VersionConflict
from resources.records import Json, Schedule
from resources.repositories.base import Repository, fields_of
from resources.states import JobKind


class ScheduleRepository(Repository):
    """Schedules of a tenant; deletion is soft, edits are optimistic by version."""

    def create(self, schedule: Schedule) -> None:
        """Adds a schedule; raises AlreadyExists when a living one has its name."""
        try:
            self._execute("schedules/insert", **fields_of(schedule))
        except errors.UniqueViolation:
            raise AlreadyExists("schedule", schedule.name) from None

    def get(self, tenant_id: str, schedule_id: UUID) -> Schedule:
        """One schedule by id, deleted or not; raises NotFound."""
        return _found(self._one("schedules/get", Schedule, tenant_id=tenant_id, id=schedule_id), schedule_id)

    def get_by_name(self, tenant_id: str, name: str) -> Schedule:
        """One living schedule; raises NotFound."""
        return _found(self._one("schedules/get_by_name", Schedule, tenant_id=tenant_id, name=name), name)

    def lock(self, tenant_id: str, name: str) -> Schedule:
        """Locks one living schedule for an edit, so that no tick fires it meanwhile; raises NotFound."""
        return _found(self._one("schedules/lock", Schedule, tenant_id=tenant_id, name=name), name)

    def list(
        self,
        tenant_id: str,
        kind: JobKind | None = None,
        enabled: bool | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[Schedule]:
        """Living schedules in the order of their names, after a name."""
        return self._all(
            "schedules/list",
            Schedule,
            tenant_id=tenant_id,
            kind=kind,
            enabled=enabled,
            after=after,
            limit=limit,
        )

    def set_enabled(
        self, schedule: Schedule, enabled: bool, actor: str, now: datetime, reason: str | None = None
    ) -> int:
        """Pauses or resumes; returns the new version, raises VersionConflict."""
        return self._edit("schedules/set_enabled", schedule, actor, now, enabled=enabled, reason=reason)

    def advance_version(self, schedule: Schedule, actor: str, now: datetime) -> int:
        """Counts an edit of the triggers; returns the new version, raises VersionConflict."""
        return self._edit("schedules/advance_version", schedule, actor, now)

    def soft_delete(self, schedule: Schedule, actor: str, now: datetime) -> int:
        """Marks as deleted; returns the new version, raises VersionConflict."""
        return self._edit("schedules/soft_delete", schedule, actor, now)

    def lock_due(self, tenants: Sequence[str], now: datetime, per_tenant: int) -> Sequence[Schedule]:
        """Locks the active schedules with a due trigger, up to ``per_tenant`` triggers a tenant, oldest first."""
        return self._all(
            "schedules/lock_due", Schedule, tenants=list(tenants), now=now, per_tenant=per_tenant
        )

    def add_version(
        self, tenant_id: str, schedule_id: UUID, version: int, content: Json, actor: str, now: datetime
    ) -> None:
        """Keeps what a version of the schedule and its triggers says."""
        self._execute(
            "schedules/insert_version",
            tenant_id=tenant_id,
            schedule_id=schedule_id,
            version=version,
            content=Jsonb(content),
            actor=actor,
            now=now,
        )

    def _edit(self, query: str, schedule: Schedule, actor: str, now: datetime, **changes: Any) -> int:
        version: int | None = self._scalar(
            query,
            tenant_id=schedule.tenant_id,
            id=schedule.id,
            version=schedule.version,
            actor=actor,
            now=now,
            **changes,
        )
        if version is None:
            found = self.get(schedule.tenant_id, schedule.id)
            raise VersionConflict("schedule", schedule.name, schedule.version, found.version)
        return version


def _found(schedule: Schedule | None, key: object) -> Schedule:
    if schedule is None:
        raise NotFound("schedule", key)
    return schedule

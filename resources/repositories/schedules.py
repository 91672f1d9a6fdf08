"""Tables schedules and schedule_versions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

from psycopg import errors
from psycopg.types.json import Jsonb

from resources.errors import AlreadyExists, IllegalTransition, NotFound, VersionConflict
from resources.pages import Page
from resources.protocols.schedules import Schedules
from resources.records import Json, Schedule, ScheduleVersion
from resources.repositories.base import Repository, fields_of
from resources.states import JobKind

STAMPS = {"version", "created_at", "created_by", "updated_at", "updated_by"}


class ScheduleRepository(Repository, Schedules):
    """Schedules on PostgreSQL."""

    def create(self, schedule: Schedule) -> None:
        try:
            self._execute("schedules/insert", **fields_of(schedule))
        except errors.UniqueViolation:
            raise AlreadyExists("schedule", schedule.name) from None

    def get(self, tenant_id: str, schedule_id: UUID) -> Schedule:
        return _found(self._one("schedules/get", Schedule, tenant_id=tenant_id, id=schedule_id), schedule_id)

    def get_by_name(self, tenant_id: str, name: str) -> Schedule:
        return _found(self._one("schedules/get_by_name", Schedule, tenant_id=tenant_id, name=name), name)

    def lock(self, tenant_id: str, name: str) -> Schedule:
        return _found(self._one("schedules/lock", Schedule, tenant_id=tenant_id, name=name), name)

    def lock_deleted(self, tenant_id: str, name: str) -> Schedule:
        found = self._one("schedules/lock_deleted", Schedule, tenant_id=tenant_id, name=name)
        return _found(found, name, "deleted schedule")

    def list(
        self,
        tenant_id: str,
        *,
        kind: JobKind | None = None,
        enabled: bool | None = None,
        name_prefix: str | None = None,
        labels: Mapping[str, str] | None = None,
        include_deleted: bool = False,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[Schedule]:
        filters: dict[str, Any] = {"tenant_id": tenant_id, "kind": kind, "enabled": enabled}
        filters |= {"name_prefix": name_prefix, "include_deleted": include_deleted}
        query = "schedules/list"
        if labels:
            query = "schedules/list_labelled"
            key, value = min(labels.items())
            filters |= {"label_key": key, "label_value": value, "labels": Jsonb(dict(labels))}
        return self._page(query, Schedule, ("name", "id"), cursor=cursor, limit=limit, **filters)

    def get_due(self, tenant_id: str, now: datetime, limit: int = 100) -> Sequence[Schedule]:
        return self._all("schedules/get_due", Schedule, tenant_id=tenant_id, now=now, limit=limit)

    def list_failing(self, limit: int = 100) -> Sequence[tuple[str, UUID]]:
        return self._rows("schedules/list_failing", limit=limit)

    def is_failing(self, tenant_id: str, schedule_id: UUID) -> bool:
        return bool(self._rows("schedules/find_failing", tenant_id=tenant_id, id=schedule_id))

    def upsert(self, schedule: Schedule, version: int | None) -> Schedule:
        if version is None:
            self.create(schedule)
            return self.get(schedule.tenant_id, schedule.id)
        try:
            found = self._one("schedules/update", Schedule, expected=version, **fields_of(schedule))
        except errors.UniqueViolation:
            raise AlreadyExists("schedule", schedule.name) from None
        return found or self._refuse(replace(schedule, version=version), "edited")

    def pause(self, schedule: Schedule, reason: str | None, actor: str, now: datetime) -> int:
        wanted = replace(schedule, enabled=False, paused_reason=reason)
        return self._edit("schedules/set_enabled", wanted, "paused", actor, now, enabled=False, reason=reason)

    def resume(self, schedule: Schedule, actor: str, now: datetime) -> int:
        wanted = replace(schedule, enabled=True, paused_reason=None)
        return self._edit("schedules/set_enabled", wanted, "active", actor, now, enabled=True, reason=None)

    def advance_version(self, schedule: Schedule, actor: str, now: datetime) -> int:
        return self._edit("schedules/advance_version", schedule, "edited", actor, now)

    def soft_delete(self, schedule: Schedule, actor: str, now: datetime) -> int:
        wanted = replace(schedule, deleted_at=now, deleted_by=actor)
        return self._edit("schedules/soft_delete", wanted, "deleted", actor, now)

    def restore(self, schedule: Schedule, actor: str, now: datetime) -> int:
        wanted = replace(schedule, deleted_at=None, deleted_by=None)
        try:
            return self._edit("schedules/restore", wanted, "restored", actor, now)
        except errors.UniqueViolation:
            raise AlreadyExists("schedule", schedule.name) from None

    def lock_with_listeners(self, tenant_id: str, name: str, event: str) -> Sequence[Schedule]:
        return self._all(
            "schedules/lock_with_listeners", Schedule, tenant_id=tenant_id, name=name, event=event
        )

    def lock_due(self, tenants: Sequence[str], now: datetime, per_tenant: int) -> Sequence[Schedule]:
        return self._all(
            "schedules/lock_due", Schedule, tenants=list(tenants), now=now, per_tenant=per_tenant
        )

    def add_version(
        self, tenant_id: str, schedule_id: UUID, version: int, content: Json, actor: str, now: datetime
    ) -> None:
        self._execute(
            "schedules/insert_version",
            tenant_id=tenant_id,
            schedule_id=schedule_id,
            version=version,
            content=Jsonb(content),
            actor=actor,
            now=now,
        )

    def get_version(self, tenant_id: str, schedule_id: UUID, version: int) -> ScheduleVersion:
        found = self._one(
            "schedules/get_version",
            ScheduleVersion,
            tenant_id=tenant_id,
            schedule_id=schedule_id,
            version=version,
        )
        if found is None:
            raise NotFound("version of the schedule", version)
        return found

    def list_versions(
        self, tenant_id: str, schedule_id: UUID, *, cursor: str | None = None, limit: int = 100
    ) -> Page[ScheduleVersion]:
        return self._page(
            "schedules/list_versions",
            ScheduleVersion,
            ("version",),
            cursor=cursor,
            limit=limit,
            tenant_id=tenant_id,
            schedule_id=schedule_id,
        )

    def _edit(
        self, query: str, wanted: Schedule, target: str, actor: str, now: datetime, **changes: Any
    ) -> int:
        version: int | None = self._scalar(
            query,
            tenant_id=wanted.tenant_id,
            id=wanted.id,
            version=wanted.version,
            actor=actor,
            now=now,
            **changes,
        )
        return version or self._refuse(wanted, target)

    def _refuse(self, wanted: Schedule, target: str) -> NoReturn:
        found = self.get(wanted.tenant_id, wanted.id)
        if found.version != wanted.version:
            raise version_conflict(found, wanted.version, differences(wanted, found))
        if found.kind is not wanted.kind:
            raise IllegalTransition("schedule", found.name, found.kind, wanted.kind)
        state = "deleted" if found.deleted_at else "active" if found.enabled else "paused"
        raise IllegalTransition("schedule", found.name, state, target)


def version_conflict(
    found: Schedule, expected: int, differing: Mapping[str, tuple[object, object]]
) -> VersionConflict:
    """The error for an edit of a schedule, or of what belongs to it, that was made from another version."""
    return VersionConflict(
        "schedule",
        found.name,
        expected,
        found.version,
        changed_by=found.updated_by,
        changed_at=found.updated_at,
        differences=differing,
    )


def differences(yours: object, theirs: object) -> dict[str, tuple[object, object]]:
    """Fields in which two records of a kind differ, as (yours, theirs), without version and stamps."""
    pairs = {name: (mine, getattr(theirs, name)) for name, mine in vars(yours).items()}
    return {name: pair for name, pair in pairs.items() if name not in STAMPS and pair[0] != pair[1]}


def _found(schedule: Schedule | None, key: object, entity: str = "schedule") -> Schedule:
    if schedule is None:
        raise NotFound(entity, key)
    return schedule

"""What callers ask of tables schedules and schedule_versions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from resources.pages import Page
from resources.records import Json, Schedule, ScheduleVersion
from resources.states import JobKind


class Schedules(Protocol):
    """Schedules of a tenant; deletion is soft, edits are optimistic by version."""

    def create(self, schedule: Schedule) -> None:
        """Adds a schedule; raises AlreadyExists when a living one has its name."""

    def get(self, tenant_id: str, schedule_id: UUID) -> Schedule:
        """One schedule by id, deleted or not; raises NotFound."""

    def get_by_name(self, tenant_id: str, name: str) -> Schedule:
        """One living schedule; raises NotFound."""

    def lock(self, tenant_id: str, name: str) -> Schedule:
        """Locks one living schedule for an edit, so that no tick fires it meanwhile; raises NotFound."""

    def lock_deleted(self, tenant_id: str, name: str) -> Schedule:
        """Locks the schedule of a name that was deleted last; raises NotFound."""

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
        """Schedules in the order of their names, capitals first; with ``labels`` those that have all of them."""

    def get_due(self, tenant_id: str, now: datetime, limit: int = 100) -> Sequence[Schedule]:
        """The active schedules with a due trigger, the longest due first; locks nothing."""

    def list_failing(self, limit: int = 100) -> Sequence[tuple[str, UUID]]:
        """Tenant and id of active schedules whose last pause_after_failures runs since their last edit all failed."""

    def is_failing(self, tenant_id: str, schedule_id: UUID) -> bool:
        """Whether list_failing would have the schedule."""

    def upsert(self, schedule: Schedule, version: int | None) -> Schedule:
        """Creates a schedule, with None, or writes every editable field over the expected version of it.

        Editable are all but kind, enabled, version and who made or deleted it; ``updated_at`` and ``updated_by`` say
        who edits. Raises AlreadyExists, NotFound, VersionConflict; IllegalTransition for a deleted schedule or
        another kind.
        """

    def pause(self, schedule: Schedule, reason: str | None, actor: str, now: datetime) -> int:
        """Stops an active schedule; returns the new version, raises VersionConflict, IllegalTransition."""

    def resume(self, schedule: Schedule, actor: str, now: datetime) -> int:
        """Lets a paused schedule fire; returns the new version, raises VersionConflict, IllegalTransition."""

    def advance_version(self, schedule: Schedule, actor: str, now: datetime) -> int:
        """Counts an edit of the triggers; returns the new version, raises VersionConflict, IllegalTransition."""

    def soft_delete(self, schedule: Schedule, actor: str, now: datetime) -> int:
        """Marks as deleted; returns the new version, raises VersionConflict, IllegalTransition."""

    def restore(self, schedule: Schedule, actor: str, now: datetime) -> int:
        """Makes a deleted schedule live again; returns the new version.

        Raises AlreadyExists when its name was taken meanwhile, VersionConflict, IllegalTransition.
        """

    def lock_with_listeners(self, tenant_id: str, name: str, event: str) -> Sequence[Schedule]:
        """Locks the living schedule of a name and those with a trigger that waits for ``event``, by id."""

    def lock_due(self, tenants: Sequence[str], now: datetime, per_tenant: int) -> Sequence[Schedule]:
        """Locks the active schedules with a due trigger, up to ``per_tenant`` triggers a tenant, oldest first."""

    def add_version(
        self, tenant_id: str, schedule_id: UUID, version: int, content: Json, actor: str, now: datetime
    ) -> None:
        """Keeps what a version of the schedule and its triggers says."""

    def get_version(self, tenant_id: str, schedule_id: UUID, version: int) -> ScheduleVersion:
        """What a version said; raises NotFound."""

    def list_versions(
        self, tenant_id: str, schedule_id: UUID, *, cursor: str | None = None, limit: int = 100
    ) -> Page[ScheduleVersion]:
        """The history of a schedule, newest version first."""

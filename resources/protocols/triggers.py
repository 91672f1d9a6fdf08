"""What callers ask of table triggers."""

import builtins
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from resources.pages import Page
from resources.records import Advance, Schedule, Trigger
from resources.states import TriggerKind


class Triggers(Protocol):
    """Triggers of a tenant's schedules."""

    def create(self, trigger: Trigger) -> None:
        """Adds a trigger."""

    def get(self, tenant_id: str, trigger_id: UUID) -> Trigger:
        """One trigger by id, deleted or not; raises NotFound."""

    def list(
        self,
        tenant_id: str,
        *,
        kind: TriggerKind | None = None,
        enabled: bool | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[Trigger]:
        """Living triggers of a tenant, oldest first."""

    def list_of_schedule(self, tenant_id: str, schedule_id: UUID) -> builtins.list[Trigger]:
        """The living triggers of a schedule, oldest first."""

    def get_due(self, tenant_id: str, now: datetime, limit: int = 100) -> builtins.list[Trigger]:
        """The due triggers of active schedules, the longest due first; locks nothing."""

    def update(self, trigger: Trigger, version: int, now: datetime) -> Trigger:
        """Writes a trigger's whole rule and its plan; its counts stay.

        ``version`` is the expected one of its schedule, which the caller holds locked. Raises NotFound,
        VersionConflict, IllegalTransition for a deleted trigger or schedule.
        """

    def set_enabled(self, trigger: Trigger, enabled: bool, version: int, now: datetime) -> Trigger:
        """Switches one trigger on or off, without planning it; guarded and raising as ``update``."""

    def soft_delete(self, trigger: Trigger, version: int, now: datetime) -> Trigger:
        """Takes a trigger from its schedule; guarded and raising as ``update``.

        The row stays, since runs refer to it, and a constraint keeps it without a plan, so that no claim finds it.
        """

    def set_next_fire(
        self,
        tenant_id: str,
        trigger_id: UUID,
        next_fire_at: datetime | None,
        now: datetime,
        due_delay: timedelta = timedelta(),
    ) -> None:
        """Plans (or with None unplans) a trigger, due ``due_delay`` later; the caller holds its schedule locked."""

    def lock_of_calendar(self, tenant_id: str, name: str) -> builtins.list[Trigger]:
        """Locks the schedules whose triggers a calendar may move, and reads those of the triggers that are planned."""

    def delay_many(self, triggers: Sequence[Trigger], now: datetime) -> None:
        """Writes ``due_delay`` of planned triggers, whose schedules the caller holds locked."""

    def lock_due(self, schedules: Sequence[Schedule], now: datetime, limit: int) -> builtins.list[Trigger]:
        """Locks and reads the due triggers of locked schedules, earliest first."""

    def advance_many(self, advances: Sequence[Advance], now: datetime) -> None:
        """Moves fired triggers on; the caller holds them locked."""

    def next_due_at(self) -> datetime | None:
        """When the earliest planned trigger of any tenant is due."""

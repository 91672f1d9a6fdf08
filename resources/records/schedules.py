"""Rows of what tenants plan: schedules, triggers and calendars."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from resources.records.base import Json
from resources.states import (
    CalendarMode,
    CatchUp,
    DayMatch,
    DstGap,
    DstOverlap,
    JobKind,
    OnExcluded,
    Overlap,
    PolicyMode,
    TriggerKind,
)


@dataclass(frozen=True)
class Tenant:
    """Whom rows belong to."""

    tenant_id: str
    display_name: str
    max_concurrent_runs: int | None
    created_at: datetime
    created_by: str


@dataclass(frozen=True)
class Schedule:
    """What to run and how to treat missed and overlapping fires."""

    tenant_id: str
    id: UUID
    name: str
    kind: JobKind
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    description: str = ""
    mode: PolicyMode | None = None
    selection: Json = field(default_factory=dict)
    labels: Json = field(default_factory=dict)
    priority: int = 0
    overlap: Overlap = Overlap.SKIP
    catch_up: CatchUp = CatchUp.LATEST
    catch_up_window: timedelta = timedelta(days=1)
    misfire_grace: timedelta = timedelta(minutes=1)
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    max_runs_per_hour: int | None = None
    only_if: Json | None = None
    max_attempts: int = 3
    backoff_base: timedelta = timedelta(seconds=30)
    backoff_factor: float = 2.0
    backoff_cap: timedelta = timedelta(hours=1)
    backoff_jitter: float = 0.1
    run_timeout: timedelta | None = None
    pause_after_failures: int | None = None
    enabled: bool = True
    paused_reason: str | None = None
    version: int = 1
    deleted_at: datetime | None = None
    deleted_by: str | None = None


@dataclass(frozen=True)
class ScheduleVersion:
    """What a version of a schedule and its triggers said, as JSON; ``valid_from`` its edit on."""

    tenant_id: str
    schedule_id: UUID
    version: int
    valid_from: datetime
    changed_by: str
    content: Json


@dataclass(frozen=True)
class Trigger:
    """When a schedule fires."""

    tenant_id: str
    id: UUID
    schedule_id: UUID
    kind: TriggerKind
    created_at: datetime
    updated_at: datetime
    cron: str | None = None
    timezone: str | None = None
    dst_gap: DstGap | None = None
    dst_overlap: DstOverlap | None = None
    every: timedelta | None = None
    anchor: datetime | None = None
    at: datetime | None = None
    event: str | None = None
    day_match: DayMatch | None = None
    jitter: timedelta = timedelta()
    calendars: Sequence[str] = field(default_factory=list)
    max_fires: int | None = None
    enabled: bool = True
    next_fire_at: datetime | None = None
    due_delay: timedelta = timedelta()
    next_due_at: datetime | None = field(default=None, compare=False)
    last_fire_at: datetime | None = None
    fire_count: int = 0
    misfire_count: int = 0
    deleted_at: datetime | None = None


@dataclass(frozen=True)
class CalendarRow:
    """Which times triggers leave out, by name; ``entries`` as timing/calendar_entries.py reads them."""

    tenant_id: str
    name: str
    mode: CalendarMode
    timezone: str
    on_excluded: OnExcluded
    entries: Sequence[Json]
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    description: str = ""
    version: int = 1


@dataclass(frozen=True)
class CalendarVersion:
    """What a version of a calendar said, as JSON, ``valid_from`` its edit on; None says that it was deleted."""

    tenant_id: str
    name: str
    version: int
    valid_from: datetime
    changed_by: str
    content: Json | None


@dataclass(frozen=True)
class WaitingEvent:
    """An event that a trigger has not accounted for yet."""

    tenant_id: str
    trigger_id: UUID
    at: datetime


@dataclass(frozen=True)
class Advance:
    """What a tick did to a trigger: its new next fire and how many occurrences it accounted for."""

    tenant_id: str
    trigger_id: UUID
    next_fire_at: datetime | None
    last_fire_at: datetime | None
    fires: int
    misfires: int
    due_delay: timedelta = timedelta()

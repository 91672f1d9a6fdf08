"""What callers ask of table run_summaries."""

import builtins
from datetime import datetime
from typing import Protocol
from uuid import UUID

from resources.pages import Page
from resources.records import RunSummary
from resources.states import JobKind


class RunSummaries(Protocol):
    """Roll-ups of finished runs per schedule and hour or day."""

    def roll_up(
        self, tenant_id: str, schedule_id: UUID | None, kind: JobKind, at: datetime, now: datetime
    ) -> None:
        """Computes the hour and the day (UTC) around ``at`` anew from the runs that finished in them.

        Leaves a day as it is whose runs may have been pruned.
        """

    def rebuild_day(
        self, tenant_id: str, schedule_id: UUID | None, kind: JobKind, at: datetime, now: datetime
    ) -> None:
        """Computes every hour of the day (UTC) around ``at``, and the day, from runs alone. The system's.

        Raises InvalidInput for a day whose runs may have been pruned: its summaries are all there is.
        """

    def list_groups(self, tenant_id: str, at: datetime) -> builtins.list[tuple[UUID | None, JobKind]]:
        """Schedules and kinds with a run that ended, or a summary, in the day (UTC) around ``at``."""

    def next_day(self, tenant_id: str, since: datetime) -> datetime | None:
        """The first day (UTC) from ``since`` on with a run that ended, or a summary; None when there is none."""

    def list_stale(
        self, since: datetime, limit: int = 1000
    ) -> builtins.list[tuple[str, UUID | None, JobKind, datetime]]:
        """Tenant, schedule, kind and hour of runs skipped or cancelled since an instant. The system's.

        An hour that was computed SETTLED after the last of them ended is whole and left out. The hours longest
        not computed come first, so that a limit keeps none out for ever.
        """

    def list(
        self,
        tenant_id: str,
        granularity: str,
        schedule_id: UUID | None = None,
        *,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[RunSummary]:
        """Summaries by ``hour`` or ``day``, newest first."""

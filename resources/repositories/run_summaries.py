"""Table run_summaries."""

import builtins
from datetime import UTC, datetime, timedelta
from uuid import UUID

from resources.records import RunSummary
from resources.repositories.base import Repository
from resources.states import JobKind


class RunSummaryRepository(Repository):
    """Roll-ups of finished runs per schedule and hour or day."""

    def roll_up(
        self, tenant_id: str, schedule_id: UUID | None, kind: JobKind, at: datetime, now: datetime
    ) -> None:
        """Computes the hour and the day (UTC) around ``at`` anew from the runs that finished in them."""
        hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        day = hour.replace(hour=0)
        self._scalar("run_summaries/lock", tenant_id=tenant_id, schedule_id=schedule_id, kind=kind)
        self._execute(
            "run_summaries/roll_up",
            tenant_id=tenant_id,
            schedule_id=schedule_id,
            kind=kind,
            hour=hour,
            day=day,
            next_day=day + timedelta(days=1),
            now=now,
        )

    def list_stale(
        self, since: datetime, limit: int = 1000
    ) -> builtins.list[tuple[str, UUID | None, JobKind, datetime]]:
        """Tenant, schedule, kind and hour of runs skipped or cancelled since an instant. The system's.

        The hours longest not computed come first, so that a limit keeps none out for ever.
        """
        rows = self._rows("run_summaries/list_stale", since=since, limit=limit)
        return [(tenant_id, schedule_id, JobKind(kind), hour) for tenant_id, schedule_id, kind, hour in rows]

    def list(
        self, tenant_id: str, granularity: str, schedule_id: UUID | None = None, limit: int = 100
    ) -> list[RunSummary]:
        """Summaries by ``hour`` or ``day``, newest first."""
        return self._all(
            "run_summaries/list",
            RunSummary,
            tenant_id=tenant_id,
            granularity=granularity,
            schedule_id=schedule_id,
            limit=limit,
        )

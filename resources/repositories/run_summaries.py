"""Table run_summaries."""

from datetime import datetime
from uuid import UUID

from resources.records import RunSummary
from resources.repositories.base import Repository
from resources.states import JobKind


class RunSummaryRepository(Repository):
    """Roll-ups of finished runs per schedule and hour or day."""

    def roll_up(
        self, tenant_id: str, schedule_id: UUID | None, kind: JobKind, at: datetime, now: datetime
    ) -> None:
        """Computes the hour and the day around ``at`` anew from the runs that finished in them."""
        self._scalar("run_summaries/lock", tenant_id=tenant_id, schedule_id=schedule_id, kind=kind)
        self._execute(
            "run_summaries/roll_up", tenant_id=tenant_id, schedule_id=schedule_id, kind=kind, at=at, now=now
        )

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

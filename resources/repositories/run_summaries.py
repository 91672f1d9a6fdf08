"""Table run_summaries."""

import builtins
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from resources.errors import InvalidInput
from resources.pages import Page
from resources.protocols.run_summaries import RunSummaries
from resources.records import RunSummary
from resources.repositories.base import Repository
from resources.states import JobKind

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SETTLED = timedelta(minutes=10)
"""A run that ended is committed by then: no claim takes longer."""


@dataclass(frozen=True)
class _Listed(RunSummary):
    schedule_key: UUID
    """The schedule for the order of a list, where NULL has no place."""


class RunSummaryRepository(Repository, RunSummaries):
    """RunSummaries on PostgreSQL."""

    def roll_up(
        self, tenant_id: str, schedule_id: UUID | None, kind: JobKind, at: datetime, now: datetime
    ) -> None:
        self._scalar("run_summaries/lock", tenant_id=tenant_id, schedule_id=schedule_id, kind=kind)
        hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        self._compute(tenant_id, schedule_id, kind, _day(at), [hour], now)

    def rebuild_day(
        self, tenant_id: str, schedule_id: UUID | None, kind: JobKind, at: datetime, now: datetime
    ) -> None:
        day = _day(at)
        group = {"tenant_id": tenant_id, "schedule_id": schedule_id, "kind": kind}
        self._scalar("run_summaries/lock", **group)
        self._execute("run_summaries/forget_day", **group, day=day, next_day=day + DAY)
        self._compute(tenant_id, schedule_id, kind, day, [day + HOUR * number for number in range(24)], now)
        whole_since = self._scalar("retention/ledger_since", tenant_id=tenant_id)
        if whole_since and day < whole_since:
            expected = f"{whole_since:%Y-%m-%d} or later; runs before it were pruned"
            raise InvalidInput("day", f"{day:%Y-%m-%d}", expected)

    def list_groups(self, tenant_id: str, at: datetime) -> builtins.list[tuple[UUID | None, JobKind]]:
        day = _day(at)
        rows = self._rows("run_summaries/list_groups", tenant_id=tenant_id, day=day, next_day=day + DAY)
        return [(schedule_id, JobKind(kind)) for schedule_id, kind in rows]

    def next_day(self, tenant_id: str, since: datetime) -> datetime | None:
        day: datetime | None = self._scalar("run_summaries/next_day", tenant_id=tenant_id, since=since)
        return day

    def list_stale(
        self, since: datetime, limit: int = 1000
    ) -> builtins.list[tuple[str, UUID | None, JobKind, datetime]]:
        rows = self._rows("run_summaries/list_stale", since=since, settled=SETTLED, limit=limit)
        return [(tenant_id, schedule_id, JobKind(kind), hour) for tenant_id, schedule_id, kind, hour in rows]

    def list(
        self,
        tenant_id: str,
        granularity: str,
        schedule_id: UUID | None = None,
        *,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[RunSummary]:
        page = self._page(
            "run_summaries/list",
            _Listed,
            ("bucket", "schedule_key", "kind"),
            cursor=cursor,
            limit=limit,
            tenant_id=tenant_id,
            granularity=granularity,
            schedule_id=schedule_id,
        )
        return Page[RunSummary]([*page.items], page.next_cursor)

    def _compute(
        self,
        tenant_id: str,
        schedule_id: UUID | None,
        kind: JobKind,
        day: datetime,
        hours: Sequence[datetime],
        now: datetime,
    ) -> None:
        self._execute(
            "run_summaries/roll_up",
            tenant_id=tenant_id,
            schedule_id=schedule_id,
            kind=kind,
            day=day,
            next_day=day + DAY,
            hours=[*hours],
            now=now,
        )


def _day(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

"""Table workers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from resources.repositories.base import Repository
from resources.states import JobKind


class WorkerRepository(Repository):
    """Processes that carry runs; all of it is the system's."""

    def register(
        self,
        worker_id: UUID,
        *,
        host: str,
        pid: int,
        kinds: Sequence[JobKind],
        capacity: int,
        version: str,
        dagster_run_id: str | None,
        now: datetime,
    ) -> None:
        """Adds an active worker; capacity is in runs."""
        self._execute(
            "workers/register",
            id=worker_id,
            host=host,
            pid=pid,
            kinds=list(kinds),
            capacity=capacity,
            version=version,
            dagster_run_id=dagster_run_id,
            now=now,
        )

    def heartbeat(self, worker_id: UUID, now: datetime) -> bool:
        """Says that the worker lives; False when it is gone or was declared dead."""
        return self._execute("workers/heartbeat", id=worker_id, now=now) == 1

    def declare_dead(self, now: datetime, silent_for: timedelta) -> dict[UUID, str | None]:
        """active or draining → dead: no heartbeat within ``silent_for``; returns the ids with their Dagster runs."""
        rows = self._rows("workers/declare_dead", now=now, limit=silent_for)
        return dict(rows)

    def deregister(self, worker_id: UUID, now: datetime) -> bool:
        """Lets the worker go; False when it is gone or was declared dead."""
        return self._execute("workers/deregister", id=worker_id, now=now) == 1

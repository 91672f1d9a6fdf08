"""Table workers."""

import builtins
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from psycopg import errors

from resources.errors import AlreadyExists, IllegalTransition, InvalidInput, NotFound
from resources.ids import part_of_id, whole_id
from resources.pages import Page
from resources.protocols.workers import Workers
from resources.records import Worker
from resources.repositories.base import Repository
from resources.states import JobKind, WorkerState


class WorkerRepository(Repository, Workers):
    """Workers on PostgreSQL."""

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
        try:
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
        except errors.UniqueViolation:
            raise AlreadyExists("worker", worker_id) from None

    def get(self, worker_id: UUID) -> Worker:
        worker = self._one("workers/get", Worker, id=worker_id)
        if worker is None:
            raise NotFound("worker", worker_id)
        return worker

    def find(self, text: str) -> Worker:
        whole = whole_id(text)
        if whole:
            return self.get(whole)
        found = self._all("workers/find_by_prefix", Worker, prefix=part_of_id("worker", text), limit=2)
        if not found:
            raise NotFound("worker", text)
        if len(found) > 1:
            raise InvalidInput("worker", text, "more digits: several workers match")
        return found[0]

    def list(
        self,
        *,
        status: WorkerState | None = None,
        host: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[Worker]:
        return self._page(
            "workers/list", Worker, ("id",), cursor=cursor, limit=limit, status=status, host=host
        )

    def count_running(self, worker_ids: Sequence[UUID]) -> dict[UUID, int]:
        return dict(self._rows("workers/count_running", worker_ids=[*worker_ids]))

    def heartbeat(self, worker_id: UUID, now: datetime) -> WorkerState:
        status = self._scalar("workers/heartbeat", id=worker_id, now=now)
        if status is None:
            raise self._refusal(worker_id, WorkerState.ACTIVE)
        return WorkerState(status)

    def drain(self, worker_id: UUID) -> None:
        if not self._execute("workers/drain", id=worker_id):
            raise self._refusal(worker_id, WorkerState.DRAINING)

    def deregister(self, worker_id: UUID, now: datetime) -> None:
        if not self._execute("workers/deregister", id=worker_id, now=now):
            raise self._refusal(worker_id, WorkerState.GONE)

    def find_dead(self, now: datetime, silent_for: timedelta, limit: int = 1000) -> builtins.list[Worker]:
        return self._all("workers/find_dead", Worker, now=now, silent_for=silent_for, limit=limit)

    def declare_dead(self, now: datetime, silent_for: timedelta) -> dict[UUID, str | None]:
        rows = self._rows("workers/declare_dead", now=now, limit=silent_for)
        return dict(rows)

    def list_alive_of(self, dagster_runs: Sequence[str]) -> set[str]:
        rows = self._rows("workers/list_alive_of", dagster_runs=list(dagster_runs))
        return {dagster_run_id for (dagster_run_id,) in rows}

    def _refusal(self, worker_id: UUID, target: WorkerState) -> IllegalTransition:
        return IllegalTransition("worker", worker_id, self.get(worker_id).status, target)

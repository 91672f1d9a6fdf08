"""Tables graph_jobs and policy_jobs: the work items of runs."""

import builtins
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from resources.errors import (
    AlreadyExists,
    IllegalTransition,
    InvalidInput,
    NotFound,
    SchedulerError,
    StaleAttempt,
)
from resources.ids import new_id
from resources.inventory_records import LastEvaluation
from resources.pages import Page
from resources.protocols.work_items import LEASE, GraphJobs, PolicyJobs, WorkItems
from resources.records import Completion, Evaluated, Image, Json, Run, WorkItem
from resources.repositories.base import Repository, json_of
from resources.states import PolicyMode, WorkState


class WorkItemRepository(Repository, WorkItems):
    """What both tables share; each names its own statements, by verb."""

    entity: str
    statements: Mapping[str, str]

    def get(self, tenant_id: str, item_id: UUID) -> WorkItem:
        item = self._one(self.statements["get"], WorkItem, tenant_id=tenant_id, id=item_id)
        if item is None:
            raise NotFound(self.entity, item_id)
        return item

    def list(
        self,
        tenant_id: str,
        *,
        run_id: UUID | None = None,
        status: WorkState | None = None,
        image_id: UUID | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[WorkItem]:
        return self._page(
            self.statements["list"],
            WorkItem,
            ["id"],
            cursor=cursor,
            limit=limit,
            tenant_id=tenant_id,
            run_id=run_id,
            status=status,
            image_id=image_id,
        )

    def list_of_run(self, run: Run) -> builtins.list[WorkItem]:
        return self._all(self.statements["list_of_run"], WorkItem, tenant_id=run.tenant_id, run_id=run.id)

    def count_by_status(self, run: Run) -> dict[WorkState, int]:
        rows = self._rows(self.statements["count_by_status"], tenant_id=run.tenant_id, run_id=run.id)
        found: dict[str, int] = dict(rows)
        return {status: found.get(status, 0) for status in WorkState}

    def claim(
        self, run: Run, worker: UUID, now: datetime, *, lease: timedelta = LEASE, limit: int
    ) -> builtins.list[WorkItem]:
        _check_lease(lease)
        _check_positive("limit", limit)
        return self._all(
            self.statements["claim"],
            WorkItem,
            tenant_id=run.tenant_id,
            run_id=run.id,
            worker=str(worker),
            lease=lease,
            limit=limit,
            now=now,
        )

    def renew(
        self, items: Sequence[WorkItem], worker: UUID, now: datetime, *, lease: timedelta = LEASE
    ) -> None:
        _check_lease(lease)
        self._under_lease("renew", items, worker, "renewed", lease=lease, now=now)

    def complete_many(self, done: Sequence[Completion], worker: UUID, now: datetime) -> None:
        self._under_lease(
            "complete_many",
            [one.item for one in done],
            worker,
            WorkState.COMPLETED,
            input_digests=[one.input_digest for one in done],
            result_digests=[one.result_digest for one in done],
            stats=[Jsonb(dict(one.stats)) for one in done],
            now=now,
        )

    def fail(
        self, item: WorkItem, worker: UUID, error: str, now: datetime, *, stats: Json | None = None
    ) -> None:
        if not error:
            raise InvalidInput("error", error, "what went wrong")
        self._under_lease(
            "fail", [item], worker, WorkState.FAILED, error=error, stats=Jsonb(dict(stats or {})), now=now
        )

    def cancel(self, item: WorkItem, worker: UUID, now: datetime) -> None:
        self._under_lease("cancel", [item], worker, WorkState.CANCELLED, now=now)

    def cancel_open_of_run(self, run: Run, now: datetime) -> int:
        return self._execute(
            self.statements["cancel_open_of_run"], tenant_id=run.tenant_id, run_id=run.id, now=now
        )

    def requeue_of_run(self, run: Run) -> int:
        return self._execute(self.statements["requeue_of_run"], tenant_id=run.tenant_id, run_id=run.id)

    def requeue_expired(self, now: datetime, limit: int) -> builtins.list[WorkItem]:
        _check_positive("limit", limit)
        return self._all(self.statements["requeue_expired"], WorkItem, now=now, limit=limit)

    def _create(self, run: Run, kind: str, images: Sequence[Image], now: datetime) -> None:
        self._execute(
            self.statements["insert_many"],
            tenant_id=run.tenant_id,
            run_id=run.id,
            kind=kind,
            ids=[new_id() for _ in images],
            images=[image.id for image in images],
            sboms=[image.sbom_id for image in images],
            now=now,
        )

    def _under_lease(
        self, verb: str, items: Sequence[WorkItem], worker: UUID, target: str, **values: Any
    ) -> None:
        """Writes items that a worker claimed; raises for the first that was not moved."""
        if not items:
            return
        rows = self._rows(
            self.statements[verb],
            tenant_id=items[0].tenant_id,
            ids=[item.id for item in items],
            attempts=[item.attempts for item in items],
            worker=str(worker),
            **values,
        )
        written = {row[0] for row in rows}
        for item in items:
            if item.id not in written:
                raise self._refusal(item, worker, target)

    def _refusal(self, item: WorkItem, worker: UUID, target: str) -> SchedulerError:
        """Why a claimed item could not be written."""
        now = self.get(item.tenant_id, item.id)
        if now.status is WorkState.RUNNING or (now.status is WorkState.PENDING and now.attempts):
            return StaleAttempt(self.entity, item.id, f"the lease of worker {worker}")
        return IllegalTransition(self.entity, item.id, now.status, target)


def _by_verb(*names: str) -> Mapping[str, str]:
    return {name.partition("/")[2]: name for name in names}


class GraphJobRepository(WorkItemRepository, GraphJobs):
    """GraphJobs on PostgreSQL."""

    entity = "graph job"
    statements = _by_verb(
        *("graph_jobs/insert_many", "graph_jobs/get", "graph_jobs/list", "graph_jobs/list_of_run"),
        *("graph_jobs/count_by_status", "graph_jobs/claim", "graph_jobs/renew", "graph_jobs/complete_many"),
        *("graph_jobs/fail", "graph_jobs/cancel", "graph_jobs/cancel_open_of_run"),
        *("graph_jobs/requeue_of_run", "graph_jobs/requeue_expired"),
    )

    def create_many(self, run: Run, images: Sequence[Image], now: datetime) -> None:
        self._create(run, "build", images, now)


class PolicyJobRepository(WorkItemRepository, PolicyJobs):
    """PolicyJobs on PostgreSQL."""

    entity = "policy job"
    statements = _by_verb(
        *("policy_jobs/insert_many", "policy_jobs/get", "policy_jobs/list", "policy_jobs/list_of_run"),
        *("policy_jobs/count_by_status", "policy_jobs/claim", "policy_jobs/renew"),
        *("policy_jobs/complete_many", "policy_jobs/fail", "policy_jobs/cancel"),
        *("policy_jobs/cancel_open_of_run", "policy_jobs/requeue_of_run", "policy_jobs/requeue_expired"),
    )

    def create_many(self, run: Run, mode: PolicyMode, images: Sequence[Image], now: datetime) -> None:
        self._create(run, mode, images, now)

    def record_many(
        self, run: Run, mode: PolicyMode, evaluated: Sequence[Evaluated], began_at: datetime, now: datetime
    ) -> None:
        added = self._rows(
            "policy_jobs/record_many",
            tenant_id=run.tenant_id,
            run_id=run.id,
            kind=mode,
            evaluated=json_of(evaluated),
            began_at=began_at,
            now=now,
        )
        if len(added) < len(evaluated):
            known = next(one for one in evaluated if (one.image_id,) not in added)
            raise AlreadyExists(f"{self.entity} of run {run.id} and image", known.image_id)

    def last_evaluations(self, tenant_id: str, images: Iterable[UUID]) -> dict[UUID, LastEvaluation]:
        found = self._all(
            "policy_jobs/last_evaluations", LastEvaluation, tenant_id=tenant_id, images=builtins.list(images)
        )
        return {evaluation.image_id: evaluation for evaluation in found}

    def lock(self, tenant_id: str) -> None:
        self._scalar("policy_jobs/lock", tenant_id=tenant_id)


def _check_lease(lease: timedelta) -> None:
    if lease <= timedelta():
        raise InvalidInput("lease", lease, "a positive duration")


def _check_positive(field: str, value: int) -> None:
    if value < 1:
        raise InvalidInput(field, value, "1 or more")

"""Tables graph_jobs and policy_jobs: the work items of runs."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from resources.errors import StaleAttempt
from resources.ids import new_id
from resources.inventory_records import LastEvaluation
from resources.records import Image, Run, WorkItem
from resources.repositories.base import Repository
from resources.states import PolicyMode, WorkState

LEASE = timedelta(minutes=10)


def _items(run: Run, images: Sequence[Image], now: datetime) -> dict[str, Any]:
    return {
        "tenant_id": run.tenant_id,
        "run_id": run.id,
        "ids": [new_id() for _ in images],
        "images": [image.id for image in images],
        "sboms": [image.sbom_id for image in images],
        "now": now,
    }


class GraphJobRepository(Repository):
    """Work items of graph runs, one an image."""

    def create_many(self, run: Run, images: Sequence[Image], now: datetime) -> None:
        """Adds a pending item per image; those that exist stay."""
        self._execute("graph_jobs/insert_many", kind="build", **_items(run, images, now))

    def list_of_run(self, run: Run) -> list[WorkItem]:
        """The items of a run, in the order they were made."""
        return self._all("graph_jobs/list_of_run", WorkItem, tenant_id=run.tenant_id, run_id=run.id)

    def start(self, item: WorkItem, worker: UUID, now: datetime) -> bool:
        """pending → running under a lease of the worker; False when somebody else took it."""
        return bool(
            self._execute(
                "graph_jobs/start",
                tenant_id=item.tenant_id,
                id=item.id,
                worker=str(worker),
                lease=LEASE,
                now=now,
            )
        )

    def finish(
        self,
        item: WorkItem,
        worker: UUID,
        now: datetime,
        *,
        digest: str | None = None,
        stats: Mapping[str, Any] | None = None,
        error: str | None = None,
    ) -> None:
        """running → completed, or failed with an error; raises StaleAttempt without the lease."""
        written = self._execute(
            "graph_jobs/finish",
            tenant_id=item.tenant_id,
            id=item.id,
            worker=str(worker),
            status=WorkState.FAILED if error else WorkState.COMPLETED,
            result_digest=digest,
            stats=Jsonb(dict(stats or {})),
            error=error,
            now=now,
        )
        if not written:
            raise StaleAttempt("graph job", item.id, 0)

    def cancel_open_of_run(self, run: Run, now: datetime) -> int:
        """pending or running → cancelled, for a run that ends early; returns how many."""
        return self._execute("graph_jobs/cancel_open_of_run", tenant_id=run.tenant_id, run_id=run.id, now=now)


class PolicyJobRepository(Repository):
    """Work items of policy runs, one an image."""

    def create_many(self, run: Run, mode: PolicyMode, images: Sequence[Image], now: datetime) -> None:
        """Adds a pending item per image; those that exist stay."""
        self._execute("policy_jobs/insert_many", kind=mode, **_items(run, images, now))

    def list_of_run(self, run: Run) -> list[WorkItem]:
        """The items of a run, in the order they were made."""
        return self._all("policy_jobs/list_of_run", WorkItem, tenant_id=run.tenant_id, run_id=run.id)

    def start_many(self, items: Sequence[WorkItem], worker: UUID, now: datetime) -> set[UUID]:
        """pending → running under a lease of the worker; returns the ids taken."""
        if not items:
            return set()
        rows = self._rows(
            "policy_jobs/start_many",
            tenant_id=items[0].tenant_id,
            ids=[item.id for item in items],
            worker=str(worker),
            lease=LEASE,
            now=now,
        )
        return {row[0] for row in rows}

    def complete_many(
        self,
        tenant_id: str,
        worker: UUID,
        done: Sequence[tuple[UUID, str, str, Mapping[str, Any]]],
        now: datetime,
    ) -> None:
        """running → completed: (id, input digest, result digest, stats) each; raises StaleAttempt without the lease."""
        rows = self._rows(
            "policy_jobs/complete_many",
            tenant_id=tenant_id,
            worker=str(worker),
            ids=[item_id for item_id, _, _, _ in done],
            input_digests=[digest for _, digest, _, _ in done],
            result_digests=[digest for _, _, digest, _ in done],
            stats=[Jsonb(dict(stats)) for _, _, _, stats in done],
            now=now,
        )
        for lost in {item_id for item_id, _, _, _ in done} - {row[0] for row in rows}:
            raise StaleAttempt("policy job", lost, 0)

    def cancel_open_of_run(self, run: Run, now: datetime) -> int:
        """pending or running → cancelled, for a run that ends early; returns how many."""
        return self._execute(
            "policy_jobs/cancel_open_of_run", tenant_id=run.tenant_id, run_id=run.id, now=now
        )

    def last_evaluations(self, tenant_id: str, images: Iterable[UUID]) -> dict[UUID, LastEvaluation]:
        """The last evaluation of each image, simulations aside; images never evaluated are left out."""
        found = self._all(
            "policy_jobs/last_evaluations", LastEvaluation, tenant_id=tenant_id, images=list(images)
        )
        return {evaluation.image_id: evaluation for evaluation in found}

    def lock(self, tenant_id: str) -> None:
        """Waits until no other chunk of the tenant's policy runs is written; held to the end of the transaction."""
        self._scalar("policy_jobs/lock", tenant_id=tenant_id)

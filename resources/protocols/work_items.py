"""What callers ask of tables graph_jobs and policy_jobs: the work items of runs.

A worker claims items under a lease and ends them under the same one. Expiry alone takes no lease away: it lets
`requeue_expired` do so, and until then an end that comes late still counts. Each claim counts up the item's
``attempts``, and a lease is held by worker and attempt together: an item as an earlier claim returned it is stale
even for the worker that has claimed it again.

Each transition that writes nothing raises why: NotFound, StaleAttempt when the item was requeued or is under another
lease, IllegalTransition when it has ended or was never claimed. One that takes many items names the first of those
that it could not move; the transaction is to be rolled back then, which leaves all of them as they were.
"""

import builtins
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from resources.inventory_records import LastEvaluation
from resources.pages import Page
from resources.records import Completion, Evaluated, Image, Json, Run, WorkItem
from resources.states import PolicyMode, WorkState

LEASE = timedelta(minutes=10)


class WorkItems(Protocol):
    """The items of runs of one kind, one an image."""

    def get(self, tenant_id: str, item_id: UUID) -> WorkItem:
        """One item; raises NotFound."""

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
        """Items, newest first."""

    def list_of_run(self, run: Run) -> builtins.list[WorkItem]:
        """The items of a run, in the order they were made."""

    def count_by_status(self, run: Run) -> dict[WorkState, int]:
        """How many items of a run stand where; every status is named."""

    def claim(
        self, run: Run, worker: UUID, now: datetime, *, lease: timedelta = LEASE, limit: int
    ) -> builtins.list[WorkItem]:
        """pending → running: takes the oldest items of a run under a lease; none when none is free.

        Items that another transaction is claiming are passed over, not waited for. Raises InvalidInput for a lease
        or a limit that is not positive.
        """

    def renew(
        self, items: Sequence[WorkItem], worker: UUID, now: datetime, *, lease: timedelta = LEASE
    ) -> None:
        """Lets claimed items' leases last for another while from now; never shortens one."""

    def complete_many(self, done: Sequence[Completion], worker: UUID, now: datetime) -> None:
        """running → completed."""

    def fail(
        self, item: WorkItem, worker: UUID, error: str, now: datetime, *, stats: Json | None = None
    ) -> None:
        """running → failed; raises InvalidInput for an empty error."""

    def cancel(self, item: WorkItem, worker: UUID, now: datetime) -> None:
        """running → cancelled."""

    def cancel_open_of_run(self, run: Run, now: datetime) -> int:
        """pending or running → cancelled, for a run that ends early; returns how many."""

    def requeue_of_run(self, run: Run) -> int:
        """running → pending, for what earlier attempts of a run began; returns how many.

        For who holds the run's attempt and has claimed nothing yet: nobody else may work on the run then.
        """

    def requeue_expired(self, now: datetime, limit: int) -> builtins.list[WorkItem]:
        """running → pending, for leases that expired, longest ago first; returns the items as they are now.

        As the system those of every tenant, as a tenant its own. Items that another transaction is writing are
        passed over, not waited for.
        """


class GraphJobs(WorkItems, Protocol):
    """Work items of graph runs."""

    def create_many(self, run: Run, images: Sequence[Image], now: datetime) -> None:
        """Adds a pending item per image; those that exist stay."""


class PolicyJobs(WorkItems, Protocol):
    """Work items of policy runs; their completions carry an input digest."""

    def create_many(self, run: Run, mode: PolicyMode, images: Sequence[Image], now: datetime) -> None:
        """Adds a pending item per image; those that exist stay."""

    def record_many(
        self, run: Run, mode: PolicyMode, evaluated: Sequence[Evaluated], began_at: datetime, now: datetime
    ) -> None:
        """Adds completed items, for who evaluates images in the transaction that stores what it found.

        Raises AlreadyExists for the first image of which the run has an item; the transaction is to be rolled back.
        """

    def last_evaluations(self, tenant_id: str, images: Iterable[UUID]) -> dict[UUID, LastEvaluation]:
        """The last evaluation of each image, simulations aside; images never evaluated are left out."""

    def lock(self, tenant_id: str) -> None:
        """Waits until no other chunk of the tenant's policy runs is written; held to the end of the transaction."""

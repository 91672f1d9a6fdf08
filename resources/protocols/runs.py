"""What callers ask of table runs: the ledger."""

import builtins
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from resources.pages import Page
from resources.records import FiringFacts, Launchable, NewRun, OpenRuns, Run, Schedule
from resources.states import JobKind, RunState, TriggerKind


class Runs(Protocol):
    """Runs; after creation a run changes only by a guarded transition."""

    def create_many(self, runs: Sequence[NewRun], now: datetime) -> list[UUID]:
        """Writes pending and skipped rows; occurrences already accounted for are left, and not returned."""

    def get(self, tenant_id: str, run_id: UUID) -> Run:
        """One run; raises NotFound."""

    def find(self, tenant_id: str, text: str) -> Run:
        """One run by its id, or by how its id begins or ends; raises NotFound, or InvalidInput when several match."""

    def list(
        self,
        tenant_id: str,
        *,
        states: Sequence[RunState] = (),
        kind: JobKind | None = None,
        trigger_kind: TriggerKind | None = None,
        schedule_id: UUID | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[Run]:
        """Runs by their planned instants, newest first; pages lead both ways.

        ``states``: any of these, or all without one. A period holds since <= scheduled_for < until.
        """

    def get_by_schedule(self, tenant_id: str, schedule_id: UUID, limit: int = 100) -> builtins.list[Run]:
        """The newest runs of a schedule."""

    def get_pending(self, tenant_id: str, *, cursor: str | None = None, limit: int = 100) -> Page[Run]:
        """What waits, in the order it is claimed: by priority, highest first, then the planned instant."""

    def count_by_state(
        self, tenant_id: str, since: datetime | None = None, until: datetime | None = None
    ) -> dict[RunState, int]:
        """How many runs are in each state, zeros included; of all, or of since <= scheduled_for < until."""

    def list_finished_since(self, tenant_id: str, since: datetime, limit: int = 100) -> builtins.list[Run]:
        """Runs that ended after an instant, in the order they ended."""

    def list_abandoned(self, limit: int = 100) -> builtins.list[Run]:
        """Runs that still run by the ledger though their worker is dead or gone. The system's."""

    def list_overdue(self, now: datetime, grace: timedelta, limit: int = 100) -> builtins.list[Run]:
        """Running attempts that take longer than their schedule's run_timeout and ``grace``."""

    def list_of_launch(self, launch_id: UUID) -> builtins.list[Run]:
        """Every run of a launch."""

    def count_open(self, schedules: Sequence[Schedule]) -> builtins.list[OpenRuns]:
        """Open runs of locked schedules; a schedule without any is left out.

        ``pending`` are those that are to do what a new one would and have not begun, ``active`` all others.
        """

    def read_firing_facts(self, schedules: Sequence[Schedule], now: datetime) -> builtins.list[FiringFacts]:
        """What rates and conditions of locked schedules are held against; one for each, in no order."""

    def cancel_waiting_of(self, schedules: Sequence[Schedule], now: datetime) -> int:
        """pending or queued → cancelled, for what schedules have waiting; returns how many."""

    def cancel_covered(self, tenants: Sequence[str], now: datetime) -> int:
        """pending → cancelled, for fires of events that a completed run of their schedule saw; returns how many.

        Saw: it began after the last event that any trigger of the schedule heard of, by the same mode and selection.
        """

    def stop_superseded(self, tenants: Sequence[str], now: datetime) -> int:
        """Asks runs to stop that a newer fire of their cancel_running schedule waits for; returns how many.

        A run that writes results at this moment is left to the next tick: the claim waits for nobody.
        """

    def last_completed_request(self, run: Run) -> datetime | None:
        """When the run was asked for that completed the schedule last, by the same selection and asked for no later.

        None when none has.
        """

    def count_active(self, tenant_id: str) -> int:
        """How many runs of a locked tenant are queued or running."""

    def read_launchable(
        self, tenants: Sequence[str], now: datetime, per_tenant: int, limit: int
    ) -> builtins.list[Launchable]:
        """Pending runs of locked tenants that may start now, by kind, tenant and id."""

    def enqueue_many(self, packed: Mapping[UUID, Sequence[Launchable]]) -> builtins.list[UUID]:
        """pending → queued: puts runs into their launches; returns the ids moved.

        A run that was cancelled meanwhile stays as it is: it must not hold up the others.
        """

    def open_of_launch(
        self, launch_id: UUID, dagster_run_id: str, worker_id: UUID, now: datetime
    ) -> builtins.list[UUID]:
        """queued → running: starts the attempt of each run of a launch, each under a new fencing token.

        A run that was cancelled meanwhile stays as it is. Raises NotFound for an unknown launch,
        IllegalTransition for one that is not acknowledged, StaleAttempt when another Dagster run took it.
        """

    def begin_attempt(self, run: Run, now: datetime) -> Run:
        """Sets the start of an opened run to the instant its own work begins; returns the run.

        The first attempt notes how many events its schedule has heard of: it sees what these brought.

        Raises NotFound, or StaleAttempt when the attempt is not the current one any more.
        """

    def take_snapshots(self, run: Run, schedules: Sequence[UUID], since: datetime) -> builtins.list[UUID]:
        """The impact snapshots that a policy run is to evaluate, by id; kept with the run by its first attempt.

        Those of completed runs of ``schedules`` that finished at ``since`` or after, without what a completed run of
        its schedule by the same selection took. Raises NotFound, or StaleAttempt as ``begin_attempt`` does.
        """

    def hold_attempt(self, run: Run) -> datetime | None:
        """Holds a running attempt in place for this transaction; returns when its cancellation was asked for.

        Raises NotFound, or StaleAttempt when the attempt is not the current one any more.
        """

    def finish(
        self,
        run: Run,
        state: RunState,
        now: datetime,
        *,
        stats: Mapping[str, Any] | None = None,
        deltas: Mapping[str, Any] | None = None,
        error: str | None = None,
        reason: str | None = None,
    ) -> None:
        """running → completed, failed or cancelled.

        Raises NotFound, StaleAttempt when the run is open under another attempt, IllegalTransition when it has
        ended or was never begun. A cancelled run keeps the reason it was asked to stop for, if there was one.
        """

    def end_with_launch(
        self,
        run: Run,
        state: RunState,
        now: datetime,
        *,
        error: str | None = None,
        reason: str | None = None,
    ) -> None:
        """queued or running → failed or cancelled: its launch ended without it.

        Raises NotFound, StaleAttempt when the run is open but no longer in that launch, IllegalTransition when it
        has ended or is in no launch.
        """

    def return_to_pending(
        self, run: Run, available_at: datetime, *, lost: bool = True, reason: str | None = None
    ) -> None:
        """queued → pending: its launch died before it opened the run; the attempt stays the same.

        Launched again at ``available_at`` at the earliest. ``lost`` counts the launch among the run's lost ones.

        Raises NotFound, StaleAttempt when the run is open but no longer in that launch, IllegalTransition when it
        was opened, has ended or is in no launch.
        """

    def retry_attempt(
        self, run: Run, available_at: datetime, *, charged: bool = True, reason: str | None = None
    ) -> None:
        """running → pending: lets the run wait for its next attempt until an instant.

        The attempt counts when it had begun, and as a failure when it is also ``charged``.

        Raises NotFound, StaleAttempt when the run is open under another attempt, IllegalTransition when it has
        ended, was never begun or was asked to stop.
        """

    def cancel(self, run: Run, reason: str, now: datetime) -> RunState:
        """Cancels what waits, asks what runs to stop; returns the state after.

        Raises NotFound, or IllegalTransition when the run has ended.
        """

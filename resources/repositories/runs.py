"""Table runs: the ledger."""

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from resources.errors import IllegalTransition, InvalidInput, NotFound, StaleAttempt
from resources.records import Launchable, NewRun, OpenRuns, Run, Schedule
from resources.repositories.base import Repository, columns_of
from resources.states import JobKind, RunState, TriggerKind

LENGTH_OF_AN_ID = 36
NEW_RUN_COLUMNS = tuple(field.name for field in fields(NewRun))


class RunRepository(Repository):
    """Runs; after creation a run changes only by a guarded transition."""

    def create_many(self, runs: Sequence[NewRun], now: datetime) -> list[UUID]:
        """Writes pending and skipped rows; occurrences already accounted for are left, and not returned."""
        columns = columns_of(runs, *NEW_RUN_COLUMNS)
        return [row[0] for row in self._rows("runs/insert_many", now=now, **columns)]

    def get(self, tenant_id: str, run_id: UUID) -> Run:
        """One run; raises NotFound."""
        run = self._one("runs/get", Run, tenant_id=tenant_id, id=run_id)
        if run is None:
            raise NotFound("run", run_id)
        return run

    def find(self, tenant_id: str, text: str) -> Run:
        """One run by its id, or by how its id begins or ends; raises NotFound, or InvalidInput when several match."""
        whole = _whole_id(text)
        if whole:
            found = self._rows("runs/find", tenant_id=tenant_id, id=whole)
        else:
            found = self._rows("runs/find_by_prefix", tenant_id=tenant_id, prefix=_id_text(text), limit=2)
        if not found:
            raise NotFound("run", text)
        if len(found) > 1:
            raise InvalidInput("run", text, "more digits: several runs match")
        return self.get(tenant_id, found[0][0])

    def list(
        self,
        tenant_id: str,
        *,
        state: RunState | None = None,
        kind: JobKind | None = None,
        trigger_kind: TriggerKind | None = None,
        schedule_id: UUID | None = None,
        before: UUID | None = None,
        limit: int = 100,
    ) -> builtins.list[Run]:
        """Runs, newest first, before an id."""
        return self._all(
            "runs/list",
            Run,
            tenant_id=tenant_id,
            state=state,
            kind=kind,
            trigger_kind=trigger_kind,
            schedule_id=schedule_id,
            before=before,
            limit=limit,
        )

    def list_finished_since(self, tenant_id: str, since: datetime, limit: int = 100) -> builtins.list[Run]:
        """Runs that ended after an instant, in the order they ended."""
        return self._all("runs/list_finished_since", Run, tenant_id=tenant_id, since=since, limit=limit)

    def list_abandoned(self, limit: int = 100) -> builtins.list[Run]:
        """Runs that still run by the ledger though their worker is dead or gone. The system's."""
        return self._all("runs/list_abandoned", Run, limit=limit)

    def list_of_launch(self, launch_id: UUID) -> builtins.list[Run]:
        """Every run of a launch."""
        return self._all("runs/list_of_launch", Run, launch_id=launch_id)

    def count_open(self, schedules: Sequence[Schedule]) -> builtins.list[OpenRuns]:
        """Open runs of locked schedules; a schedule without any is left out."""
        return self._all("runs/count_open", OpenRuns, **_keys(schedules))

    def cancel_waiting_of(self, schedules: Sequence[Schedule], now: datetime) -> int:
        """pending or queued → cancelled, for what schedules have waiting; returns how many."""
        return self._execute("runs/cancel_waiting_of_schedules", now=now, **_keys(schedules))

    def stop_superseded(self, tenants: Sequence[str], now: datetime) -> int:
        """Asks runs to stop that a newer fire of their cancel_running schedule waits for; returns how many.

        A run that writes results at this moment is left to the next tick: the claim waits for nobody.
        """
        return self._execute("runs/stop_superseded", tenants=[*tenants], now=now)

    def count_active(self, tenant_id: str) -> int:
        """How many runs of a locked tenant are queued or running."""
        active: int = self._scalar("runs/count_active", tenant_id=tenant_id)
        return active

    def read_launchable(
        self, tenants: Sequence[str], now: datetime, per_tenant: int, limit: int
    ) -> builtins.list[Launchable]:
        """Pending runs of locked tenants that may start now, by kind, tenant and id."""
        return self._all(
            "runs/read_launchable",
            Launchable,
            tenants=[*tenants],
            now=now,
            per_tenant=per_tenant,
            limit=limit,
        )

    def enqueue_many(self, packed: Mapping[UUID, Sequence[Launchable]]) -> builtins.list[UUID]:
        """pending → queued: puts runs into their launches; returns the ids moved."""
        rows = [(run, launch_id) for launch_id, runs in packed.items() for run in runs]
        moved = self._rows(
            "runs/enqueue_many",
            tenants=[run.tenant_id for run, _ in rows],
            ids=[run.id for run, _ in rows],
            launches=[launch_id for _, launch_id in rows],
        )
        return [row[0] for row in moved]

    def open_of_launch(
        self, launch_id: UUID, dagster_run_id: str, worker_id: UUID, now: datetime
    ) -> builtins.list[UUID]:
        """queued → running: starts the attempt of each run of a launch, each under a new fencing token."""
        opened = self._rows(
            "runs/open_of_launch",
            launch_id=launch_id,
            dagster_run_id=dagster_run_id,
            worker_id=worker_id,
            now=now,
        )
        return [row[1] for row in opened]

    def begin_attempt(self, run: Run, now: datetime) -> Run:
        """Sets the start of an opened run to the instant its own work begins; returns the run; raises StaleAttempt."""
        if not self._execute(
            "runs/begin_attempt", tenant_id=run.tenant_id, id=run.id, token=run.fencing_token, now=now
        ):
            raise StaleAttempt("run", run.id, run.fencing_token or 0)
        return replace(run, started_at=now)

    def hold_attempt(self, run: Run) -> datetime | None:
        """Holds a running attempt in place for this transaction; returns when its cancellation was asked for.

        Raises StaleAttempt when the attempt is not the current one any more.
        """
        rows = self._rows("runs/hold_attempt", tenant_id=run.tenant_id, id=run.id, token=run.fencing_token)
        if not rows:
            raise StaleAttempt("run", run.id, run.fencing_token or 0)
        asked: datetime | None = rows[0][0]
        return asked

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
        """running → completed, failed or cancelled; raises StaleAttempt.

        A cancelled run keeps the reason it was asked to stop for, if there was one.
        """
        written = self._execute(
            "runs/finish",
            tenant_id=run.tenant_id,
            id=run.id,
            token=run.fencing_token,
            state=state,
            stats=Jsonb(dict(stats or {})),
            deltas=Jsonb(dict(deltas or {})),
            error=error,
            reason=reason,
            now=now,
        )
        if not written:
            raise StaleAttempt("run", run.id, run.fencing_token or 0)

    def end_with_launch(
        self,
        run: Run,
        state: RunState,
        now: datetime,
        *,
        error: str | None = None,
        reason: str | None = None,
    ) -> bool:
        """queued or running → failed or cancelled: its launch ended without it; False when it ended itself."""
        return bool(
            self._execute(
                "runs/end_with_launch",
                tenant_id=run.tenant_id,
                id=run.id,
                launch_id=run.launch_id,
                state=state,
                error=error,
                reason=reason,
                now=now,
            )
        )

    def cancel(self, run: Run, reason: str, now: datetime) -> RunState:
        """Cancels what waits, asks what runs to stop; returns the state after, raises IllegalTransition."""
        state = self._scalar("runs/cancel", tenant_id=run.tenant_id, id=run.id, reason=reason, now=now)
        if state is None:
            current = self.get(run.tenant_id, run.id)
            raise IllegalTransition("run", run.id, current.state, RunState.CANCELLED)
        return RunState(state)


def _keys(schedules: Sequence[Schedule]) -> dict[str, builtins.list[Any]]:
    return {
        "tenants": [schedule.tenant_id for schedule in schedules],
        "schedules": [schedule.id for schedule in schedules],
    }


def _whole_id(text: str) -> UUID | None:
    try:
        return UUID(text) if len(text) == LENGTH_OF_AN_ID else None
    except ValueError:
        return None


def _id_text(text: str) -> str:
    wanted = text.strip().lower()
    if not wanted or set(wanted) - set("0123456789abcdef-"):
        raise InvalidInput("run", text, "a run id, or how one begins or ends")
    return wanted

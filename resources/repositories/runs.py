"""Table runs: the ledger."""

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from resources.errors import IllegalTransition, InvalidInput, NotFound, SchedulerError, StaleAttempt
from resources.ids import part_of_id, whole_id
from resources.pages import Page
from resources.protocols.runs import Runs
from resources.records import FiringFacts, Launchable, NewRun, OpenRuns, Run, Schedule
from resources.repositories.base import Repository, columns_of
from resources.repositories.launches import LaunchRepository
from resources.states import TERMINAL, JobKind, LaunchState, RunState, TriggerKind

CLAIM_ORDER = ("priority", "scheduled_for", "id")
NEW_RUN_COLUMNS = tuple(field.name for field in fields(NewRun))


class RunRepository(Repository, Runs):
    """Runs on PostgreSQL."""

    def create_many(self, runs: Sequence[NewRun], now: datetime) -> list[UUID]:
        columns = columns_of(runs, *NEW_RUN_COLUMNS)
        return [row[0] for row in self._rows("runs/insert_many", now=now, **columns)]

    def get(self, tenant_id: str, run_id: UUID) -> Run:
        run = self._one("runs/get", Run, tenant_id=tenant_id, id=run_id)
        if run is None:
            raise NotFound("run", run_id)
        return run

    def find(self, tenant_id: str, text: str) -> Run:
        whole = whole_id(text)
        if whole:
            found = self._rows("runs/find", tenant_id=tenant_id, id=whole)
        else:
            found = self._rows(
                "runs/find_by_prefix", tenant_id=tenant_id, prefix=part_of_id("run", text), limit=2
            )
        if not found:
            raise NotFound("run", text)
        if len(found) > 1:
            raise InvalidInput("run", text, "more digits: several runs match")
        return self.get(tenant_id, found[0][0])

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
        narrowed: dict[str, Any] = {"states": sorted({*states})} if states else {}
        return self._page(
            "runs/list_of_states" if states else "runs/list",
            Run,
            ("scheduled_for", "id"),
            back="runs/list_of_states_back" if states else "runs/list_back",
            cursor=cursor,
            limit=limit,
            tenant_id=tenant_id,
            kind=kind,
            trigger_kind=trigger_kind,
            schedule_id=schedule_id,
            since=since,
            until=until,
            **narrowed,
        )

    def get_by_schedule(self, tenant_id: str, schedule_id: UUID, limit: int = 100) -> builtins.list[Run]:
        return self.list(tenant_id, schedule_id=schedule_id, limit=limit).items

    def get_pending(self, tenant_id: str, *, cursor: str | None = None, limit: int = 100) -> Page[Run]:
        return self._page(
            "runs/list_pending", Run, CLAIM_ORDER, cursor=cursor, limit=limit, tenant_id=tenant_id
        )

    def count_by_state(
        self, tenant_id: str, since: datetime | None = None, until: datetime | None = None
    ) -> dict[RunState, int]:
        rows = self._rows(
            "runs/count_by_state", tenant_id=tenant_id, states=[*RunState], since=since, until=until
        )
        return {RunState(state): count for state, count in rows}

    def list_finished_since(self, tenant_id: str, since: datetime, limit: int = 100) -> builtins.list[Run]:
        return self._all("runs/list_finished_since", Run, tenant_id=tenant_id, since=since, limit=limit)

    def list_abandoned(self, limit: int = 100) -> builtins.list[Run]:
        return self._all("runs/list_abandoned", Run, limit=limit)

    def list_overdue(self, now: datetime, grace: timedelta, limit: int = 100) -> builtins.list[Run]:
        return self._all("runs/list_overdue", Run, now=now, grace=grace, limit=limit)

    def list_of_launch(self, launch_id: UUID) -> builtins.list[Run]:
        return self._all("runs/list_of_launch", Run, launch_id=launch_id)

    def count_open(self, schedules: Sequence[Schedule]) -> builtins.list[OpenRuns]:
        return self._all("runs/count_open", OpenRuns, **_keys(schedules))

    def read_firing_facts(self, schedules: Sequence[Schedule], now: datetime) -> builtins.list[FiringFacts]:
        return self._all("runs/read_firing_facts", FiringFacts, now=now, **_keys(schedules))

    def cancel_covered(self, tenants: Sequence[str], now: datetime) -> int:
        return self._execute("runs/cancel_covered", tenants=builtins.list(tenants), now=now)

    def cancel_waiting_of(self, schedules: Sequence[Schedule], now: datetime) -> int:
        return self._execute("runs/cancel_waiting_of_schedules", now=now, **_keys(schedules))

    def stop_superseded(self, tenants: Sequence[str], now: datetime) -> int:
        return self._execute("runs/stop_superseded", tenants=[*tenants], now=now)

    def last_completed_request(self, run: Run) -> datetime | None:
        found: datetime | None = self._scalar(
            "runs/last_completed_request",
            tenant_id=run.tenant_id,
            schedule_id=run.schedule_id,
            selection=Jsonb(dict(run.selection)),
            created_at=run.created_at,
        )
        return found

    def count_active(self, tenant_id: str) -> int:
        active: int = self._scalar("runs/count_active", tenant_id=tenant_id)
        return active

    def read_launchable(
        self, tenants: Sequence[str], now: datetime, per_tenant: int, limit: int
    ) -> builtins.list[Launchable]:
        return self._all(
            "runs/read_launchable",
            Launchable,
            tenants=[*tenants],
            now=now,
            per_tenant=per_tenant,
            limit=limit,
        )

    def enqueue_many(self, packed: Mapping[UUID, Sequence[Launchable]]) -> builtins.list[UUID]:
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
        opened = self._rows(
            "runs/open_of_launch",
            launch_id=launch_id,
            dagster_run_id=dagster_run_id,
            worker_id=worker_id,
            now=now,
        )
        if not opened:
            self._check_taken(launch_id, dagster_run_id)
        return [row[1] for row in opened]

    def begin_attempt(self, run: Run, now: datetime) -> Run:
        if not self._execute(
            "runs/begin_attempt", tenant_id=run.tenant_id, id=run.id, token=run.fencing_token, now=now
        ):
            raise self._lost(run)
        return replace(run, started_at=now, begun=True)

    def take_snapshots(self, run: Run, schedules: Sequence[UUID], since: datetime) -> builtins.list[UUID]:
        rows = self._rows(
            "runs/take_snapshots",
            tenant_id=run.tenant_id,
            id=run.id,
            token=run.fencing_token,
            schedules=builtins.list(schedules),
            since=since,
        )
        if not rows:
            raise self._lost(run)
        return builtins.list(rows[0][0])

    def hold_attempt(self, run: Run) -> datetime | None:
        rows = self._rows("runs/hold_attempt", tenant_id=run.tenant_id, id=run.id, token=run.fencing_token)
        if not rows:
            raise self._lost(run)
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
            raise self._refused(run, state, "fencing_token")

    def end_with_launch(
        self,
        run: Run,
        state: RunState,
        now: datetime,
        *,
        error: str | None = None,
        reason: str | None = None,
    ) -> None:
        written = self._execute(
            "runs/end_with_launch",
            tenant_id=run.tenant_id,
            id=run.id,
            launch_id=run.launch_id,
            state=state,
            error=error,
            reason=reason,
            now=now,
        )
        if not written:
            raise self._refused(run, state, "launch_id")

    def return_to_pending(
        self, run: Run, available_at: datetime, *, lost: bool = True, reason: str | None = None
    ) -> None:
        if not self._execute(
            "runs/return_to_pending",
            tenant_id=run.tenant_id,
            id=run.id,
            launch_id=run.launch_id,
            available_at=available_at,
            lost=lost,
            reason=reason,
        ):
            raise self._refused(run, RunState.PENDING, "launch_id")

    def retry_attempt(
        self, run: Run, available_at: datetime, *, charged: bool = True, reason: str | None = None
    ) -> None:
        if not self._execute(
            "runs/retry_attempt",
            tenant_id=run.tenant_id,
            id=run.id,
            token=run.fencing_token,
            available_at=available_at,
            charged=charged,
            reason=reason,
        ):
            raise self._refused(run, RunState.PENDING, "fencing_token")

    def cancel(self, run: Run, reason: str, now: datetime) -> RunState:
        state = self._scalar("runs/cancel", tenant_id=run.tenant_id, id=run.id, reason=reason, now=now)
        if state is None:
            current = self.get(run.tenant_id, run.id)
            raise IllegalTransition("run", run.id, current.state, RunState.CANCELLED)
        return RunState(state)

    def _refused(self, run: Run, target: RunState, held: str) -> SchedulerError:
        """Why a guarded statement moved no row; ``held`` names the column by which the caller held the run."""
        current = self.get(run.tenant_id, run.id)
        if current.state in TERMINAL or getattr(current, held) == getattr(run, held):
            return IllegalTransition("run", run.id, current.state, target)
        token = f"launch {run.launch_id}" if held == "launch_id" else run.fencing_token or 0
        return StaleAttempt("run", run.id, token)

    def _lost(self, run: Run) -> StaleAttempt:
        self.get(run.tenant_id, run.id)
        return StaleAttempt("run", run.id, run.fencing_token or 0)

    def _check_taken(self, launch_id: UUID, dagster_run_id: str) -> None:
        launch = LaunchRepository(self._connection).get(launch_id)
        if launch.state is not LaunchState.ACKNOWLEDGED:
            raise IllegalTransition("launch", launch_id, launch.state, "opened")
        if launch.dagster_run_id != dagster_run_id:
            raise StaleAttempt("launch", launch_id, f"Dagster run {dagster_run_id}")


def _keys(schedules: Sequence[Schedule]) -> dict[str, builtins.list[Any]]:
    return {
        "tenants": [schedule.tenant_id for schedule in schedules],
        "schedules": [schedule.id for schedule in schedules],
    }

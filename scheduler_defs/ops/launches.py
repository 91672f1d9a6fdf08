"""The life of a launch: opened, its runs carried out, closed. The ops wrap these functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from resources.database import Database
from resources.errors import IllegalTransition, InvalidInput, RunsFailed, StaleAttempt
from resources.ids import new_id
from resources.records import Launchable, Run
from resources.selection import Selection
from resources.states import JobKind, PolicyMode, RunState
from resources.store import Store
from scheduler_defs.edits.listeners import tell_listeners
from scheduler_defs.edits.runs import request_run
from scheduler_defs.ops.attempt import Outcome


@dataclass(frozen=True)
class ManualLaunch:
    """What a person asked for in the launchpad."""

    tenant_id: str
    kind: JobKind
    selection: Selection
    priority: int
    mode: PolicyMode | None
    requested_by: str


@dataclass(frozen=True)
class Opened:
    """A launch this Dagster run has taken, and the runs whose attempts it started; none when another took it."""

    launch_id: UUID
    worker_id: UUID
    dagster_run_id: str
    runs: Sequence[Run]


def add_manual(store: Store, wanted: ManualLaunch, owner: str) -> UUID:
    """Writes the run and the launch of a manual start; returns the launch's id.

    Raises NotFound for an unknown tenant, InvalidInput, also for a tenant at its limit of runs at once.
    """
    if not wanted.tenant_id:
        raise InvalidInput("tenant", wanted.tenant_id, "the id of a tenant")
    _check_capacity(store, wanted.tenant_id)
    run_id = request_run(
        store,
        wanted.tenant_id,
        wanted.kind,
        wanted.requested_by,
        selection=wanted.selection,
        mode=wanted.mode,
        priority=wanted.priority,
    )
    launch_id = new_id()
    store.launches.create_many({launch_id: wanted.kind}, owner, store.now())
    store.runs.enqueue_many({launch_id: [Launchable(wanted.tenant_id, run_id, wanted.kind)]})
    return launch_id


def _check_capacity(store: Store, tenant_id: str) -> None:
    limit = store.tenants.lock_capacity(tenant_id)
    if limit is not None and store.runs.count_active(tenant_id) >= limit:
        raise InvalidInput(
            "tenant",
            tenant_id,
            f"a tenant below its limit of {limit} open runs (queued or running); wait for one to end, or cancel one",
        )


def open_launch(
    database: Database, launch_id: UUID, kind: JobKind, dagster_run_id: str, worker_id: UUID
) -> Opened:
    """Acknowledges a launch and starts the attempts of its runs.

    A launch that another Dagster run took, or that ended, opens nothing. Raises NotFound, and InvalidInput
    for a launch of another kind.
    """
    with database.begin_system() as store:
        launch = store.launches.get(launch_id)
        if launch.kind is not kind:
            raise InvalidInput(
                "launch_id", str(launch_id), f"a launch of {kind} runs, not of {launch.kind} runs"
            )
        now = store.now()
        try:
            store.launches.acknowledge(launch_id, dagster_run_id, now)
        except IllegalTransition:
            return Opened(launch_id, worker_id, dagster_run_id, [])
        started = set(store.runs.open_of_launch(launch_id, dagster_run_id, worker_id, now))
        runs = [run for run in store.runs.list_of_launch(launch_id) if run.id in started]
        return Opened(launch_id, worker_id, dagster_run_id, runs)


def close_run(database: Database, outcome: Outcome) -> bool:
    """Writes how an attempt ended, and the summaries; False when the attempt was no longer the current one."""
    run, state = outcome.run, outcome.state
    if state is None:
        return False
    try:
        with database.begin(run.tenant_id) as store:
            store.runs.finish(
                run,
                state,
                outcome.ended_at,
                stats=outcome.result.stats,
                deltas=outcome.result.deltas,
                error=outcome.error,
                reason="cancelled" if state is RunState.CANCELLED else None,
            )
            if state is not RunState.COMPLETED:
                store.graph_jobs.cancel_open_of_run(run, outcome.ended_at)
                store.policy_jobs.cancel_open_of_run(run, outcome.ended_at)
            store.run_summaries.roll_up(
                run.tenant_id, run.schedule_id, run.kind, outcome.ended_at, outcome.ended_at
            )
            if state is RunState.COMPLETED:
                tell_listeners(store, run)
    except (StaleAttempt, IllegalTransition):
        return False
    return True


def finish_launch(database: Database, opened: Opened) -> None:
    """Ends a launch whose runs are all written."""
    with database.begin_system() as store:
        store.launches.finish(opened.launch_id, opened.dagster_run_id, store.now())


def raise_for_failures(outcomes: Sequence[Outcome]) -> None:
    """Raises RunsFailed naming the failed runs, so that Dagster shows the launch as failed."""
    failed = [outcome for outcome in outcomes if outcome.state is RunState.FAILED]
    if failed:
        first = "; ".join(f"{one.run.tenant_id} {one.run.id}: {one.error}" for one in failed[:5])
        raise RunsFailed(f"{len(failed)} of {len(outcomes)} runs failed: {first}")

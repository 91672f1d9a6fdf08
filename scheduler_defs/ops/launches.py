"""The life of a launch: opened, its runs carried out, closed. The ops wrap these functions."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

from resources.database import Database
from resources.errors import IllegalTransition, InvalidInput, NotFound, RunsFailed, StaleAttempt
from resources.ids import new_id
from resources.records import Launchable, Run
from resources.selection import Selection
from resources.states import JobKind, LaunchState, PolicyMode, RunState
from resources.store import Store
from scheduler_defs.edits.listeners import tell_listeners
from scheduler_defs.edits.runs import repeat_run, request_run, retry_run
from scheduler_defs.ops.attempt import Outcome
from scheduler_defs.ops.endings import note_late_write, pause_if_failing, requeue, retry_or_none
from scheduler_defs.ops.metadata import TAG


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


def _check_capacity(store: Store, tenant_id: str, added: int = 0) -> None:
    """Raises InvalidInput when a tenant has no room for a run beside those open and so many ``added``."""
    limit = store.tenants.lock_capacity(tenant_id)
    if limit is not None and store.runs.count_active(tenant_id) + added >= limit:
        raise InvalidInput(
            "tenant",
            tenant_id,
            f"a tenant below its limit of {limit} open runs (queued or running); wait for one to end, or cancel one",
        )


def add_retries(store: Store, tags: Mapping[str, str], kind: JobKind, actor: str, owner: str) -> UUID:
    """What a re-execution in Dagster opens: a launch that tries the runs of an earlier one again; returns its id.

    ``tags`` are the earlier Dagster run's, which name its launch. While nobody has opened that, it is opened itself.
    What failed or was cancelled is retried as a run of its own, what completed runs once more, and a run that waits
    for its next attempt, and so has left the launch, takes it now. What runs elsewhere stays. Raises NotFound, and
    InvalidInput for a tenant at its limit of runs at once.
    """
    launch = store.launches.get(UUID(tags[f"{TAG}launch"]))
    if launch.state is LaunchState.OFFERED:
        return launch.id
    again: list[Launchable] = []
    waiting = _waiting(store, tags.get(f"{TAG}tenant"), tags.get(f"{TAG}run"))
    for run in [*store.runs.list_of_launch(launch.id), *waiting]:
        _check_capacity(store, run.tenant_id, sum(one.tenant_id == run.tenant_id for one in again))
        if run.state in {RunState.FAILED, RunState.CANCELLED}:
            again.append(Launchable(run.tenant_id, retry_run(store, run, actor), kind))
        elif run.state is RunState.COMPLETED:
            again.append(Launchable(run.tenant_id, repeat_run(store, run, actor), kind))
        elif run.state is RunState.PENDING:
            again.append(Launchable(run.tenant_id, run.id, kind))
    retry_id = new_id()
    store.launches.create_many({retry_id: kind}, owner, store.now())
    store.runs.enqueue_many({retry_id: again})
    return retry_id


def _waiting(store: Store, tenant_id: str | None, run_id: str | None) -> list[Run]:
    """The run that tags name when it waits; the tags of several runs name none."""
    try:
        run = store.runs.get(tenant_id or "", UUID(run_id or ""))
    except (ValueError, NotFound):
        return []
    return [run] if run.state is RunState.PENDING else []


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


def close_run(database: Database, outcome: Outcome) -> RunState | None:
    """Writes how an attempt ended, and the summaries; returns the run's state after.

    That is pending when another attempt follows, and None when the attempt was no longer the current one.
    """
    if outcome.state is None:
        return None
    run = outcome.run
    try:
        with database.begin(run.tenant_id) as store:
            state = _close(store, outcome, outcome.state)
    except (StaleAttempt, IllegalTransition) as refused:
        note_late_write(database, run, refused)
        return None
    if state is RunState.FAILED:
        pause_if_failing(database, run.tenant_id, run.schedule_id)
    return state


def _close(store: Store, outcome: Outcome, state: RunState) -> RunState:
    run, now = outcome.run, outcome.ended_at
    if state is RunState.PENDING or outcome.may_pass:
        charged = state is RunState.FAILED
        again = retry_or_none(store, run, now) if charged else now
        if store.runs.hold_attempt(run) is not None:
            return _finish(store, replace(outcome, error=None), RunState.CANCELLED)
        if again is not None:
            store.runs.retry_attempt(run, again, charged=charged, reason=outcome.error)
            requeue(store, run)
            return RunState.PENDING
    return _finish(store, outcome, state)


def _finish(store: Store, outcome: Outcome, state: RunState) -> RunState:
    run, ended_at = outcome.run, outcome.ended_at
    store.runs.finish(
        run,
        state,
        ended_at,
        stats=outcome.result.stats,
        deltas=outcome.result.deltas,
        error=outcome.error,
        reason="cancelled" if state is RunState.CANCELLED else None,
    )
    if state is not RunState.COMPLETED:
        store.graph_jobs.cancel_open_of_run(run, ended_at)
        store.policy_jobs.cancel_open_of_run(run, ended_at)
    store.run_summaries.roll_up(run.tenant_id, run.schedule_id, run.kind, ended_at, ended_at)
    if state is RunState.COMPLETED:
        tell_listeners(store, run)
    return state


def finish_launch(database: Database, opened: Opened) -> None:
    """Ends a launch whose runs are all written, unless it was given up for dead meanwhile."""
    with suppress(IllegalTransition), database.begin_system() as store:
        store.launches.finish(opened.launch_id, opened.dagster_run_id, store.now())


def raise_for_failures(outcomes: Sequence[Outcome]) -> None:
    """Raises RunsFailed naming the runs whose attempt failed, so that Dagster shows the launch as failed."""
    failed = [one for one in outcomes if one.state is RunState.FAILED or _failed_for_now(one)]
    if failed:
        first = "; ".join(f"{one.run.tenant_id} {one.run.id}: {one.error}" for one in failed[:5])
        raise RunsFailed(f"{len(failed)} of {len(outcomes)} runs failed: {first}")


def _failed_for_now(outcome: Outcome) -> bool:
    return outcome.may_pass and outcome.state is RunState.PENDING

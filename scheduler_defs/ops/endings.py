"""What becomes of runs whose process, launch or time is over: another attempt, or the end."""

from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.errors import LockNotAvailable

from resources.database import Database
from resources.errors import IllegalTransition, SchedulerError, StaleAttempt
from resources.records import Launch, Run
from resources.states import NotificationKind, RunState
from resources.store import Store
from scheduler_defs.edits.schedules import pause_schedule
from scheduler_defs.timing.backoff import FailurePolicy, policy_of, wait_after

ACTOR = "scheduler"
MOST_WAITING = timedelta(milliseconds=500)
"""How long an ending waits for a transaction of the attempt that it takes the run from, which may be frozen."""


def end_run(database: Database, run: Run, state: RunState, why: str) -> bool:
    """Ends a run that its launch left queued or running, with its work items; False when it ended itself.

    False too while its attempt holds it in a transaction: the next call tries again.
    """
    try:
        with database.begin(run.tenant_id) as store:
            store.retention.limit_waiting(MOST_WAITING)
            _end(store, run, state, why, store.now())
    except (StaleAttempt, IllegalTransition, LockNotAvailable):
        return False
    if state is RunState.FAILED:
        pause_if_failing(database, run.tenant_id, run.schedule_id)
    return True


def give_up(database: Database, run: Run, why: str, *, lost: bool = False) -> RunState | None:
    """Takes a run from what carried it no longer; returns its state after, None when it ended or moved on itself.

    None too while its attempt holds it in a transaction: the server ends one that idles (see session/begin_tenant),
    and the next call tries again.
    A queued run goes back to pending, ``lost`` when its launch never opened it, and fails when as many launches
    were lost as it may have attempts. A running one goes back too, and its attempt is charged if it had begun; it
    fails when its attempts are used up, and is cancelled when it was asked to stop. Its leased work items are
    given back, finished ones stay.
    """
    try:
        with database.begin(run.tenant_id) as store:
            store.retention.limit_waiting(MOST_WAITING)
            after = _give_up(store, run, why, lost)
    except (StaleAttempt, IllegalTransition, LockNotAvailable):
        return None
    if after is RunState.FAILED:
        pause_if_failing(database, run.tenant_id, run.schedule_id)
    return after


def return_launch(database: Database, launch: Launch, why: str, *, lost: bool) -> list[UUID]:
    """Takes every open run from a launch that will not go on, then ends the launch; returns the runs' ids.

    In this order, so that what was cut off between is done by the next call.
    """
    left = open_runs_of(database, launch)
    for run in left:
        give_up(database, run, why, lost=lost)
    bury_if_empty(database, launch)
    return [run.id for run in left]


def open_runs_of(database: Database, launch: Launch) -> list[Run]:
    """The runs of a launch that are queued, or running under the Dagster run that had it when it was read."""
    with database.begin_system() as store:
        runs = store.runs.list_of_launch(launch.id)
    held = {RunState.QUEUED: None, RunState.RUNNING: launch.dagster_run_id}
    return [run for run in runs if run.state in held and run.dagster_run_id == held[run.state]]


def bury_if_empty(database: Database, launch: Launch) -> None:
    """Ends a launch that will not go on, unless it still has an open run, which could not be taken yet."""
    if not open_runs_of(database, launch):
        bury_launch(database, launch.id)


def bury_launch(database: Database, launch_id: UUID) -> None:
    """Ends a launch that will not go on, unless it ended meanwhile."""
    with suppress(IllegalTransition), database.begin_system() as store:
        store.launches.bury(launch_id, store.now())


def note_late_write(database: Database, run: Run, refused: SchedulerError) -> None:
    """Writes into the audit that an attempt which had lost its run still wanted to write."""
    with database.begin(run.tenant_id) as store:
        store.audit.append(
            tenant_id=run.tenant_id,
            actor=ACTOR,
            action="refuse_late_write",
            entity="run",
            entity_id=str(run.id),
            new={
                "attempt": run.attempt,
                "fencing_token": run.fencing_token,
                "worker": str(run.worker_id),
                "why": str(refused),
            },
            now=store.now(),
        )


def policy_for(store: Store, run: Run) -> FailurePolicy:
    """The failure policy that a run is under now."""
    return policy_of(store.schedules.get(run.tenant_id, run.schedule_id) if run.schedule_id else None)


def retry_or_none(store: Store, run: Run, now: datetime) -> datetime | None:
    """When a running run whose attempt failed is tried again; None when it is not."""
    wait = wait_after(policy_for(store, run), run.id, run.failures + 1)
    return None if wait is None else now + wait


def requeue(store: Store, run: Run) -> None:
    """Gives back the work items that an attempt of a run had leased."""
    store.graph_jobs.requeue_of_run(run)
    store.policy_jobs.requeue_of_run(run)


def pause_if_failing(database: Database, tenant_id: str, schedule_id: UUID | None) -> bool:
    """Pauses a schedule with as many failures in a row as it allows, and has people told; returns whether it did."""
    if schedule_id is None:
        return False
    with database.begin(tenant_id) as store:
        if not store.schedules.is_failing(tenant_id, schedule_id):
            return False
        schedule = store.schedules.lock(tenant_id, store.schedules.get(tenant_id, schedule_id).name)
        if schedule.id != schedule_id or not store.schedules.is_failing(tenant_id, schedule_id):
            return False
        reason = f"{schedule.pause_after_failures} runs failed in a row"
        pause_schedule(store, tenant_id, schedule.name, reason, ACTOR)
        store.notifications.append(
            tenant_id,
            NotificationKind.SCHEDULE_PAUSED,
            schedule.name,
            f"schedule {schedule.name} is paused: {reason}; `scheduler schedule resume` lets it fire again",
            store.now(),
        )
    return True


def pause_failing(database: Database) -> int:
    """Pauses every schedule that has as many failures in a row as it allows; returns how many."""
    with database.begin_system() as store:
        failing = store.schedules.list_failing()
    return sum(pause_if_failing(database, *one) for one in failing)


def _give_up(store: Store, run: Run, why: str, lost: bool) -> RunState:
    now = store.now()
    if run.state is RunState.QUEUED:
        wait = wait_after(policy_for(store, run), run.id, run.lost_launches + 1) if lost else timedelta()
        if wait is None:
            launches = run.lost_launches + 1
            _end(
                store,
                run,
                RunState.FAILED,
                f"none of {launches} launches opened the run; the last: {why}",
                now,
            )
            return RunState.FAILED
        store.runs.return_to_pending(run, now + wait, lost=lost, reason=why)
        return RunState.PENDING
    if run.cancel_requested_at is not None:
        _end(store, run, RunState.CANCELLED, why, now)
        return RunState.CANCELLED
    again = retry_or_none(store, run, now) if run.begun else now
    if again is None:
        _end(store, run, RunState.FAILED, why, now)
        return RunState.FAILED
    store.runs.retry_attempt(run, again, reason=why)
    requeue(store, run)
    return RunState.PENDING


def _end(store: Store, run: Run, state: RunState, why: str, now: datetime) -> None:
    error = why if state is RunState.FAILED else None
    store.runs.end_with_launch(run, state, now, error=error, reason=None if error else why)
    store.graph_jobs.cancel_open_of_run(run, now)
    store.policy_jobs.cancel_open_of_run(run, now)
    store.run_summaries.roll_up(run.tenant_id, run.schedule_id, run.kind, now, now)

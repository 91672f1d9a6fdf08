"""The sensor that finds what died or hangs: its runs go on elsewhere, or end."""

from datetime import datetime, timedelta

from dagster import DefaultSensorStatus, SensorEvaluationContext, SkipReason, sensor

from resources.database import Database
from resources.postgres import PostgresResource
from resources.records import Run
from scheduler_defs.launching.instances import fail_dagster_run
from scheduler_defs.ops.endings import give_up, pause_failing, return_launch

SILENT_FOR = timedelta(seconds=30)
"""Six heartbeats: a thread cannot send one while C code holds the interpreter."""
OWNER_SILENT_FOR = timedelta(minutes=2)
"""A daemon's claims are at most 65 s apart: a tick of 60 s and Dagster's loop of 5 s."""
FELL_SILENT = "its worker fell silent or hangs; see the sensor rescue"
TURNS_A_TICK = 50
TIMEOUT_GRACE = timedelta(seconds=30)
"""How long an attempt has to see by itself, between chunks of work, that its time is over."""


@sensor(
    minimum_interval_seconds=10,
    default_status=DefaultSensorStatus.RUNNING,
    description="Takes runs from workers that fell silent or hang, and launches from daemons that did, "
    "so that another attempt carries them out.",
)
def rescue(context: SensorEvaluationContext, postgres: PostgresResource) -> SkipReason:
    """Declares silent workers dead by the database's clock and takes their runs, overdue runs and orphaned launches.

    Their Dagster runs are ended too; reconcile then ends a launch that its Dagster run had not opened yet.
    The cursor is the time of the last tick: after a longer pause of its own (the database was away, the machine
    slept) a tick declares nobody dead, since the workers could not be heard either.
    """
    database = postgres.database
    with database.begin_system() as store:
        now = store.now()
        listened = _listened(context.cursor, now)
        dead = store.workers.declare_dead(now, SILENT_FOR) if listened else {}
    context.update_cursor(now.isoformat())
    left = rescue_runs(database, now)
    orphaned = take_over(database, now) if listened else 0
    for dagster_run_id in {*dead.values(), *(run.dagster_run_id for run in left)}:
        if dagster_run_id:
            fail_dagster_run(context.instance, dagster_run_id, FELL_SILENT)
    paused = pause_failing(database)
    return SkipReason(
        f"{len(dead)} workers declared dead, {len(left)} runs taken, {orphaned} launches taken over, "
        f"{paused} schedules paused"
    )


def rescue_runs(database: Database, now: datetime) -> list[Run]:
    """Takes the runs of workers that are no more, and overdue ones, a turn at a time; returns those taken."""
    taken: list[Run] = []
    for _ in range(TURNS_A_TICK):
        turn = _rescue_turn(database, now)
        taken += turn
        if not turn:
            break
    return taken


def _rescue_turn(database: Database, now: datetime) -> list[Run]:
    with database.begin_system() as store:
        abandoned, overdue = store.runs.list_abandoned(), store.runs.list_overdue(now, TIMEOUT_GRACE)
    reasons = {run.id: (run, "it took longer than its schedule's run_timeout") for run in overdue}
    reasons |= {run.id: (run, f"worker {run.worker_id} fell silent or left") for run in abandoned}
    return [run for run, why in reasons.values() if give_up(database, run, why)]


def take_over(database: Database, now: datetime) -> int:
    """Returns to pending what silent daemons were to submit; their launches end. Returns how many launches."""
    with database.begin_system() as store:
        orphaned = store.launches.list_orphaned(now, OWNER_SILENT_FOR)
    for launch in orphaned:
        return_launch(
            database, launch, f"the daemon of Dagster instance {launch.owner} fell silent", lost=False
        )
    return len(orphaned)


def _listened(cursor: str | None, now: datetime) -> bool:
    return cursor is not None and timedelta() <= now - datetime.fromisoformat(cursor) < SILENT_FOR

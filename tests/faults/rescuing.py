"""The sensors rescue and reconcile, at limits of seconds, with the spool in Dagster's place."""

import time
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

import psycopg

from resources.database import Database
from resources.errors import NotFound, SchedulerError
from resources.records import Launch
from resources.states import LaunchState, WorkerState
from scheduler_defs.ops.endings import pause_failing, return_launch
from scheduler_defs.sensors import rescue
from tests.faults.processes import DyingDatabase, Post
from tests.faults.records import Journal
from tests.faults.spool import Spool, dagster_run

SILENT_FOR = timedelta(seconds=2.5)
OWNER_SILENT_FOR = timedelta(seconds=6)
EVERY = 0.2
OVER = {WorkerState.DEAD, WorkerState.GONE}


def rescuer(post: Post) -> None:
    """Takes what died, for ever."""
    rescue.SILENT_FOR, rescue.OWNER_SILENT_FOR = SILENT_FOR, OWNER_SILENT_FOR
    journal = Journal(post.place, "rescuer")
    spool = Spool(post.place / "spool", Random(post.seed))
    heard_at: datetime | None = None
    with DyingDatabase(post, journal) as database:
        while True:
            try:
                heard_at = _tick(database, heard_at, journal)
                _reconcile(database, spool)
            except (psycopg.Error, SchedulerError) as error:
                journal.write("error", error=f"{type(error).__name__}: {error}")
            time.sleep(EVERY)


def _tick(database: Database, heard_at: datetime | None, journal: Journal) -> datetime:
    with database.begin_system() as store:
        now = store.now()
        listened = heard_at is not None and timedelta() <= now - heard_at < SILENT_FOR
        dead = store.workers.declare_dead(now, SILENT_FOR) if listened else {}
    for worker_id in dead:
        journal.write("declared dead", worker=worker_id)
    rescue.rescue_runs(database, now)
    if listened:
        rescue.take_over(database, now)
    pause_failing(database)
    return now


def _reconcile(database: Database, spool: Spool) -> None:
    """Ends launches whose Dagster run failed, or whose process was declared dead, as the sensor reconcile does."""
    for launch_id, run, file in spool.failed():
        _end(database, launch_id, run, file)
    for worker_id, files in spool.held():
        if _is_over(database, worker_id):
            for file in files:
                _end(database, UUID(file.name.partition(".")[0]), dagster_run(worker_id, file.name), file)


def _is_over(database: Database, worker_id: UUID) -> bool:
    with database.begin_system() as store:
        try:
            return store.workers.get(worker_id).status in OVER
        except NotFound:
            return True


def _end(database: Database, launch_id: UUID, run: str, file: Path) -> None:
    """Ends a launch whose Dagster run is over; one with a run that cannot be taken yet is tried again.

    A submission that somebody else's was taken for is nobody's any more.
    """
    launch = _launch(database, launch_id)
    if _is_of(launch, run):
        why = f"Dagster run {run} ended as FAILURE without closing the run"
        return_launch(database, launch, why, lost=launch.state is LaunchState.OFFERED)
        launch = _launch(database, launch_id)
    if not _is_of(launch, run):
        file.unlink(missing_ok=True)


def _launch(database: Database, launch_id: UUID) -> Launch:
    with database.begin_system() as store:
        return store.launches.get(launch_id)


def _is_of(launch: Launch, run: str) -> bool:
    """Whether a launch waits for its Dagster run, or was opened by this one, and has not ended."""
    return launch.state is LaunchState.OFFERED or (
        launch.state is LaunchState.ACKNOWLEDGED and launch.dagster_run_id == run
    )

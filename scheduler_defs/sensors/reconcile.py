"""The sensor that follows Dagster: a launch whose Dagster run ended without writing its runs is ended here."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from dagster import (
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    DefaultSensorStatus,
    RunsFilter,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from resources.database import Database
from resources.postgres import PostgresResource
from resources.records import Launch
from resources.states import LaunchState, RunState
from scheduler_defs.launching.instances import fail_dagster_run, owner_of
from scheduler_defs.ops.endings import bury_if_empty, bury_launch, end_run, open_runs_of, return_launch
from scheduler_defs.ops.metadata import LAUNCH_TAG
from scheduler_defs.sensors.claim import OFFER_LEASE

LAUNCHES_A_TURN = 200
LAUNCHES_A_TICK = 5000
DESERTED_AFTER = timedelta(minutes=1)
"""A process registers as a worker seconds after its Dagster run has started, and ends it as soon as it has left."""
DESERTED = "its process is gone; see the sensor reconcile"
UNKNOWN_AFTER = OFFER_LEASE / 2
"""Less than the lease: a launch is offered again when it is over, and counts from its last offer."""
ENDED = {DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED}


@sensor(
    minimum_interval_seconds=10,
    default_status=DefaultSensorStatus.RUNNING,
    description="Takes runs whose Dagster run failed, was cancelled, or ended before it opened them.",
)
def reconcile(context: SensorEvaluationContext, postgres: PostgresResource) -> SkipReason:
    """Compares this instance's open launches with Dagster's runs of them; starts nothing.

    The cursor says since when which Dagster run has been without a living worker.
    """
    database, instance = postgres.database, context.instance
    with postgres.begin_system() as store:
        now = store.now()
    waiting, deserted = end_deserted(database, instance, _read_cursor(context.cursor), now)
    context.update_cursor(orjson.dumps(waiting).decode())
    launches, ended = end_dead_launches(database, instance, now - UNKNOWN_AFTER)
    return SkipReason(
        f"{launches} launches are open, {ended} had ended in Dagster, {deserted} Dagster runs were deserted"
    )


def end_deserted(
    database: Database, instance: DagsterInstance, since: Mapping[str, datetime], now: datetime
) -> tuple[dict[str, datetime], int]:
    """Ends Dagster runs of launches that started and have no living worker; they would hold a place for ever.

    Such a process died before it registered, after it left, or so that the sensor rescue died with it. ``since`` says
    which Dagster run was seen without a worker from when on; returns that anew, and how many were ended.
    """
    started = instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.STARTED]))
    ours = [one.run_id for one in started if LAUNCH_TAG in one.tags]
    with database.begin_system() as store:
        alive = store.workers.list_alive_of(ours)
    seen = {run_id: min(since.get(run_id, now), now) for run_id in ours if run_id not in alive}
    waiting = {run_id: at for run_id, at in seen.items() if now - at < DESERTED_AFTER}
    ended = [fail_dagster_run(instance, run_id, DESERTED) for run_id in seen.keys() - waiting.keys()]
    return waiting, sum(ended)


def _read_cursor(cursor: str | None) -> dict[str, datetime]:
    found: dict[str, str] = orjson.loads(cursor) if cursor else {}
    return {run_id: datetime.fromisoformat(seen) for run_id, seen in found.items()}


def end_dead_launches(
    database: Database, instance: DagsterInstance, before: datetime, a_turn: int = LAUNCHES_A_TURN
) -> tuple[int, int]:
    """Ends this instance's launches whose Dagster run ended; returns how many were open and how many were ended.

    A launch that was offered after ``before`` and that nobody opened is left alone. Read ``a_turn`` at a time.
    """
    open_ones = ended = 0
    after: UUID | None = None
    while open_ones < LAUNCHES_A_TICK:
        with database.begin_system() as store:
            launches = store.launches.list_open(owner_of(instance), before, a_turn, after)
        found = _dagster_runs(instance, launches)
        known = {launch.id for launch, _ in found}
        for launch, dagster_run in found:
            if dagster_run.status in ENDED:
                end_launch(database, launch, dagster_run)
                ended += 1
        ended += sum(_end_forgotten(database, launch) for launch in launches if launch.id not in known)
        open_ones += len(launches)
        if len(launches) < a_turn:
            break
        after = launches[-1].id
    return open_ones, ended


def _end_forgotten(database: Database, launch: Launch) -> bool:
    """Ends a launch whose Dagster run was deleted in Dagster, when none of its runs is left; says whether it did.

    While one is, its worker is heard, or rescue takes the run.
    """
    if launch.state is LaunchState.OFFERED or open_runs_of(database, launch):
        return False
    bury_launch(database, launch.id)
    return True


def end_launch(database: Database, launch: Launch, dagster_run: DagsterRun) -> list[UUID]:
    """Takes the runs that a dead launch left queued or running; returns their ids.

    They are cancelled with a Dagster run that somebody cancelled; else they get another launch while they may.
    """
    why = f"Dagster run {dagster_run.run_id} ended as {dagster_run.status.value} without closing the run"
    if dagster_run.status is not DagsterRunStatus.CANCELED:
        return return_launch(database, launch, why, lost=launch.state is LaunchState.OFFERED)
    left = open_runs_of(database, launch)
    for run in left:
        end_run(database, run, RunState.CANCELLED, why)
    bury_if_empty(database, launch)
    return [run.id for run in left]


def _dagster_runs(instance: DagsterInstance, launches: Sequence[Launch]) -> list[tuple[Launch, DagsterRun]]:
    """Each launch with the Dagster run that took it or, while nobody has, the newest that was made for it."""
    known = {launch.dagster_run_id: launch for launch in launches if launch.dagster_run_id}
    records = instance.get_run_records(RunsFilter(run_ids=list(known))) if known else []
    found = [(known[record.dagster_run.run_id], record.dagster_run) for record in records]
    for launch in launches:
        if launch.dagster_run_id is None:
            made = instance.get_runs(RunsFilter(tags={LAUNCH_TAG: str(launch.id)}), limit=1)
            found += [(launch, dagster_run) for dagster_run in made]
    return found

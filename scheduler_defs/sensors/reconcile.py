"""The sensor that follows Dagster: a launch whose Dagster run ended without writing its runs is ended here."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from uuid import UUID

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
from resources.errors import IllegalTransition
from resources.postgres import PostgresResource
from resources.records import Launch
from resources.states import RunState
from scheduler_defs.launching.instances import owner_of
from scheduler_defs.sensors.claim import OFFER_LEASE
from scheduler_defs.sensors.endings import end_run

LAUNCHES_A_TICK = 200
UNKNOWN_AFTER = OFFER_LEASE / 2
"""Less than the lease: a launch is offered again when it is over, and counts from its last offer."""
OPEN = {RunState.QUEUED, RunState.RUNNING}
ENDED = {
    DagsterRunStatus.SUCCESS: RunState.FAILED,
    DagsterRunStatus.FAILURE: RunState.FAILED,
    DagsterRunStatus.CANCELED: RunState.CANCELLED,
}


@sensor(
    minimum_interval_seconds=10,
    default_status=DefaultSensorStatus.RUNNING,
    description="Ends runs whose Dagster run failed, was cancelled, or ended before it opened them.",
)
def reconcile(context: SensorEvaluationContext, postgres: PostgresResource) -> SkipReason:
    """Compares this instance's open launches with Dagster's runs of them; starts nothing."""
    with postgres.begin_system() as store:
        before = store.now() - UNKNOWN_AFTER
    launches, ended = end_dead_launches(postgres.database, context.instance, before)
    return SkipReason(f"{launches} launches are open, {ended} had ended in Dagster")


def end_dead_launches(database: Database, instance: DagsterInstance, before: datetime) -> tuple[int, int]:
    """Ends this instance's launches whose Dagster run ended; returns how many were open and how many were ended.

    A launch that was offered after ``before`` and that nobody opened is left alone.
    """
    with database.begin_system() as store:
        launches = store.launches.list_open(owner_of(instance), before, LAUNCHES_A_TICK)
    ended = [one for one in _dagster_runs(instance, launches) if one[1].status in ENDED]
    for launch, dagster_run in ended:
        end_launch(database, launch, dagster_run)
    return len(launches), len(ended)


def end_launch(database: Database, launch: Launch, dagster_run: DagsterRun) -> list[UUID]:
    """Ends the runs a dead launch left queued or running, as its Dagster run ended; returns their ids."""
    state = ENDED[dagster_run.status]
    with database.begin_system() as store:
        left = [run for run in store.runs.list_of_launch(launch.id) if run.state in OPEN]
    why = f"Dagster run {dagster_run.run_id} ended as {dagster_run.status.value} without closing the run"
    for run in left:
        end_run(database, run, state, why)
    with database.begin_system() as store, suppress(IllegalTransition):  # it may have ended meanwhile
        store.launches.bury(launch.id, store.now())
    return [run.id for run in left]


def _dagster_runs(instance: DagsterInstance, launches: Sequence[Launch]) -> list[tuple[Launch, DagsterRun]]:
    """Each launch with the Dagster run that took it or, while nobody has, the newest that was made for it."""
    known = {launch.dagster_run_id: launch for launch in launches if launch.dagster_run_id}
    records = instance.get_run_records(RunsFilter(run_ids=list(known))) if known else []
    found = [(known[record.dagster_run.run_id], record.dagster_run) for record in records]
    for launch in launches:
        if launch.dagster_run_id is None:
            made = instance.get_runs(RunsFilter(tags={"scheduler/launch": str(launch.id)}), limit=1)
            found += [(launch, dagster_run) for dagster_run in made]
    return found

"""The sensor that follows Dagster: a launch whose Dagster run ended without writing its runs is ended here."""

from collections.abc import Sequence
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
from resources.postgres import PostgresResource
from resources.records import Launch
from resources.states import LaunchState, RunState
from scheduler_defs.launching.instances import owner_of
from scheduler_defs.ops.endings import bury_launch, end_run, open_runs_of, return_launch
from scheduler_defs.sensors.claim import OFFER_LEASE

LAUNCHES_A_TICK = 200
UNKNOWN_AFTER = OFFER_LEASE / 2
"""Less than the lease: a launch is offered again when it is over, and counts from its last offer."""
ENDED = {DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED}


@sensor(
    minimum_interval_seconds=10,
    default_status=DefaultSensorStatus.RUNNING,
    description="Takes runs whose Dagster run failed, was cancelled, or ended before it opened them.",
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
    """Takes the runs that a dead launch left queued or running; returns their ids.

    They are cancelled with a Dagster run that somebody cancelled; else they get another launch while they may.
    """
    why = f"Dagster run {dagster_run.run_id} ended as {dagster_run.status.value} without closing the run"
    if dagster_run.status is not DagsterRunStatus.CANCELED:
        return return_launch(database, launch, why, lost=launch.state is LaunchState.OFFERED)
    left = open_runs_of(database, launch)
    for run in left:
        end_run(database, run, RunState.CANCELLED, why)
    bury_launch(database, launch.id)
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

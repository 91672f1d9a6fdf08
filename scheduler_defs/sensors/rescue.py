"""The sensor that finds dead workers: what they left running is ended, in the ledger and in Dagster."""

from datetime import datetime, timedelta

from dagster import DagsterInstance, DefaultSensorStatus, SensorEvaluationContext, SkipReason, sensor

from resources.postgres import PostgresResource
from resources.states import RunState
from scheduler_defs.sensors.endings import end_run

SILENT_FOR = timedelta(seconds=30)
"""Six heartbeats: a thread cannot send one while C code holds the interpreter."""


@sensor(
    minimum_interval_seconds=10,
    default_status=DefaultSensorStatus.RUNNING,
    description="Ends runs whose worker fell silent, so that no dead run holds up its schedule.",
)
def rescue(context: SensorEvaluationContext, postgres: PostgresResource) -> SkipReason:
    """Declares silent workers dead by the database's clock and ends the runs of workers that are no more.

    Their Dagster runs are ended too; reconcile then ends a launch that its Dagster run had not opened yet.
    The cursor is the time of the last tick: after a longer pause of its own (the database was away, the machine
    slept) a tick declares nobody dead, since the workers could not be heard either.
    """
    with postgres.begin_system() as store:
        now = store.now()
        dead = store.workers.declare_dead(now, SILENT_FOR) if _listened(context.cursor, now) else {}
    context.update_cursor(now.isoformat())
    with postgres.begin_system() as store:
        abandoned = store.runs.list_abandoned()
    for run in abandoned:
        end_run(postgres.database, run, RunState.FAILED, f"worker {run.worker_id} fell silent or left")
    for dagster_run_id in {*dead.values(), *(run.dagster_run_id for run in abandoned)}:
        if dagster_run_id:
            _end_in_dagster(context.instance, dagster_run_id)
    return SkipReason(f"{len(dead)} workers declared dead, {len(abandoned)} runs ended")


def _listened(cursor: str | None, now: datetime) -> bool:
    return cursor is not None and timedelta() <= now - datetime.fromisoformat(cursor) < SILENT_FOR


def _end_in_dagster(instance: DagsterInstance, dagster_run_id: str) -> None:
    dagster_run = instance.get_run_by_id(dagster_run_id)
    if dagster_run and not dagster_run.is_finished:
        instance.report_run_failed(dagster_run, "its worker fell silent; see the sensor rescue")

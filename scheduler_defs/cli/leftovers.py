"""What a stack that was stopped or killed left open in Dagster."""

from pathlib import Path

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from resources.database import Database
from resources.settings import SchedulerSettings
from scheduler_defs.sensors.reconcile import end_dead_launches

CARRIED = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]


def end_leftovers(settings: SchedulerSettings, home: Path) -> int:
    """Fails Dagster runs that no process carries any more, so that others carry on; returns how many.

    Only for a stack that holds its lock and has not started Dagster yet. What Dagster had only queued stays:
    the daemon goes on with it.
    """
    with DagsterInstance.from_config(str(home)) as instance, Database(settings) as database:
        left = instance.get_runs(RunsFilter(statuses=CARRIED))
        for dagster_run in left:
            instance.report_run_failed(dagster_run, "the stack that carried it was stopped")
        with database.begin_system() as store:
            now = store.now()
        end_dead_launches(database, instance, now)
    return len(left)

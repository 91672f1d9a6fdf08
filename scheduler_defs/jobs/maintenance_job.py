"""maintenance_job: the upkeep of the database, once an hour."""

from dagster import (
    DefaultScheduleStatus,
    RunRequest,
    ScheduleEvaluationContext,
    in_process_executor,
    job,
    schedule,
)

from scheduler_defs.ops.maintenance import begin_maintenance, report_maintenance, step_op
from scheduler_defs.ops.upkeep import STEPS

HOURLY = "41 * * * *"


@job(
    executor_def=in_process_executor,
    tags={"scheduler/kind": "maintenance"},
    description="Makes log partitions ahead, drops those past retention, prunes runs, repairs summaries.",
)
def maintenance_job() -> None:
    """The steps of the upkeep, one after the other."""
    steps = begin_maintenance()
    for run_step in STEPS:
        steps = step_op(run_step)(steps)
    report_maintenance(steps)


@schedule(
    job=maintenance_job,
    cron_schedule=HOURLY,
    execution_timezone="UTC",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Starts maintenance_job once an hour.",
)
def maintain_hourly(context: ScheduleEvaluationContext) -> RunRequest:
    """One run an hour: the hour is the run key, so that a second daemon's request is dropped."""
    return RunRequest(run_key=f"{context.scheduled_execution_time:%Y-%m-%dT%HZ}")

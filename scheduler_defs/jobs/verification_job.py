"""verification_job: the ledger is audited and the whole product tried out, once an hour."""

from dagster import (
    DefaultScheduleStatus,
    RunRequest,
    ScheduleEvaluationContext,
    define_asset_job,
    in_process_executor,
    schedule,
)

from scheduler_defs.ops.fire_ledger import fire_ledger
from scheduler_defs.ops.verification_report import verification_report

HOURLY = "11 * * * *"

verification_job = define_asset_job(
    "verification_job",
    selection=[fire_ledger, verification_report],
    executor_def=in_process_executor,
    tags={"scheduler/kind": "verification"},
    description="Audits the fires of all tenants: computes what should have fired and compares it with the ledger. "
    "Then checks the whole product in scratch tenants, of which nothing is left.",
)


@schedule(
    job=verification_job,
    cron_schedule=HOURLY,
    execution_timezone="UTC",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Starts verification_job once an hour.",
)
def verify_hourly(context: ScheduleEvaluationContext) -> RunRequest:
    """One run an hour: the hour is the run key, so that a second daemon's request is dropped."""
    return RunRequest(run_key=f"{context.scheduled_execution_time:%Y-%m-%dT%HZ}")

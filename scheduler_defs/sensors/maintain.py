"""The sensor that keeps the database: log partitions, summaries of runs that no attempt closed, seals of the audit."""

from datetime import datetime, timedelta

from dagster import DefaultSensorStatus, SensorEvaluationContext, SkipReason, sensor

from resources.log_partitions import LOG_PARTITIONS_AHEAD
from resources.postgres import PostgresResource
from scheduler_defs.sensors.sealing import seal_audit

LOOK_BACK = timedelta(minutes=10)
"""Ten ticks: a claim that commits late, or a tick that is missed, is made up for by a later tick."""
HOURS_A_TICK = 1000


@sensor(
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
    description="Makes log partitions ahead of time; counts skipped and cancelled runs in the summaries; "
    "seals the audit.",
)
def maintain(context: SensorEvaluationContext, postgres: PostgresResource) -> SkipReason:
    """Attaches the partitions that are missing, locking out no writer; rolls up what ended without an attempt.

    A repeat changes nothing: partitions that exist stay, and summaries are computed whole from runs. The cursor is
    when a tick last rolled up all there was, so that the first one after a pause looks back as far as the pause.
    """
    with postgres.begin_system() as store:
        now = store.now()
        made = store.execution_logs.ensure_partitions(now, now + LOG_PARTITIONS_AHEAD)
    with postgres.begin_system() as store:
        stale = store.run_summaries.list_stale(_look_back(context.cursor, now), HOURS_A_TICK)
    for tenant_id, schedule_id, kind, hour in stale:
        with postgres.begin_system() as store:
            store.run_summaries.roll_up(tenant_id, schedule_id, kind, hour, store.now())
    if len(stale) < HOURS_A_TICK:
        context.update_cursor(now.isoformat())
    sealed = seal_audit(postgres.database)
    return SkipReason(
        f"{made} log partitions made, {len(stale)} hours rolled up, {sealed} audit entries sealed"
    )


def _look_back(cursor: str | None, now: datetime) -> datetime:
    last = datetime.fromisoformat(cursor) if cursor else now
    return min(last, now) - LOOK_BACK

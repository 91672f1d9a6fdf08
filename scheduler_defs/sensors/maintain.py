"""The sensor that keeps the database ready: log partitions, and summaries of runs that no attempt closed."""

from datetime import timedelta

from dagster import DefaultSensorStatus, SkipReason, sensor

from resources.migrations import LOG_PARTITIONS_AHEAD
from resources.postgres import PostgresResource

LOOK_BACK = timedelta(minutes=10)
"""Ten ticks: a claim that commits late, or a tick that is missed, is made up for by a later tick."""
HOURS_A_TICK = 1000


@sensor(
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
    description="Makes log partitions ahead of time; counts skipped and cancelled runs in the summaries.",
)
def maintain(postgres: PostgresResource) -> SkipReason:
    """Attaches the partitions that are missing, locking out no writer; rolls up what ended without an attempt.

    A repeat changes nothing: partitions that exist stay, and summaries are computed whole from runs.
    """
    with postgres.begin_system() as store:
        now = store.now()
        made = store.execution_logs.ensure_partitions(now, now + LOG_PARTITIONS_AHEAD)
    with postgres.begin_system() as store:
        stale = store.run_summaries.list_stale(now - LOOK_BACK, HOURS_A_TICK)
    for tenant_id, schedule_id, kind, hour in stale:
        with postgres.begin_system() as store:
            store.run_summaries.roll_up(tenant_id, schedule_id, kind, hour, store.now())
    return SkipReason(f"{made} log partitions made, {len(stale)} hours rolled up")

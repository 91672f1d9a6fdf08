"""The sensor that keeps the database ready: log partitions are made ahead of time."""

from dagster import DefaultSensorStatus, SkipReason, sensor

from resources.migrations import LOG_PARTITIONS_AHEAD
from resources.postgres import PostgresResource


@sensor(
    minimum_interval_seconds=3600,
    default_status=DefaultSensorStatus.RUNNING,
    description="Makes the monthly partitions of execution_logs ahead of time.",
)
def maintain(postgres: PostgresResource) -> SkipReason:
    """Attaches the partitions that are missing; it locks out no writer."""
    with postgres.begin_system() as store:
        now = store.now()
        made = store.execution_logs.ensure_partitions(now, now + LOG_PARTITIONS_AHEAD)
    return SkipReason(f"{made} log partitions made")

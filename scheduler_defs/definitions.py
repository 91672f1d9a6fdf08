"""What Dagster loads: wiring only."""

from dagster import Definitions

from resources.postgres import PostgresResource
from resources.worker import WorkerResource
from scheduler_defs.jobs.maintenance_job import maintain_hourly, maintenance_job
from scheduler_defs.jobs.run_jobs import RUN_JOBS
from scheduler_defs.jobs.verification_job import verification_job, verify_hourly
from scheduler_defs.launching.hand_over import hand_over
from scheduler_defs.ops.fire_ledger import fire_ledger
from scheduler_defs.ops.verification_report import verification_report
from scheduler_defs.sensors.fire_due import fire_due
from scheduler_defs.sensors.maintain import maintain
from scheduler_defs.sensors.notify import notify
from scheduler_defs.sensors.reconcile import reconcile
from scheduler_defs.sensors.rescue import rescue

postgres = PostgresResource()

defs = Definitions(
    assets=[fire_ledger, verification_report],
    jobs=[*RUN_JOBS.values(), maintenance_job, verification_job],
    schedules=[maintain_hourly, verify_hourly],
    sensors=[fire_due, reconcile, rescue, maintain, notify],
    resources={
        "postgres": postgres,
        "worker": WorkerResource(postgres=postgres),
        "io_manager": hand_over,
    },
)

"""The sensor that fires: it claims what is due and hands launches to Dagster."""

import time
from datetime import timedelta

from dagster import DefaultSensorStatus, RunRequest, SensorEvaluationContext, SensorResult, sensor

from resources.postgres import PostgresResource
from resources.records import Offer
from scheduler_defs.jobs.run_jobs import RUN_JOBS
from scheduler_defs.launching.instances import owner_of
from scheduler_defs.ops.metadata import LAUNCH_TAG, describe
from scheduler_defs.sensors.claim import claim_or_wait

PATIENCE = timedelta(seconds=30)
POLL = timedelta(milliseconds=500)


@sensor(
    jobs=list(RUN_JOBS.values()),
    minimum_interval_seconds=1,
    default_status=DefaultSensorStatus.RUNNING,
    description="Fires due triggers of every tenant, exactly once each, and starts their runs.",
)
def fire_due(context: SensorEvaluationContext, postgres: PostgresResource) -> SensorResult:
    """Claims due triggers; waits inside the tick for the next one, since Dagster's own loop takes 5 s.

    The cursor carries nothing: the tables do. A launch is returned again until a Dagster run acknowledges it;
    its id is the run key, so Dagster drops what it knows already.
    """
    offers = claim_or_wait(
        postgres.database, owner_of(context.instance), patience=PATIENCE, poll=POLL, sleep=time.sleep
    )
    if not offers:
        return SensorResult(skip_reason="nothing is due")
    return SensorResult(run_requests=[run_request(offer) for offer in offers])


def run_request(offer: Offer) -> RunRequest:
    """A launch as a RunRequest: the launch id is its run key and all of its config."""
    job = RUN_JOBS[offer.kind]
    tags = describe(offer.tenants, [str(run) for run in offer.runs], offer.schedules, offer.trigger_kinds)
    return RunRequest(
        run_key=str(offer.id),
        job_name=job.name,
        run_config={"ops": {f"open_{offer.kind}_runs": {"config": {"launch_id": str(offer.id)}}}},
        tags={**tags, LAUNCH_TAG: str(offer.id)},
    )

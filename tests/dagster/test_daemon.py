"""The real daemon: due rows become Dagster runs, what a crash left is submitted, what Dagster ended is ended."""

import psycopg
import pytest
from dagster import DagsterEventType, DagsterRunStatus, TableMetadataValue
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.storage.tags import SENSOR_NAME_TAG
from psycopg.conninfo import make_conninfo

from resources.states import JobKind, LaunchState, RunState
from scheduler_defs.edits.runs import request_run
from scheduler_defs.sensors.claim import OFFER_LEASE, claim

pytestmark = pytest.mark.stack

TENANT = "acme"
COUNTS = {
    JobKind.GRAPH: {"images": 1, "nodes": 31, "edges": 41},
    JobKind.IMPACT: {"affected_images": 1, "advisories": 41},
    JobKind.POLICY: {"mode": "full", "evaluated": 1, "findings": 42},
}


def metadata_of(stack, dagster_run_id, step):
    """The metadata of a step's output, as the event log has it."""
    events = stack.instance.all_logs(dagster_run_id, of_type=DagsterEventType.STEP_OUTPUT)
    (output,) = [event.dagster_event for event in events if event.step_key == step]
    return output.step_output_data.metadata


def claimed(stack, seconds_ago):
    """A run in a launch that a tick claimed and Dagster never heard of: what kill -9 after the commit leaves."""
    with stack.database.begin_system() as store:
        run_id = request_run(store, TENANT, JobKind.GRAPH, "tests")
        (offer,) = [offer for offer in claim(store, stack.owner, store.now()) if run_id in offer.runs]
    age(stack, offer.id, seconds_ago)
    return run_id, offer.id


def age(stack, launch_id, seconds):
    """Makes the last offer of a launch so much older."""
    with stack.database.begin_system() as store:
        store.connection.execute(
            "UPDATE scheduler.launches SET offered_at = offered_at - make_interval(secs => %s) WHERE id = %s",
            [seconds, launch_id],
        )


def submissions(stack, launch_id):
    """How many ended ticks of fire_due have asked Dagster for a run of a launch."""
    (sensor,) = (one for one in stack.instance.all_instigator_state() if one.instigator_name == "fire_due")
    ticks = stack.instance.get_ticks(sensor.instigator_origin_id, sensor.selector_id, limit=50)
    return sum(str(launch_id) in tick.run_keys for tick in ticks if tick.status is not TickStatus.STARTED)


def launch_of(stack, launch_id):
    with stack.database.begin_system() as store:
        return store.launches.get(launch_id)


@pytest.mark.parametrize("kind", JobKind)
def test_a_due_row_becomes_a_completed_dagster_run(stack, scheduled_runs, kind):
    run = scheduled_runs[kind]
    dagster_run = stack.instance.get_run_by_id(run.dagster_run_id)
    assert (dagster_run.job_name, dagster_run.status) == (f"{kind}_job", DagsterRunStatus.SUCCESS)
    expected = {
        "scheduler/kind": kind,
        "scheduler/tenant": TENANT,
        "scheduler/schedule": f"{kind} now",
        "scheduler/trigger": "once",
        "scheduler/run": str(run.id),
        "scheduler/runs": "1",
        "scheduler/launch": str(run.launch_id),
        SENSOR_NAME_TAG: "fire_due",
    }
    assert {name: dagster_run.tags.get(name) for name in expected} == expected
    assert dagster_run.run_config["ops"] == {
        f"open_{kind}_runs": {"config": {"launch_id": str(run.launch_id)}}
    }
    assert launch_of(stack, run.launch_id).state is LaunchState.FINISHED
    assert stack.dagster_runs_of(run.launch_id) == [run.dagster_run_id]


@pytest.mark.parametrize("kind", JobKind)
def test_the_event_log_shows_counts_and_tables(stack, scheduled_runs, kind):
    run = scheduled_runs[kind]
    metadata = metadata_of(stack, run.dagster_run_id, f"close_{kind}_runs")
    shown = {name: metadata[name].value for name in COUNTS[kind]}
    assert shown == COUNTS[kind]
    assert shown == {name: run.stats[name] for name in COUNTS[kind]}
    assert (metadata["runs"].value, metadata["failed"].value) == (1, 0)
    assert isinstance(metadata["ledger"], TableMetadataValue)
    (row,) = metadata["ledger"].records
    expected = {
        "tenant": TENANT,
        "schedule": f"{kind} now",
        "run": str(run.id),
        "trigger": "once",
        "attempt": 1,
        "state": "completed",
    }
    assert {name: row.data.get(name) for name in expected} == expected
    result = metadata["result"]
    assert isinstance(result, TableMetadataValue)
    assert result.schema.columns[0].name == "image"
    assert result.records[0].data["image"] == "registry.example/shop/storefront:2023.4"


def test_a_launch_that_dagster_never_heard_of_is_submitted_by_a_later_tick(stack, scheduled_runs):
    run_id, launch_id = claimed(stack, OFFER_LEASE.total_seconds())
    assert stack.dagster_runs_of(launch_id) == []
    run = stack.ended(run_id)
    assert (run.state, run.attempt) == (RunState.COMPLETED, 1)
    assert stack.dagster_runs_of(launch_id) == [run.dagster_run_id]
    assert launch_of(stack, launch_id).offers >= 2, "more on a machine where a run takes a lease to start"


def test_a_launch_whose_submission_is_unknown_is_looked_up_and_not_submitted_twice(stack, scheduled_runs):
    """Its Dagster run is there but cannot open it yet, so a later tick asks again: Dagster finds the run by its key."""
    with psycopg.connect(make_conninfo(stack.database.settings.conninfo(), user="postgres")) as holder:
        holder.execute("LOCK TABLE scheduler.workers IN SHARE MODE")
        run_id, launch_id = claimed(stack, OFFER_LEASE.total_seconds())
        stack.until(lambda: submissions(stack, launch_id) == 1, "the launch is submitted")
        made = stack.dagster_runs_of(launch_id)
        age(stack, launch_id, OFFER_LEASE.total_seconds())
        stack.until(lambda: submissions(stack, launch_id) == 2, "it is offered again")
        assert launch_of(stack, launch_id).state is LaunchState.OFFERED
        assert stack.dagster_runs_of(launch_id) == made
    run = stack.ended(run_id)
    assert (run.state, [run.dagster_run_id]) == (RunState.COMPLETED, made)
    assert stack.dagster_runs_of(launch_id) == made


def test_a_launch_whose_dagster_run_is_terminated_before_it_opens_is_ended(stack, scheduled_runs):
    admin = make_conninfo(stack.database.settings.conninfo(), user="postgres")
    with psycopg.connect(admin) as holder, psycopg.connect(admin, autocommit=True) as watcher:
        run_id, launch_id = claimed(stack, OFFER_LEASE.total_seconds())
        # The run's process takes seconds to start; then it waits for this row to acknowledge its launch.
        dagster_run_id = stack.until(lambda: stack.dagster_runs_of(launch_id), "the launch is submitted")[0]
        holder.execute("SELECT FROM scheduler.launches WHERE id = %s FOR UPDATE", [launch_id])
        stack.until(lambda: _somebody_waits(watcher), "its Dagster run waits for the launch")
        answer = stack.graphql(TERMINATE, run=dagster_run_id)
        assert answer["terminateRun"]["__typename"] == "TerminateRunSuccess"
        assert stack.ended_in_dagster(dagster_run_id) is DagsterRunStatus.CANCELED
    run = stack.ended(run_id)
    assert (run.state, run.started_at, run.error) == (RunState.CANCELLED, None, None)
    assert run.reason == f"Dagster run {dagster_run_id} ended as CANCELED without closing the run"
    assert launch_of(stack, launch_id).state is LaunchState.DEAD


TERMINATE = "mutation ($run: String!) { terminateRun(runId: $run) { __typename } }"


def _somebody_waits(connection: psycopg.Connection) -> bool:
    waiting = connection.execute(
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    return waiting.fetchone() is not None

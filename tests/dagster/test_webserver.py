"""The real web server: what the launchpad shows, and manual launches by nothing but a tenant."""

import pytest
import yaml
from dagster import DagsterEventType, DagsterRunStatus

from resources.states import JobKind, LaunchState, PolicyMode, RunState, TriggerKind, WorkState
from scheduler_defs.edits.tenants import create_tenant
from scheduler_defs.inputs.sboms import Placement, ingest_sbom
from tests.dagster.conftest import EXAMPLES

pytestmark = pytest.mark.stack

TENANT = "acme"
REPOSITORY = {"repositoryLocationName": "scheduler", "repositoryName": "__repository__"}
DEFAULTS = """
query ($selector: PipelineSelector!) {
  runConfigSchemaOrError(selector: $selector, mode: "default") {
    __typename
    ... on RunConfigSchema { rootDefaultYaml }
  }
}
"""
LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PythonError { message }
  }
}
"""
TERMINATE = """
mutation ($run: String!) {
  terminateRun(runId: $run) {
    __typename
    ... on TerminateRunFailure { message }
    ... on PythonError { message }
  }
}
"""
IMAGES = 40


def launch(stack, kind, config, tags=()):
    """Launches a job as the launchpad does; returns the Dagster run's id."""
    params = {
        "selector": {**REPOSITORY, "pipelineName": f"{kind}_job"},
        "mode": "default",
        "runConfigData": {"ops": {f"open_{kind}_runs": {"config": config}}},
        "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags]},
    }
    answer = stack.graphql(LAUNCH, params=params)["launchRun"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return answer["run"]["runId"]


@pytest.fixture(scope="module")
def manual_runs(stack) -> dict[JobKind, str]:
    """The Dagster runs of a manual launch of each kind; the policies' by a user who gave a mode by its name."""
    more = {JobKind.POLICY: {"mode": "SIMULATE", "selection": {"namespace": "shop"}}}
    tags = {JobKind.POLICY: [("user", "ann")]}
    return {
        kind: launch(stack, kind, {"tenant": TENANT, **more.get(kind, {})}, tags.get(kind, ()))
        for kind in JobKind
    }


@pytest.mark.parametrize("kind", JobKind)
def test_the_launchpad_starts_with_every_field_that_a_person_may_fill(stack, kind):
    selector = {**REPOSITORY, "pipelineName": f"{kind}_job"}
    answer = stack.graphql(DEFAULTS, selector=selector)["runConfigSchemaOrError"]
    config = yaml.safe_load(answer["rootDefaultYaml"])["ops"][f"open_{kind}_runs"]["config"]
    selection = {"namespace": "", "repository": "", "digest": "", "labels": {}}
    if kind is JobKind.IMPACT:
        selection |= {"advisories": [], "since_revision": -1}
    if kind is JobKind.POLICY:
        selection |= {"as_of": ""}
    expected = {"tenant": "", "priority": 0, "launch_id": "", "selection": selection}
    assert config == (expected | {"mode": "FULL"} if kind is JobKind.POLICY else expected)


@pytest.mark.parametrize("kind", JobKind)
def test_a_manual_launch_needs_a_tenant_and_writes_its_run(stack, manual_runs, kind):
    dagster_run_id = manual_runs[kind]
    assert stack.ended_in_dagster(dagster_run_id) is DagsterRunStatus.SUCCESS
    (run,) = [
        run for run in stack.runs(trigger_kind=TriggerKind.MANUAL) if run.dagster_run_id == dagster_run_id
    ]
    assert (run.kind, run.state, run.schedule_id) == (kind, RunState.COMPLETED, None)
    assert run.requested_by == ("ann" if kind is JobKind.POLICY else "launchpad")
    assert run.mode == (PolicyMode.SIMULATE if kind is JobKind.POLICY else None)
    tags = stack.instance.get_run_by_id(dagster_run_id).tags
    assert (tags["scheduler/tenant"], tags["scheduler/run"]) == (TENANT, str(run.id))
    assert (tags["scheduler/trigger"], tags["scheduler/launch"]) == ("manual", str(run.launch_id))


def test_a_launch_that_cannot_be_carried_out_fails_with_what_is_wrong(stack, manual_runs):
    before = {run.id for run in stack.runs()}
    dagster_run_id = launch(stack, JobKind.GRAPH, {"tenant": "nobody"})
    assert stack.ended_in_dagster(dagster_run_id) is DagsterRunStatus.FAILURE
    (failure,) = stack.instance.all_logs(dagster_run_id, of_type=DagsterEventType.STEP_FAILURE)
    assert "tenant 'nobody' does not exist" in failure.dagster_event.step_failure_data.error.cause.message
    assert [run for run in stack.runs() if run.id not in before] == []


def test_a_termination_in_the_ui_stops_between_two_images_and_leaves_cancelled(stack):
    with stack.database.begin_system() as store:
        create_tenant(store, "patient", "tests")
    for number in range(IMAGES):
        image = Placement(image=f"registry.example/shop/{number}:1")
        ingest_sbom(stack.database, "patient", EXAMPLES / "shop.cdx.json", image, "tests")

    def run():
        with stack.database.begin("patient") as store:
            return next(iter(store.runs.list("patient").items), None)

    def building(run):
        with stack.database.begin("patient") as store:
            return store.graph_jobs.count_by_status(run).get(WorkState.RUNNING)

    with stack.hold("inventory.graphs"):
        dagster_run_id = launch(stack, JobKind.GRAPH, {"tenant": "patient"})
        stack.until(lambda: (one := run()) and building(one), "the run has an image's graph to write")
        stack.until(stack.somebody_waits, "the run writes a graph")
        assert run().state is RunState.RUNNING
        answer = stack.graphql(TERMINATE, run=dagster_run_id)["terminateRun"]
        assert answer["__typename"] == "TerminateRunSuccess", answer
    assert stack.ended_in_dagster(dagster_run_id) is DagsterRunStatus.CANCELED
    ended = stack.until(lambda: (one := run()).finished_at and one, "the run ends")
    assert (ended.state, ended.reason, ended.error) == (RunState.CANCELLED, "cancelled", None)
    with stack.database.begin("patient") as store:
        counts = store.graph_jobs.count_by_status(ended)
    assert 0 < counts[WorkState.COMPLETED] < IMAGES
    assert counts[WorkState.CANCELLED] == IMAGES - counts[WorkState.COMPLETED]
    with stack.database.begin_system() as store:
        assert store.launches.get(ended.launch_id).state is LaunchState.FINISHED

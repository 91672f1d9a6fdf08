"""What a re-execution in the Dagster UI does, of all or from failure: a proper retry."""

import pytest
from dagster import ReexecutionOptions, execute_job, reconstructable

from resources.states import JobKind, LaunchState, RunState, TriggerKind
from scheduler_defs.definitions import defs
from scheduler_defs.edits.runs import cancel_run, request_run
from tests.ops.conftest import World


def graph_job():
    return defs.get_job_def("graph_job")


@pytest.fixture
def again(job):
    """Re-executes an earlier Dagster run: again(parent), or again(parent, from_failure=True)."""

    def execute(parent, *, from_failure=False):
        instance = job.instance
        options = (
            ReexecutionOptions.from_failure(parent.run_id, instance)
            if from_failure
            else ReexecutionOptions(parent_run_id=parent.run_id)
        )
        with execute_job(
            reconstructable(graph_job),
            instance=instance,
            reexecution_options=options,
            run_config=instance.get_run_by_id(parent.run_id).run_config,
            raise_on_error=False,
        ) as result:
            return result

    return execute


@pytest.fixture
def broken(world: World, admin):
    """An image whose SBOM cannot be read."""
    image = world.image()
    admin.execute("UPDATE inventory.sboms SET content = 'x'")
    return image


def runs(world):
    with world.database.begin("acme") as store:
        return sorted(store.runs.list("acme").items, key=lambda run: run.id)


@pytest.mark.parametrize("from_failure", [False, True])
def test_what_failed_is_retried_as_a_run_that_names_it(world, job, again, broken, admin, from_failure):
    failed = job("graph", tenant="acme")
    assert not failed.success
    world.image(packages={"flask": "2.0"})
    result = again(failed, from_failure=from_failure)
    assert result.success
    first, second = runs(world)
    assert (first.state, second.state) == (RunState.FAILED, RunState.COMPLETED)
    assert (second.trigger_kind, second.retry_of) == (TriggerKind.RETRY, first.id)
    assert (first.dagster_run_id, second.dagster_run_id) == (failed.run_id, result.run_id)
    tags = job.instance.get_run_by_id(result.run_id).tags
    assert tags["scheduler/launch"] == str(second.launch_id) != str(first.launch_id)
    with world.database.begin_system() as store:
        assert store.launches.get(second.launch_id).state is LaunchState.FINISHED


def test_what_completed_runs_once_more(world, job, again):
    world.image()
    result = again(job("graph", tenant="acme"))
    assert result.success
    first, second = runs(world)
    assert (first.state, second.state) == (RunState.COMPLETED, RunState.COMPLETED)
    assert (second.trigger_kind, second.retry_of) == (TriggerKind.MANUAL, None)


def test_runs_that_are_tried_again_keep_the_limit_of_their_tenant_together(world, job, again, broken, admin):
    with world.database.begin_system() as store:
        for _ in range(6):
            request_run(store, "acme", JobKind.GRAPH, "ann")
    (offer,) = world.claim()
    failed = job(offer)
    assert [run.state for run in runs(world)] == [RunState.FAILED] * 6
    admin.execute("UPDATE scheduler.tenants SET max_concurrent_runs = 5 WHERE tenant_id = 'acme'")
    assert not again(failed).success
    assert len(runs(world)) == 6
    admin.execute("UPDATE scheduler.tenants SET max_concurrent_runs = 6 WHERE tenant_id = 'acme'")
    again(failed)
    assert len(runs(world)) == 12


def test_a_run_that_waits_for_its_next_attempt_takes_it_now(world, job, again, admin):
    world.image()
    month = admin.execute("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMM')").fetchone()[0]
    admin.execute(f"ALTER TABLE scheduler.execution_logs_{month} RENAME TO elsewhere")
    admin.execute("ALTER TABLE scheduler.execution_logs DETACH PARTITION scheduler.elsewhere")
    failed = job("graph", tenant="acme")
    assert not failed.success
    (waiting,) = runs(world)
    assert (waiting.state, waiting.attempt, waiting.failures) == (RunState.PENDING, 2, 1)
    admin.execute("SELECT scheduler.ensure_log_partitions(now(), now())")
    assert again(failed).success
    (run,) = runs(world)
    assert (run.id, run.state, run.attempt) == (waiting.id, RunState.COMPLETED, 2)


def test_a_launch_that_nobody_opened_is_opened_itself(world, job, again):
    world.image()
    with world.database.begin_system() as store:
        request_run(store, "acme", JobKind.GRAPH, "ann")
    (offer,) = world.claim()
    request = {"ops": {"open_graph_runs": {"config": {"launch_id": str(offer.id)}}}}
    parent = job.instance.create_run_for_job(
        graph_job(), run_config=request, tags={"scheduler/launch": str(offer.id)}
    )
    job.instance.report_run_failed(parent, "no such image")
    assert again(parent).success
    (run,) = runs(world)
    assert (run.state, run.launch_id) == (RunState.COMPLETED, offer.id)


def test_a_cancelled_run_is_retried_and_one_that_runs_elsewhere_is_left_alone(world, job, again):
    world.image()
    with world.database.begin_system() as store:
        for _ in range(2):
            request_run(store, "acme", JobKind.GRAPH, "ann")
    offer = world.claim()[0]
    first = job(offer)
    opened = world.opened(JobKind.GRAPH)
    assert again(first).success
    assert world.row(opened.runs[0]).state is RunState.RUNNING
    with world.database.begin("acme") as store:
        cancel_run(store, store.runs.get("acme", opened.runs[0].id), "ann")

"""What died outside its own process is ended: silent workers, launches that Dagster ended."""

from datetime import timedelta

import pytest
from dagster import DagsterInstance, DagsterRunStatus, build_sensor_context

from resources.ids import new_id
from resources.postgres import PostgresResource, shared_database
from resources.states import JobKind, LaunchState, RunState
from scheduler_defs.edits.runs import request_run
from scheduler_defs.jobs.run_jobs import RUN_JOBS
from scheduler_defs.launching.instances import owner_of
from scheduler_defs.sensors.claim import OFFER_LEASE, claim
from scheduler_defs.sensors.maintain import maintain
from scheduler_defs.sensors.reconcile import reconcile
from scheduler_defs.sensors.rescue import SILENT_FOR, rescue


@pytest.fixture
def instance():
    with DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def tick(environment, monkeypatch, instance):
    """Evaluates a sensor on the test's database."""
    for name in ("SCHEDULER_PERSISTENCE", "SCHEDULER_DSN"):
        monkeypatch.setenv(name, environment[name])
    shared_database.cache_clear()

    def evaluate(sensor, cursor=None):
        context = build_sensor_context(
            instance=instance, cursor=cursor, resources={"postgres": PostgresResource()}
        )
        sensor(context)
        return context.cursor

    yield evaluate
    shared_database().close()
    shared_database.cache_clear()


@pytest.fixture
def offered(database, tenant, instance):
    """A run in a launch that was offered longer ago than reconcile waits, and the Dagster run made for it."""
    with database.begin_system() as store:
        run_id = request_run(store, tenant, JobKind.GRAPH, "tests")
        (offer,) = claim(store, owner_of(instance), store.now() + OFFER_LEASE)
        store.connection.execute("UPDATE scheduler.launches SET offered_at = now() - interval '1 hour'")
    dagster_run = instance.create_run_for_job(
        RUN_JOBS[JobKind.GRAPH], status=DagsterRunStatus.STARTED, tags={"scheduler/launch": str(offer.id)}
    )
    return run_id, offer.id, dagster_run


def register(store, dagster_run, silent_for):
    worker = new_id()
    store.workers.register(
        worker,
        host="here",
        pid=1,
        kinds=[JobKind.GRAPH],
        capacity=1,
        version="0",
        dagster_run_id=dagster_run.run_id,
        now=store.now() - silent_for,
    )
    return worker


def opened(database, offered, silent_for):
    _, launch_id, dagster_run = offered
    with database.begin_system() as store:
        worker = register(store, dagster_run, silent_for)
        store.launches.acknowledge(launch_id, dagster_run.run_id, store.now())
        store.runs.open_of_launch(launch_id, dagster_run.run_id, worker, store.now())
        return worker


def state_of(database, tenant, run_id, launch_id):
    with database.begin_system() as store:
        return store.runs.get(tenant, run_id), store.launches.get(launch_id).state


def test_a_silent_workers_runs_are_failed_in_the_ledger_and_in_dagster(
    tick, database, tenant, offered, instance
):
    worker = opened(database, offered, SILENT_FOR + timedelta(seconds=1))
    tick(rescue, tick(rescue))
    run, _ = state_of(database, tenant, *offered[:2])
    assert (run.state, run.error) == (RunState.FAILED, f"worker {worker} fell silent or left")
    assert instance.get_run_by_id(offered[2].run_id).status is DagsterRunStatus.FAILURE
    tick(reconcile)
    assert state_of(database, tenant, *offered[:2])[1] is LaunchState.DEAD


def test_a_worker_that_was_heard_in_time_keeps_its_runs(tick, database, tenant, offered, instance):
    opened(database, offered, SILENT_FOR - timedelta(seconds=20))
    tick(rescue, tick(rescue))
    tick(reconcile)
    run, launch_state = state_of(database, tenant, *offered[:2])
    assert (run.state, launch_state) == (RunState.RUNNING, LaunchState.ACKNOWLEDGED)
    assert instance.get_run_by_id(offered[2].run_id).status is DagsterRunStatus.STARTED


def test_a_tick_that_could_not_listen_itself_declares_nobody_dead(tick, database, tenant, offered):
    opened(database, offered, SILENT_FOR + timedelta(seconds=1))
    with database.begin_system() as store:
        now = store.now()
    for cursor in (None, (now - SILENT_FOR).isoformat(), (now + timedelta(hours=1)).isoformat()):
        listening = tick(rescue, cursor)
        assert state_of(database, tenant, *offered[:2])[0].state is RunState.RUNNING
    tick(rescue, listening)
    assert state_of(database, tenant, *offered[:2])[0].state is RunState.FAILED


def test_a_worker_that_left_its_run_running_loses_it(tick, database, tenant, offered):
    worker = opened(database, offered, timedelta())
    with database.begin_system() as store:
        store.workers.deregister(worker, store.now())
    tick(rescue)
    assert state_of(database, tenant, *offered[:2])[0].state is RunState.FAILED


def test_a_worker_that_died_before_it_opened_its_launch_does_not_hold_it_up(
    tick, database, tenant, offered, instance
):
    with database.begin_system() as store:
        register(store, offered[2], SILENT_FOR + timedelta(seconds=1))
    tick(rescue, tick(rescue))
    assert instance.get_run_by_id(offered[2].run_id).status is DagsterRunStatus.FAILURE
    tick(reconcile)
    run, launch_state = state_of(database, tenant, *offered[:2])
    assert (run.state, launch_state) == (RunState.FAILED, LaunchState.DEAD)
    assert offered[2].run_id in run.error


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (DagsterRunStatus.FAILURE, RunState.FAILED),
        (DagsterRunStatus.CANCELED, RunState.CANCELLED),
        (DagsterRunStatus.SUCCESS, RunState.FAILED),
    ],
)
def test_a_launch_follows_its_dagster_run(tick, database, tenant, offered, instance, status, state):
    opened(database, offered, timedelta())
    events = {
        DagsterRunStatus.FAILURE: instance.report_run_failed,
        DagsterRunStatus.CANCELED: instance.report_run_canceled,
    }
    if status in events:
        events[status](offered[2])
    else:
        instance.run_storage.delete_run(offered[2].run_id)
        instance.run_storage.add_run(offered[2].with_status(status))
    tick(reconcile)
    run, launch_state = state_of(database, tenant, *offered[:2])
    assert (run.state, launch_state) == (state, LaunchState.DEAD)
    assert offered[2].run_id in (run.error or run.reason)


def test_log_partitions_are_made_ahead(tick, database, admin):
    def months():
        rows = admin.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = 'scheduler.execution_logs'::regclass ORDER BY 1"
        )
        return [name for (name,) in rows]

    before = months()
    newest = before[-1]
    admin.execute(f"ALTER TABLE scheduler.execution_logs DETACH PARTITION {newest}")
    admin.execute(f"DROP TABLE {newest}")
    tick(maintain)
    assert months() == before

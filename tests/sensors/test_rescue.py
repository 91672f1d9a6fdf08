"""What died outside its own process is ended: silent workers, launches that Dagster ended."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic

import psycopg
import pytest
from dagster import DagsterInstance, DagsterRunStatus, build_sensor_context

from resources.ids import new_id
from resources.postgres import PostgresResource, shared_database
from resources.states import JobKind, LaunchState, NotificationKind, RunState
from scheduler_defs.edits.runs import cancel_run, request_run
from scheduler_defs.edits.schedules import NewSchedule, create_schedule, resume_schedule, trigger_schedule
from scheduler_defs.jobs.run_jobs import RUN_JOBS
from scheduler_defs.launching.instances import owner_of
from scheduler_defs.ops.endings import end_run
from scheduler_defs.sensors.claim import OFFER_LEASE, claim
from scheduler_defs.sensors.maintain import maintain
from scheduler_defs.sensors.reconcile import DESERTED_AFTER, end_dead_launches, end_launch, reconcile
from scheduler_defs.sensors.rescue import OWNER_SILENT_FOR, SILENT_FOR, rescue, rescue_runs, take_over
from scheduler_defs.timing.rules import EventRule

TIMED = NewSchedule("timed", JobKind.GRAPH, [EventRule("sbom_ingested")], run_timeout=timedelta(minutes=1))


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


def begin(database, tenant, run_id):
    with database.begin(tenant) as store:
        return store.runs.begin_attempt(store.runs.get(tenant, run_id), store.now())


def test_a_silent_workers_runs_wait_for_another_attempt(tick, database, tenant, offered, instance):
    worker = opened(database, offered, SILENT_FOR + timedelta(seconds=1))
    begin(database, tenant, offered[0])
    tick(rescue, tick(rescue))
    run, _ = state_of(database, tenant, *offered[:2])
    assert (run.state, run.reason) == (RunState.PENDING, f"worker {worker} fell silent or left")
    assert (run.attempt, run.failures) == (2, 1)
    with database.begin_system() as store:
        assert timedelta(seconds=20) < run.available_at - store.now() <= timedelta(seconds=30)
    assert instance.get_run_by_id(offered[2].run_id).status is DagsterRunStatus.FAILURE
    tick(reconcile)
    assert state_of(database, tenant, *offered[:2])[1] is LaunchState.DEAD


def test_a_run_whose_attempts_are_used_up_fails(tick, database, tenant, offered, admin):
    worker = opened(database, offered, SILENT_FOR + timedelta(seconds=1))
    begin(database, tenant, offered[0])
    admin.execute("UPDATE scheduler.runs SET attempt = 3, failures = 2")
    tick(rescue, tick(rescue))
    run, _ = state_of(database, tenant, *offered[:2])
    assert (run.state, run.error) == (RunState.FAILED, f"worker {worker} fell silent or left")


def test_a_run_that_was_asked_to_stop_is_cancelled_when_its_worker_dies(tick, database, tenant, offered):
    opened(database, offered, SILENT_FOR + timedelta(seconds=1))
    run = begin(database, tenant, offered[0])
    with database.begin(tenant) as store:
        cancel_run(store, run, "ann")
    tick(rescue, tick(rescue))
    run, _ = state_of(database, tenant, *offered[:2])
    assert (run.state, run.reason) == (RunState.CANCELLED, "cancelled by ann")


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
    assert state_of(database, tenant, *offered[:2])[0].state is RunState.PENDING


def test_a_worker_that_left_its_run_running_loses_it(tick, database, tenant, offered):
    worker = opened(database, offered, timedelta())
    with database.begin_system() as store:
        store.workers.deregister(worker, store.now())
    tick(rescue)
    run = state_of(database, tenant, *offered[:2])[0]
    assert (run.state, run.attempt, run.failures) == (RunState.PENDING, 1, 0)


def aged(cursor, by):
    """A cursor of reconcile as if it had been written earlier."""
    return json.dumps(
        {one: (datetime.fromisoformat(at) - by).isoformat() for one, at in json.loads(cursor).items()}
    )


@pytest.mark.parametrize("died", ["before it registered", "declared dead as rescue died", "after it left"])
def test_a_dagster_run_whose_process_is_gone_is_ended_after_a_while(
    tick, database, tenant, offered, instance, died
):
    run_id, launch_id, dagster_run = offered
    if died != "before it registered":
        worker = opened(database, offered, SILENT_FOR + timedelta(seconds=1))
        with database.begin_system() as store:
            if died == "after it left":
                store.workers.deregister(worker, store.now())
            else:
                assert store.workers.declare_dead(store.now(), SILENT_FOR) == {worker: dagster_run.run_id}
            now = store.now()
        rescue_runs(database, now)
    cursor = tick(reconcile)
    assert json.loads(cursor).keys() == {dagster_run.run_id}
    again = tick(reconcile, aged(cursor, DESERTED_AFTER - timedelta(seconds=20)))
    assert instance.get_run_by_id(dagster_run.run_id).status is DagsterRunStatus.STARTED
    assert json.loads(tick(reconcile, aged(again, timedelta(seconds=20)))) == {}
    assert instance.get_run_by_id(dagster_run.run_id).status is DagsterRunStatus.FAILURE
    run, launch_state = state_of(database, tenant, run_id, launch_id)
    assert (run.state, launch_state) == (RunState.PENDING, LaunchState.DEAD)
    assert run.lost_launches == (died == "before it registered")


def test_a_dagster_run_with_a_worker_or_of_somebody_else_goes_on(tick, database, tenant, offered, instance):
    foreign = instance.create_run_for_job(RUN_JOBS[JobKind.GRAPH], status=DagsterRunStatus.STARTED)
    opened(database, offered, timedelta())
    with database.begin_system() as store:
        long_ago = store.now() - timedelta(days=1)
    cursor = json.dumps({one.run_id: long_ago.isoformat() for one in (foreign, offered[2])})
    assert tick(reconcile, cursor) == "{}"
    assert {one.status for one in instance.get_runs()} == {DagsterRunStatus.STARTED}


def test_a_clock_that_was_set_back_does_not_keep_a_deserted_run(tick, database, tenant, offered, instance):
    cursor = tick(reconcile)
    ahead = aged(cursor, -timedelta(days=1))
    again = tick(reconcile, ahead)
    assert datetime.fromisoformat(json.loads(again)[offered[2].run_id]) < datetime.now(UTC) + timedelta(
        minutes=1
    )


def test_an_attempt_that_froze_in_a_transaction_holds_up_nothing_until_the_server_ends_it(
    tick, database, tenant, offered, instance
):
    worker = opened(database, offered, SILENT_FOR + timedelta(seconds=1))
    begin(database, tenant, offered[0])
    cursor = tick(rescue)
    gone = (psycopg.errors.IdleInTransactionSessionTimeout, psycopg.OperationalError)
    with pytest.raises(gone):  # it says why, unless the connection is closed before that is read
        freeze(database, tenant, offered[0], lambda: (tick(rescue, cursor), tick(reconcile)))
    run, launch_state = state_of(database, tenant, *offered[:2])
    assert (run.state, run.worker_id, launch_state) == (RunState.RUNNING, worker, LaunchState.ACKNOWLEDGED)
    tick(rescue)
    tick(reconcile)
    run, launch_state = state_of(database, tenant, *offered[:2])
    assert (run.state, run.attempt, launch_state) == (RunState.PENDING, 2, LaunchState.DEAD)


def freeze(database, tenant, run_id, meanwhile):
    """Holds a run in a transaction that does nothing more until the server has ended it."""
    with database.begin(tenant) as frozen:
        frozen.runs.hold_attempt(frozen.runs.get(tenant, run_id))
        began = monotonic()
        meanwhile()
        assert monotonic() - began < 10
        frozen.connection.execute("SET LOCAL idle_in_transaction_session_timeout = 1")
        with database.begin_system() as store:
            alive = "SELECT FROM pg_stat_activity WHERE pid = %s"
            while store.connection.execute(alive, [frozen.connection.info.backend_pid]).fetchone():
                store.connection.execute("SELECT pg_stat_clear_snapshot()")
        frozen.runs.get(tenant, run_id)


def test_a_worker_that_died_before_it_opened_its_launch_does_not_hold_it_up(
    tick, database, tenant, offered, instance
):
    with database.begin_system() as store:
        register(store, offered[2], SILENT_FOR + timedelta(seconds=1))
    tick(rescue, tick(rescue))
    assert instance.get_run_by_id(offered[2].run_id).status is DagsterRunStatus.FAILURE
    tick(reconcile)
    run, launch_state = state_of(database, tenant, *offered[:2])
    assert (run.state, launch_state) == (RunState.PENDING, LaunchState.DEAD)
    assert (run.attempt, run.lost_launches) == (1, 1)
    assert offered[2].run_id in run.reason


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (DagsterRunStatus.FAILURE, RunState.PENDING),
        (DagsterRunStatus.CANCELED, RunState.CANCELLED),
        (DagsterRunStatus.SUCCESS, RunState.PENDING),
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


def test_a_launch_that_cannot_start_fails_its_runs_after_their_attempts(
    tick, database, tenant, offered, instance, admin
):
    instance.report_run_failed(offered[2], "no such image")
    admin.execute("UPDATE scheduler.runs SET lost_launches = 2")
    tick(reconcile)
    run, launch_state = state_of(database, tenant, *offered[:2])
    assert (run.state, launch_state) == (RunState.FAILED, LaunchState.DEAD)
    assert run.error.startswith("none of 3 launches opened the run; the last: Dagster run")


def test_a_launch_that_another_dagster_run_opened_meanwhile_keeps_its_runs(
    tick, database, tenant, offered, instance
):
    instance.report_run_failed(offered[2], "no such image")
    with database.begin_system() as store:
        launch = store.launches.get(offered[1])
        worker = register(store, offered[2], timedelta())
        store.launches.acknowledge(launch.id, "another", store.now())
        store.runs.open_of_launch(launch.id, "another", worker, store.now())
    assert end_launch(database, launch, instance.get_run_by_id(offered[2].run_id)) == []
    assert state_of(database, tenant, *offered[:2])[0].state is RunState.RUNNING


def test_a_launch_whose_dagster_run_was_deleted_ends_when_its_runs_have(
    tick, database, tenant, offered, instance
):
    opened(database, offered, timedelta())
    instance.delete_run(offered[2].run_id)
    tick(reconcile)
    run, launch_state = state_of(database, tenant, *offered[:2])
    assert (run.state, launch_state) == (RunState.RUNNING, LaunchState.ACKNOWLEDGED)
    with database.begin(tenant) as store:
        store.runs.finish(begin(database, tenant, run.id), RunState.COMPLETED, store.now())
    tick(reconcile)
    assert state_of(database, tenant, *offered[:2])[1] is LaunchState.DEAD


def test_reconcile_sees_more_launches_than_it_reads_at_once(database, tenant, instance):
    with database.begin_system() as store:
        for kind in (*JobKind, *JobKind):
            request_run(store, tenant, kind, "tests")
        offers = claim(store, owner_of(instance), store.now())
        later = store.now() + OFFER_LEASE
    assert len(offers) == 6
    for offer in offers[-2:]:
        made = instance.create_run_for_job(RUN_JOBS[offer.kind], tags={"scheduler/launch": str(offer.id)})
        instance.report_run_failed(made, "no such image")
    assert end_dead_launches(database, instance, later, a_turn=2) == (6, 2)


def test_an_attempt_that_hangs_beyond_its_timeout_is_taken(tick, database, tenant, instance, admin):
    with database.begin_system() as store:
        create_schedule(store, tenant, TIMED, "tests")
        trigger_schedule(store, tenant, "timed", "tests")
        (offer,) = claim(store, owner_of(instance), store.now())
    dagster_run = instance.create_run_for_job(RUN_JOBS[JobKind.GRAPH], status=DagsterRunStatus.STARTED)
    opened(database, (None, offer.id, dagster_run), timedelta())
    run = begin(database, tenant, offer.runs[0])
    tick(rescue)
    assert state_of(database, tenant, run.id, offer.id)[0].state is RunState.RUNNING
    admin.execute("UPDATE scheduler.runs SET started_at = started_at - interval '2 minutes'")
    tick(rescue)
    after, _ = state_of(database, tenant, run.id, offer.id)
    assert (after.state, after.reason) == (
        RunState.PENDING,
        "it took longer than its schedule's run_timeout",
    )
    assert instance.get_run_by_id(dagster_run.run_id).status is DagsterRunStatus.FAILURE


def test_what_a_silent_daemon_was_to_submit_is_launched_by_another(tick, database, tenant):
    with database.begin_system() as store:
        run_id = request_run(store, tenant, JobKind.GRAPH, "tests")
        (offer,) = claim(store, "silent", store.now())
        later = store.now() + OWNER_SILENT_FOR
        store.launches.see_owner("silent", store.now())
    assert take_over(database, later - timedelta(seconds=10)) == 0
    assert take_over(database, later + timedelta(seconds=10)) == 1
    run, launch_state = state_of(database, tenant, run_id, offer.id)
    assert (run.state, run.lost_launches, launch_state) == (RunState.PENDING, 0, LaunchState.DEAD)
    with database.begin_system() as store:
        (again,) = claim(store, "another", store.now())
    assert again.runs == [run_id]


def test_a_daemon_that_claims_keeps_its_launches_however_old(database, tenant):
    with database.begin_system() as store:
        request_run(store, tenant, JobKind.GRAPH, "tests")
        claim(store, "alive", store.now())
        later = store.now() + timedelta(hours=1)
        store.launches.see_owner("alive", later)
    assert take_over(database, later) == 0


def test_a_schedule_whose_runs_keep_failing_is_paused_and_resumes_with_a_clean_slate(
    tick, database, tenant, admin
):
    with database.begin_system() as store:
        create_schedule(store, tenant, replace(TIMED, pause_after_failures=2, max_attempts=1), "tests")

    def fail():
        with database.begin_system() as store:
            trigger_schedule(store, tenant, "timed", "tests")
            (offer,) = claim(store, "tests", store.now())
        with database.begin(tenant) as store:
            run = store.runs.get(tenant, offer.runs[0])
        assert end_run(database, run, RunState.FAILED, "it broke")
        with database.begin(tenant) as store:
            return store.schedules.get_by_name(tenant, "timed")

    assert fail().enabled
    paused = fail()
    assert (paused.enabled, paused.paused_reason) == (False, "2 runs failed in a row")
    with database.begin_system() as store:
        (said,) = [one for one in store.audit.list_all(limit=10).items if one.action == "pause"]
        assert said.actor == "scheduler"
        (told,) = store.notifications.list(tenant).items
        assert (told.kind, told.subject, told.attempts) == (NotificationKind.SCHEDULE_PAUSED, "timed", 0)
        assert told.message.startswith("schedule timed is paused: 2 runs failed in a row")
        resume_schedule(store, tenant, "timed", "ann")
    tick(rescue)
    assert fail().enabled


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

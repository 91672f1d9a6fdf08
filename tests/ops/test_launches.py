"""Launches carried out by the real jobs, by hand and as fire_due starts them."""

import itertools
import threading
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic

import pytest
from dagster import build_op_context, build_resources

from resources.errors import InvalidInput
from resources.heartbeat import Heartbeat
from resources.ids import new_id
from resources.postgres import PostgresResource
from resources.records import Launchable
from resources.selection import Selection
from resources.states import JobKind, LaunchState, RunState, TriggerKind, WorkState
from resources.worker import WorkerResource
from scheduler_defs.edits.runs import cancel_run, request_run
from scheduler_defs.edits.schedules import NewSchedule, create_schedule
from scheduler_defs.ops.attempt import Result
from scheduler_defs.ops.endings import end_run
from scheduler_defs.ops.launches import ManualLaunch, add_manual, close_run, open_launch, raise_for_failures
from scheduler_defs.ops.run_ops import execute
from scheduler_defs.timing.rules import EventRule, OnceRule

IMAGES = 15
WORKER = WorkerResource(postgres=PostgresResource())


def error_of(result):
    """What Dagster shows of the step that failed."""
    (event,) = (event for event in result.all_events if event.is_step_failure)
    error = event.step_failure_data.error
    return f"{error} {error.cause}"


def rows(admin, table, where="true"):
    return admin.execute(f"SELECT count(*) FROM scheduler.{table} WHERE {where}").fetchone()[0]


def wait_for_a_waiter(admin):
    """Returns when some transaction waits for a lock."""
    give_up_at = monotonic() + 20
    while not admin.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()[0]:
        assert monotonic() < give_up_at


@pytest.fixture
def packed(world, admin):
    """One launch of 30 runs of two tenants, one image each; the SBOM of globex's last image is corrupt."""
    for tenant in ("acme", "globex"):
        for number in range(IMAGES):
            packages = {"flask": f"1.{number}", tenant: "1.0"}
            world.image(f"shop/{number}", packages, tenant=tenant, namespace=f"n{number}")
    admin.execute(
        """
        UPDATE inventory.sboms AS s SET content = %s FROM inventory.images AS i
        WHERE s.tenant_id = 'globex' AND i.sbom_id = s.id AND i.namespace = 'n14'
        """,
        [zlib.compress(b'{"bomFormat": "CycloneDX", "specVersion": "1.5", "\\u0000": 1}')],
    )
    with world.database.begin_system() as store:
        for tenant in ("acme", "globex"):
            for number in range(IMAGES):
                selection = Selection(namespace=f"n{number}")
                request_run(store, tenant, JobKind.GRAPH, "ann", selection=selection)
    (offer,) = world.claim()
    assert offer.run_count == 2 * IMAGES
    return offer


def test_in_a_launch_of_thirty_runs_the_poisoned_one_fails_alone(world, packed, job, admin):
    result = job(packed)
    assert not result.success
    runs = [*world.manual("acme"), *world.manual("globex")]
    (poisoned,) = (run for run in runs if run.selection["namespace"] == "n14" and run.tenant_id == "globex")
    assert Counter(run.state for run in runs) == {RunState.COMPLETED: 29, RunState.FAILED: 1}
    assert poisoned.state is RunState.FAILED
    assert "1 of 1 images failed: registry.example/shop/14:1: SBOM" in poisoned.error
    assert "1 of 30 runs failed" in error_of(result)
    assert str(poisoned.id) in error_of(result)
    assert {run.dagster_run_id for run in runs} == {result.run_id}
    assert rows(admin, "graph_jobs", "status = 'completed'") == 29
    assert rows(admin, "graph_jobs", "status = 'failed' AND tenant_id = 'globex' AND error <> ''") == 1
    assert rows(admin, "launches", "state = 'finished'") == 1


def test_each_run_of_a_launch_has_its_own_log_items_and_summary(world, packed, job, admin):
    job(packed)
    for tenant in ("acme", "globex"):
        with world.database.begin(tenant) as store:
            for run in store.runs.list(tenant).items:
                (item,) = store.graph_jobs.list_of_run(run)
                said = [line.message for line in store.execution_logs.tail(tenant, run.id).items]
                assert said[0] == f"graph run of {tenant} begins"
                if run.state is RunState.COMPLETED:
                    assert said[-1] == "graph run completes"
                    assert (item.status, item.result_digest is None) == (WorkState.COMPLETED, False)
                    assert run.stats == {"images": 1, "failed": 0, "nodes": 3, "edges": 2}
            summaries = [
                (one.granularity, one.completed, one.failed)
                for one in store.run_summaries.list(tenant, "day").items
            ]
        failed = 1 if tenant == "globex" else 0
        assert summaries == [("day", IMAGES - failed, failed)]
    mixed = """
        SELECT count(*) FROM scheduler.graph_jobs AS j
        JOIN scheduler.runs AS r ON r.id = j.run_id JOIN inventory.images AS i ON i.id = j.image_id
        WHERE j.tenant_id <> r.tenant_id OR i.tenant_id <> r.tenant_id OR i.namespace <> r.selection ->> 'namespace'
        """
    assert admin.execute(mixed).fetchone() == (0,)
    assert rows(admin, "graph_jobs") == 2 * IMAGES


def test_a_completed_run_is_an_event_and_a_failed_one_is_none(world, packed, job, admin):
    with world.database.begin_system() as store:
        for tenant, namespace in (("acme", "n0"), ("globex", "n14")):
            for name, rule in (
                ("nightly", OnceRule(store.now())),
                ("after", EventRule("run_completed:nightly")),
            ):
                wanted = NewSchedule(name, JobKind.GRAPH, [rule], selection=Selection(namespace=namespace))
                create_schedule(store, tenant, wanted, "ann")
    for offer in world.claim():
        if offer.id != packed.id:
            job(offer)
    found = admin.execute("SELECT tenant_id, event FROM scheduler.trigger_events").fetchall()
    assert found == [("acme", "run_completed:nightly")]


def test_a_second_dagster_run_for_a_launch_opens_nothing_and_ends(world, job, admin):
    world.image()
    with world.database.begin_system() as store:
        request_run(store, "acme", JobKind.GRAPH, "ann")
    (offer,) = world.claim()
    assert job(offer).success
    (before,) = world.manual()
    again = job(offer)
    assert again.success
    assert world.manual() == [before]
    assert rows(admin, "graph_jobs") == 1
    assert rows(admin, "launches", f"state = 'finished' AND dagster_run_id <> '{again.run_id}'") == 1


def test_a_launch_cancelled_before_it_was_opened_does_nothing(world, job):
    world.image()
    with world.database.begin_system() as store:
        request_run(store, "acme", JobKind.GRAPH, "ann")
    (offer,) = world.claim()
    (run,) = world.manual()
    with world.database.begin("acme") as store:
        assert cancel_run(store, run, "ann") is RunState.CANCELLED
    assert job(offer).success
    assert world.row(run).state is RunState.CANCELLED
    assert world.row(run).started_at is None


# Runs of a launch, one after another


@pytest.fixture
def execution(world, packed, job):
    """execution(engine) is the op that carries out a launch of 30 opened runs, outside Dagster."""
    opened = open_launch(world.database, packed.id, JobKind.GRAPH, f"dagster-{packed.id}", world.worker())
    with build_op_context() as context:
        yield lambda engine: execute(context, opened, engine, PostgresResource())


def runs_of_launch(world, packed):
    with world.database.begin_system() as store:
        return store.runs.list_of_launch(packed.id)


def test_a_run_is_closed_before_the_next_one_begins(world, packed, execution):
    seen = []

    def engine(attempt):
        seen.append([run.state for run in runs_of_launch(world, packed)])
        return Result({})

    outcomes = execution(engine)
    done, running = [RunState.COMPLETED], [RunState.RUNNING]
    assert seen == [number * done + (2 * IMAGES - number) * running for number in range(2 * IMAGES)]
    assert [outcome.run.id for outcome in outcomes] == [run.id for run in runs_of_launch(world, packed)]


def test_a_runs_duration_is_of_its_own_work(world, packed, execution):
    execution(lambda attempt: Result({}))
    runs = runs_of_launch(world, packed)
    assert all(one.finished_at <= other.started_at for one, other in itertools.pairwise(runs))
    for tenant in ("acme", "globex"):
        took = [(run.finished_at - run.started_at).total_seconds() for run in runs if run.tenant_id == tenant]
        with world.database.begin(tenant) as store:
            (summary,) = store.run_summaries.list(tenant, "day").items
        assert (summary.duration_max, summary.duration_avg) == pytest.approx(
            (max(took), sum(took) / len(took))
        )


def test_a_process_that_ends_in_the_middle_leaves_done_runs_done(world, packed, execution):
    carried = []

    def engine(attempt):
        carried.append(attempt.run.id)
        if len(carried) == 3:
            raise SystemExit
        return Result({"images": 1})

    with pytest.raises(SystemExit):
        execution(engine)
    states = {run.id: run.state for run in runs_of_launch(world, packed)}
    assert [states[run] for run in carried] == [RunState.COMPLETED, RunState.COMPLETED, RunState.RUNNING]
    assert Counter(states.values()) == {RunState.COMPLETED: 2, RunState.RUNNING: 2 * IMAGES - 2}


def test_a_run_whose_log_cannot_be_written_leaves_the_others_of_its_launch_be(packed, execution, admin):
    month = admin.execute("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMM')").fetchone()[0]
    numbers = itertools.count(1)

    def engine(attempt):
        number = next(numbers)
        if number == 2:
            admin.execute(f"DROP TABLE scheduler.execution_logs_{month}")
        if number == 3:
            admin.execute("SELECT scheduler.ensure_log_partitions(now(), now())")
        return Result({})

    outcomes = execution(engine)
    assert Counter(outcome.state for outcome in outcomes) == {RunState.COMPLETED: 29, RunState.PENDING: 1}
    assert outcomes[1].error.startswith("CheckViolation: no partition of relation")
    again = admin.execute("SELECT id, reason FROM scheduler.runs WHERE state = 'pending'").fetchall()
    assert again == [(outcomes[1].run.id, outcomes[1].error)]


def test_a_run_taken_over_while_its_launch_works_is_no_failure_of_it(world, packed, execution):
    def engine(attempt):
        if attempt.run.id == runs_of_launch(world, packed)[0].id:
            assert end_run(world.database, attempt.run, RunState.CANCELLED, "by hand")
        return Result({})

    outcomes = execution(engine)
    assert [outcome.state for outcome in outcomes] == [None, *(2 * IMAGES - 1) * [RunState.COMPLETED]]
    raise_for_failures(outcomes)


# Manual launches


@pytest.mark.parametrize("kind", list(JobKind))
def test_a_manual_launch_needs_nothing_but_a_tenant(world, job, admin, kind):
    image = world.image()
    result = job(kind.value, tenant="acme")
    assert result.success
    (run,) = world.manual()
    assert (run.kind, run.state, run.trigger_kind) == (kind, RunState.COMPLETED, TriggerKind.MANUAL)
    assert (run.requested_by, run.priority, run.selection) == ("launchpad", 0, {})
    assert run.dagster_run_id == result.run_id
    assert run.stats["images"] == 1
    tags = job.instance.get_run_by_id(result.run_id).tags
    assert (tags["scheduler/tenant"], tags["scheduler/run"], tags["scheduler/trigger"]) == (
        *("acme", str(run.id), "manual"),
    )
    with world.database.begin("acme") as store:
        (entry,) = (entry for entry in store.audit.list("acme").items if entry.entity == "run")
    assert (entry.action, entry.entity_id, entry.actor) == ("start", str(run.id), "launchpad")
    assert image.tenant_id == run.tenant_id
    assert rows(admin, "workers", f"status = 'gone' AND dagster_run_id = '{result.run_id}'") == 1


def test_a_manual_launch_takes_selection_priority_and_mode(world, job):
    world.image(namespace="web")
    world.image("shop/api", namespace="api")
    selection = {"namespace": "api", "labels": {}, "as_of": "2024-05-01T02:00+02:00"}
    assert job("policy", tenant="acme", selection=selection, mode="SIMULATE", priority=7).success
    (run,) = world.manual()
    assert (run.selection, run.mode, run.priority, run.stats["images"]) == (
        {"namespace": "api", "as_of": "2024-05-01T00:00:00+00:00"},
        "simulate",
        7,
        1,
    )


@pytest.mark.parametrize(
    ("kind", "config", "said"),
    [
        ("graph", {}, "tenant: '' is not valid; expected the id of a tenant"),
        ("graph", {"tenant": "nobody"}, "tenant 'nobody' does not exist"),
        ("graph", {"tenant": "acme", "priority": 1000}, "priority: 1000 is not valid; expected -100 to 100"),
        ("policy", {"tenant": "acme", "priority": -101}, "priority: -101 is not valid"),
        (
            "impact",
            {"tenant": "acme", "selection": {"advisories": ["PYSEC-0"]}},
            "selection.advisories: 'PYSEC-0'",
        ),
        (
            "graph",
            {"launch_id": "yesterday's"},
            "launch_id: \"yesterday's\" is not valid; expected a launch's UUID",
        ),
        ("graph", {"launch_id": str(new_id())}, "does not exist"),
    ],
)
def test_a_wrong_launch_says_what_is_wrong_and_writes_nothing(world, job, admin, kind, config, said):
    result = job(kind, **config)
    assert not result.success
    assert said in error_of(result)
    assert "InvalidInput" in error_of(result) or "NotFound" in error_of(result)
    assert (rows(admin, "runs"), rows(admin, "launches"), rows(admin, "audit", "entity = 'run'")) == (
        0,
        0,
        0,
    )
    assert rows(admin, "workers", "status <> 'gone'") == 0


def test_a_tenant_at_its_limit_gets_no_manual_launch(world, job, admin):
    admin.execute("UPDATE scheduler.tenants SET max_concurrent_runs = 1 WHERE tenant_id = 'acme'")
    world.opened(JobKind.GRAPH, "globex")
    opened = world.opened(JobKind.GRAPH)
    tables = ("runs", "launches", "audit")
    before = [rows(admin, table) for table in tables]
    result = job("graph", tenant="acme")
    assert "tenant: 'acme' is not valid; expected a tenant below its limit of 1 open runs" in error_of(result)
    assert [rows(admin, table) for table in tables] == before
    assert close_run(world.database, world.carry(opened))
    assert job("graph", tenant="acme").success


def test_manual_launches_at_the_same_time_keep_the_limit_together(world, admin):
    admin.execute("UPDATE scheduler.tenants SET max_concurrent_runs = 1 WHERE tenant_id = 'acme'")
    wanted = ManualLaunch("acme", JobKind.GRAPH, Selection(), 0, None, "ann")

    def second():
        with world.database.begin_system() as store:
            return add_manual(store, wanted, "tests")

    with ThreadPoolExecutor(1) as pool:
        with world.database.begin_system() as store:
            add_manual(store, wanted, "tests")
            other = pool.submit(second)
            wait_for_a_waiter(admin)
        with pytest.raises(InvalidInput, match="below its limit of 1 open runs"):
            other.result(30)
    assert rows(admin, "runs") == 1


def test_a_launch_of_another_kind_is_refused_and_left_as_it_is(world, job, admin):
    with world.database.begin_system() as store:
        request_run(store, "acme", JobKind.GRAPH, "ann")
    (offer,) = world.claim()
    result = job("impact", launch_id=str(offer.id))
    assert "launch_id" in error_of(result)
    assert "a launch of impact runs, not of graph runs" in error_of(result)
    assert rows(admin, "launches", "state = 'offered'") == 1
    assert [run.state for run in world.manual()] == [RunState.QUEUED]


@pytest.mark.parametrize("kind", list(JobKind))
def test_a_pool_of_one_connection_is_enough(world, environment, request, kind):
    environment["SCHEDULER_POOL_MAX_SIZE"] = "1"
    job = request.getfixturevalue("job")
    world.example()
    assert job(kind.value, tenant="acme").success


def test_a_cancelled_launch_is_no_failure_of_its_dagster_run(world, job, admin):
    admin.execute(
        """
        CREATE FUNCTION public.cancel() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
            UPDATE scheduler.runs SET cancel_requested_at = clock_timestamp();
            RETURN NULL;
        END $$
        """
    )
    admin.execute(
        "CREATE TRIGGER cancel AFTER INSERT ON scheduler.graph_jobs FOR EACH STATEMENT EXECUTE FUNCTION public.cancel()"
    )
    world.image()
    assert job("graph", tenant="acme").success
    (run,) = world.manual()
    assert (run.state, run.reason) == (RunState.CANCELLED, "cancelled")
    assert rows(admin, "graph_jobs", "status = 'cancelled'") == 1


def test_opening_locks_runs_in_the_order_of_their_ids(world, admin):
    """Another transaction that holds the first run finds the second one free: the two cannot deadlock."""
    with world.database.begin_system() as store:
        first, second = sorted(request_run(store, "acme", JobKind.GRAPH, "ann") for _ in range(2))
        launch_id = new_id()
        store.launches.create_many({launch_id: JobKind.GRAPH}, "tests", store.now())
        queued = [Launchable("acme", run, JobKind.GRAPH) for run in (first, second)]
        assert len(store.runs.enqueue_many({launch_id: queued})) == 2
    admin.execute("UPDATE scheduler.runs SET priority = 1 WHERE id = %s", [first])  # is last on its page now
    opening = (world.database, launch_id, JobKind.GRAPH, "dagster", world.worker())
    with ThreadPoolExecutor(1) as pool:
        with world.database.begin_system() as store:
            hold = "SELECT id FROM scheduler.runs WHERE id = %s FOR NO KEY UPDATE NOWAIT"
            store.connection.execute(hold, [first])
            other = pool.submit(open_launch, *opening)
            wait_for_a_waiter(admin)
            store.connection.execute(hold, [second])
        assert [run.id for run in other.result(30).runs] == [first, second]


def test_opening_is_fenced_by_kind_and_by_the_launchs_own_dagster_run(world):
    opened = world.opened(JobKind.GRAPH)
    for dagster_run_id in (opened.dagster_run_id, "another"):
        again = open_launch(world.database, opened.launch_id, JobKind.GRAPH, dagster_run_id, world.worker())
        assert list(again.runs) == []
    with world.database.begin_system() as store:
        launch = store.launches.get(opened.launch_id)
    assert (launch.state, launch.dagster_run_id) == (LaunchState.ACKNOWLEDGED, opened.dagster_run_id)
    assert timedelta() <= launch.acknowledged_at - launch.created_at


# The worker


def test_the_process_is_a_worker_with_a_heartbeat_while_its_run_lasts(world, job, admin):
    world.image()
    admin.execute("CREATE TABLE public.seen (worker uuid, status text, ended_at timestamptz)")
    admin.execute(
        """
        CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
            INSERT INTO public.seen SELECT id, status, ended_at FROM scheduler.workers;
            RETURN NULL;
        END $$
        """
    )
    admin.execute(
        "CREATE TRIGGER see AFTER INSERT ON scheduler.graph_jobs FOR EACH STATEMENT EXECUTE FUNCTION public.see()"
    )
    assert job("graph", tenant="acme").success
    ((worker, status, ended_at),) = admin.execute("SELECT * FROM public.seen").fetchall()
    assert (status, ended_at) == ("active", None)
    (run,) = world.manual()
    assert run.worker_id == worker
    assert rows(admin, "workers", "status = 'gone' AND ended_at IS NOT NULL") == 1


def test_what_a_run_does_is_progress_of_its_worker(world, job, monkeypatch):
    got_on, progress = set(), Heartbeat.progress

    def noted(heartbeat):
        got_on.add(heartbeat.worker_id)
        progress(heartbeat)

    monkeypatch.setattr(Heartbeat, "progress", noted)
    world.image()
    assert job("graph", tenant="acme").success
    assert got_on == {run.worker_id for run in world.manual()}


@pytest.fixture
def worker(job, monkeypatch):
    """A worker that sends a heartbeat every 10 milliseconds, for as long as a block lasts."""
    monkeypatch.setattr("resources.worker.HEARTBEAT_SECONDS", 0.01)

    @contextmanager
    def registered():
        with build_resources({"postgres": PostgresResource(), "worker": WORKER}) as resources:
            yield resources.worker

    return registered


def wait_for(happened):
    give_up_at = monotonic() + 20
    while not happened():
        assert monotonic() < give_up_at


def test_a_worker_is_heard_from_until_it_leaves(worker, admin):
    heard = "status = 'active' AND last_heartbeat_at > registered_at + interval '20 milliseconds'"
    with worker() as registered:
        assert registered.worker_id
        wait_for(lambda: rows(admin, "workers", heard))
    assert rows(admin, "workers", "status = 'gone'") == 1
    left_at = admin.execute("SELECT last_heartbeat_at <= ended_at FROM scheduler.workers").fetchall()
    assert left_at == [(True,)]


def test_a_worker_that_was_given_up_falls_silent_and_leaves_without_an_error(worker, admin, database):
    with worker() as registered:
        (thread,) = (one for one in threading.enumerate() if one.name == "scheduler-heartbeat")
        with database.begin_system() as store:
            store.workers.deregister(registered.worker_id, store.now())
        thread.join(20)
        assert not thread.is_alive()
    assert rows(admin, "workers", "status = 'gone'") == 1


def test_a_heartbeat_that_fails_is_logged_and_the_next_one_is_sent(worker, admin, caplog):
    with worker() as registered:
        admin.execute("ALTER TABLE scheduler.workers RENAME TO elsewhere")
        wait_for(lambda: f"heartbeat of worker {registered.worker_id} failed: " in caplog.text)
        admin.execute("ALTER TABLE scheduler.elsewhere RENAME TO workers")
        (now,) = admin.execute("SELECT clock_timestamp()").fetchone()
        wait_for(lambda: rows(admin, "workers", f"last_heartbeat_at > '{now}'"))
    assert rows(admin, "workers", "status = 'gone'") == 1


def test_a_worker_is_told_to_drain(worker, database):
    with worker() as registered:
        assert not registered.draining.is_set()
        with database.begin_system() as store:
            store.workers.drain(registered.worker_id)
        assert registered.draining.wait(20)
        assert not registered.lost.is_set()


def test_a_worker_has_no_id_before_its_run():
    with pytest.raises(RuntimeError, match="registered only while a run lasts"):
        _ = WorkerResource(postgres=PostgresResource()).worker_id

"""A process that carries runs is told to leave: by a signal, or by draining its worker."""

import signal
import subprocess
import sys
import time

import pytest
from dagster import build_op_context

from resources.postgres import PostgresResource
from resources.states import JobKind, LaunchState, RunState, WorkerState, WorkState
from scheduler_defs.edits.runs import request_run
from scheduler_defs.ops.attempt import Result
from scheduler_defs.ops.launches import open_launch
from scheduler_defs.ops.leaving import told_to_leave
from scheduler_defs.ops.run_ops import execute

IMAGES = 60
RUN = """
import sys
from dagster import DagsterInstance
from scheduler_defs.definitions import defs
with DagsterInstance.ephemeral() as instance:
    config = {"ops": {"open_graph_runs": {"config": {"launch_id": sys.argv[1]}}}}
    defs.get_job_def("graph_job").execute_in_process(instance=instance, run_config=config)
"""


def until(read):
    give_up_at = time.monotonic() + 60
    while not (found := read()):
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
    return found


@pytest.fixture
def offer(world):
    for number in range(IMAGES):
        world.image(f"shop/{number}")
    with world.database.begin_system() as store:
        request_run(store, "acme", JobKind.GRAPH, "ann")
    (offer,) = world.claim()
    return offer


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_hands_the_run_back_between_two_images_and_deregisters(world, offer, environment, number):
    with subprocess.Popen(
        [sys.executable, "-c", RUN, str(offer.id)], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:

        def some_are_done():
            with world.database.begin("acme") as store:
                return store.graph_jobs.list("acme", status=WorkState.COMPLETED).items

        until(some_are_done)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "waits for its next attempt" in said
    (run,) = world.manual()
    assert (run.state, run.attempt, run.failures) == (RunState.PENDING, 2, 0)
    assert run.reason == f"the process that carries run {run.id} was told to leave"
    with world.database.begin("acme") as store:
        counts = store.graph_jobs.count_by_status(run)
    assert 0 < counts[WorkState.COMPLETED] < IMAGES
    assert counts[WorkState.PENDING] == IMAGES - counts[WorkState.COMPLETED]
    with world.database.begin_system() as store:
        assert store.launches.get(offer.id).state is LaunchState.FINISHED
        assert [one.status for one in store.workers.list().items] == [WorkerState.GONE]
    (again,) = world.claim()
    assert again.runs == [run.id]


def test_outside_the_main_thread_nothing_is_told_and_handlers_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with told_to_leave() as told:
        signal.raise_signal(signal.SIGTERM)
        assert told.is_set()
        assert signal.getsignal(signal.SIGTERM) is before
    assert signal.getsignal(signal.SIGTERM) is before


class Draining:
    """A worker that is told to drain while it carries its first run."""

    def __init__(self):
        self.asked = False

    @property
    def heartbeat(self):
        return self

    @property
    def draining(self):
        return self

    def progress(self):
        pass

    def is_set(self):
        return self.asked


def test_a_draining_worker_finishes_its_run_and_hands_back_the_others(world, job):
    with world.database.begin_system() as store:
        for _ in range(6):
            request_run(store, "acme", JobKind.GRAPH, "ann")
    (offer,) = world.claim()
    opened = open_launch(world.database, offer.id, JobKind.GRAPH, "d", world.worker())
    worker = Draining()

    def engine(attempt):
        worker.asked = True
        return Result({})

    with build_op_context() as context:
        outcomes = execute(context, opened, engine, PostgresResource(), worker)
    assert [one.state for one in outcomes] == [RunState.COMPLETED, *5 * [RunState.PENDING]]
    waiting = [run for run in world.manual() if run.state is RunState.PENDING]
    assert {(run.attempt, run.failures, run.lost_launches) for run in waiting} == {(1, 0, 0)}

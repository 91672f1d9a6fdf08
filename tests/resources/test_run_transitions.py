"""Every transition of a run from every state, on PostgreSQL: what the table of edges allows, and nothing else."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from resources.errors import IllegalTransition, NotFound, StaleAttempt
from resources.ids import new_id
from resources.records import Launchable
from resources.states import TRANSITIONS, JobKind, Overlap, RunState, TriggerKind

MINUTE = timedelta(minutes=1)
ENDS = (RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED)


def error_of(state):
    return "boom" if state is RunState.FAILED else None


@pytest.fixture
def in_every_state(database, plant):
    """One run in each state, as read from the database."""
    runs = {RunState.PENDING: plant.run(), RunState.RUNNING: plant.running()}
    runs[RunState.QUEUED] = plant.run()
    plant.launch(runs[RunState.QUEUED])
    runs[RunState.SKIPPED] = plant.run(
        **{"reason": "overlap", "skipped_count": 1, "skipped_first": plant.now, "skipped_last": plant.now}
    )
    for state in ENDS:
        run = plant.running()
        with database.begin_system() as store:
            store.runs.finish(run, state, plant.now + MINUTE, error=error_of(state), stats={"images": 3})
        runs[state] = run
    with database.begin_system() as store:
        runs = {state: store.runs.get("acme", run.id) for state, run in runs.items()}
    assert {state: run.state for state, run in runs.items()} == {state: state for state in RunState}
    return runs


def moved_to(target, database, runs, attempt):
    """Which runs changed when each was moved; what changed is now in the wanted state, the rest is as before."""
    moved = set()
    for state, run in runs.items():
        with database.begin_system() as store:
            attempt(store, run)
        with database.begin_system() as store:
            after = store.runs.get("acme", run.id)
        if after != run:
            assert after.state is target
            moved.add(state)
    return moved


def sources(target):
    return {state for state, targets in TRANSITIONS.items() if target in targets}


def test_only_pending_runs_are_queued(database, plant, in_every_state):
    launch = new_id()
    with database.begin_system() as store:
        store.launches.create_many({launch: JobKind.GRAPH}, "here", plant.now)

    def enqueue(store, run):
        moved = store.runs.enqueue_many({launch: [Launchable("acme", run.id, run.kind)]})
        assert moved == ([run.id] if run.state is RunState.PENDING else [])

    assert moved_to(RunState.QUEUED, database, in_every_state, enqueue) == sources(RunState.QUEUED)


def test_only_queued_runs_of_the_launch_are_opened(database, plant, in_every_state):
    worker, queued = plant.worker(), in_every_state[RunState.QUEUED].launch_id
    with database.begin_system() as store:
        store.launches.acknowledge(queued, f"dagster-{queued}", plant.now)

    def open_runs(store, run):
        taken = (run.launch_id or new_id(), f"dagster-{run.launch_id}", worker, plant.now)
        if run.launch_id is None:
            with pytest.raises(NotFound, match="launch"):
                store.runs.open_of_launch(*taken)
        else:
            opened = store.runs.open_of_launch(*taken)
            assert opened == ([run.id] if run.state is RunState.QUEUED else [])

    assert moved_to(RunState.RUNNING, database, in_every_state, open_runs) == sources(RunState.RUNNING)


def test_opening_gives_each_run_a_token_of_its_own_that_grows(database, plant):
    before = plant.running()
    first, second = plant.open(plant.launch(plant.run(), plant.run()), plant.now + MINUTE)
    assert before.fencing_token < first.fencing_token
    assert before.fencing_token < second.fencing_token != first.fencing_token
    assert first.started_at == plant.now + MINUTE
    assert first.dagster_run_id == f"dagster-{first.launch_id}"
    assert first.worker_id == second.worker_id != before.worker_id


@pytest.mark.parametrize("target", ENDS)
def test_only_running_runs_end(database, plant, in_every_state, target):
    def finish(store, run):
        if run.state is RunState.RUNNING:
            store.runs.finish(run, target, plant.now + MINUTE, error=error_of(target))
        else:
            with pytest.raises(IllegalTransition, match=f"is {run.state}; it cannot become {target}"):
                store.runs.finish(run, target, plant.now + MINUTE, error=error_of(target))

    assert moved_to(target, database, in_every_state, finish) == {RunState.RUNNING}


def test_an_end_keeps_its_results(database, plant):
    run = plant.running()
    with database.begin("acme") as store:
        store.runs.finish(
            *(run, RunState.COMPLETED, plant.now + MINUTE),
            stats={"images": 2},
            deltas={"new": 1},
            reason="nothing to do",
        )
        after = store.runs.get("acme", run.id)
    assert (after.state, after.stats, after.deltas) == (RunState.COMPLETED, {"images": 2}, {"new": 1})
    assert (after.finished_at, after.reason, after.error) == (plant.now + MINUTE, "nothing to do", None)
    assert (after.fencing_token, after.started_at) == (run.fencing_token, run.started_at)


def test_another_attempt_neither_begins_holds_ends_nor_retries_a_run(database, plant, admin):
    run = plant.running()
    admin.execute("UPDATE scheduler.runs SET fencing_token = fencing_token + 1 WHERE id = %s", [run.id])
    with database.begin("acme") as store:
        for stale in (
            store.runs.hold_attempt,
            lambda run: store.runs.begin_attempt(run, plant.now),
            lambda run: store.runs.finish(run, RunState.COMPLETED, plant.now),
            lambda run: store.runs.retry_attempt(run, plant.now),
        ):
            with pytest.raises(
                StaleAttempt, match=f"fencing token {run.fencing_token} is not the current one"
            ):
                stale(run)
        assert store.runs.get("acme", run.id).state is RunState.RUNNING


def test_a_held_attempt_cannot_be_moved_until_its_results_are_written(database, plant, admin):
    run = plant.running()
    with database.begin("acme") as store:
        assert store.runs.hold_attempt(run) is None
        free = "SELECT id FROM scheduler.runs WHERE state = 'running' FOR NO KEY UPDATE SKIP LOCKED"
        assert admin.execute(free).fetchall() == []
    assert admin.execute(free).fetchall() == [(run.id,)]


@pytest.mark.parametrize("state", [state for state in RunState if state is not RunState.RUNNING])
def test_only_a_running_attempt_can_be_begun_and_held(database, in_every_state, state):
    with database.begin("acme") as store:
        for hold in (store.runs.hold_attempt, lambda run: store.runs.begin_attempt(run, run.created_at)):
            with pytest.raises(StaleAttempt, match="nothing was written"):
                hold(in_every_state[state])
        assert store.runs.get("acme", in_every_state[state].id) == in_every_state[state]


def test_cancelling_ends_what_waits_and_refuses_what_has_ended(database, plant, in_every_state):
    del in_every_state[RunState.RUNNING]

    def cancel(store, run):
        if run.state in (RunState.PENDING, RunState.QUEUED):
            assert store.runs.cancel(run, "not needed", plant.now + MINUTE) is RunState.CANCELLED
        else:
            with pytest.raises(IllegalTransition, match=f"is {run.state}; it cannot become cancelled"):
                store.runs.cancel(run, "not needed", plant.now + MINUTE)

    cancelled = moved_to(RunState.CANCELLED, database, in_every_state, cancel)
    assert cancelled == sources(RunState.CANCELLED) - {RunState.RUNNING}
    with database.begin("acme") as store:
        after = store.runs.get("acme", in_every_state[RunState.QUEUED].id)
    assert (after.reason, after.finished_at) == ("not needed", plant.now + MINUTE)


def test_cancelling_asks_a_running_attempt_once(database, plant):
    run = plant.running()
    with database.begin("acme") as store:
        assert store.runs.cancel(run, "stop", plant.now + MINUTE) is RunState.RUNNING
        assert store.runs.cancel(run, "stop now", plant.now + 2 * MINUTE) is RunState.RUNNING
    with database.begin("acme") as store:
        after = store.runs.get("acme", run.id)
        assert (after.state, after.finished_at) == (RunState.RUNNING, None)
        assert after.cancel_requested_at == plant.now + MINUTE
        assert store.runs.hold_attempt(run) == plant.now + MINUTE


def test_overlap_ends_what_waits(database, plant):
    schedule, other = plant.schedule("a"), plant.schedule("b")
    trigger = plant.trigger(schedule)
    pending, queued, running, ended = (plant.fired(trigger, plant.now + n * MINUTE) for n in range(4))
    plant.launch(queued)
    plant.open(plant.launch(running))
    (attempt,) = plant.open(plant.launch(ended))
    untouched = plant.fired(plant.trigger(other), plant.now)
    later = plant.now + MINUTE
    with database.begin_system() as store:
        store.runs.finish(attempt, RunState.COMPLETED, plant.now)
        assert store.runs.cancel_waiting_of([schedule], later) == 2
    with database.begin("acme") as store:
        after = {run.id: run for run in store.runs.list("acme").items}
    for run in (pending, queued):
        assert (after[run.id].state, after[run.id].reason) == (RunState.CANCELLED, "overlap")
        assert after[run.id].finished_at == later
    assert (after[running.id].state, after[running.id].cancel_requested_at) == (RunState.RUNNING, None)
    assert after[ended.id].state is RunState.COMPLETED
    assert after[untouched.id] == untouched


def test_fires_of_events_that_a_completed_run_saw_are_cancelled(database, plant):
    schedule = plant.schedule("a")
    trigger = plant.trigger(schedule, kind=TriggerKind.EVENT, event="policy_changed", every=None, anchor=None)
    first, waiting = (plant.fired(trigger, plant.now + n * MINUTE) for n in range(2))
    with database.begin("acme") as store:
        store.trigger_events.record("policy_changed", plant.now, "acme")
    (attempt,) = plant.open(plant.launch(first))
    later = plant.now + 2 * MINUTE
    with database.begin_system() as store:
        attempt = store.runs.begin_attempt(attempt, later)
        assert store.runs.cancel_covered(["acme"], later) == 0
        store.runs.finish(attempt, RunState.COMPLETED, later)
    with suppress(InterruptedError), database.begin("acme") as writing:
        writing.runs.cancel(waiting, "no", later)
        with database.begin_system() as store:
            assert store.runs.cancel_covered(["acme"], later) == 0
        raise InterruptedError
    with database.begin_system() as store:
        assert store.runs.cancel_covered(["globex"], later) == 0
        assert store.runs.cancel_covered(["acme"], later) == 1
        assert store.runs.cancel_covered(["acme"], later) == 0
        after = store.runs.get("acme", waiting.id)
    assert (after.state, after.reason) == (RunState.CANCELLED, f"covered by {first.id}")
    assert after.finished_at == later


def test_a_superseded_run_is_asked_to_stop_once(database, plant):
    schedule = plant.schedule("a", overlap=Overlap.CANCEL_RUNNING)
    trigger = plant.trigger(schedule)
    running = plant.fired(trigger, plant.now)
    (attempt,) = plant.open(plant.launch(running))
    with database.begin_system() as store:
        assert store.runs.stop_superseded(["acme"], plant.now) == 0
    plant.fired(trigger, plant.now + MINUTE)
    with database.begin("acme") as writing, database.begin_system() as store:
        writing.runs.hold_attempt(attempt)
        assert store.runs.stop_superseded(["acme"], plant.now) == 0
    with database.begin_system() as store:
        assert store.runs.stop_superseded(["globex"], plant.now) == 0
        assert store.runs.stop_superseded(["acme"], plant.now + MINUTE) == 1
        assert store.runs.stop_superseded(["acme"], plant.now + 2 * MINUTE) == 0
        assert store.runs.get("acme", running.id).cancel_requested_at == plant.now + MINUTE


@pytest.mark.parametrize("target", [RunState.FAILED, RunState.CANCELLED])
def test_only_queued_and_running_runs_end_with_their_launch(database, plant, in_every_state, target):
    def end(store, run):
        error = "bad image" if target is RunState.FAILED else None
        ending = partial(store.runs.end_with_launch, run, target, plant.now + MINUTE, error=error)
        if run.state in (RunState.QUEUED, RunState.RUNNING):
            ending(reason="launch")
        else:
            with pytest.raises(IllegalTransition, match=f"is {run.state}; it cannot become {target}"):
                ending(reason="launch")

    moved = moved_to(target, database, in_every_state, end)
    assert moved == {RunState.QUEUED, RunState.RUNNING} <= sources(target)


def test_a_run_does_not_end_with_a_launch_it_is_no_longer_in(database, plant):
    run, other = plant.running(), new_id()
    with database.begin_system() as store:
        with pytest.raises(StaleAttempt, match=f"launch {other} is not the current one"):
            store.runs.end_with_launch(
                *(replace(run, launch_id=other), RunState.FAILED, plant.now), error="bad image"
            )
        assert store.runs.get("acme", run.id) == run


@pytest.mark.parametrize("way", ["finish", "end_with_launch"])
def test_an_attempt_ends_also_by_a_clock_that_was_set_back_since_it_began(database, plant, way):
    run = plant.running(plant.now + 600 * MINUTE)
    with database.begin("acme") as store:
        if way == "finish":
            store.runs.finish(run, RunState.FAILED, plant.now, error="boom")
        else:
            store.runs.end_with_launch(run, RunState.FAILED, plant.now, error="boom")
        ended = store.runs.get("acme", run.id)
    assert (ended.state, ended.started_at, ended.finished_at) == (
        *(RunState.FAILED, plant.now + 600 * MINUTE, plant.now + 600 * MINUTE),
    )

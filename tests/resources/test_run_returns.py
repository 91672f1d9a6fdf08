"""Runs that go back to pending, and what every guarded statement says of a row that is not there or not its own."""

from dataclasses import replace
from datetime import timedelta

import pytest

from resources.errors import IllegalTransition, NotFound, StaleAttempt
from resources.ids import new_id
from resources.states import RunState

MINUTE = timedelta(minutes=1)
OF_A_RUN = {
    "begin_attempt": lambda runs, run, now: runs.begin_attempt(run, now),
    "hold_attempt": lambda runs, run, now: runs.hold_attempt(run),
    "finish": lambda runs, run, now: runs.finish(run, RunState.COMPLETED, now),
    "end_with_launch": lambda runs, run, now: runs.end_with_launch(run, RunState.CANCELLED, now),
    "return_to_pending": lambda runs, run, now: runs.return_to_pending(run, now),
    "retry_attempt": lambda runs, run, now: runs.retry_attempt(run, now),
    "cancel": lambda runs, run, now: runs.cancel(run, "no", now),
}
OF_A_WAITING_RUN = ("return_to_pending", "cancel", "end_with_launch")


@pytest.fixture
def queued(database, plant):
    run = plant.run()
    plant.launch(run)
    with database.begin("acme") as store:
        return store.runs.get("acme", run.id)


@pytest.mark.parametrize("lost", [True, False])
def test_a_run_returns_from_a_launch_that_never_opened_it(database, plant, queued, lost):
    with database.begin("acme") as store:
        store.runs.return_to_pending(queued, plant.now + MINUTE, lost=lost, reason="no such image")
        after = store.runs.get("acme", queued.id)
    waits = {"state": RunState.PENDING, "available_at": plant.now + MINUTE, "reason": "no such image"}
    assert after == replace(queued, launch_id=None, lost_launches=int(lost), **waits)
    (running,) = plant.open(plant.launch(after))
    assert (running.state, running.attempt) == (RunState.RUNNING, 1)


def test_a_run_that_returns_waits_no_less_than_before(database, plant, queued):
    with database.begin("acme") as store:
        store.runs.return_to_pending(queued, queued.available_at - MINUTE)
        assert store.runs.get("acme", queued.id).available_at == queued.available_at


@pytest.mark.parametrize(
    ("begun", "charged", "attempt", "failures"),
    [(True, True, 2, 1), (True, False, 2, 0), (False, True, 1, 0), (False, False, 1, 0)],
)
def test_a_run_waits_for_its_next_attempt(database, plant, begun, charged, attempt, failures):
    run = plant.running()
    with database.begin("acme") as store:
        if begun:
            store.runs.begin_attempt(run, plant.now)
        store.runs.retry_attempt(run, plant.now + MINUTE, charged=charged, reason="it broke")
        after = store.runs.get("acme", run.id)
    cleared = dict.fromkeys(("launch_id", "fencing_token", "started_at", "dagster_run_id", "worker_id"))
    again = {"state": RunState.PENDING, "available_at": plant.now + MINUTE, "reason": "it broke"}
    assert after == replace(run, attempt=attempt, failures=failures, **cleared, **again)
    (second,) = plant.open(plant.launch(after))
    assert (second.attempt, second.begun) == (attempt, False)
    assert second.fencing_token > run.fencing_token


def test_attempts_that_take_longer_than_they_may_are_found(database, plant, admin):
    of = {"schedule_id": plant.schedule().id, "schedule_version": 1}
    begun, unbegun, free = plant.running(**of), plant.running(**of), plant.running()
    admin.execute("UPDATE scheduler.schedules SET run_timeout = '10 minutes'")
    with database.begin("acme") as store:
        for run in (begun, free):
            store.runs.begin_attempt(run, plant.now)
    end = plant.now + 11 * MINUTE
    with database.begin_system() as store:
        assert store.runs.list_overdue(end, MINUTE) == []
        (found,) = store.runs.list_overdue(end + MINUTE / 60, MINUTE)
    assert found.id == begun.id
    assert unbegun.schedule_id == begun.schedule_id


def test_the_attempt_before_is_stale_wherever_the_run_is_now(database, plant):
    first = plant.running()
    with database.begin("acme") as store:
        store.runs.retry_attempt(first, plant.now)
        waiting = store.runs.get("acme", first.id)

    def refuses(expected):
        for name in OF_A_RUN.keys() - {"cancel"}:
            with database.begin("acme") as store, pytest.raises(expected, match=str(first.id)):
                OF_A_RUN[name](store.runs, first, plant.now)

    refuses(StaleAttempt)
    launch = plant.launch(waiting)
    refuses(StaleAttempt)
    (second,) = plant.open(launch)
    refuses(StaleAttempt)
    with database.begin("acme") as store:
        store.runs.finish(second, RunState.COMPLETED, plant.now)
    refuses((StaleAttempt, IllegalTransition))
    with database.begin("acme") as store, pytest.raises(IllegalTransition, match="is completed; it cannot"):
        store.runs.finish(first, RunState.FAILED, plant.now, error="late")


def test_a_run_that_was_opened_does_not_return_and_one_that_was_not_is_not_retried(database, plant, queued):
    running = plant.running()
    with database.begin("acme") as store:
        with pytest.raises(IllegalTransition, match="is running; it cannot become pending"):
            store.runs.return_to_pending(running, plant.now)
        with pytest.raises(IllegalTransition, match="is queued; it cannot become pending"):
            store.runs.retry_attempt(queued, plant.now)
        for run in (queued, running):
            assert store.runs.get("acme", run.id) == run


def test_a_run_that_was_asked_to_stop_is_not_retried(database, plant):
    run = plant.running()
    with database.begin("acme") as store:
        store.runs.cancel(run, "stop", plant.now)
        with pytest.raises(IllegalTransition, match="is running; it cannot become pending"):
            store.runs.retry_attempt(run, plant.now)
        store.runs.end_with_launch(run, RunState.CANCELLED, plant.now)


@pytest.mark.parametrize("name", OF_A_RUN)
def test_a_row_of_another_tenant_or_none_at_all_is_not_found(database, plant, queued, name):
    run = queued if name in OF_A_WAITING_RUN else plant.running()
    with database.begin("globex") as store:
        for stranger in (run, replace(run, tenant_id="globex"), replace(run, id=new_id())):
            with pytest.raises(NotFound, match=r"run .* does not exist for this tenant"):
                OF_A_RUN[name](store.runs, stranger, plant.now)
    with database.begin("acme") as store:
        assert store.runs.get("acme", run.id) == run
        OF_A_RUN[name](store.runs, run, plant.now)


def test_only_the_dagster_run_that_took_a_launch_opens_its_runs(database, plant, queued):
    worker, launch = plant.worker(), queued.launch_id
    with database.begin_system() as store:
        with pytest.raises(IllegalTransition, match="is offered; it cannot become opened"):
            store.runs.open_of_launch(launch, "d1", worker, plant.now)
        store.launches.acknowledge(launch, "d1", plant.now)
        with pytest.raises(StaleAttempt, match="Dagster run d2 is not the current one"):
            store.runs.open_of_launch(launch, "d2", worker, plant.now)
        with pytest.raises(NotFound, match="launch"):
            store.runs.open_of_launch(new_id(), "d1", worker, plant.now)
        assert store.runs.get("acme", queued.id) == queued
        assert store.runs.open_of_launch(launch, "d1", worker, plant.now) == [queued.id]
        assert store.runs.open_of_launch(launch, "d1", worker, plant.now) == []

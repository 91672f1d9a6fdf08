"""One attempt of a run: cancelled between chunks, taken away, failed in odd ways."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta

import pytest

from resources.database import Database
from resources.errors import InvalidInput, RunsFailed, RunTimedOut, ServerUnavailable, StaleAttempt
from resources.log_partitions import LOG_PARTITIONS_AHEAD
from resources.states import JobKind, RunState, WorkState
from scheduler_defs.edits.runs import cancel_run
from scheduler_defs.ops.attempt import Attempt, Process, Result, carry_out
from scheduler_defs.ops.endings import end_run
from scheduler_defs.ops.graph import build_graphs
from scheduler_defs.ops.launches import close_run, raise_for_failures


def count(admin, table):
    return admin.execute(f"SELECT count(*) FROM scheduler.{table}").fetchone()[0]


def test_cancelling_between_chunks_keeps_what_is_done_and_cancels_the_rest(world):
    for number in range(3):
        world.image(f"shop/{number}")
    opened = world.opened(JobKind.GRAPH)
    (run,) = opened.runs

    def cancel_after_the_first(level, message):
        if message.startswith("image 1 of 3"):
            with world.database.begin("acme") as store:
                assert cancel_run(store, run, "ann") is RunState.RUNNING

    outcome = world.carry(opened, cancel_after_the_first)
    assert outcome.state is RunState.CANCELLED
    with world.database.begin("acme") as store:
        before = [item.status for item in store.graph_jobs.list_of_run(run)]
    assert before == [WorkState.COMPLETED, WorkState.PENDING, WorkState.PENDING]
    assert close_run(world.database, outcome)
    with world.database.begin("acme") as store:
        items = [item.status for item in store.graph_jobs.list_of_run(run)]
        said = [line.message for line in store.execution_logs.tail("acme", run.id).items]
        (summary,) = store.run_summaries.list("acme", "hour").items
    assert items == [WorkState.COMPLETED, WorkState.CANCELLED, WorkState.CANCELLED]
    assert said[-1] == f"run {run.id} was asked to stop"
    assert (world.row(run).state, world.row(run).error) == (RunState.CANCELLED, None)
    assert (summary.completed, summary.cancelled) == (0, 1)


@pytest.mark.parametrize("kind", [JobKind.IMPACT, JobKind.POLICY])
def test_every_engine_stops_when_it_is_asked_to(world, kind):
    world.example()
    opened = world.opened(kind)
    (run,) = opened.runs

    def cancel_at_once(level, message):
        if message.endswith("begins"):
            with world.database.begin("acme") as store:
                cancel_run(store, run, "ann")

    outcome = world.carry(opened, cancel_at_once)
    assert close_run(world.database, outcome)
    assert world.row(run).state is RunState.CANCELLED


def test_a_transaction_a_check_and_a_line_are_progress(world):
    opened = world.opened(JobKind.GRAPH)
    (run,) = opened.runs
    called = []
    process = Process(progress=lambda: called.append(1))
    attempt = Attempt(world.database, run, opened.worker_id, lambda *_: None, process)
    with attempt.begin():
        assert len(called) == 1
    attempt.check()
    assert len(called) == 2
    attempt.log("one image more")
    assert len(called) == 3


def taken_over(world, run):
    """Ends a running attempt from outside, as rescue does."""
    assert end_run(world.database, run, RunState.FAILED, "its worker fell silent")


def test_an_attempt_ended_elsewhere_writes_nothing_any_more(world, admin):
    world.image()
    opened = world.opened(JobKind.GRAPH)
    (run,) = opened.runs
    attempt = Attempt(world.database, run, opened.worker_id, lambda *_: None)
    attempt.log("said before the end")
    taken_over(world, run)
    before = world.row(run)
    with pytest.raises(StaleAttempt, match="is not the current one"):
        with attempt.begin():
            pytest.fail("a stale attempt got a transaction")
    with pytest.raises(StaleAttempt):
        attempt.flush()
    outcome = carry_out(
        world.database, run, opened.worker_id, lambda _: Result({"images": 9}), lambda *_: None
    )
    assert outcome.state is None
    assert close_run(world.database, outcome) is None
    assert world.row(run) == before
    assert before.error == "its worker fell silent"
    assert count(admin, "execution_logs") == 0


def test_a_run_ended_between_its_work_and_its_close_stays_as_it_ended(world, admin):
    world.image()
    opened = world.opened(JobKind.GRAPH)
    outcome = world.carry(opened)
    assert outcome.state is RunState.COMPLETED
    taken_over(world, outcome.run)
    before, summaries = world.row(outcome.run), count(admin, "run_summaries")
    assert close_run(world.database, outcome) is None
    assert world.row(outcome.run) == before
    assert before.state is RunState.FAILED
    assert count(admin, "run_summaries") == summaries


@pytest.mark.parametrize("lines", [0, 197, 198, 199, 400])
@pytest.mark.parametrize("fails", [False, True])
def test_losing_the_run_while_it_works_is_an_outcome_and_no_error_of_the_launch(world, lines, fails):
    opened = world.opened(JobKind.GRAPH)
    (run,) = opened.runs

    def engine(attempt):
        taken_over(world, run)
        for number in range(lines):
            attempt.log(f"line {number}")
        if fails:
            raise ValueError("wrong")
        return Result({})

    outcome = carry_out(world.database, run, opened.worker_id, engine, lambda *_: None)
    assert outcome.state is None
    assert close_run(world.database, outcome) is None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("nothing\x00ness", "nothing\ufffdness"),
        ("half a pair \ud800", "half a pair \ufffd"),
        ("", ""),
        ("x" * 100_000, "x" * 100_000),
    ],
    ids=["NUL", "surrogate", "empty", "long"],
)
def test_an_error_that_no_database_can_store_as_it_is_is_still_kept(world, text, kept):
    opened = world.opened(JobKind.GRAPH)
    (run,) = opened.runs

    def engine(attempt):
        attempt.log(f"about to fail: {text}")
        raise ValueError(text)

    outcome = carry_out(world.database, run, opened.worker_id, engine, lambda *_: None)
    assert close_run(world.database, outcome) is RunState.PENDING
    assert (world.row(run).reason, world.row(run).error) == (f"ValueError: {kept}", None)
    with world.database.begin("acme") as store:
        said = [(line.level, line.message) for line in store.execution_logs.tail("acme", run.id).items]
    assert said[1:] == [("info", f"about to fail: {kept}"), ("error", f"ValueError: {kept}")]


def test_a_run_whose_selection_makes_no_sense_fails_alone(world, admin):
    opened = world.opened(JobKind.GRAPH)
    (run,) = opened.runs
    admin.execute("""UPDATE scheduler.runs SET selection = '{"colour": "red"}'""")
    outcome = carry_out(
        world.database, world.row(run), opened.worker_id, lambda _: Result({}), lambda *_: None
    )
    assert close_run(world.database, outcome)
    assert "selection.colour: 'red' is not valid" in world.row(run).error


def test_an_attempt_begins_when_its_own_work_does(world):
    opened = world.opened(JobKind.GRAPH)
    (run,) = opened.runs
    outcome = world.carry(opened)
    begun = world.row(run).started_at
    assert run.started_at < begun <= outcome.ended_at
    assert outcome.run == replace(run, started_at=begun, begun=True)


def test_no_attempt_begins_under_another_token_or_after_its_end(world):
    opened = world.opened(JobKind.GRAPH)
    (run,) = opened.runs
    late = replace(run, fencing_token=run.fencing_token + 1)
    for change in (lambda: late, lambda: taken_over(world, run) or run):
        stale = change()
        before = world.row(run)
        with pytest.raises(StaleAttempt, match="nothing was written"):
            with world.database.begin("acme") as store:
                store.runs.begin_attempt(stale, store.now())
        assert world.row(run) == before


def test_a_line_costs_no_transaction_and_is_dated_in_order_between_begin_and_end(world, settings):
    opened = world.opened(JobKind.GRAPH)
    (run,) = opened.runs
    with Counting(settings) as database:

        def engine(attempt):
            before = database.transactions
            for number in range(150):
                attempt.log(f"line {number}")
            return Result({"transactions": database.transactions - before})

        outcome = carry_out(database, run, opened.worker_id, engine, lambda *_: None)
    assert outcome.result.stats == {"transactions": 0}
    with world.database.begin("acme") as store:
        said = [line.at for line in store.execution_logs.tail("acme", run.id).items]
        now = store.now()
    assert len(said) == 152
    assert said == sorted(said)
    assert outcome.run.started_at <= said[0] < said[-1] <= now


class Counting(Database):
    """Counts the transactions."""

    transactions = 0

    def begin(self, tenant):
        self.transactions += 1
        return super().begin(tenant)

    def begin_system(self):
        self.transactions += 1
        return super().begin_system()


@pytest.mark.parametrize("lines", [0, 250])
@pytest.mark.parametrize("failure", [None, "the engine broke"])
def test_a_log_that_cannot_be_written_fails_the_run_and_nothing_else(world, admin, lines, failure):
    opened = world.opened(JobKind.GRAPH)
    (run,) = opened.runs

    def engine(attempt):
        month = admin.execute("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMM')").fetchone()[0]
        admin.execute(f"DROP TABLE scheduler.execution_logs_{month}")
        for number in range(lines):
            attempt.log(f"line {number}")
        return Result({"images": 1}, failure=failure)

    outcome = carry_out(world.database, run, opened.worker_id, engine, lambda *_: None)
    state, after = close_run(world.database, outcome), world.row(run)
    assert after.state is state
    missing = "CheckViolation: no partition of relation"
    if failure and not lines:
        assert (state, after.error) == (RunState.FAILED, failure)
    else:
        assert state is RunState.PENDING
        assert after.reason.startswith(missing)
    with world.database.begin_system() as store:
        assert store.execution_logs.ensure_partitions(store.now(), store.now() + LOG_PARTITIONS_AHEAD) == 1
    assert world.run(JobKind.GRAPH).state is RunState.COMPLETED


@pytest.mark.parametrize(
    ("given", "kept"), [("the release is frozen", "the release is frozen"), ("", "cancelled by ann")]
)
def test_a_running_run_that_is_cancelled_keeps_the_reason(world, given, kept):
    opened = world.opened(JobKind.GRAPH)
    (run,) = opened.runs
    with world.database.begin("acme") as store:
        assert cancel_run(store, run, "ann", given) is RunState.RUNNING
    assert close_run(world.database, world.carry(opened))
    assert (world.row(run).state, world.row(run).reason) == (RunState.CANCELLED, kept)


def test_a_run_that_completes_before_it_is_stopped_has_no_reason(world):
    opened = world.opened(JobKind.GRAPH)
    outcome = world.carry(opened)
    with world.database.begin("acme") as store:
        cancel_run(store, outcome.run, "ann", "too late")
    assert close_run(world.database, outcome)
    assert (world.row(outcome.run).state, world.row(outcome.run).reason) == (RunState.COMPLETED, None)


def test_a_late_write_is_refused_and_noted(world):
    opened = world.opened(JobKind.GRAPH)
    outcome = world.carry(opened)
    with world.database.begin("acme") as store:
        store.runs.retry_attempt(outcome.run, store.now(), reason="its worker fell silent")
    assert close_run(world.database, outcome) is None
    assert world.row(outcome.run).state is RunState.PENDING
    with world.database.begin("acme") as store:
        (said,) = [one for one in store.audit.list("acme").items if one.action == "refuse_late_write"]
    assert said.entity_id == str(outcome.run.id)
    assert said.new["fencing_token"] == outcome.run.fencing_token
    assert f"fencing token {outcome.run.fencing_token} is not the current one" in said.new["why"]


@pytest.mark.parametrize(
    ("failure", "state"),
    [
        (ValueError("a bug"), RunState.PENDING),
        (ServerUnavailable("no connection"), RunState.PENDING),
        (InvalidInput("policy", "none", "at least one"), RunState.FAILED),
    ],
)
def test_what_may_pass_is_tried_again_and_what_stays_fails_at_once(world, failure, state):
    opened = world.opened(JobKind.GRAPH)
    (run,) = opened.runs

    def engine(attempt):
        raise failure

    outcome = carry_out(world.database, run, opened.worker_id, engine, lambda *_: None)
    assert close_run(world.database, outcome) is state
    after = world.row(run)
    assert (after.state, after.failures) == (state, int(state is RunState.PENDING))
    assert (after.reason or after.error) == f"{type(failure).__name__}: {failure}"


def test_what_keeps_failing_fails_with_its_last_attempt(world, admin):
    opened = world.opened(JobKind.GRAPH)
    (run,) = opened.runs
    admin.execute("UPDATE scheduler.runs SET attempt = 3, failures = 2")

    def engine(attempt):
        raise ValueError("a bug")

    outcome = carry_out(world.database, world.row(run), opened.worker_id, engine, lambda *_: None)
    assert close_run(world.database, outcome) is RunState.FAILED
    assert world.row(run).error == "ValueError: a bug"


def test_an_attempt_that_failed_while_it_was_asked_to_stop_is_cancelled(world):
    opened = world.opened(JobKind.GRAPH)
    (run,) = opened.runs

    def engine(attempt):
        with world.database.begin("acme") as store:
            cancel_run(store, run, "ann")
        raise ValueError("a bug")

    outcome = carry_out(world.database, run, opened.worker_id, engine, lambda *_: None)
    assert close_run(world.database, outcome) is RunState.CANCELLED
    assert world.row(run).reason == "cancelled by ann"


def test_an_attempt_ends_between_chunks_when_its_time_is_over(world):
    opened = world.opened(JobKind.GRAPH)
    (run,) = opened.runs
    attempt = Attempt(world.database, run, opened.worker_id, lambda *_: None, timeout=timedelta(hours=1))
    attempt.check()
    late = Attempt(world.database, run, opened.worker_id, lambda *_: None, timeout=timedelta())
    with pytest.raises(RunTimedOut, match="run_timeout of 0:00:00"):
        late.check()


def test_a_process_that_is_told_to_leave_hands_its_run_back_and_charges_it_with_nothing(world):
    for number in range(3):
        world.image(f"shop/{number}")
    opened = world.opened(JobKind.GRAPH)
    (run,) = opened.runs
    said = []
    process = Process(leave=lambda: any("image 1 of 3" in line for line in said))
    outcome = carry_out(
        world.database,
        run,
        opened.worker_id,
        build_graphs,
        lambda _, text: said.append(text),
        process,
    )
    assert close_run(world.database, outcome) is RunState.PENDING
    after = world.row(run)
    assert (after.state, after.attempt, after.failures) == (RunState.PENDING, 2, 0)
    with world.database.begin("acme") as store:
        items = [item.status for item in store.graph_jobs.list_of_run(run)]
        assert items == [WorkState.COMPLETED, WorkState.PENDING, WorkState.PENDING]
        assert after.available_at <= store.now()


@pytest.mark.parametrize(
    ("state", "fails"),
    [(RunState.FAILED, True), (RunState.PENDING, True), (RunState.CANCELLED, False), (None, False)],
)
def test_a_launch_fails_by_failed_attempts_and_not_by_those_cancelled_or_lost(world, state, fails):
    outcome = replace(world.carry(world.opened(JobKind.GRAPH)), state=state, error="broke", may_pass=True)
    with pytest.raises(RunsFailed) if fails else nullcontext():
        raise_for_failures([outcome])

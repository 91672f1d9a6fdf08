"""Reports of runs that overlap, of dead ones that block the next, and of limits."""

from datetime import timedelta

from resources.database import Database
from resources.states import CatchUp, Overlap, RunState
from scheduler_defs.edits.schedules import trigger_schedule
from scheduler_defs.ops.endings import end_run
from scheduler_defs.sensors.claim import claim
from scheduler_defs.sensors.rescue import SILENT_FOR
from scheduler_defs.timing.rules import CronRule
from tests.replays.conftest import DAY, MINUTE, SECOND, at, told

EVERY_MINUTE, HOURLY = CronRule("* * * * *"), CronRule("0 * * * *")


def test_a_run_that_was_taken_away_does_not_block_the_next(make, tick, ledger, start, finish):
    """argoproj/argo-workflows#2297: a running workflow that somebody deleted counted as active for ever, and kept
    every later one from starting."""
    make(HOURLY, overlap=Overlap.SKIP, at=at("2020-02-24T10:30Z"))
    start(tick(at("2020-02-24T11:00Z")), at("2020-02-24T11:00Z"))
    finish(ledger()[0], at("2020-02-24T11:10Z"), RunState.CANCELLED)
    tick(at("2020-02-24T12:00Z"))
    assert told(ledger()) == [("cancelled", at("2020-02-24T11:00Z")), ("queued", at("2020-02-24T12:00Z"))]


def test_a_run_whose_worker_died_blocks_no_longer_than_it_takes_to_notice(
    make, tick, ledger, start, database
):
    """quartz-scheduler/quartz#145: triggers of jobs that must not overlap stayed blocked for good when the node that
    ran them had lost its database."""
    make(EVERY_MINUTE, overlap=Overlap.SKIP, at=at("2017-05-01T20:19:30Z"))
    start(tick(at("2017-05-01T20:20Z")), at("2017-05-01T20:20Z"))
    tick(at("2017-05-01T20:21Z"))
    with database.begin_system() as store:
        assert len(store.workers.declare_dead(at("2017-05-01T20:20Z") + SILENT_FOR + SECOND, SILENT_FOR)) == 1
        (abandoned,) = store.runs.list_abandoned()
    end_run(database, abandoned, RunState.FAILED, "its worker fell silent")
    tick(at("2017-05-01T20:22Z"))
    assert told(ledger()) == [
        ("failed", at("2017-05-01T20:20Z")),
        ("overlap", at("2017-05-01T20:21Z"), at("2017-05-01T20:21Z"), 1),
        ("queued", at("2017-05-01T20:22Z")),
    ]


def test_a_schedule_that_skipped_more_than_a_hundred_times_goes_on(make, tick, ledger, start, finish):
    """kubernetes/kubernetes#83642: a run that took long enough for a hundred times to be missed suspended its job for
    good."""
    make(EVERY_MINUTE, overlap=Overlap.SKIP, at=at("2019-10-08T00:00:30Z"))
    start(tick(at("2019-10-08T00:01Z")), at("2019-10-08T00:01Z"))
    for minutes in range(1, 121):
        tick(at("2019-10-08T00:01Z") + minutes * MINUTE)
    finish(ledger()[0], at("2019-10-08T02:01:30Z"))
    tick(at("2019-10-08T02:02Z"))
    first, *skipped, last = told(ledger())
    assert (first, last) == (("completed", at("2019-10-08T00:01Z")), ("queued", at("2019-10-08T02:02Z")))
    assert [(reason, count) for reason, _, _, count in skipped] == 120 * [("overlap", 1)]


def test_what_waits_for_a_free_place_is_no_reason_for_another_to_wait(make, tick, ledger, start, admin):
    """argoproj/argo-workflows#12778: while the limit of parallel workflows was reached, those of one schedule that
    forbids overlap piled up as pending."""
    admin.execute("UPDATE scheduler.tenants SET max_concurrent_runs = 1 WHERE tenant_id = 'acme'")
    make(CronRule("0 8 * * *"), name="long", at=at("2024-03-11T07:00Z"))
    make(CronRule("*/10 8 * * *"), overlap=Overlap.SKIP, at=at("2024-03-11T08:05Z"))
    start(tick(at("2024-03-11T08:00Z")), at("2024-03-11T08:00Z"))
    for minute in (10, 20, 30):
        tick(at(f"2024-03-11T08:{minute}Z"))
    assert [row[0] for row in told(ledger())] == ["running", "pending", "overlap", "overlap"]


def test_a_run_that_ends_before_it_is_replaced_lets_the_next_start(make, tick, ledger, start, finish):
    """argoproj/argo-workflows#11377: replacing a workflow that had ended in the meantime was an error, and the new
    one never started."""
    make(HOURLY, overlap=Overlap.CANCEL_RUNNING, at=at("2023-07-14T19:30Z"))
    start(tick(at("2023-07-14T20:00Z")), at("2023-07-14T20:00Z"))
    assert tick(at("2023-07-14T21:00Z")) == []
    finish(ledger()[0], at("2023-07-14T21:00:01Z"))
    start(tick(at("2023-07-14T21:00:02Z")), at("2023-07-14T21:00:02Z"))
    finish(ledger()[1], at("2023-07-14T21:59:59Z"))
    tick(at("2023-07-14T22:00Z"))
    assert told(ledger()) == [
        ("completed", at("2023-07-14T20:00Z")),
        ("completed", at("2023-07-14T21:00Z")),
        ("queued", at("2023-07-14T22:00Z")),
    ]


def test_overlap_is_known_after_a_restart(make, tick, ledger, start, settings):
    """hashicorp/nomad#14505: after the machine had crashed and come back, a second instance was started beside the
    one that still ran."""
    make(CronRule("51 * * * *"), overlap=Overlap.SKIP, at=at("2022-09-08T08:00Z"))
    start(tick(at("2022-09-08T08:51Z")), at("2022-09-08T08:51Z"))
    with Database(settings) as restarted, restarted.begin_system() as store:
        assert claim(store, "the same machine", at("2022-09-08T09:51Z")) == []
    assert told(ledger()) == [
        ("running", at("2022-09-08T08:51Z")),
        ("overlap", at("2022-09-08T09:51Z"), at("2022-09-08T09:51Z"), 1),
    ]


def test_a_run_started_by_hand_counts_as_one_that_runs(make, tick, ledger, start, edit, database):
    """hashicorp/nomad#5487: an instance forced by hand did not keep the scheduled ones from starting beside it."""
    with database.begin_system() as store:
        today = store.now().replace(hour=0, minute=0, second=0, microsecond=0)
    make(CronRule("0 12 * * *"), overlap=Overlap.SKIP, at=today)
    by_hand = edit(trigger_schedule)
    start(tick(today + DAY), today + DAY)
    (running, *_) = (run for run in ledger() if run.id == by_hand)
    assert running.state is RunState.RUNNING
    before = len(ledger())
    tick(today + DAY + timedelta(hours=12))
    assert [run.reason for run in ledger()][before:] == ["overlap"]


def test_runs_that_were_caught_up_go_one_after_the_other(make, tick, ledger, start, finish):
    """apache/airflow#56646: when the first of several caught-up runs had ended, all others started at once, although
    one at a time was asked for."""
    make(HOURLY, overlap=Overlap.BUFFER_ALL, catch_up=CatchUp.ALL, at=at("2025-10-15T00:30Z"))
    for step in range(3):
        now = at("2025-10-15T03:30Z") + step * MINUTE
        (offer,) = tick(now)
        assert len(offer.runs) == 1
        start([offer], now)
        running = [run for run in ledger() if run.state is RunState.RUNNING]
        assert told(running) == [("running", at(f"2025-10-15T0{step + 1}:00Z"))]
        finish(running[0], now + SECOND)


def test_a_limit_of_one_holds_for_all_that_is_caught_up(make, tick, ledger, start, finish, admin):
    """apache/airflow#22193: with a limit of one active run and catch-up several ran in parallel."""
    admin.execute("UPDATE scheduler.tenants SET max_concurrent_runs = 1 WHERE tenant_id = 'acme'")
    make(HOURLY, catch_up=CatchUp.ALL, at=at("2022-03-11T00:30Z"))
    now = at("2022-03-11T03:30Z")
    start(tick(now), now)
    assert tick(now + SECOND) == []
    assert [state for state, _ in told(ledger())] == ["running", "pending", "pending"]
    finish(ledger()[0], now + MINUTE)
    tick(now + 2 * MINUTE)
    assert [state for state, _ in told(ledger())] == ["completed", "queued", "pending"]


def test_two_triggers_of_one_instant_do_not_overlap(make, tick, ledger):
    """quartz-scheduler/quartz#674: two triggers of one job that fell on the same instant ran at once on two nodes,
    although the job forbids it."""
    make(HOURLY, CronRule("0 */2 * * *"), overlap=Overlap.SKIP, at=at("2021-03-23T09:30Z"))
    tick(at("2021-03-23T10:00Z"), "one")
    tick(at("2021-03-23T10:00Z"), "two")
    assert sorted(row[0] for row in told(ledger())) == ["overlap", "queued"]


def test_two_schedulers_at_once_fire_once(make, ledger, database):
    """celery/celery#2856: two instances of the scheduler, meant for availability, each sent every task."""
    make(HOURLY, at=at("2015-10-12T09:30Z"))
    with database.begin_system() as one, database.begin_system() as two:
        assert len(claim(one, "one", at("2015-10-12T10:00Z"))) == 1
        assert claim(two, "two", at("2015-10-12T10:00Z")) == []
    assert told(ledger()) == [("queued", at("2015-10-12T10:00Z"))]


def test_a_second_server_whose_clock_is_late_enqueues_nothing(make, tick, ledger):
    """sidekiq-cron/sidekiq-cron#81: with two servers each job was enqueued two to four times."""
    make(EVERY_MINUTE, at=at("2015-12-07T09:59:30Z"))
    for now, owner in (("10:00:00", "one"), ("10:00:03", "two"), ("09:59:58", "two"), ("10:00:10", "one")):
        tick(at(f"2015-12-07T{now}Z"), owner)
    assert told(ledger()) == [("queued", at("2015-12-07T10:00Z"))]

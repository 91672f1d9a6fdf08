"""Overlap policies over several ticks; runs are started and finished by hand between them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from resources.states import CatchUp, Overlap, RunState
from scheduler_defs.timing.rules import IntervalRule

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def every(interval, anchor=NOW):
    return IntervalRule(interval, anchor)


def states(runs):
    return [(run.state.value, run.scheduled_for) for run in runs]


def all_runs(offers) -> list[UUID]:
    return sorted(run for offer in offers for run in offer.runs)


def test_overlap_skip_fires_again_only_when_the_run_before_has_ended(make, tick, ledger, start, finish):
    make(every(HOUR), overlap=Overlap.SKIP)
    start(tick(NOW), NOW)
    assert tick(NOW + HOUR) == []
    first, skipped = ledger()
    assert (skipped.state, skipped.reason, skipped.skipped_count) == (RunState.SKIPPED, "overlap", 1)
    finish(first, NOW + 1.5 * HOUR)
    assert len(tick(NOW + 2 * HOUR)) == 1
    assert states(ledger()) == [
        ("completed", NOW),
        ("skipped", NOW + HOUR),
        ("queued", NOW + 2 * HOUR),
    ]


def test_overlap_skip_counts_a_queued_and_a_buffered_run_as_open(make, tick, ledger):
    make(every(HOUR), overlap=Overlap.SKIP)
    assert len(tick(NOW)) == 1
    assert tick(NOW + SECOND) == []
    tick(NOW + HOUR)
    assert states(ledger()) == [("queued", NOW), ("skipped", NOW + HOUR)]


def test_overlap_buffer_one_keeps_one_waiting(make, tick, ledger, start, finish):
    make(every(HOUR), overlap=Overlap.BUFFER_ONE)
    start(tick(NOW), NOW)
    assert tick(NOW + HOUR) == []
    assert tick(NOW + 2 * HOUR) == []
    assert states(ledger()) == [("running", NOW), ("pending", NOW + HOUR), ("skipped", NOW + 2 * HOUR)]
    finish(ledger()[0], NOW + 2.5 * HOUR)
    (offer,) = tick(NOW + 2.5 * HOUR)
    assert offer.runs == [ledger()[1].id]
    assert states(ledger())[1] == ("queued", NOW + HOUR)


def test_overlap_buffer_all_runs_them_one_after_the_other_in_order(make, tick, ledger, start, finish):
    make(every(HOUR), overlap=Overlap.BUFFER_ALL, catch_up=CatchUp.ALL)
    now, order = NOW + 3 * HOUR, []
    for step in range(4):
        offers = tick(now + step * MINUTE)
        assert len(all_runs(offers)) == 1
        assert tick(now + step * MINUTE) == []
        start(offers, now + step * MINUTE)
        (running,) = (run for run in ledger() if run.state is RunState.RUNNING)
        order.append(running.scheduled_for)
        finish(running, now + step * MINUTE + SECOND)
    assert order == [NOW, NOW + HOUR, NOW + 2 * HOUR, NOW + 3 * HOUR]
    assert tick(now + 10 * MINUTE) == []


def test_overlap_cancel_running_asks_the_run_before_to_stop_and_starts_after_it(
    make, tick, ledger, start, finish
):
    make(every(HOUR), overlap=Overlap.CANCEL_RUNNING)
    start(tick(NOW), NOW)
    assert tick(NOW + HOUR) == []
    running, waiting = ledger()
    assert (running.state, running.cancel_requested_at) == (RunState.RUNNING, NOW + HOUR)
    assert waiting.state is RunState.PENDING
    tick(NOW + 2 * HOUR)
    assert states(ledger()) == [("running", NOW), ("cancelled", NOW + HOUR), ("pending", NOW + 2 * HOUR)]
    assert ledger()[0].cancel_requested_at == NOW + HOUR
    finish(running, NOW + 2 * HOUR + MINUTE, RunState.CANCELLED)
    (offer,) = tick(NOW + 2 * HOUR + MINUTE)
    assert offer.runs == [ledger()[2].id]


def test_overlap_cancel_running_replaces_what_is_only_queued(make, tick, ledger):
    make(every(HOUR), overlap=Overlap.CANCEL_RUNNING)
    (first,) = tick(NOW)
    offers = tick(NOW + HOUR)
    assert states(ledger()) == [("cancelled", NOW), ("queued", NOW + HOUR)]
    assert ledger()[0].reason == "overlap"
    assert all_runs(one for one in offers if one.id != first.id) == [ledger()[1].id]


def test_overlap_allow_lets_runs_pile_up(make, tick, ledger, start):
    make(every(HOUR), overlap=Overlap.ALLOW)
    for hour in range(3):
        start(tick(NOW + hour * HOUR), NOW + hour * HOUR)
    assert states(ledger()) == [("running", NOW + hour * HOUR) for hour in range(3)]

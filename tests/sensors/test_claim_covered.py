"""What a run that began after an event saw is not fired for once more."""

import pytest

from resources.selection import Selection
from resources.states import Overlap, RunState
from scheduler_defs.edits.schedules import edit_schedule, trigger_schedule
from scheduler_defs.timing.rules import EventRule, IntervalRule
from tests.sensors.conftest import HOUR, MINUTE, NOW, SECOND

FEED, SBOMS = "advisory_feed", "sbom_ingested"
OVERLAPS = [Overlap.BUFFER_ONE, Overlap.BUFFER_ALL, Overlap.ALLOW]


@pytest.fixture
def happens(database):
    """happens(second, event) records an event so many seconds after noon, and returns when."""

    def happens(second, event=FEED):
        at = NOW + second * SECOND
        with database.begin_system() as store:
            assert store.trigger_events.record(event, at, "acme")
        return at

    return happens


@pytest.fixture
def states(ledger):
    """The states of the ledger's rows, by the seconds after noon for which they were planned."""

    def states():
        return [((run.scheduled_for - NOW) // SECOND, str(run.state)) for run in ledger()]

    return states


@pytest.fixture
def begin(database, start):
    """begin(offers, second) opens launches and begins the attempt of each of their runs; returns the runs."""

    def begin(offers, second):
        at = NOW + second * SECOND
        start(offers, at)
        with database.begin_system() as store:
            runs = [run for offer in offers for run in store.runs.list_of_launch(offer.id)]
            return [store.runs.begin_attempt(run, at) for run in runs]

    return begin


@pytest.mark.parametrize("overlap", OVERLAPS)
def test_an_event_before_the_run_began_is_covered_by_it(
    make, tick, happens, begin, finish, states, ledger, overlap
):
    make(EventRule(FEED), overlap=overlap)
    offers = tick(happens(0))
    tick(happens(1))
    assert states() == [(0, "queued"), (1, "pending")]
    (run,) = begin(offers, 2)
    tick(NOW + 3 * SECOND)
    assert states() == [(0, "running"), (1, "pending")]
    finish(run, NOW + 4 * SECOND)
    assert tick(NOW + 5 * SECOND) == []
    assert states() == [(0, "completed"), (1, "cancelled")]
    covered = ledger()[1]
    assert covered.reason == f"covered by {run.id}"
    assert covered.finished_at == NOW + 5 * SECOND


@pytest.mark.parametrize("overlap", OVERLAPS)
def test_an_event_after_the_run_began_fires(make, tick, happens, begin, finish, states, overlap):
    make(EventRule(FEED), overlap=overlap)
    (run,) = begin(tick(happens(0)), 1)
    tick(happens(2))
    finish(run, NOW + 3 * SECOND)
    tick(NOW + 4 * SECOND)
    assert states() == [(0, "completed"), (2, "queued")]


def test_a_run_that_saw_nothing_more_lets_others_run_beside_it_where_they_may(
    make, tick, happens, begin, states
):
    make(EventRule(FEED), overlap=Overlap.ALLOW)
    begin(tick(happens(0)), 1)
    tick(happens(2))
    assert states() == [(0, "running"), (2, "queued")]


@pytest.mark.parametrize("end", [RunState.FAILED, RunState.CANCELLED])
@pytest.mark.parametrize("overlap", OVERLAPS)
def test_only_a_completed_run_covers(make, tick, happens, begin, database, states, overlap, end):
    make(EventRule(FEED), overlap=overlap)
    offers = tick(happens(0))
    tick(happens(1))
    (run,) = begin(offers, 2)
    with database.begin("acme") as store:
        error = "boom" if end is RunState.FAILED else None
        store.runs.finish(run, end, NOW + 3 * SECOND, error=error, reason=None if error else "asked")
    tick(NOW + 4 * SECOND)
    assert states() == [(0, str(end)), (1, "queued")]


def test_what_fires_only_after_the_run_that_saw_it_is_covered_too(make, tick, happens, begin, finish, states):
    make(EventRule(FEED), EventRule(SBOMS), overlap=Overlap.BUFFER_ONE)
    offers = tick(happens(0))
    happens(1, SBOMS)
    (run,) = begin(offers, 2)
    finish(run, NOW + 3 * SECOND)
    assert tick(NOW + 4 * SECOND) == []
    assert states() == [(0, "completed"), (1, "cancelled")]


def test_an_event_that_no_row_waits_for_keeps_the_one_that_waits(
    make, tick, happens, begin, finish, states, ledger
):
    """The third event is skipped since the second waits; what saw the second, but not the third, does not do."""
    make(EventRule(FEED), overlap=Overlap.BUFFER_ONE)
    offers = tick(happens(0))
    tick(happens(1))
    (run,) = begin(offers, 2)
    tick(happens(3))
    assert [str(one.reason) for one in ledger()] == ["None", "None", "overlap"]
    finish(run, NOW + 4 * SECOND)
    tick(NOW + 5 * SECOND)
    assert states() == [(0, "completed"), (1, "queued"), (3, "skipped")]


def test_what_another_selection_or_mode_saw_covers_nothing(
    database, make, tick, happens, begin, finish, states
):
    make(EventRule(FEED), overlap=Overlap.BUFFER_ONE)
    offers = tick(happens(0))
    with database.begin("acme") as store:
        edit_schedule(store, "acme", "nightly", {"selection": Selection(namespace="web")}, "ann", now=NOW)
    tick(happens(1))
    (run,) = begin(offers, 2)
    finish(run, NOW + 3 * SECOND)
    tick(NOW + 4 * SECOND)
    assert states() == [(0, "completed"), (1, "queued")]


def test_a_second_attempt_saw_what_the_first_did(database, make, tick, happens, begin, start, finish, states):
    """It goes on with what the first did, which had not seen what came in between."""
    make(EventRule(FEED), overlap=Overlap.BUFFER_ONE)
    (run,) = begin(tick(happens(0)), 1)
    tick(happens(2))
    with database.begin("acme") as store:
        store.runs.retry_attempt(run, NOW + 3 * SECOND)
    (again,) = begin(tick(NOW + 3 * SECOND), 4)
    assert (again.id, again.attempt) == (run.id, 2)
    finish(again, NOW + 5 * SECOND)
    tick(NOW + 6 * SECOND)
    assert states() == [(0, "completed"), (2, "queued")]


@pytest.mark.parametrize("overlap", OVERLAPS)
def test_what_happens_while_a_run_waits_for_its_next_attempt_is_fired_for(
    database, make, tick, happens, begin, finish, states, overlap
):
    make(EventRule(FEED), overlap=overlap)
    (run,) = begin(tick(happens(0)), 1)
    with database.begin("acme") as store:
        store.runs.retry_attempt(run, NOW + 100 * SECOND)
    tick(happens(2))
    (again,) = [one for one in begin(tick(NOW + 100 * SECOND), 101) if one.id == run.id]
    finish(again, NOW + 102 * SECOND)
    tick(NOW + 103 * SECOND)
    found = dict(states())
    assert found[0] == "completed"
    assert found[2] in ("queued", "running")


def test_what_waits_with_another_selection_keeps_no_event_waiting(
    database, make, tick, happens, begin, states, ledger
):
    make(EventRule(FEED), overlap=Overlap.BUFFER_ONE)
    begin(tick(happens(0)), 1)
    tick(happens(2))
    with database.begin("acme") as store:
        edit_schedule(store, "acme", "nightly", {"selection": Selection(namespace="web")}, "ann", now=NOW)
    tick(happens(3))
    assert states() == [(0, "running"), (2, "pending"), (3, "pending")]
    assert [one.selection for one in ledger()] == [{}, {}, {"namespace": "web"}]
    tick(happens(4))
    assert states()[3:] == [(4, "skipped")]


def test_what_time_or_a_person_asks_for_is_never_covered(
    database, make, tick, happens, begin, finish, ledger
):
    make(EventRule(FEED), IntervalRule(HOUR, NOW + MINUTE), overlap=Overlap.BUFFER_ALL)
    (run,) = begin(tick(happens(0)), 120)
    with database.begin("acme") as store:
        trigger_schedule(store, "acme", "nightly", "ann")
    tick(NOW + 121 * SECOND)
    finish(run, NOW + 122 * SECOND)
    tick(NOW + 123 * SECOND)
    found = [(str(one.trigger_kind), str(one.state)) for one in ledger()]
    assert found == [("event", "completed"), ("interval", "pending"), ("manual", "queued")]


def test_a_run_by_time_covers_events(make, tick, happens, begin, finish, states):
    make(EventRule(FEED), IntervalRule(HOUR, NOW), overlap=Overlap.BUFFER_ONE)
    offers = tick(NOW)
    tick(happens(1))
    (run,) = begin(offers, 2)
    finish(run, NOW + 3 * SECOND)
    assert tick(NOW + 4 * SECOND) == []
    assert states() == [(0, "completed"), (1, "cancelled")]


def test_of_two_triggers_that_fire_at_once_one_run_does_for_both(make, tick, happens, begin, finish, states):
    make(EventRule(FEED), EventRule(SBOMS), overlap=Overlap.ALLOW)
    happens(0)
    happens(1, SBOMS)
    offers = tick(NOW + 2 * SECOND)
    assert states() == [(0, "queued"), (1, "pending")]
    (run,) = begin(offers, 3)
    finish(run, NOW + 4 * SECOND)
    assert tick(NOW + 5 * SECOND) == []
    assert states() == [(0, "completed"), (1, "cancelled")]


def test_each_tenant_and_each_schedule_has_events_of_its_own(
    database, make, tick, happens, begin, finish, states, ledger
):
    make(EventRule(FEED), overlap=Overlap.BUFFER_ONE)
    make(EventRule(FEED), name="theirs", tenant="globex", overlap=Overlap.BUFFER_ONE)
    with database.begin_system() as store:
        store.trigger_events.record(FEED, NOW, None)
    offers = tick(NOW)
    runs = begin(offers, 1)
    tick(happens(2))
    for run in runs:
        finish(run, NOW + 3 * SECOND)
    tick(NOW + 4 * SECOND)
    assert states() == [(0, "completed"), (2, "queued")]
    assert [run.state for run in ledger("globex")] == [RunState.COMPLETED]

"""A clock that ran ahead and was set right: what it stamped stands still no longer than it must."""

import pytest

from resources.states import Overlap, RunState
from scheduler_defs.sensors.claim import OFFER_LEASE
from scheduler_defs.timing.rules import EventRule, IntervalRule
from tests.sensors.conftest import HOUR, MINUTE, NOW, SECOND

AHEAD = NOW + 10 * HOUR
HOURLY = IntervalRule(HOUR, NOW)


def states(ledger):
    return [run.state for run in ledger()]


def test_a_launch_that_was_lost_is_offered_again_at_once(make, tick):
    make(IntervalRule(24 * HOUR, NOW))
    lost = tick(AHEAD)
    assert len(lost) == 1
    assert tick(NOW + SECOND) == lost
    assert tick(NOW + SECOND + OFFER_LEASE - SECOND) == []
    assert tick(NOW + SECOND + OFFER_LEASE) == lost


@pytest.mark.parametrize("ahead", [NOW + HOUR, AHEAD])
def test_a_run_that_waits_starts_when_there_is_room(make, tick, start, finish, ledger, ahead):
    make(HOURLY, overlap=Overlap.BUFFER_ONE)
    start(tick(ahead - HOUR), ahead - HOUR)
    tick(ahead)
    assert states(ledger)[-2:] == [RunState.RUNNING, RunState.PENDING]
    finish(ledger()[-2], NOW + SECOND)
    assert len(tick(NOW + 2 * SECOND)) == 1
    assert states(ledger)[-2:] == [RunState.COMPLETED, RunState.QUEUED]


@pytest.mark.parametrize(
    ("clock", "available_at", "waits"),
    [
        pytest.param(NOW, NOW + MINUTE, True, id="a minute"),
        pytest.param(NOW, NOW + HOUR, True, id="an hour, the longest"),
        pytest.param(AHEAD, AHEAD + MINUTE, False, id="put off by a clock that was set back"),
    ],
)
def test_a_retry_waits_for_its_backoff_but_not_for_the_clock(
    database, make, tick, start, ledger, clock, available_at, waits
):
    make(IntervalRule(24 * HOUR, NOW))
    start(tick(clock), clock)
    (run,) = ledger()
    with database.begin(run.tenant_id) as store:
        store.runs.retry_attempt(run, available_at)
    assert (tick(NOW + SECOND) == []) is waits
    assert states(ledger) == [RunState.PENDING if waits else RunState.QUEUED]
    if waits:
        assert tick(available_at - SECOND) == []
        assert len(tick(available_at)) == 1


def test_a_run_made_by_the_right_clock_waits_for_its_backoff_too(database, make, tick, start, ledger):
    make(IntervalRule(24 * HOUR, NOW))
    start(tick(AHEAD), AHEAD)
    (run,) = ledger()
    with database.begin(run.tenant_id) as store:
        store.runs.retry_attempt(run, NOW + MINUTE)
    assert tick(NOW + SECOND) == []
    assert len(tick(NOW + MINUTE)) == 1


def test_the_rate_does_not_count_what_the_clock_let_fire(database, make, tick, ledger):
    def happens(at):
        with database.begin_system() as store:
            store.trigger_events.record("sbom_ingested", at, "acme")
        tick(at)

    make(EventRule("sbom_ingested"), max_runs_per_hour=1)
    for at in (AHEAD, NOW, NOW + MINUTE, NOW + HOUR):
        happens(at)
    assert [(run.scheduled_for, run.reason) for run in ledger()] == [
        *((NOW, None), (NOW + MINUTE, "rate"), (NOW + HOUR, None), (AHEAD, None)),
    ]


def test_a_tenant_served_by_the_clock_is_served(tick, ledger, plant, admin):
    names = plant.tenants(101)
    plant.due(names, due=NOW)
    served = "UPDATE scheduler.tenants SET claimed_at = %s WHERE (tenant_id = 't0100') = %s"
    admin.execute(served, [NOW - SECOND, False])
    admin.execute(served, [NOW + 24 * HOUR, True])
    tick(NOW)
    assert len(ledger("t0100")) == 1

"""Four sensors at once on one schedule of one tenant, whose limits are all tight."""

from datetime import timedelta
from random import Random

import pytest

from resources.states import CatchUp, JobKind, Overlap
from scheduler_defs.edits.schedules import NewSchedule, create_schedule, trigger_schedule
from scheduler_defs.edits.tenants import create_tenant
from scheduler_defs.timing.rules import IntervalRule
from tests.simulation.accounts import audit
from tests.simulation.carrier import Carrier
from tests.simulation.claimers import claimers
from tests.simulation.clock import at
from tests.simulation.invariants import BOUNDED, WHOLE, check
from tests.simulation.world import DAY, HOUR, MINUTE, SECOND, START

TRIGGERS, TICKS, MOST_OPEN, MOST_AN_HOUR = 12, 50, 3, 40
OF_THE_SCHEDULE = "FROM scheduler.runs WHERE trigger_id IS NOT NULL"


@pytest.fixture
def sensors(environment):
    with claimers(environment, count=4, rounds=1) as sensors:
        yield sensors


@pytest.fixture
def walk(database, admin, sensors):
    """walk(schedule) ticks through a few hours, with runs by hand in between, and checks after each tick."""

    def walk(wanted):
        random, now = Random(wanted.name), START
        with at(database, START) as store:
            create_tenant(store, "acme", "sim", max_concurrent_runs=MOST_OPEN)
            create_schedule(store, "acme", wanted, "sim", START)
        carrier = Carrier(admin, 1, START)
        for tick in range(TICKS):
            now += random.choice((SECOND, MINUTE, 3 * MINUTE, 10 * MINUTE))
            sensors.begin(now)
            if tick % 5 == 0:
                with at(database, now, "acme") as store:
                    trigger_schedule(store, "acme", wanted.name, "ann")
            sensors.wait()
            check(admin, now, BOUNDED)
            carrier.carry(now, share=0.6)
            check(admin, now, BOUNDED)
        check(admin, now, WHOLE)
        return now

    return walk


def crowded(overlap, **changes):
    rules = [IntervalRule(5 * MINUTE, START + place * 7 * SECOND) for place in range(TRIGGERS)]
    limits = {"catch_up": CatchUp.ALL, "misfire_grace": HOUR, "catch_up_window": DAY} | changes
    return NewSchedule(str(overlap), JobKind.GRAPH, rules, overlap=overlap, **limits)


@pytest.mark.parametrize("overlap", list(Overlap))
def test_no_limit_gives_way_to_four_sensors_at_once(walk, admin, overlap):
    now = walk(crowded(overlap, max_runs_per_hour=MOST_AN_HOUR))
    (fired,) = admin.execute(f"SELECT count(*) {OF_THE_SCHEDULE} AND skipped_count IS NULL").fetchone()
    assert fired >= TICKS // 4
    accounts = audit(admin, now)
    assert accounts.expected > TRIGGERS * 20
    assert (accounts.missing, accounts.extra) == ([], [])


def test_a_tenants_limit_is_reached_and_never_passed(walk, admin):
    walk(crowded(Overlap.ALLOW))
    waiting = f"SELECT count(*) {OF_THE_SCHEDULE} AND state = 'pending'"
    assert admin.execute(waiting).fetchone()[0] > 10 * MOST_OPEN


def test_a_rate_is_used_up_within_the_hour_it_counts(walk, admin):
    walk(crowded(Overlap.ALLOW, max_runs_per_hour=MOST_AN_HOUR))
    refused = f"SELECT sum(skipped_count) {OF_THE_SCHEDULE} AND reason = 'rate'"
    assert admin.execute(refused).fetchone()[0] > MOST_AN_HOUR
    within = timedelta(minutes=60)
    first = f"SELECT count(*) {OF_THE_SCHEDULE} AND skipped_count IS NULL AND created_at <= %s"
    assert admin.execute(first, [START + within]).fetchone() == (MOST_AN_HOUR,)

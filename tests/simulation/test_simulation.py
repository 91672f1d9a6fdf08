"""Days of fires under edits, downtime and clocks that jump, by two sensors at once; then every occurrence is checked.

HYPOTHESIS_PROFILE=nightly makes it a million fires; SIMULATION_SEED repeats a run.
"""

import os
import time
from collections import Counter
from datetime import timedelta
from random import Random

import pytest

from scheduler_defs.auditing.matching import Window
from scheduler_defs.auditing.tallies import Fault
from scheduler_defs.fire_audits import audit_fires
from tests.simulation.accounts import audit, explain
from tests.simulation.carrier import Carrier
from tests.simulation.changes import change_the_world, edit_something
from tests.simulation.claimers import claimers
from tests.simulation.clock import at
from tests.simulation.invariants import BOUNDED, WHOLE, check
from tests.simulation.summary import summarise, tell
from tests.simulation.world import DAY, HOUR, MINUTE, SECOND, START, Size, create_world

SIZES = {"nightly": Size(tenants=50, schedules=20, fires=1_000_000)}
SIZE = SIZES.get(os.environ.get("HYPOTHESIS_PROFILE", ""), Size(tenants=50, schedules=3, fires=20_000))
SEED = int(os.environ.get("SIMULATION_SEED", "20260329"))
TICKS_BETWEEN_CHECKS = 100
PROGRESS = 30.0
DST_IS_OVER = START + 8 * DAY


class Simulation:
    """One walk through simulated time."""

    def __init__(self, database, admin, sensors, seed, size):
        self.database, self.admin, self.sensors, self.size = database, admin, sensors, size
        self.random = Random(seed)
        self.now = self.furthest = START
        self.ticks, self.edits = 0, Counter()
        self.said_at = self.began_at = time.monotonic()
        with at(database, START) as store:
            self.names = create_world(store, self.random, size)
        self.carrier = Carrier(admin, seed, START)

    def run(self):
        while self.fired() < self.size.fires or self.furthest < DST_IS_OVER:
            self.step_in_time()
            self.tick()
            self.carrier.carry(self.now)
            self.look_at()
        self.settle()

    def fired(self):
        return self.admin.execute("SELECT sum(fire_count)::bigint FROM scheduler.triggers").fetchone()[0] or 0

    def step_in_time(self):
        """Mostly minutes; now and then hours or a day without a tick, or a clock that is set back."""
        kind = self.random.choices(("on", "down", "back"), (95, 2, 3))[0]
        if kind == "back":
            self.now -= self.random.randrange(1, 3600) * SECOND
            return
        if kind == "down":
            self.now += self.random.choice((3, 3, 8, 30)) * HOUR
        else:
            self.now += self.random.choice((1, 10, 15, 30, 60, 60)) * MINUTE
            self.now += self.random.choice((timedelta(), self.random.randrange(60) * SECOND))
        self.furthest = max(self.furthest, self.now)

    def tick(self):
        """Both sensors claim; some edits are made before, others while they do."""
        self.ticks += 1
        for _ in range(self.random.randrange(3)):
            self.edit()
        change_the_world(self.admin, self.random, sorted(self.names), self.now)
        self.sensors.begin(self.now)
        for _ in range(self.random.randrange(3)):
            self.edit()
        self.sensors.wait()

    def edit(self):
        self.edits[edit_something(self.database, self.random, self.names, self.now) or "refused"] += 1

    def look_at(self):
        check(self.admin, self.now, BOUNDED)
        if self.ticks % TICKS_BETWEEN_CHECKS == 0:
            check(self.admin, self.now, WHOLE)
            self.admin.execute("VACUUM ANALYZE scheduler.runs, scheduler.launches, scheduler.triggers")
        if time.monotonic() - self.said_at > PROGRESS:
            self.said_at = time.monotonic()
            passed = self.said_at - self.began_at
            print(f"{passed:.0f} s: {self.fired()} fires, tick {self.ticks}, {self.now}", flush=True)

    def settle(self):
        """Ticks at one last instant until nothing is due."""
        self.now = self.furthest = self.furthest + HOUR
        due = "SELECT FROM scheduler.triggers WHERE enabled AND next_due_at <= %s LIMIT 1"
        while True:
            self.sensors.claim(self.now)
            self.carrier.carry(self.now, share=1)
            check(self.admin, self.now, BOUNDED)
            if not self.admin.execute(due, [self.now]).fetchone():
                break
        check(self.admin, self.now, WHOLE)


@pytest.fixture
def sensors(environment):
    with claimers(environment) as sensors:
        yield sensors


def test_every_occurrence_of_a_long_run_is_accounted_for_once(database, admin, sensors):
    print(f"\nseed {SEED}: SIMULATION_SEED={SEED} repeats it", flush=True)
    simulation = Simulation(database, admin, sensors, SEED, SIZE)
    simulation.run()
    accounts = audit(admin, simulation.now)
    window = Window(START - DAY, simulation.now, simulation.now)
    report = audit_fires(database.begin_system, sorted(simulation.names), window)
    summary = summarise(
        admin,
        accounts,
        seed=SEED,
        ticks=simulation.ticks,
        edits=dict(simulation.edits),
        simulated=str(simulation.now - START),
        seconds=round(time.monotonic() - simulation.began_at, 1),
    )
    print(tell(summary), f"{summary['ticks']} ticks, {summary['seconds']} s", sep="\n", flush=True)
    found = accounts.missing + accounts.extra
    assert found == [], explain(admin, found)
    faults = [
        (one.tenant_id, found.trigger_id, found.at, found.fault, found.note)
        for one in report.schedules
        for found in one.tally.findings
        if found.fault is not Fault.LATE
    ]
    assert faults == [], explain(admin, faults)
    assert (report.is_whole, report.unreadable) == (True, 0)
    assert report.total.expected - report.total.pending == accounts.expected
    assert (report.total.fired, report.total.skipped) == (summary["fired"], summary["reasons"])
    assert summary["fired"] >= SIZE.fires

"""The real daemon, killed again and again: its runs are real Dagster runs, in bursts that share a launch."""

import time
from collections import Counter
from contextlib import closing
from datetime import timedelta
from random import Random

import pytest

from tests.databases import superuser
from tests.faults.crew import COUNTS
from tests.faults.houses import House, until
from tests.faults.judging import judge
from tests.faults.profile import size_of
from tests.faults.world import create_world

pytestmark = pytest.mark.stack

BURST = 12
"""Schedules of each tenant; all of them fire at once."""
POINTS = ("at random", "before commit", "after commit", "mid-submission")
PATIENCE = 600.0
"""Of a daemon that has to start, to wait 30 s for dead workers and two minutes for a daemon that stays away."""


@pytest.fixture
def houses(server, stage, make_database, tmp_path):
    """Two Dagster instances over one schema, neither of which runs yet."""
    made = []
    for name in ("one", "other"):
        own = make_database("OWNER scheduler")
        admin = lambda own=own: superuser(server, own)  # noqa: E731
        ledger = stage.database.settings.conninfo()
        made.append(House(tmp_path / name, ledger, server.conninfo(own), admin))
    yield made
    for house in made:
        house.kill(all_of_it=True)


class Play:
    """A world that fires in bursts, and where its fires stand."""

    def __init__(self, stage, name, every):
        self.stage, self.name, self.size, self.random = stage, name, size_of(name), Random(1)
        with closing(stage.admin()) as admin:
            self.world = create_world(
                stage.database,
                admin,
                self.size.fires,
                schedules=BURST,
                every=timedelta(seconds=every),
                live=None,
                idle="2min",
            )

    def counts(self):
        with self.stage.admin() as admin:
            return admin.execute(COUNTS).fetchone()

    def is_over(self):
        done, left, _, planned = self.counts()
        return done >= self.world.fires and not left and not planned

    def finish(self, house):
        """Waits for the rest, and judges it all."""
        moves, moved_at, said_at = -1, time.monotonic(), 0.0
        while not self.is_over():
            done, left, moves_now, _ = self.counts()
            if moves_now != moves:
                moves, moved_at = moves_now, time.monotonic()
            if time.monotonic() - said_at > 30:
                said_at = time.monotonic()
                print(f"{self.name}: {done} of {self.world.fires} ended, {left} open", flush=True)
            assert time.monotonic() - moved_at < PATIENCE, house.log.read_text()[-5000:]
            time.sleep(0.5)

    def judge(self, times):
        self.until_launches_ended()
        with closing(self.stage.admin()) as admin:
            verdict = judge(
                self.name,
                times,
                self.stage.database,
                admin,
                self.world,
                self.stage.place,
                {},
                trivial=False,
                ordered=True,
            )
        self.stage.add(verdict)
        assert verdict.problems == []

    def until_launches_ended(self):
        """What a killed daemon left of launches without an open run is ended by reconcile, within its ticks."""
        open_ones = "SELECT 1 FROM scheduler.launches WHERE state IN ('offered', 'acknowledged') LIMIT 1"
        give_up_at = time.monotonic() + PATIENCE
        with self.stage.admin() as admin:
            while admin.execute(open_ones).fetchone() and time.monotonic() < give_up_at:
                time.sleep(0.5)


def die(house, play, point):
    """kill -9 of a daemon at a point; says whether it came there."""
    all_of_it = play.random.random() < 0.2
    if point == "before commit":
        with house.before_commit(play.stage.admin) as there:
            house.kill(all_of_it=True)
    elif point == "after commit":
        with house.after_commit() as there:
            house.kill(all_of_it=all_of_it)
    elif point == "mid-submission":
        there = house.mid_submission()
        house.kill(all_of_it=all_of_it)
    else:
        time.sleep(play.random.uniform(3, 25))
        there = True
        house.kill(all_of_it=all_of_it)
    return there


def test_a_daemon_killed_at_random_and_at_named_points_loses_and_doubles_nothing(stage, houses):
    play, died = Play(stage, "daemon killed", every=30), Counter()
    house = houses[0]
    for time_number in range(play.size.times):
        house.start()
        point = POINTS[time_number % len(POINTS)]
        died[point] += die(house, play, point)
        done, left, *_ = play.counts()
        print(f"{play.name}: {done} ended, {left} open, died {dict(died)}", flush=True)
    house.start()
    play.finish(house)
    play.judge(play.size.times)
    if play.size.times >= 20:
        assert died.keys() == {*POINTS}
        assert min(died.values()) > 0


def test_two_daemons_share_one_schema_and_one_goes_on_when_the_other_is_gone(stage, houses):
    play = Play(stage, "two daemons", every=15)
    for house in houses:
        house.start()
    seen = "SELECT FROM scheduler.instances"
    with stage.admin() as admin:
        assert until(lambda: admin.execute(seen).rowcount == 2, PATIENCE)
    with houses[0].after_commit() as there:
        houses[0].kill(all_of_it=True)
    play.finish(houses[1])
    play.judge(int(there))
    assert there, "the first daemon claimed nothing while the second lived"

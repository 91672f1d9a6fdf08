"""Processes killed with kill -9, at random instants and at named points, or stopped for longer than they may be."""

from tests.faults.disturbing import Fault, Kill, Wake
from tests.faults.records import read_journals

POINTS = {"before commit": 0.01, "after commit": 0.01, "mid-submission": 0.1}


def points(place, what):
    return {said["point"] for said in read_journals(place, what)}


def test_sensors_killed_at_random_and_at_named_points_lose_and_double_nothing(stage):
    verdict = stage.play("sensors killed", Kill("sensor"), posts={"sensor": {"deaths": POINTS}})
    assert verdict.problems == []
    assert points(stage.place, "died") == POINTS.keys()


def test_workers_killed_in_the_middle_of_runs_are_rescued(stage):
    deaths = {"before commit": 0.002, "after commit": 0.002}
    verdict = stage.play("workers killed", Kill("worker"), posts={"worker": {"deaths": deaths}})
    assert verdict.problems == []
    assert verdict.rescue_p95 is not None


def test_workers_stopped_for_longer_than_they_may_be_write_nothing_late(stage):
    """They stop themselves between transactions, inside of one and before they end a run, and are woken too late."""
    freezes = dict.fromkeys(("between transactions", "inside a transaction", "before the end"), 0.015)
    verdict = stage.play(
        "workers stopped", Fault(), also=Wake(stage.place), posts={"worker": {"freezes": freezes}}
    )
    assert verdict.problems == []
    assert points(stage.place, "froze") == freezes.keys()
    assert verdict.refused > 0

"""Clocks: those of processes are hours off, the database's jumps both ways."""

from tests.faults.disturbing import JumpClock, Kill
from tests.faults.mutations import queries_with

AHEAD = 5 * 3600
NOW = """
-- The clock of the product, as a scenario lets it jump.
SELECT clock_timestamp() + ahead AS now FROM faults.clock
"""


def test_processes_whose_clocks_are_hours_off(stage):
    """One sensor is hours ahead, the other and the workers are hours behind."""
    posts = {"sensor": {"skew": AHEAD}, "worker": {"skew": -AHEAD}, "rescuer": {"skew": -AHEAD}}
    assert stage.play("clocks of processes", Kill("sensor", "worker"), posts=posts).problems == []


def test_a_database_clock_that_jumps_both_ways(stage, tmp_path):
    queries = queries_with(tmp_path / "queries", {"session/now": NOW})
    assert stage.play("the database's clock", JumpClock(8), queries=queries).problems == []

"""Garbage is looked for seldom while an engine works, and as before when it has ended."""

import gc

import pytest

from resources.states import JobKind, RunState
from scheduler_defs.ops.attempt import Result, carry_out
from scheduler_defs.ops.garbage import SELDOM


@pytest.mark.parametrize("fails", [False, True])
def test_thresholds_are_as_before_once_the_engine_has_ended(world, fails):
    before, seen = gc.get_threshold(), []

    def engine(attempt):
        seen.append(gc.get_threshold())
        if fails:
            raise ValueError("boom")
        return Result({})

    opened = world.opened(JobKind.GRAPH)
    outcome = carry_out(world.database, opened.runs[0], opened.worker_id, engine, lambda *_: None)
    assert outcome.state is (RunState.FAILED if fails else RunState.COMPLETED)
    assert seen == [SELDOM]
    assert gc.get_threshold() == before

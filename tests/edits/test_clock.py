"""Edits while the server's clock is behind what it was: nothing is accounted for twice, nothing is left out."""

from datetime import UTC, datetime, timedelta

import pytest

from resources.states import CatchUp
from scheduler_defs.edits.schedules import (
    delete_schedule,
    edit_schedule,
    pause_schedule,
    restore_schedule,
    resume_schedule,
)
from scheduler_defs.edits.triggers import add_trigger, edit_trigger, pause_trigger, resume_trigger
from scheduler_defs.timing.rules import IntervalRule
from tests.simulation.accounts import audit
from tests.simulation.clock import at
from tests.simulation.invariants import WHOLE, check

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
RULE = IntervalRule(5 * MINUTE, NOON)


@pytest.fixture
def edit_at(database, read):
    """edit_at(instant, function, …) edits the schedule nightly, or its first trigger, by a clock at an instant."""

    def edit_at(instant, function, *arguments, **options):
        if function in {edit_trigger, pause_trigger, resume_trigger}:
            arguments = (read()[1][0].id, *arguments)
        with at(database, instant, "acme") as store:
            function(store, "acme", "nightly", *arguments, "bob", **options)

    return edit_at


@pytest.mark.parametrize("catch_up", list(CatchUp))
@pytest.mark.parametrize(
    "edits",
    [
        [(edit_schedule, ({},), {"terms": {"jitter": MINUTE}})],
        [(edit_schedule, ({"ends_at": NOON + 9 * HOUR},), {})],
        [(pause_schedule, ("",), {}), (resume_schedule, (), {})],
        [(delete_schedule, (), {}), (restore_schedule, (), {})],
        [(edit_trigger, (IntervalRule(7 * MINUTE, NOON),), {})],
        [(pause_trigger, (), {}), (resume_trigger, (), {})],
        [(add_trigger, (RULE,), {})],
    ],
    ids=lambda edits: edits[0][0].__name__,
)
def test_an_edit_by_a_clock_that_was_set_back_plans_nothing_again(
    make, tick, edit_at, admin, catch_up, edits
):
    make(RULE, at=NOON, catch_up=catch_up)
    tick(NOON + 31 * MINUTE)
    tick(NOON + 61 * MINUTE)
    for function, arguments, options in edits:
        edit_at(NOON + 33 * MINUTE, function, *arguments, **options)
    for minutes in (40, 59, 70, 90):
        tick(NOON + minutes * MINUTE)
    check(admin, NOON + 90 * MINUTE, WHOLE)
    accounts = audit(admin, NOON + 90 * MINUTE)
    assert (accounts.missing, accounts.extra) == ([], [])

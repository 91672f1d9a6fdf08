"""Every occurrence is accounted for once, whatever the triggers, the policies and the clock do."""

from datetime import UTC, datetime, timedelta

import pytest
from cronsim import CronSim
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from resources.states import CatchUp, JobKind, Overlap, RunState
from scheduler_defs.edits.schedules import NewSchedule, create_schedule
from scheduler_defs.edits.tenants import create_tenant
from scheduler_defs.sensors.claim import claim
from scheduler_defs.timing.rules import CronRule, IntervalRule, OnceRule

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def every(interval, anchor=NOW):
    return IntervalRule(interval, anchor)


intervals = st.integers(min_value=1, max_value=40).map(lambda minutes: every(minutes * MINUTE))
crons = st.sampled_from(["*/7 * * * *", "0 * * * *", "5,6,50 12-14 * * *"]).map(CronRule)
once = st.integers(min_value=0, max_value=240).map(lambda minutes: OnceRule(NOW + minutes * MINUTE))
schedules = st.fixed_dictionaries(
    {
        "rules": st.lists(st.one_of(intervals, crons, once), min_size=1, max_size=3),
        "overlap": st.sampled_from(list(Overlap)),
        "catch_up": st.sampled_from(list(CatchUp)),
        "catch_up_window": st.sampled_from([timedelta(), 20 * MINUTE, 3 * HOUR]),
        "misfire_grace": st.sampled_from([timedelta(), MINUTE, HOUR]),
    }
)
steps = st.lists(
    st.tuples(st.integers(min_value=-30, max_value=90), st.sampled_from(["nothing", "start", "finish"])),
    min_size=1,
    max_size=6,
)


def occurrences(trigger, until):
    """What a trigger was to fire up to an instant, by other means than the product's."""
    kind, cron, interval, anchor, at = trigger
    if kind == "once":
        return [at] if at <= until else []
    if kind == "interval":
        return [anchor + k * interval for k in range((until - anchor) // interval + 1)]
    found, fires = [], CronSim(cron, NOW)
    while (following := next(fires)) <= until:
        found.append(following)
    return found


@examples(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=st.lists(schedules, min_size=1, max_size=3), walk=steps)
def test_every_occurrence_is_accounted_for_exactly_once(property_world, wanted, walk):
    database, admin, start, finish = property_world
    admin.execute("SET ROLE scheduler_owner; TRUNCATE scheduler.tenants CASCADE; RESET ROLE")
    with database.begin_system() as store:
        create_tenant(store, "acme", "tests")
        for number, one in enumerate(wanted):
            create_schedule(store, "acme", NewSchedule(f"s{number}", JobKind.GRAPH, **one), "tests", NOW)
    now, furthest = NOW, NOW - HOUR
    for minutes, action in walk:
        now += minutes * MINUTE
        furthest = max(furthest, now)
        with database.begin_system() as store:
            offers = claim(store, "here", now)
        if action != "nothing":
            start(offers, now)
        if action == "finish":
            with database.begin("acme") as store:
                running = store.runs.list("acme", states=[RunState.RUNNING], limit=1000).items
            for run in running:
                finish(run, max(now, run.started_at))
    columns = "id, kind, cron, every, anchor, at, next_fire_at, fire_count, misfire_count"
    of_trigger = (
        "scheduled_for, skipped_count, skipped_first, skipped_last FROM scheduler.runs WHERE trigger_id = %s"
    )
    for row in admin.execute(f"SELECT {columns} FROM scheduler.triggers").fetchall():
        identity, *trigger, next_fire_at, fires, misfires = row
        expected = occurrences(trigger, furthest)
        accounted, runs_of_its_own = [], 0
        ledger = admin.execute(f"SELECT {of_trigger}", [identity])
        for scheduled_for, count, first, last in ledger.fetchall():
            covered = [at for at in expected if (first or scheduled_for) <= at <= (last or scheduled_for)]
            assert len(covered) == (count or 1)
            runs_of_its_own += count is None
            accounted += covered
        assert sorted(accounted) == expected
        assert (fires, fires + misfires) == (runs_of_its_own, len(expected))
        assert next_fire_at is None or next_fire_at > furthest


@pytest.fixture
def property_world(database, admin, start, finish):
    """What one hypothesis test uses for all its examples; each empties the tables first."""
    return database, admin, start, finish

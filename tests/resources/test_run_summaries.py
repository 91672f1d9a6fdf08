"""Table run_summaries: computed from runs, checked against the same sums made in Python."""

import random
import statistics
from collections import Counter
from datetime import timedelta

import psycopg
import pytest

from resources.repositories.run_summaries import SETTLED
from resources.states import JobKind, RunState

HOUR = timedelta(hours=1)


def percentile_95(values):
    """Linear interpolation between closest ranks, as percentile_cont in PostgreSQL."""
    ordered = sorted(values)
    below, part = divmod(0.95 * (len(ordered) - 1), 1)
    above = min(int(below) + 1, len(ordered) - 1)
    return ordered[int(below)] + part * (ordered[above] - ordered[int(below)])


def expected(runs):
    """Counts, durations, lateness and deltas of runs that finished in one bucket."""
    states = Counter(run.state for run in runs)
    took = [
        (run.finished_at - run.started_at).total_seconds()
        for run in runs
        if run.state in (RunState.COMPLETED, RunState.FAILED) and run.started_at
    ]
    late = [(run.started_at - run.scheduled_for).total_seconds() for run in runs if run.started_at]
    deltas = Counter()
    for run in runs:
        deltas.update(run.deltas)
    return {
        "completed": states[RunState.COMPLETED],
        "failed": states[RunState.FAILED],
        "cancelled": states[RunState.CANCELLED],
        "skipped": sum(run.skipped_count or 0 for run in runs),
        "duration_min": min(took, default=None),
        "duration_avg": statistics.fmean(took) if took else None,
        "duration_max": max(took, default=None),
        "duration_p95": percentile_95(took) if took else None,
        "lateness_avg": statistics.fmean(late) if late else None,
        "lateness_max": max(late, default=None),
        "lateness_p95": percentile_95(late) if late else None,
        "deltas": dict(deltas),
    }


def roll_up(database, run, at, now):
    with database.begin_system() as store:
        store.run_summaries.roll_up(run.tenant_id, run.schedule_id, run.kind, at, now)


def summary(database, granularity, schedule_id=None):
    with database.begin("acme") as store:
        (found,) = store.run_summaries.list("acme", granularity, schedule_id).items
        return found


@pytest.fixture
def busy_day(database, plant):
    """Thirty runs of a schedule, ended in many ways over four hours, and noise that must not count."""
    chance = random.Random(7)
    schedule = plant.schedule()
    trigger, other = plant.trigger(schedule), plant.trigger(plant.schedule("other"))
    for number in range(30):
        planned = plant.now + timedelta(minutes=8 * number)
        if number % 6 == 5:
            skipped = {"skipped_count": number, "skipped_first": planned, "skipped_last": planned + HOUR}
            plant.fired(trigger, planned, reason="overlap", **skipped)
            continue
        started = planned + timedelta(seconds=chance.randrange(60))
        (run,) = plant.open(plant.launch(plant.fired(trigger, planned)), started)
        ends = (RunState.COMPLETED, RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED)
        state = chance.choice(ends)
        error = "boom" if state is RunState.FAILED else None
        with database.begin_system() as store:
            store.runs.finish(
                *(run, state, started + timedelta(milliseconds=chance.randrange(1, 600_000))),
                error=error,
                deltas={"new": number, "fixed": 1} if number % 2 else {},
            )
    plant.fired(trigger, plant.now - HOUR)
    plant.open(plant.launch(plant.fired(other, plant.now)))
    with database.begin("acme") as store:
        runs = store.runs.list("acme", schedule_id=schedule.id).items
    return [run for run in runs if run.finished_at]


def test_each_hour_and_the_day_equal_a_computation_in_python(database, plant, busy_day):
    hours = sorted({run.finished_at.replace(minute=0, second=0, microsecond=0) for run in busy_day})
    assert len(hours) >= 4
    for hour in hours:
        roll_up(database, busy_day[0], hour + timedelta(minutes=59), plant.now)
    with database.begin("acme") as store:
        by_hour = {one.bucket: one for one in store.run_summaries.list("acme", "hour").items}
        (day,) = store.run_summaries.list("acme", "day").items
    assert list(by_hour) == hours[::-1]
    assert day.bucket == plant.now.replace(hour=0)
    for bucket, found, ended in [
        (day.bucket, day, busy_day),
        *((h, by_hour[h], [run for run in busy_day if h <= run.finished_at < h + HOUR]) for h in hours),
    ]:
        wanted = expected(ended)
        assert found.deltas == wanted.pop("deltas")
        assert {name: getattr(found, name) for name in wanted} == pytest.approx(wanted), bucket
        assert (found.schedule_id, found.kind, found.updated_at) == (
            *(busy_day[0].schedule_id, JobKind.GRAPH, plant.now),
        )


def test_a_repeat_changes_nothing_and_a_late_run_is_counted(database, plant, busy_day):
    run = busy_day[0]
    for _ in range(2):
        roll_up(database, run, run.finished_at, plant.now)
    first = summary(database, "day", run.schedule_id)
    roll_up(database, run, run.finished_at, plant.now)
    assert summary(database, "day", run.schedule_id) == first
    late = plant.running(schedule_id=run.schedule_id, schedule_version=1)
    with database.begin_system() as store:
        store.runs.finish(late, RunState.COMPLETED, plant.now + HOUR)
    roll_up(database, run, plant.now + HOUR, plant.now)
    assert summary(database, "day", run.schedule_id).completed == first.completed + 1


def test_runs_without_a_schedule_are_gathered_by_kind(database, plant):
    for kind, times in ((JobKind.GRAPH, 2), (JobKind.IMPACT, 1)):
        for _ in range(times):
            run = plant.running(kind=kind)
            with database.begin_system() as store:
                store.runs.finish(run, RunState.COMPLETED, plant.now)
            roll_up(database, run, plant.now, plant.now)
    with database.begin("acme") as store:
        found = {
            one.kind: (one.completed, one.schedule_id)
            for one in store.run_summaries.list("acme", "hour").items
        }
    assert found == {JobKind.GRAPH: (2, None), JobKind.IMPACT: (1, None)}


def test_a_bucket_without_finished_runs_gets_no_row(database, plant):
    roll_up(database, plant.running(), plant.now, plant.now)
    with database.begin("acme") as store:
        assert store.run_summaries.list("acme", "hour").items == []


def test_another_tenants_runs_do_not_count(database, plant):
    for tenant in ("acme", "globex"):
        run = plant.running(tenant=tenant)
        with database.begin_system() as store:
            store.runs.finish(run, RunState.COMPLETED, plant.now)
    roll_up(database, plant.run(), plant.now, plant.now)
    assert summary(database, "day").completed == 1


def test_lists_filter_by_schedule_and_stop_at_the_limit(database, plant, busy_day):
    for run in busy_day:
        roll_up(database, run, run.finished_at, plant.now)
    schedule_id = busy_day[0].schedule_id
    with database.begin("acme") as store:
        assert len(store.run_summaries.list("acme", "hour", limit=2).items) == 2
        assert {one.schedule_id for one in store.run_summaries.list("acme", "hour", schedule_id).items} == {
            schedule_id
        }
        assert store.run_summaries.list("acme", "hour", plant.run().id).items == []
        assert store.run_summaries.list("acme", "week").items == []


def test_one_roll_up_of_a_schedule_waits_for_another(database, plant):
    def roll_up_impatiently(kind):
        with database.begin_system() as store:
            store.connection.execute("SET LOCAL lock_timeout = '50ms'")
            store.run_summaries.roll_up("acme", None, kind, plant.now, plant.now)

    with database.begin_system() as first:
        first.run_summaries.roll_up("acme", None, JobKind.GRAPH, plant.now, plant.now)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            roll_up_impatiently(JobKind.GRAPH)
        roll_up_impatiently(JobKind.IMPACT)


@pytest.fixture
def cancelled(database, plant):
    """Plants a run that ended without an attempt: cancelled(at)."""

    def make(at, **changes):
        run = plant.run(**changes)
        with database.begin_system() as store:
            store.runs.cancel(run, "not needed", at)
        return run

    return make


@pytest.fixture
def stale(database, plant):
    """Tenant, schedule, kind and hour of what nobody rolled up: stale(since, limit)."""

    def read(since=plant.now, limit=1000):
        with database.begin_system() as store:
            return store.run_summaries.list_stale(since, limit)

    return read


def test_the_next_day_is_the_first_with_an_end_or_a_summary(database, plant, cancelled):
    day = plant.now.replace(hour=0)
    cancelled(plant.now + 48 * HOUR, tenant="globex")
    with database.begin("acme") as store:
        assert store.run_summaries.next_day("acme", day) is None
    roll_up(database, cancelled(plant.now + 48 * HOUR), plant.now + 48 * HOUR, plant.now)
    cancelled(plant.now + 96 * HOUR)
    with database.begin("acme") as store:
        days = [store.run_summaries.next_day("acme", day + hours * HOUR) for hours in (0, 48, 72, 120)]
    assert days == [day + 48 * HOUR, day + 48 * HOUR, day + 96 * HOUR, None]


def test_hours_of_runs_that_ended_without_an_attempt_are_stale(database, plant, cancelled, stale):
    schedule = plant.schedule()
    trigger, midnight = plant.trigger(schedule), plant.now + 12 * HOUR
    skipped = {"reason": "overlap", "skipped_count": 1, "skipped_first": plant.now, "skipped_last": plant.now}
    plant.fired(trigger, plant.now, **skipped)
    cancelled(midnight, kind=JobKind.IMPACT)
    cancelled(midnight + HOUR - timedelta(microseconds=1), kind=JobKind.IMPACT)
    cancelled(midnight, tenant="globex")
    plant.run()
    with database.begin_system() as store:
        store.runs.finish(plant.running(), RunState.COMPLETED, midnight)
    theirs = [("acme", None, JobKind.IMPACT, midnight), ("globex", None, JobKind.GRAPH, midnight)]
    assert sorted(stale(), key=str) == sorted(
        [("acme", schedule.id, JobKind.GRAPH, plant.now), *theirs], key=str
    )
    assert sorted(stale(midnight), key=str) == theirs
    assert stale(midnight + HOUR) == []
    assert len(stale(limit=2)) == 2
    with database.begin("globex") as store:
        assert store.run_summaries.list_stale(plant.now) == [theirs[1]]


def test_an_hour_is_stale_until_it_is_computed_well_after_the_last_end(database, plant, cancelled, stale):
    run = cancelled(plant.now + timedelta(minutes=5))
    group = ("acme", None, JobKind.GRAPH, plant.now)
    settled = plant.now + timedelta(minutes=5) + SETTLED
    roll_up(database, run, plant.now, settled - timedelta(microseconds=1))
    assert stale() == [group]
    roll_up(database, run, plant.now, settled)
    assert stale() == []
    cancelled(plant.now + timedelta(minutes=6))
    assert stale() == [group]
    cancelled(plant.now + HOUR)
    assert stale(limit=1) == [(*group[:3], plant.now + HOUR)], "what was never computed comes first"

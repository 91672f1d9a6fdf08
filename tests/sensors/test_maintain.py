"""What no attempt closed is counted in the summaries by the sensor maintain."""

from datetime import datetime, timedelta

import pytest
from dagster import DagsterInstance, build_sensor_context

from resources.postgres import PostgresResource, shared_database
from resources.states import JobKind, Overlap, RunState
from scheduler_defs.edits.runs import cancel_run, request_run
from scheduler_defs.edits.schedules import NewSchedule, create_schedule
from scheduler_defs.sensors.claim import claim
from scheduler_defs.sensors.maintain import LOOK_BACK, maintain
from scheduler_defs.timing.rules import IntervalRule

SECOND = timedelta(seconds=1)


@pytest.fixture
def tick(environment, monkeypatch):
    """Evaluates the sensor on the test's database; returns what it says."""
    for name in ("SCHEDULER_PERSISTENCE", "SCHEDULER_DSN"):
        monkeypatch.setenv(name, environment[name])
    shared_database.cache_clear()
    with DagsterInstance.ephemeral() as instance:

        def evaluate(cursor=None):
            context = build_sensor_context(
                instance=instance, cursor=cursor, resources={"postgres": PostgresResource()}
            )
            said = maintain(context).skip_message
            return (said, context.cursor) if cursor else said

        yield evaluate
    shared_database().close()
    shared_database.cache_clear()


@pytest.fixture
def overlapping(database, tenant):
    """A schedule of each overlap policy whose first run never starts, so that its next fire skips or cancels."""
    with database.begin_system() as store:
        now = store.now()
        for overlap in (Overlap.SKIP, Overlap.CANCEL_RUNNING):
            wanted = NewSchedule(overlap.value, JobKind.GRAPH, [IntervalRule(SECOND, now)], overlap=overlap)
            create_schedule(store, tenant, wanted, "tests", now)
        claim(store, "tests", now + SECOND)
    with database.begin_system() as store:
        claim(store, "tests", now + 2 * SECOND)
    return now + 2 * SECOND


def summaries(database, granularity, tenant="acme"):
    """Skipped and cancelled by schedule; None for the runs without one."""
    with database.begin(tenant) as store:
        names = {schedule.id: schedule.name for schedule in store.schedules.list(tenant).items}
        found = store.run_summaries.list(tenant, granularity).items
    return {names.get(one.schedule_id): (one.skipped, one.cancelled) for one in found}


def ledger(admin):
    """The same from the ledger."""
    rows = admin.execute(
        """
        SELECT schedule_name, coalesce(sum(skipped_count), 0)::integer, count(*) FILTER (WHERE state = 'cancelled')
        FROM scheduler.ledger WHERE state IN ('skipped', 'cancelled') GROUP BY 1
        """
    )
    return {name: (skipped, cancelled) for name, skipped, cancelled in rows.fetchall()}


def stored(admin):
    everything = "SELECT to_jsonb(s) - 'updated_at' FROM scheduler.run_summaries AS s ORDER BY 1"
    return admin.execute(everything).fetchall()


@pytest.mark.parametrize("granularity", ["hour", "day"])
def test_what_the_claim_skips_or_cancels_is_counted(tick, database, admin, overlapping, granularity):
    assert summaries(database, granularity) == {}
    tick()
    counted = summaries(database, granularity)
    assert counted == ledger(admin)
    assert counted.keys() == {"skip", "cancel_running"}
    assert counted["skip"][0] >= 1
    assert counted["cancel_running"][1] >= 1


def test_a_waiting_run_cancelled_by_hand_is_counted(tick, database, tenant):
    with database.begin_system() as store:
        run = store.runs.get(tenant, request_run(store, tenant, JobKind.GRAPH, "ann"))
        assert cancel_run(store, run, "ann") is RunState.CANCELLED
    tick()
    assert summaries(database, "day") == {None: (0, 1)}


def test_a_repeat_changes_nothing_and_a_later_one_is_added(tick, database, admin, overlapping):
    tick()
    before = stored(admin)
    tick()
    assert stored(admin) == before
    with database.begin_system() as store:
        claim(store, "tests", overlapping + SECOND)
    tick()
    assert stored(admin) != before
    assert summaries(database, "hour") == ledger(admin)


def test_every_tenant_is_counted_for_itself(tick, database, tenant):
    for name, times in ((tenant, 1), ("globex", 2)):
        for _ in range(times):
            with database.begin_system() as store:
                run = store.runs.get(name, request_run(store, name, JobKind.GRAPH, "ann"))
                cancel_run(store, run, "ann")
    assert tick() == "0 log partitions made, 2 hours rolled up, 10 audit entries sealed"
    assert summaries(database, "day") == {None: (0, 1)}
    assert summaries(database, "day", "globex") == {None: (0, 2)}


def test_what_ended_long_ago_is_left_as_it_is(tick, database, tenant, admin):
    with database.begin_system() as store:
        run = store.runs.get(tenant, request_run(store, tenant, JobKind.GRAPH, "ann"))
        cancel_run(store, run, "ann")
    past = [LOOK_BACK + SECOND]
    admin.execute("SET session_replication_role = replica")  # what has ended is not changed otherwise
    admin.execute("UPDATE scheduler.runs SET finished_at = finished_at - %s", past)
    assert tick() == "0 log partitions made, 0 hours rolled up, 6 audit entries sealed"
    admin.execute("UPDATE scheduler.runs SET finished_at = clock_timestamp() - %s", [LOOK_BACK - 30 * SECOND])
    assert tick() == "0 log partitions made, 1 hours rolled up, 0 audit entries sealed"


def cancelled_before(database, admin, tenant, age, times=1):
    """Runs cancelled so long ago, an hour apart, that nobody counted; returns the database's time."""
    with database.begin_system() as store:
        for _ in range(times):
            cancel_run(store, store.runs.get(tenant, request_run(store, tenant, JobKind.GRAPH, "ann")), "ann")
        now = store.now()
    admin.execute("SET session_replication_role = replica")  # what has ended is not changed otherwise
    admin.execute(
        "UPDATE scheduler.runs SET finished_at = %s - nth * interval '1 hour'"
        " FROM (SELECT id, row_number() OVER () - 1 FROM scheduler.runs) AS n (run, nth) WHERE id = run",
        [now - age],
    )
    return now


def test_a_pause_is_made_up_for(tick, database, tenant, admin):
    now = cancelled_before(database, admin, tenant, timedelta(hours=30))
    said, cursor = tick((now - timedelta(hours=29)).isoformat())
    assert " 0 hours rolled up," in said
    said, cursor = tick((now - timedelta(hours=31)).isoformat())
    assert " 1 hours rolled up," in said
    assert datetime.fromisoformat(cursor) >= now
    assert " 0 hours rolled up," in tick(cursor)[0]
    assert summaries(database, "day") == {None: (0, 1)}


def test_a_pause_too_long_for_one_tick_is_made_up_for_by_several(tick, database, tenant, admin, monkeypatch):
    monkeypatch.setattr("scheduler_defs.sensors.maintain.HOURS_A_TICK", 2)
    now = cancelled_before(database, admin, tenant, timedelta(hours=20), times=3)
    begun = (now - timedelta(hours=40)).isoformat()
    first, cursor = tick(begun)
    assert (" 2 hours rolled up," in first, cursor) == (True, begun)
    second, cursor = tick(cursor)
    assert " 1 hours rolled up," in second
    assert datetime.fromisoformat(cursor) >= now
    assert summaries(database, "hour").keys() == {None}


def test_a_clock_that_went_back_leaves_nothing_out(tick, database, tenant, admin):
    now = cancelled_before(database, admin, tenant, timedelta(minutes=5))
    assert " 1 hours rolled up," in tick((now + timedelta(days=1)).isoformat())[0]

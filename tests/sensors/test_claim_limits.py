"""What the claim makes of calendars, jitter, rates and conditions."""

from datetime import timedelta

import pytest

from resources.states import CalendarMode, OnExcluded, Overlap, RunState
from scheduler_defs.edits.calendars import NewCalendar, create_calendar, edit_calendar
from scheduler_defs.edits.schedules import edit_schedule
from scheduler_defs.timing.jitter import offset_of
from scheduler_defs.timing.rules import IntervalRule
from scheduler_defs.timing.wall_clock import TZDATA_VERSION
from tests.sensors.conftest import HOUR, MINUTE, NOW, SECOND

EVERY_MINUTE = IntervalRule(MINUTE, NOW)


@pytest.fixture
def calendar(database, tenant):
    """calendar(name, on_excluded, *windows) excludes windows of each day in UTC."""

    def calendar(name, on_excluded, *windows):
        entries = [{"window": window} for window in windows]
        wanted = NewCalendar(name, entries, CalendarMode.EXCLUDE, on_excluded)
        with database.begin(tenant) as store:
            return create_calendar(store, tenant, wanted, "tests", NOW)

    return calendar


@pytest.fixture
def policy(database, admin, tenant):
    """policy(at) writes a revision of a policy."""

    def policy(at):
        admin.execute(
            "INSERT INTO inventory.policies (tenant_id, id, name, revision, created_at, updated_at)"
            " VALUES (%(tenant)s, gen_random_uuid(), 'p', 1, %(at)s, %(at)s)"
            " ON CONFLICT (tenant_id, name) DO UPDATE SET updated_at = %(at)s",
            {"tenant": tenant, "at": at},
        )

    return policy


@pytest.fixture
def feed(admin):
    """feed(at) writes a feed revision and returns its number."""

    def feed(at):
        return admin.execute(
            "INSERT INTO inventory.feed_revisions (source, added, changed, unchanged, created_at, created_by)"
            " VALUES ('osv', 1, 0, 0, %s, 'tests') RETURNING revision",
            [at],
        ).fetchone()[0]

    return feed


def account(ledger):
    return [(run.scheduled_for, run.state, run.reason, run.skipped_count) for run in ledger()]


def test_an_excluded_occurrence_is_a_skipped_row_that_names_the_calendar(make, tick, ledger, calendar):
    calendar("freeze", OnExcluded.SKIP, "12:00-12:01")
    make(EVERY_MINUTE, terms={"calendars": ["freeze"]})
    tick(NOW)
    tick(NOW + MINUTE)
    assert account(ledger) == [
        (NOW, RunState.SKIPPED, "calendar:freeze", 1),
        (NOW + MINUTE, RunState.QUEUED, None, None),
    ]


def test_a_moved_occurrence_fires_at_the_end_of_the_window(make, tick, ledger, calendar):
    calendar("later", OnExcluded.MOVE, "12:00-12:30")
    make(IntervalRule(HOUR, NOW), terms={"calendars": ["later"]})
    assert tick(NOW + 29 * MINUTE) == []
    assert ledger() == []
    tick(NOW + 30 * MINUTE)
    (run,) = ledger()
    assert (run.scheduled_for, run.due_at, run.state) == (NOW, NOW + 30 * MINUTE, RunState.QUEUED)


def test_an_edited_calendar_lets_go_of_what_it_moved(database, tenant, make, tick, ledger, calendar):
    calendar("later", OnExcluded.MOVE, "12:00-12:30")
    make(IntervalRule(HOUR, NOW), terms={"calendars": ["later"]})
    with database.begin(tenant) as store:
        edit_calendar(store, tenant, "later", {"entries": [{"window": "03:00-04:00"}]}, "tests", now=NOW)
    tick(NOW + SECOND)
    assert [(run.scheduled_for, run.due_at) for run in ledger()] == [(NOW, NOW)]


def test_jitter_makes_a_fire_due_later_and_the_row_says_so(make, tick, ledger, admin):
    make(IntervalRule(HOUR, NOW), terms={"jitter": HOUR})
    ((trigger_id,),) = admin.execute("SELECT id FROM scheduler.triggers").fetchall()
    due = NOW + offset_of(trigger_id, HOUR)
    tick(due - timedelta(microseconds=1))
    assert ledger() == []
    tick(due)
    (run,) = ledger()
    assert (run.scheduled_for, run.due_at, run.tzdata) == (NOW, due, TZDATA_VERSION)


def test_no_more_start_within_sixty_minutes_than_the_rate(make, tick, ledger):
    make(IntervalRule(20 * MINUTE, NOW), max_runs_per_hour=2)
    for step in range(7):
        tick(NOW + step * 20 * MINUTE)
    started = [run.scheduled_for for run in ledger() if run.state is not RunState.SKIPPED]
    assert started == [NOW + n * 20 * MINUTE for n in (0, 1, 3, 4, 6)]
    assert {run.reason for run in ledger() if run.state is RunState.SKIPPED} == {"rate"}


def test_catching_up_is_held_to_the_rate_too(make, tick, ledger):
    make(EVERY_MINUTE, catch_up="all", catch_up_window=HOUR, max_runs_per_hour=5)
    tick(NOW + 20 * MINUTE)
    states = [run.state for run in ledger()]
    assert (states.count(RunState.QUEUED), states.count(RunState.SKIPPED)) == (5, 16)


def test_a_condition_is_held_against_the_last_completed_run(make, tick, ledger, start, finish, feed, policy):
    make(IntervalRule(HOUR, NOW), only_if={"feed_changed": True})
    feed(NOW - HOUR)
    start(tick(NOW), NOW)
    finish(ledger()[0], NOW + SECOND)
    tick(NOW + HOUR)
    feed(NOW + HOUR + SECOND)
    policy(NOW + HOUR + SECOND)
    tick(NOW + 2 * HOUR)
    assert account(ledger)[1:] == [
        (NOW + HOUR, RunState.SKIPPED, "only_if:feed_changed", 1),
        (NOW + 2 * HOUR, RunState.QUEUED, None, None),
    ]


def test_a_condition_on_policies_and_on_age(make, tick, ledger, start, finish, policy):
    make(IntervalRule(HOUR, NOW), only_if={"policy_revision_changed": True, "report_older_than_days": 0.05})
    policy(NOW - HOUR)
    start(tick(NOW), NOW)
    finish(ledger()[0], NOW + SECOND)
    policy(NOW + 2 * HOUR)
    for hours in (1, 2):
        tick(NOW + hours * HOUR + SECOND)
    assert account(ledger)[1:] == [
        (NOW + HOUR, RunState.SKIPPED, "only_if:report_older_than_days", 1),
        (NOW + 2 * HOUR, RunState.QUEUED, None, None),
    ]


def test_a_run_that_says_which_feed_it_read_is_held_to_that(database, make, tick, ledger, start, feed):
    """A feed's instant is that of its beginning; one that was committed late is still seen."""
    make(IntervalRule(HOUR, NOW), only_if={"feed_changed": True})
    revision = feed(NOW - HOUR)
    start(tick(NOW), NOW)
    (run,) = ledger()
    with database.begin(run.tenant_id) as store:
        store.runs.finish(run, RunState.COMPLETED, NOW + SECOND, stats={"feed_revision": revision})
    feed(NOW - HOUR)
    tick(NOW + HOUR)
    assert account(ledger)[1][1] is RunState.QUEUED


def test_an_edit_and_its_version_are_on_the_row_of_each_fire(database, tenant, make, tick, ledger):
    make(EVERY_MINUTE, overlap=Overlap.ALLOW)
    tick(NOW)
    with database.begin(tenant) as store:
        edit_schedule(store, tenant, "nightly", {"priority": 3}, "tests", now=NOW + SECOND)
    tick(NOW + MINUTE)
    assert [(run.schedule_version, run.priority) for run in ledger()] == [(1, 0), (2, 3)]


def test_the_clock_of_the_database_may_jump(make, tick, ledger, start):
    """Back: nothing fires twice. Forward: what was passed over is caught up as the schedule says."""
    make(EVERY_MINUTE, catch_up="latest")
    start(tick(NOW + MINUTE), NOW + MINUTE)
    before = account(ledger)
    for back in (HOUR, 24 * HOUR, MINUTE):
        assert tick(NOW + MINUTE - back) == []
    assert account(ledger) == before
    tick(NOW + 5 * HOUR + 30 * SECOND)
    rows = account(ledger)[len(before) :]
    assert rows == [
        (NOW + 2 * MINUTE, RunState.SKIPPED, "missed", 298),
        (NOW + 5 * HOUR, RunState.QUEUED, None, None),
    ]

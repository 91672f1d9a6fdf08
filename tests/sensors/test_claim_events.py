"""What triggers of kind event fire by: each event is an occurrence, accounted for once."""

import pytest

from resources.errors import InvalidInput
from resources.states import Overlap, RunState, TriggerKind
from scheduler_defs.edits.calendars import NewCalendar, create_calendar
from scheduler_defs.edits.schedules import edit_schedule, pause_schedule, resume_schedule
from scheduler_defs.timing.rules import CronRule, EventRule, IntervalRule
from tests.sensors.conftest import HOUR, MINUTE, NOW, SECOND

ON_FEED = EventRule("advisory_feed")


@pytest.fixture
def happens(database):
    """happens(event, at, tenant) records it; without a tenant for all of them."""

    def happens(event, at, tenant=None):
        with database.begin_system() as store:
            return store.trigger_events.record(event, at, tenant)

    return happens


def happen_2500_times(admin):
    """Each millisecond after noon, what the only trigger waits for."""
    admin.execute(
        "INSERT INTO scheduler.trigger_events (tenant_id, trigger_id, at, event)"
        " SELECT tenant_id, id, %s + n * interval '1 ms', event"
        " FROM scheduler.triggers, generate_series(1, 2500) AS n",
        [NOW],
    )
    admin.execute("UPDATE scheduler.triggers SET next_fire_at = %s", [NOW])


def account(ledger, tenant="acme"):
    return [(run.scheduled_for, run.state, run.reason, run.skipped_count) for run in ledger(tenant)]


def test_an_event_fires_the_triggers_that_wait_for_it_once(make, tick, ledger, happens):
    make(ON_FEED)
    make(EventRule("sbom_ingested"), name="other")
    make(ON_FEED, name="theirs", tenant="globex")
    assert tick(NOW) == []
    assert happens("advisory_feed", NOW) == 2
    tick(NOW)
    tick(NOW + SECOND)
    assert account(ledger) == [(NOW, RunState.QUEUED, None, None)]
    assert [run.trigger_kind for run in ledger("globex")] == [TriggerKind.EVENT]


@pytest.mark.parametrize(
    ("rules", "overlap"),
    [([ON_FEED], Overlap.BUFFER_ONE), ([IntervalRule(HOUR, NOW)], Overlap.SKIP)],
)
def test_what_happens_during_a_run_waits_for_its_end_unless_said_otherwise(make, rules, overlap):
    assert make(*rules, overlap=None).overlap is overlap
    assert make(*rules, name="said", overlap=Overlap.ALLOW).overlap is Overlap.ALLOW


def test_an_event_of_a_tenant_is_its_own(make, tick, ledger, happens):
    make(EventRule("sbom_ingested"))
    make(EventRule("sbom_ingested"), name="theirs", tenant="globex")
    assert happens("sbom_ingested", NOW, "globex") == 1
    tick(NOW)
    assert (len(ledger()), len(ledger("globex"))) == (0, 1)


def test_a_burst_of_events_becomes_one_run(make, tick, ledger, happens):
    make(ON_FEED, overlap=Overlap.BUFFER_ALL)
    for second in range(5):
        happens("advisory_feed", NOW + second * SECOND)
    tick(NOW + 5 * SECOND)
    burst = [
        (NOW, RunState.SKIPPED, "coalesced", 4),
        (NOW + 4 * SECOND, RunState.QUEUED, None, None),
    ]
    assert account(ledger) == burst
    tick(NOW + MINUTE)
    assert account(ledger) == burst


def test_events_of_downtime_are_caught_up_as_the_schedule_says(make, tick, ledger, happens):
    make(ON_FEED)
    for hour in range(3):
        happens("advisory_feed", NOW + hour * HOUR)
    tick(NOW + 5 * HOUR)
    assert account(ledger) == [
        (NOW, RunState.SKIPPED, "missed", 2),
        (NOW + 2 * HOUR, RunState.QUEUED, None, None),
    ]


def test_what_happened_long_ago_still_fires_unless_said_otherwise(make, tick, ledger, happens):
    assert make(ON_FEED).catch_up_window == 365 * 24 * HOUR
    assert make(IntervalRule(HOUR, NOW), name="of time").catch_up_window == 24 * HOUR
    assert make(ON_FEED, IntervalRule(HOUR, NOW), name="of both").catch_up_window == 24 * HOUR
    make(ON_FEED, name="said", catch_up_window=24 * HOUR)
    happens("advisory_feed", NOW + MINUTE)
    tick(NOW + 60 * HOUR)
    of_events = [one for one in ledger() if one.trigger_kind is TriggerKind.EVENT]
    assert {one.schedule_name: (one.state, one.reason) for one in of_events} == {
        "nightly": (RunState.QUEUED, None),
        "of both": (RunState.SKIPPED, "missed"),
        "said": (RunState.SKIPPED, "missed"),
    }


def test_an_event_committed_late_is_not_lost(make, tick, ledger, happens):
    make(ON_FEED)
    happens("advisory_feed", NOW + SECOND)
    tick(NOW + SECOND)
    happens("advisory_feed", NOW)
    tick(NOW + 2 * SECOND)
    assert [row[0] for row in account(ledger)] == [NOW, NOW + SECOND]


def test_more_events_than_a_tick_takes_wait_for_the_next(make, tick, ledger, admin):
    make(ON_FEED, catch_up="none")
    happen_2500_times(admin)
    for step in range(4):
        tick(NOW + HOUR + step * SECOND)
    assert sum(run.skipped_count or 1 for run in ledger()) == 2500
    (left,) = admin.execute(
        "SELECT count(*) FROM scheduler.trigger_events WHERE handled_at IS NULL"
    ).fetchone()
    assert left == 0


def test_of_more_events_than_a_tick_takes_the_newest_of_all_fires(make, tick, ledger, admin):
    make(ON_FEED, misfire_grace=2 * HOUR)
    happen_2500_times(admin)
    for step in range(3):
        tick(NOW + HOUR + step * SECOND)
    *others, last = account(ledger)
    assert last == (NOW + 2.5 * SECOND, RunState.QUEUED, None, None)
    assert {(state, reason) for _, state, reason, _ in others} == {(RunState.SKIPPED, "coalesced")}
    assert sum(count for *_, count in others) == 2499


def test_what_a_calendar_skips_between_events_breaks_their_range(database, make, tick, ledger, happens):
    with database.begin("acme") as store:
        noon = NewCalendar("noon", [{"window": "12:01-12:02"}])
        create_calendar(store, "acme", noon, "ann", now=NOW - HOUR)
    make(ON_FEED, misfire_grace=HOUR, terms={"calendars": ["noon"]})
    for seconds in (0, 30, 90, 130, 140, 150):
        happens("advisory_feed", NOW + seconds * SECOND)
    tick(NOW + 3 * MINUTE)
    assert [(state, reason, count) for _, state, reason, count in account(ledger)] == [
        (RunState.SKIPPED, "coalesced", 2),
        (RunState.SKIPPED, "calendar:noon", 1),
        (RunState.SKIPPED, "coalesced", 2),
        (RunState.QUEUED, None, None),
    ]


def test_a_paused_schedule_skips_what_waits_and_hears_nothing_more(
    database, tenant, make, tick, ledger, happens
):
    make(ON_FEED)
    happens("advisory_feed", NOW)
    with database.begin(tenant) as store:
        pause_schedule(store, tenant, "nightly", "", "ann")
    assert account(ledger) == [(NOW, RunState.SKIPPED, "paused", 1)]
    assert happens("advisory_feed", NOW + HOUR) == 0
    with database.begin(tenant) as store:
        resume_schedule(store, tenant, "nightly", "ann")
    tick(NOW + 2 * HOUR)
    assert len(ledger()) == 1
    assert happens("advisory_feed", NOW + 3 * HOUR) == 1


def test_an_edited_rule_leaves_events_behind(database, tenant, make, tick, ledger, happens):
    make(ON_FEED)
    happens("advisory_feed", NOW)
    with database.begin(tenant) as store:
        edit_schedule(store, tenant, "nightly", {}, "ann", rules=[CronRule("0 0 1 1 *")])
        (trigger,) = store.triggers.list_of_schedule(
            tenant, store.schedules.get_by_name(tenant, "nightly").id
        )
    assert (trigger.kind, trigger.event) == (TriggerKind.CRON, None)
    assert account(ledger) == [(NOW, RunState.SKIPPED, "edited", 1)]


@pytest.mark.parametrize("event", ["", "moon", "run_completed:", "run_completed:" + "x" * 129])
def test_an_unknown_event_is_refused(make, event):
    with pytest.raises(InvalidInput, match="event"):
        make(EventRule(event))


def test_a_schedule_does_not_fire_itself_for_ever(database, tenant, make):
    with pytest.raises(InvalidInput, match="another schedule"):
        make(EventRule("run_completed:nightly"))
    make(IntervalRule(HOUR, NOW))
    with database.begin(tenant) as store, pytest.raises(InvalidInput, match="another schedule"):
        edit_schedule(store, tenant, "nightly", {}, "ann", rules=[EventRule("run_completed:nightly")])
    make(EventRule("run_completed:nightly"), name="after")
    with database.begin(tenant) as store, pytest.raises(InvalidInput, match="another schedule"):
        edit_schedule(store, tenant, "after", {"name": "nightly"}, "ann")


def test_a_spent_trigger_hears_of_nothing_and_takes_no_fire_away(make, tick, ledger, happens):
    spent = EventRule("sbom_ingested")
    make(
        IntervalRule(HOUR, NOW), spent, overlap=Overlap.CANCEL_RUNNING, terms={"max_fires": 1}, at=NOW - HOUR
    )
    happens("sbom_ingested", NOW - MINUTE)
    tick(NOW - MINUTE)
    assert happens("sbom_ingested", NOW + SECOND) == 0
    tick(NOW + 2 * SECOND)
    assert [(run.trigger_kind, run.scheduled_for) for run in ledger()] == [
        (TriggerKind.EVENT, NOW - MINUTE),
        (TriggerKind.INTERVAL, NOW),
    ]

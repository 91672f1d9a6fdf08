"""What the audit of fires reads, as the tenant and as the system."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from resources.ids import new_id
from resources.states import JobKind, Overlap
from scheduler_defs.edits.calendars import NewCalendar, create_calendar, delete_calendar, edit_calendar
from scheduler_defs.edits.schedules import NewSchedule, create_schedule, edit_schedule, trigger_schedule
from scheduler_defs.sensors.claim import claim
from scheduler_defs.timing.rules import EventRule, IntervalRule

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def schedule(database, tenant):
    """An hourly schedule that fired three times, was edited, and ran once by hand."""
    wanted = NewSchedule("nightly", JobKind.GRAPH, [IntervalRule(HOUR, NOW)], overlap=Overlap.ALLOW)
    with database.begin(tenant) as store:
        made = create_schedule(store, tenant, wanted, "tests", NOW)
    for number in range(3):
        with database.begin_system() as store:
            claim(store, "here", NOW + number * HOUR)
    with database.begin(tenant) as store:
        edit_schedule(store, tenant, "nightly", {"priority": 3}, "tests")
        trigger_schedule(store, tenant, "nightly", "tests")
    return made


@pytest.fixture(params=["tenant", "system"])
def begin(request, database, tenant):
    """begin() opens a transaction of either room."""
    return (lambda: database.begin(tenant)) if request.param == "tenant" else database.begin_system


def test_schedules_and_their_versions_come_from_the_oldest_on_in_pages(begin, tenant, schedule):
    with begin() as store:
        (found,) = store.fire_audit.list_schedules(tenant).items
        assert (found.id, found.name, found.ledger_since) == (schedule.id, "nightly", None)
        assert store.fire_audit.list_schedules(tenant, "other").items == []
        first = store.fire_audit.list_versions(tenant, schedule.id, limit=1)
        rest = store.fire_audit.list_versions(tenant, schedule.id, cursor=first.next_cursor)
        assert [one.version for one in first.items + rest.items] == [1, 2]


def test_rows_of_planned_occurrences_are_read_by_their_instant(begin, tenant, schedule):
    with begin() as store:
        first = store.fire_audit.list_rows(tenant, schedule.id, NOW, NOW + 3 * HOUR, limit=2)
        rest = store.fire_audit.list_rows(
            tenant, schedule.id, NOW, NOW + 3 * HOUR, cursor=first.next_cursor, limit=2
        )
        rows = first.items + rest.items
    assert [row.scheduled_for for row in rows] == [NOW, NOW + HOUR, NOW + 2 * HOUR]
    assert {row.skipped_count for row in rows} == {None}


def test_fires_are_counted_also_when_rows_are_pruned(begin, admin, tenant, schedule):
    trigger = admin.execute("SELECT id FROM scheduler.triggers").fetchone()[0]
    since = NOW + HOUR / 2
    with begin() as store:
        assert store.fire_audit.count_fires(tenant, [trigger, new_id()], since) == {trigger: 1}
    admin.execute("SET session_replication_role = replica")
    admin.execute("DELETE FROM scheduler.runs WHERE scheduled_for = %s", [NOW])
    admin.execute("UPDATE scheduler.tenants SET ledger_since = '2027-01-01'")
    with begin() as store:
        assert store.fire_audit.count_fires(tenant, [trigger], since) == {trigger: 1}


def test_the_earliest_range_that_reaches_beyond_an_instant_is_found(begin, admin, tenant, schedule):
    admin.execute("SET session_replication_role = replica")
    admin.execute(
        "UPDATE scheduler.runs SET state = 'skipped', reason = 'x', skipped_count = 2, skipped_first = scheduled_for,"
        " launch_id = NULL, skipped_last = scheduled_for + interval '50 minutes',"
        " finished_at = scheduled_for + interval '1 hour' WHERE trigger_id IS NOT NULL"
    )
    with begin() as store:
        assert store.fire_audit.earliest_range(tenant, schedule.id, NOW + HOUR / 2) == NOW
        assert store.fire_audit.earliest_range(tenant, schedule.id, NOW + 0.9 * HOUR) is None
        assert store.fire_audit.earliest_range(tenant, UUID(int=1), NOW) is None


def test_calendars_are_read_over_their_deletions_with_the_ids_of_their_edits(begin, database, tenant, admin):
    with database.begin(tenant) as store:
        create_calendar(store, tenant, NewCalendar("freeze", [{"date": "2026-12-25"}]), "tests", NOW)
        edit_calendar(store, tenant, "freeze", {"entries": []}, "tests", now=NOW - HOUR)
        delete_calendar(store, tenant, "freeze", "tests", NOW + HOUR)
        create_calendar(store, tenant, NewCalendar("other", []), "tests", NOW)
    statement = "SELECT id FROM scheduler.audit WHERE entity_id = 'freeze' AND tenant_id = 'acme' ORDER BY id"
    edits = [row[0] for row in admin.execute(statement)]
    with begin() as store:
        found = store.fire_audit.list_calendar_versions(tenant, ["freeze", "none"])
    assert [(one.valid_from, one.content is None) for one in found] == [
        (NOW, False),
        (NOW, False),
        (NOW + HOUR, True),
    ]
    assert [one.edit_id for one in found] == edits


def test_events_of_triggers_are_read_in_pages_in_the_order_they_happened(begin, database, tenant):
    wanted = [NewSchedule(name, JobKind.GRAPH, [EventRule("sbom_ingested")]) for name in ("one", "two")]
    with database.begin(tenant) as store:
        made = [create_schedule(store, tenant, one, "tests", NOW) for one in wanted]
        one, two = (store.triggers.list_of_schedule(tenant, schedule.id)[0].id for schedule in made)
        for number in range(3):
            store.trigger_events.record("sbom_ingested", NOW + number * HOUR, tenant)
    with database.begin_system() as store:
        claim(store, "here", NOW + HOUR)
    handled, waits = NOW + HOUR, None
    with begin() as store:
        period = NOW, NOW + 2 * HOUR
        first = store.fire_audit.list_events(tenant, [one, two], *period, limit=3)
        rest = store.fire_audit.list_events(tenant, [one, two], *period, cursor=first.next_cursor, limit=3)
        found = [(event.at, event.trigger_id, event.handled_at) for event in first.items + rest.items]
        assert [event.at for event in store.fire_audit.list_events(tenant, [one], *period).items] == [
            NOW + HOUR,
            NOW + 2 * HOUR,
        ]
        assert store.fire_audit.list_events(tenant, [new_id()], *period).items == []
    expected = [(NOW + HOUR, key, handled) for key in (one, two)]
    expected += [(NOW + 2 * HOUR, key, waits) for key in (one, two)]
    assert found == expected
    assert rest.next_cursor is None

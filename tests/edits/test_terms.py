"""Jitter, calendars and the last fire of triggers; rates and conditions of schedules: what edits keep and plan."""

from datetime import UTC, datetime, timedelta

import pytest

from resources.errors import InvalidInput, NotFound
from resources.states import CalendarMode, DayMatch, OnExcluded
from scheduler_defs.edits.calendars import NewCalendar, create_calendar, delete_calendar, edit_calendar
from scheduler_defs.edits.previews import diff_fires
from scheduler_defs.edits.schedules import (
    delete_schedule,
    edit_schedule,
    pause_schedule,
    restore_schedule,
    resume_schedule,
)
from scheduler_defs.edits.triggers import add_trigger
from scheduler_defs.timing.jitter import offset_of
from scheduler_defs.timing.rules import CronRule, IntervalRule
from tests.edits.conftest import FAR

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MIDNIGHT = [{"window": "00:00-02:00"}]


@pytest.fixture
def calendar(database, tenant):
    """calendar(name, entries, on_excluded) creates an excluding calendar in UTC."""

    def calendar(name="night", entries=MIDNIGHT, on_excluded=OnExcluded.MOVE):
        wanted = NewCalendar(name, entries, CalendarMode.EXCLUDE, on_excluded)
        with database.begin(tenant) as store:
            return create_calendar(store, tenant, wanted, "ann")

    return calendar


def test_terms_hold_for_every_trigger_of_a_schedule(make, read, calendar):
    calendar()
    terms = {"jitter": HOUR, "calendars": ["night"], "max_fires": 7}
    made = make(
        CronRule("0 9 1 * 1", day_match=DayMatch.AND),
        IntervalRule(HOUR, FAR),
        terms=terms,
        max_runs_per_hour=3,
        only_if={"feed_changed": True},
    )
    assert (made.max_runs_per_hour, made.only_if) == (3, {"feed_changed": True})
    for trigger in read()[1]:
        assert (trigger.jitter, trigger.calendars, trigger.max_fires) == (HOUR, ["night"], 7)
    days = {trigger.day_match for trigger in read()[1]}
    assert days == {DayMatch.AND, None}


def test_the_next_occurrence_is_due_after_its_window_and_jitter(make, read, calendar):
    calendar()
    make(terms={"jitter": HOUR, "calendars": ["night"]})
    (trigger,) = read()[1]
    assert trigger.next_fire_at == FAR
    assert trigger.next_due_at == FAR + 2 * HOUR + offset_of(trigger.id, HOUR)
    assert trigger.due_delay == trigger.next_due_at - FAR


def test_an_edit_of_terms_plans_anew_and_is_history(make, edit, read, history, calendar):
    made = make()
    calendar()
    after = edit(edit_schedule, {}, terms={"calendars": ["night"], "max_fires": 3})
    (trigger,) = read()[1]
    assert (after.version, trigger.calendars, trigger.max_fires) == (2, ["night"], 3)
    assert trigger.due_delay == 2 * HOUR
    (second, _), _ = history(made)
    assert second.content["triggers"][0]["calendars"] == ["night"]
    assert edit(edit_schedule, {}, terms={"calendars": ["night"]}) == after
    edit(edit_schedule, {}, terms={"calendars": [], "max_fires": None})
    (trigger,) = read()[1]
    assert (trigger.calendars, trigger.max_fires, trigger.due_delay) == ([], None, timedelta())


def test_a_new_trigger_and_a_new_rule_take_the_terms_given(make, edit, read):
    make()
    edit(add_trigger, IntervalRule(DAY, FAR), terms={"max_fires": 1})
    assert sorted(one.max_fires or 0 for one in read()[1]) == [0, 1]
    edit(edit_schedule, {}, rules=[CronRule("0 9 * * *")], terms={"jitter": MINUTE})
    assert [(one.cron, one.jitter) for one in read()[1]] == [("0 9 * * *", MINUTE)]


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"jitter": -MINUTE}, "jitter"),
        ({"jitter": DAY + MINUTE}, "jitter"),
        ({"max_fires": 0}, "max_fires"),
        ({"calendars": ["a", "a"]}, "calendars"),
        ({"calendars": [str(n) for n in range(11)]}, "calendars"),
    ],
)
def test_terms_that_make_no_sense_are_refused(make, edit, read, terms, field):
    make()
    before = read()
    with pytest.raises(InvalidInput) as refused:
        edit(edit_schedule, {}, terms=terms)
    assert refused.value.field == field
    assert read() == before


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"max_runs_per_hour": 0}, "max_runs_per_hour"),
        ({"only_if": {}}, "only_if"),
        ({"only_if": {"moon": True}}, "only_if"),
        ({"only_if": {"feed_changed": 1}}, "only_if.feed_changed"),
        ({"only_if": {"report_older_than_days": True}}, "only_if.report_older_than_days"),
        ({"only_if": {"report_older_than_days": 0}}, "only_if.report_older_than_days"),
    ],
)
def test_limits_that_make_no_sense_are_refused(make, edit, read, changes, field):
    make()
    before = read()
    with pytest.raises(InvalidInput) as refused:
        edit(edit_schedule, changes)
    assert refused.value.field == field
    assert read() == before


def test_a_schedule_is_not_restored_without_its_calendars(database, tenant, make, edit, calendar):
    calendar()
    make(terms={"calendars": ["night"]})
    edit(delete_schedule)
    with database.begin(tenant) as store:
        delete_calendar(store, tenant, "night", "bob")
    with pytest.raises(NotFound, match="night"):
        edit(restore_schedule)
    calendar()
    assert edit(restore_schedule).deleted_at is None


def test_an_unknown_calendar_is_refused(make):
    with pytest.raises(NotFound, match="night"):
        make(terms={"calendars": ["night"]})


def test_an_edited_calendar_makes_waiting_occurrences_due_by_the_new_one(
    database, tenant, make, read, calendar
):
    calendar()
    make(terms={"calendars": ["night"]})
    make(IntervalRule(HOUR, FAR + 12 * HOUR), name="noon", terms={"calendars": ["night"]})
    with database.begin(tenant) as store:
        edit_calendar(store, tenant, "night", {"entries": [{"window": "00:00-06:00"}]}, "bob")
    assert [one.next_due_at for one in read()[1]] == [FAR + 6 * HOUR]
    with database.begin(tenant) as store:
        edit_calendar(store, tenant, "night", {"entries": [{"window": "03:00-04:00"}]}, "bob")
    assert [(one.next_fire_at, one.next_due_at) for one in read()[1]] == [(FAR, FAR)]
    assert [one.due_delay for one in read("noon")[1]] == [timedelta()]


def test_what_waits_at_an_edit_is_skipped_and_does_not_fire_later(make, edit, read, ledger):
    """What passed by its rule belongs to the past, also where its jitter made it due later."""
    start = datetime.now(UTC) - MINUTE
    make(IntervalRule(300 * DAY, start), at=start, terms={"jitter": DAY})
    edit(pause_schedule, "")
    assert ledger() == [("skipped", "paused", start, 1)]
    edit(resume_schedule)
    assert read()[1][0].next_fire_at == start + 300 * DAY


def test_a_spent_trigger_stays_ended_until_it_may_fire_more_often(make, edit, read, tick):
    start = datetime(2026, 1, 1, tzinfo=UTC)
    make(IntervalRule(HOUR, start), at=start, terms={"max_fires": 1})
    tick(start)
    assert read()[1][0].next_fire_at is None
    edit(pause_schedule, "")
    edit(resume_schedule)
    assert read()[1][0].next_fire_at is None
    edit(edit_schedule, {}, terms={"max_fires": 2})
    assert read()[1][0].next_fire_at is not None


def test_a_difference_shows_fires_gained_and_lost(database, tenant, make, read, calendar):
    calendar(entries=[{"window": "03:00-06:00"}], on_excluded=OnExcluded.SKIP)
    make(CronRule("0 */6 * * *"))
    before = read()

    def diff(**wanted):
        with database.begin(tenant) as store:
            now = datetime(2100, 1, 1, 0, 30, tzinfo=UTC)
            found = diff_fires(store, tenant, "nightly", DAY, now=now, **wanted)
        return [[fire.due.at for fire in side] for side in (found.gained, found.lost)]

    assert diff(rules=[CronRule("0 */12 * * *")]) == [[], [FAR + 6 * HOUR, FAR + 18 * HOUR]]
    assert diff(rules=[CronRule("0 4,12 * * *")]) == [
        [FAR + 4 * HOUR],
        [FAR + 6 * HOUR, FAR + 18 * HOUR, FAR + DAY],
    ]
    assert diff(rules=[CronRule("0 4,12 * * *")], terms={"calendars": ["night"]})[0] == []
    assert diff(bounds=(None, FAR + 12 * HOUR)) == [[], [FAR + 18 * HOUR, FAR + DAY]]
    assert diff(rules=[CronRule("0 */6 * * *")]) == [[], []]
    assert read() == before


@pytest.mark.parametrize("horizon", [timedelta(), timedelta(days=3661)])
def test_a_horizon_out_of_bounds_is_refused(database, tenant, make, horizon):
    make()
    with database.begin(tenant) as store, pytest.raises(InvalidInput, match="horizon"):
        diff_fires(store, tenant, "nightly", horizon)


def test_a_horizon_with_too_many_fires_is_refused(database, tenant, make):
    make()
    with database.begin(tenant) as store, pytest.raises(InvalidInput, match="100000"):
        diff_fires(
            store, tenant, "nightly", 365 * DAY, rules=[IntervalRule(timedelta(seconds=1), FAR)], now=FAR
        )

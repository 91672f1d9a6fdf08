"""When schedules will fire: the same instants that the claim would plan."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.ids import new_id
from resources.records import Schedule, Trigger
from resources.states import CalendarMode, JobKind, OnExcluded, TriggerKind
from scheduler_defs.timing.calendar_entries import parse_entries
from scheduler_defs.timing.calendars import Calendar
from scheduler_defs.timing.jitter import offset_of
from scheduler_defs.timing.preview import changes, occurrences, upcoming
from scheduler_defs.timing.rules import CronRule, IntervalRule, OnceRule, fires

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
STAMPS = {"created_at": NOW, "created_by": "ann", "updated_at": NOW, "updated_by": "ann"}
SCHEDULE = Schedule(tenant_id="acme", id=new_id(), name="nightly", kind=JobKind.GRAPH, **STAMPS)


def trigger(**changes):
    wanted = {"kind": TriggerKind.INTERVAL, "every": HOUR, "anchor": NOW} | changes
    return Trigger("acme", new_id(), SCHEDULE.id, created_at=NOW, updated_at=NOW, **wanted)


def next_fires(rule, now, count, *bounds):
    return list(islice(occurrences(rule, now, *bounds), count))


def first(count, *wanted):
    return list(islice(upcoming(*wanted), count))


def test_an_interval_anchored_now_fires_now_and_goes_on():
    assert next_fires(IntervalRule(HOUR, NOW), NOW, 3) == [NOW, NOW + HOUR, NOW + 2 * HOUR]


@pytest.mark.parametrize(
    "rule", [IntervalRule(HOUR, NOW - HOUR), OnceRule(NOW - MINUTE), CronRule("0 * * * *")], ids=repr
)
def test_the_past_is_not_shown(rule):
    assert all(at > NOW for at in next_fires(rule, NOW, 5))


def test_only_what_lies_between_the_bounds_is_shown():
    starts, ends = NOW + 90 * MINUTE, NOW + 4 * HOUR
    found = next_fires(IntervalRule(HOUR, NOW), NOW, 10, starts, ends)
    assert found == [NOW + 2 * HOUR, NOW + 3 * HOUR, NOW + 4 * HOUR]


def test_a_once_rule_shows_one_time():
    assert next_fires(OnceRule(NOW + HOUR), NOW, 10) == [NOW + HOUR]


@given(
    st.integers(1, 20),
    st.sampled_from(
        [
            CronRule("30 2 * * *", "Europe/Berlin"),
            CronRule("*/20 1-3 29 3 *", "Europe/Berlin"),
            IntervalRule(HOUR, NOW),
        ]
    ),
)
def test_the_preview_is_the_beginning_of_all_fires(count, rule):
    assert next_fires(rule, NOW + MINUTE, count) == fires(rule, NOW + MINUTE, NOW + 100_000 * HOUR, count)


def test_the_next_fires_of_all_triggers_come_in_order():
    hourly, half_past = trigger(), trigger(every=2 * HOUR, anchor=NOW + 30 * MINUTE)
    event = trigger(kind=TriggerKind.EVENT, every=None, anchor=None, event="feed")
    found = first(4, SCHEDULE, [hourly, event, half_past], NOW)
    assert [(fire.due.at, fire.trigger, fire.paused) for fire in found] == [
        (NOW, hourly, False),
        (NOW + 30 * MINUTE, half_past, False),
        (NOW + HOUR, hourly, False),
        (NOW + 2 * HOUR, hourly, False),
    ]


def test_what_is_paused_is_shown_with_a_flag():
    on, off = trigger(), trigger(enabled=False)
    found = {fire.trigger.id: fire.paused for fire in first(2, SCHEDULE, [on, off], NOW)}
    assert found == {on.id: False, off.id: True}
    assert [fire.paused for fire in first(2, replace(SCHEDULE, enabled=False), [on], NOW)] == [True, True]


def test_the_bounds_of_the_schedule_hold_for_each_trigger():
    bounded = replace(SCHEDULE, starts_at=NOW + HOUR, ends_at=NOW + 2 * HOUR)
    assert [fire.due.at for fire in first(10, bounded, [trigger()], NOW)] == [NOW + HOUR, NOW + 2 * HOUR]


NIGHT = Calendar(
    "night", CalendarMode.EXCLUDE, "UTC", OnExcluded.MOVE, parse_entries([{"window": "12:30-14:30"}])
)
WEEKEND = Calendar(
    "weekend", CalendarMode.EXCLUDE, "UTC", OnExcluded.SKIP, parse_entries([{"weekdays": ["sun"]}])
)
CALENDARS = {("acme", one.name): one for one in (NIGHT, WEEKEND)}


def test_calendars_move_and_skip_what_is_shown():
    moved = trigger(calendars=["night"])
    shown = first(4, SCHEDULE, [moved], NOW, CALENDARS)
    until = NOW + 2 * HOUR + 30 * MINUTE
    assert [(fire.scheduled_for, fire.due.at) for fire in shown] == [
        (NOW, NOW),
        (NOW + HOUR, until),
        (NOW + 2 * HOUR, until),
        (NOW + 3 * HOUR, NOW + 3 * HOUR),
    ]
    weekly = trigger(every=timedelta(days=1), calendars=["weekend"])
    reasons = [fire.due.reason for fire in first(3, SCHEDULE, [weekly], NOW, CALENDARS)]
    assert reasons == [None, "calendar:weekend", None]


def test_what_waits_for_the_end_of_a_window_is_shown_first():
    waiting = trigger(calendars=["night"], next_fire_at=NOW + HOUR)
    shown = first(2, SCHEDULE, [waiting], NOW + HOUR + MINUTE, CALENDARS)
    assert [fire.scheduled_for for fire in shown] == [NOW + HOUR, NOW + 2 * HOUR]


def test_jitter_moves_every_fire_by_the_same_part_of_itself():
    jittered = trigger(jitter=10 * MINUTE)
    delays = {fire.due.at - fire.scheduled_for for fire in first(20, SCHEDULE, [jittered], NOW)}
    assert delays == {offset_of(jittered.id, 10 * MINUTE)}


def test_a_trigger_shows_no_more_fires_than_it_has_left():
    nearly = trigger(max_fires=5, fire_count=3, every=timedelta(days=1), calendars=["weekend"])
    shown = first(10, SCHEDULE, [nearly], NOW, CALENDARS)
    assert [fire.due.reason for fire in shown] == [None, "calendar:weekend", None]


def test_a_change_gains_and_loses_fires_by_when_they_are_due():
    hourly, half_hourly = trigger(), trigger(every=HOUR / 2, anchor=NOW)
    until = NOW + 2 * HOUR
    gained, lost = changes(upcoming(SCHEDULE, [hourly], NOW), upcoming(SCHEDULE, [half_hourly], NOW), until)
    assert [fire.due.at for fire in gained] == [NOW + HOUR / 2, NOW + 3 * HOUR / 2]
    assert lost == []
    swapped = changes(upcoming(SCHEDULE, [half_hourly], NOW), upcoming(SCHEDULE, [hourly], NOW), until)
    assert [[fire.due.at for fire in side] for side in swapped] == [[], [fire.due.at for fire in gained]]


def test_two_fires_of_an_instant_are_two():
    one, other = trigger(), trigger()
    gained, lost = changes(upcoming(SCHEDULE, [one], NOW), upcoming(SCHEDULE, [one, other], NOW), NOW + HOUR)
    assert ([fire.due.at for fire in gained], lost) == ([NOW, NOW + HOUR], [])

"""When schedules will fire: the same instants that the claim would plan."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.ids import new_id
from resources.records import Schedule, Trigger
from resources.states import JobKind, TriggerKind
from scheduler_defs.timing.preview import next_fires, upcoming
from scheduler_defs.timing.rules import CronRule, IntervalRule, OnceRule, fires

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
STAMPS = {"created_at": NOW, "created_by": "ann", "updated_at": NOW, "updated_by": "ann"}
SCHEDULE = Schedule(tenant_id="acme", id=new_id(), name="nightly", kind=JobKind.GRAPH, **STAMPS)


def trigger(**changes):
    wanted = {"kind": TriggerKind.INTERVAL, "every": HOUR, "anchor": NOW} | changes
    return Trigger("acme", new_id(), SCHEDULE.id, created_at=NOW, updated_at=NOW, **wanted)


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
    found = upcoming(SCHEDULE, [hourly, event, half_past], NOW, 4)
    assert [(fire.at, fire.trigger, fire.paused) for fire in found] == [
        (NOW, hourly, False),
        (NOW + 30 * MINUTE, half_past, False),
        (NOW + HOUR, hourly, False),
        (NOW + 2 * HOUR, hourly, False),
    ]


def test_what_is_paused_is_shown_with_a_flag():
    on, off = trigger(), trigger(enabled=False)
    found = {fire.trigger.id: fire.paused for fire in upcoming(SCHEDULE, [on, off], NOW, 2)}
    assert found == {on.id: False, off.id: True}
    assert [fire.paused for fire in upcoming(replace(SCHEDULE, enabled=False), [on], NOW, 2)] == [True, True]


def test_the_bounds_of_the_schedule_hold_for_each_trigger():
    bounded = replace(SCHEDULE, starts_at=NOW + HOUR, ends_at=NOW + 2 * HOUR)
    assert [fire.at for fire in upcoming(bounded, [trigger()], NOW, 10)] == [NOW + HOUR, NOW + 2 * HOUR]

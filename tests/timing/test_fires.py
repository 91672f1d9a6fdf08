"""What due triggers become, without a database."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.ids import new_id
from resources.records import FiringFacts, OpenRuns, Schedule, Trigger
from resources.states import CalendarMode, CatchUp, DayMatch, JobKind, OnExcluded, Overlap, TriggerKind
from scheduler_defs.timing import rules
from scheduler_defs.timing.calendar_entries import parse_entries
from scheduler_defs.timing.calendars import Calendar
from scheduler_defs.timing.fires import ROWS_A_TICK, plan_fires, skip_due
from scheduler_defs.timing.jitter import offset_of
from scheduler_defs.timing.triggers import rule_of
from scheduler_defs.timing.wall_clock import TZDATA_VERSION

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def schedule(**changes):
    wanted = {"kind": JobKind.GRAPH, "overlap": Overlap.ALLOW, "catch_up": CatchUp.ALL} | changes
    stamps = {"created_at": NOW, "created_by": "ann", "updated_at": NOW, "updated_by": "ann"}
    return Schedule(tenant_id="acme", id=new_id(), name="nightly", **stamps, **wanted)


def trigger(of, since=NOW, **changes):
    wanted = {"kind": TriggerKind.INTERVAL, "every": MINUTE, "anchor": since, "next_fire_at": since} | changes
    return Trigger("acme", new_id(), of.id, created_at=NOW, updated_at=NOW, **wanted)


def cron(of, expression, timezone="UTC"):
    fields = {"every": None, "anchor": None, "cron": expression, "timezone": timezone}
    return trigger(of, kind=TriggerKind.CRON, **fields)


def fired(fires):
    return [run.scheduled_for for run in fires.runs if run.skipped_count is None]


def skipped(fires):
    return [(run.reason, run.skipped_count, run.scheduled_for) for run in fires.runs if run.skipped_count]


def test_a_run_obeys_what_its_schedule_says_now():
    of = schedule(selection={"namespace": "web"}, priority=7, version=3)
    one = trigger(of)
    fires = plan_fires([of], [one], [], NOW)
    (run,) = fires.runs
    assert (run.tenant_id, run.kind, run.schedule_id, run.schedule_version, run.trigger_id) == (
        *("acme", JobKind.GRAPH, of.id, 3, one.id),
    )
    assert (run.selection, run.priority, run.trigger_kind) == (
        {"namespace": "web"},
        7,
        TriggerKind.INTERVAL,
    )
    (advance,) = fires.advances
    assert (advance.trigger_id, advance.next_fire_at, advance.last_fire_at) == (one.id, NOW + MINUTE, NOW)
    assert (advance.fires, advance.misfires) == (1, 0)


def test_triggers_of_one_schedule_fire_in_the_order_of_their_instants():
    of = schedule()
    late, early = trigger(of, NOW - MINUTE, every=HOUR), trigger(of, NOW - 2 * MINUTE, every=HOUR)
    assert fired(plan_fires([of], [late, early], [], NOW)) == [NOW - 2 * MINUTE, NOW - MINUTE]


@pytest.mark.parametrize(
    ("overlap", "open_now", "started", "left_out", "cancelled"),
    [
        pytest.param(Overlap.ALLOW, (1, 2), 3, 0, False, id="allow"),
        pytest.param(Overlap.SKIP, (0, 0), 1, 2, False, id="skip, nothing open"),
        pytest.param(Overlap.SKIP, (1, 0), 0, 3, False, id="skip, one open"),
        pytest.param(Overlap.BUFFER_ONE, (0, 0), 2, 1, False, id="buffer_one: one starts, one waits"),
        pytest.param(Overlap.BUFFER_ONE, (1, 0), 1, 2, False, id="buffer_one, one open"),
        pytest.param(Overlap.BUFFER_ONE, (1, 1), 0, 3, False, id="buffer_one, one waits"),
        pytest.param(Overlap.BUFFER_ALL, (1, 4), 3, 0, False, id="buffer_all"),
        pytest.param(Overlap.CANCEL_RUNNING, (1, 0), 1, 2, True, id="cancel_running, one open"),
        pytest.param(Overlap.CANCEL_RUNNING, (0, 0), 1, 2, False, id="cancel_running, nothing open"),
    ],
)
def test_overlap_decides_each_of_three_due_occurrences(overlap, open_now, started, left_out, cancelled):
    of = schedule(overlap=overlap)
    counted = [OpenRuns("acme", of.id, *open_now)]
    fires = plan_fires([of], [trigger(of, NOW - 2 * MINUTE)], counted, NOW)
    assert (len(fired(fires)), len(skipped(fires))) == (started, left_out)
    assert {reason for reason, _, _ in skipped(fires)} <= {"overlap"}
    assert [one.id for one in fires.cancels] == ([of.id] if cancelled else [])


def test_cancel_running_starts_the_newest_of_a_tick():
    of = schedule(overlap=Overlap.CANCEL_RUNNING)
    assert fired(plan_fires([of], [trigger(of, NOW - 2 * MINUTE)], [], NOW)) == [NOW]


def test_cancel_running_starts_the_newest_of_the_triggers_that_may_still_fire():
    of = schedule(overlap=Overlap.CANCEL_RUNNING)
    spent = replace(trigger(of, NOW), max_fires=1, fire_count=1)
    fires = plan_fires([of], [trigger(of, NOW - MINUTE, every=HOUR), spent], [], NOW)
    assert (fired(fires), skipped(fires)) == ([NOW - MINUTE], [])


def test_open_runs_of_another_tenant_with_the_same_schedule_id_do_not_count():
    of = schedule(overlap=Overlap.SKIP)
    fires = plan_fires([of], [trigger(of)], [OpenRuns("globex", of.id, 1, 0)], NOW)
    assert fired(fires) == [NOW]


@pytest.mark.parametrize(
    ("expression", "timezone", "named"),
    [("61 * * * *", "UTC", "cron"), ("nonsense", "UTC", "cron"), ("* * * * *", "Mars/Olympus", "timezone")],
)
def test_a_hand_written_trigger_that_makes_no_sense_is_skipped_with_the_reason_and_stops(
    expression, timezone, named
):
    of = schedule()
    bad, good = cron(of, expression, timezone), trigger(of)
    fires = plan_fires([of], [bad, good], [], NOW)
    assert fired(fires) == [NOW]
    ((reason, count, at),) = skipped(fires)
    assert reason.startswith(f"invalid trigger: {named}: ")
    assert (count, at) == (1, NOW)
    assert {one.trigger_id: one.next_fire_at for one in fires.advances} == {
        bad.id: None,
        good.id: NOW + MINUTE,
    }


def test_a_tick_after_a_long_downtime_plans_a_bounded_number_of_occurrences_of_each_trigger():
    of = schedule(catch_up_window=timedelta(days=9), overlap=Overlap.ALLOW)
    due = [trigger(of, NOW - timedelta(days=2)) for _ in range(200)]
    fires = plan_fires([of], due, [], NOW)
    by_trigger = Counter(run.trigger_id for run in fires.runs)
    assert set(by_trigger.values()) == {ROWS_A_TICK // 200}
    assert {one.next_fire_at for one in fires.advances} == {
        NOW - timedelta(days=2) + ROWS_A_TICK // 200 * MINUTE
    }


minutes = st.integers(min_value=0, max_value=90)


@given(
    since=st.lists(minutes, min_size=1, max_size=3),
    every=st.integers(min_value=1, max_value=20),
    overlap=st.sampled_from(list(Overlap)),
    catch_up=st.sampled_from(list(CatchUp)),
    window=minutes,
    grace=minutes,
    open_now=st.tuples(st.integers(min_value=0, max_value=2), st.integers(min_value=0, max_value=2)),
)
def test_every_due_occurrence_is_accounted_for_once_and_counted(
    since, every, overlap, catch_up, window, grace, open_now
):
    of = schedule(
        overlap=overlap, catch_up=catch_up, catch_up_window=window * MINUTE, misfire_grace=grace * MINUTE
    )
    due = [trigger(of, NOW - behind * MINUTE, every=every * MINUTE) for behind in since]
    fires = plan_fires([of], due, [OpenRuns("acme", of.id, *open_now)], NOW)
    for one, behind in zip(due, since, strict=True):
        expected = [NOW - behind * MINUTE + k * every * MINUTE for k in range(behind // every + 1)]
        accounted = []
        for run in (run for run in fires.runs if run.trigger_id == one.id):
            first, last = run.skipped_first or run.scheduled_for, run.skipped_last or run.scheduled_for
            covered = [at for at in expected if first <= at <= last]
            assert len(covered) == (run.skipped_count or 1)
            accounted += covered
        assert sorted(accounted) == expected
        (advance,) = (moved for moved in fires.advances if moved.trigger_id == one.id)
        assert advance.next_fire_at == expected[-1] + every * MINUTE
    if overlap is Overlap.SKIP:
        assert len(fired(fires)) <= (0 if any(open_now) else 1)


def facts(of, **changes):
    wanted = {
        "fired": 0,
        "last_started_at": NOW - HOUR,
        "feed_changed": False,
        "policy_revision_changed": False,
    }
    return FiringFacts(of.tenant_id, of.id, **(wanted | changes))


def test_a_fire_keeps_when_it_was_due_and_by_which_time_zone_data():
    of = schedule()
    late = trigger(of, jitter=10 * MINUTE)
    offset = offset_of(late.id, 10 * MINUTE)
    early = plan_fires([of], [late], [], NOW + offset - timedelta(microseconds=1))
    assert early.runs == []
    assert [(one.next_fire_at, one.due_delay) for one in early.advances] == [(NOW, offset)]
    (run,) = plan_fires([of], [late], [], NOW + offset).runs
    assert (run.scheduled_for, run.due_at, run.tzdata) == (NOW, NOW + offset, TZDATA_VERSION)


@given(st.uuids(), st.timedeltas(timedelta(0), timedelta(days=1)))
def test_the_offset_of_a_trigger_lies_below_its_jitter(trigger_id, jitter):
    offset = offset_of(trigger_id, jitter)
    assert timedelta(0) <= offset < max(jitter, timedelta(microseconds=1))
    assert offset == offset_of(trigger_id, jitter)


def test_triggers_of_one_rhythm_spread_over_the_jitter():
    offsets = [offset_of(new_id(), HOUR) for _ in range(1000)]
    tenths = Counter(offset // (HOUR / 10) for offset in offsets)
    assert set(tenths) == set(range(10))
    assert max(tenths.values()) < 200


def test_a_trigger_ends_with_its_last_fire_and_nothing_lies_beyond():
    of = schedule()
    nearly = trigger(of, NOW - 4 * MINUTE, max_fires=5, fire_count=3)
    fires = plan_fires([of], [nearly], [], NOW)
    assert fired(fires) == [NOW - 4 * MINUTE, NOW - 3 * MINUTE]
    assert skipped(fires) == []
    (advance,) = fires.advances
    assert (advance.next_fire_at, advance.fires, advance.misfires) == (None, 2, 0)


def test_what_overlaps_does_not_count_as_a_fire():
    of = schedule(overlap=Overlap.SKIP)
    last = trigger(of, max_fires=1)
    busy = [OpenRuns("acme", of.id, 1, 0)]
    fires = plan_fires([of], [last], busy, NOW)
    assert (fired(fires), skipped(fires)) == ([], [("overlap", 1, NOW)])
    assert fires.advances[0].next_fire_at == NOW + MINUTE


def test_no_more_runs_start_within_an_hour_than_the_rate_allows():
    of = schedule(max_runs_per_hour=3)
    fires = plan_fires([of], [trigger(of, NOW - 4 * MINUTE)], [], NOW, facts=[facts(of, fired=1)])
    assert fired(fires) == [NOW - 4 * MINUTE, NOW - 3 * MINUTE]
    assert skipped(fires) == [("rate", 1, NOW - 2 * MINUTE), ("rate", 1, NOW - MINUTE), ("rate", 1, NOW)]


@pytest.mark.parametrize(
    ("only_if", "known", "reason"),
    [
        ({"feed_changed": True}, {}, "only_if:feed_changed"),
        ({"feed_changed": True}, {"feed_changed": True}, None),
        ({"policy_revision_changed": True}, {"feed_changed": True}, "only_if:policy_revision_changed"),
        ({"report_older_than_days": 1}, {}, "only_if:report_older_than_days"),
        ({"report_older_than_days": 1}, {"last_started_at": NOW - timedelta(days=1, seconds=1)}, None),
        ({"report_older_than_days": 0.5}, {"last_started_at": NOW - 13 * HOUR}, None),
        ({"feed_changed": True, "report_older_than_days": 1}, {}, "only_if:report_older_than_days"),
        ({"feed_changed": True}, {"last_started_at": None}, None),
    ],
)
def test_a_condition_that_does_not_hold_skips_and_is_named(only_if, known, reason):
    of = schedule(only_if=only_if)
    fires = plan_fires([of], [trigger(of)], [], NOW, facts=[facts(of, **known)])
    assert skipped(fires) == ([] if reason is None else [(reason, 1, NOW)])


def test_calendars_skip_and_move():
    entries = parse_entries([{"window": "12:00-12:03"}])
    freeze = Calendar("freeze", CalendarMode.EXCLUDE, "UTC", OnExcluded.SKIP, entries)
    later = Calendar("later", CalendarMode.EXCLUDE, "UTC", OnExcluded.MOVE, entries)
    known = {("acme", one.name): one for one in (freeze, later)}
    of = schedule()
    kept = trigger(of, calendars=["freeze"])
    fires = plan_fires([of], [kept], [], NOW + 3 * MINUTE, known)
    assert (skipped(fires), fired(fires)) == ([("calendar:freeze", 3, NOW)], [NOW + 3 * MINUTE])

    moved = trigger(of, calendars=["later"])
    waiting = plan_fires([of], [moved], [], NOW + MINUTE, known)
    assert (waiting.runs, waiting.advances[0].due_delay) == ([], 3 * MINUTE)
    fires = plan_fires([of], [moved], [], NOW + 3 * MINUTE, known)
    assert [(run.scheduled_for, run.due_at) for run in fires.runs] == [
        *((NOW + n * MINUTE, NOW + 3 * MINUTE) for n in range(4))
    ]


def test_a_fire_between_two_skipped_ones_parts_them():
    noon = Calendar(
        "noon",
        CalendarMode.EXCLUDE,
        "UTC",
        OnExcluded.SKIP,
        parse_entries([{"window": "12:00-12:01"}, {"window": "12:02-12:03"}]),
    )
    of = schedule()
    fires = plan_fires(
        [of], [trigger(of, calendars=["noon"])], [], NOW + 2 * MINUTE, {("acme", "noon"): noon}
    )
    assert skipped(fires) == [("calendar:noon", 1, NOW), ("calendar:noon", 1, NOW + 2 * MINUTE)]
    assert fired(fires) == [NOW + MINUTE]


def test_a_calendar_that_is_not_there_is_the_triggers_own_mistake():
    of = schedule()
    fires = plan_fires([of], [trigger(of, calendars=["gone"]), trigger(of)], [], NOW)
    assert len(fired(fires)) == 1
    assert "calendar" in skipped(fires)[0][0]


def test_what_waits_for_its_jitter_is_skipped_when_its_service_ends():
    of = schedule()
    late = trigger(of, jitter=timedelta(days=1))
    fires = skip_due(of, [late], NOW, "paused", "ann")
    assert skipped(fires) == [("paused", 1, NOW)]


@pytest.mark.parametrize(("day_match", "expected"), [(None, 17), ("or", 17), ("and", 0)])
def test_a_cron_trigger_fires_by_its_own_way_to_match_days(day_match, expected):
    of = schedule(catch_up_window=HOUR * 24)
    one = replace(cron(of, "0 * 14 * 1"), day_match=day_match and DayMatch(day_match))
    midnight = NOW.replace(hour=0)
    due = replace(one, next_fire_at=rules.next_fire(rule_of(one), midnight - MINUTE))
    fires = plan_fires([of], [due], [], midnight + 16 * HOUR)
    assert len(fires.runs) == expected


def test_the_way_days_match_decides_when_a_trigger_fires():
    one = schedule()
    friday_the_thirteenth = datetime(2026, 11, 13, tzinfo=UTC)
    since = {"next_fire_at": friday_the_thirteenth, "kind": TriggerKind.CRON, "timezone": "UTC"}
    both = trigger(one, every=None, anchor=None, cron="0 0 13 * fri", day_match=DayMatch.AND, **since)
    (advance,) = plan_fires([one], [both], [], friday_the_thirteenth).advances
    assert advance.next_fire_at == datetime(2027, 8, 13, tzinfo=UTC)

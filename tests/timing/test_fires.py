"""What due triggers become, without a database."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.ids import new_id
from resources.records import OpenRuns, Schedule, Trigger
from resources.states import CatchUp, JobKind, Overlap, TriggerKind
from scheduler_defs.timing.fires import OCCURRENCES_A_TICK, plan_fires

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
    assert set(by_trigger.values()) == {OCCURRENCES_A_TICK // 200}
    assert {one.next_fire_at for one in fires.advances} == {
        NOW - timedelta(days=2) + OCCURRENCES_A_TICK // 200 * MINUTE
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

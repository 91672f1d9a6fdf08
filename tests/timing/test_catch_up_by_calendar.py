"""Catch-up where calendars skip and move, against a decision on each occurrence by itself."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.states import CatchUp
from scheduler_defs.timing.calendars import Fire, lasting_verdict, verdict
from scheduler_defs.timing.catch_up import Misfires, SkippedRange, plan
from scheduler_defs.timing.dues import Dues
from scheduler_defs.timing.rules import CronRule, IntervalRule, next_fire
from tests.timing.calendar_worlds import DAY, MOVE, NOON, calendar, worlds

TICK, SECOND, MINUTE, HOUR = timedelta(microseconds=1), timedelta(seconds=1), timedelta(minutes=1), DAY / 24
NIGHTS = calendar({"window": "18:00-08:00"}, name="nights")
EITHER = pytest.mark.parametrize("rule", [CronRule("* * * * *"), IntervalRule(MINUTE, NOON)])
MORNING = NOON + 19 * HOUR


def caught_up(rule, policy, now, dues, first=NOON, limit=1000, window=DAY, grace=MINUTE, ends_at=None):
    """What all the steps of one instant make of it: what fires, and each range with its reason."""
    fired, skipped, following, steps = [], [], first, 0
    while following is not None and following <= now:
        made = plan(
            *(rule, following, now, Misfires(policy, window, grace)), dues=dues, limit=limit, ends_at=ends_at
        )
        if made.next_fire_at == following:
            break
        fired += made.fires
        skipped += made.skipped
        following, steps = made.next_fire_at, steps + 1
    return fired, skipped, following, steps


@EITHER
@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_the_newest_that_no_calendar_skips_is_caught_up(rule, limit):
    fired, skipped, following, _ = caught_up(rule, CatchUp.LATEST, MORNING, Dues([NIGHTS]), limit=limit)
    evening = NOON + 6 * HOUR
    assert fired == [evening - MINUTE]
    assert skipped == [
        SkippedRange(359, NOON, evening - 2 * MINUTE),
        SkippedRange(781, evening, MORNING, "calendar:nights"),
    ]
    assert following == MORNING + MINUTE


@EITHER
def test_what_a_calendar_skips_is_not_counted_as_missed(rule):
    fired, skipped, _, steps = caught_up(rule, CatchUp.NONE, MORNING, Dues([NIGHTS]))
    assert [(one.count, one.reason) for one in skipped] == [(360, "missed"), (781, "calendar:nights")]
    assert (fired, steps) == ([], 1)


@EITHER
def test_the_newest_waits_while_a_later_one_may_fire(rule):
    now, options = MORNING + 2 * HOUR, {"limit": 1, "grace": timedelta(0)}
    fired, skipped, _, _ = caught_up(rule, CatchUp.LATEST, now + SECOND, Dues([NIGHTS]), **options)
    assert fired == [now]
    assert [(one.count, one.reason) for one in skipped] == [
        *((360, "missed"), (840, "calendar:nights"), (60, "missed")),
    ]


def test_nothing_is_late_while_it_may_not_be_due():
    """A freeze that held an occurrence was lifted: it is late since then, and the ones after it too."""
    lifted = NOON + 5 * HOUR
    for policy in CatchUp:
        held = {"first": NOON, "limit": 4, "window": HOUR}
        rule, dues = IntervalRule(HOUR, NOON), Dues(not_before=lifted)
        fired, skipped, _, _ = caught_up(rule, policy, lifted + SECOND, dues, **held)
        assert (fired, skipped) == ([NOON + n * HOUR for n in range(6)], [])
        assert caught_up(rule, policy, lifted - SECOND, dues, **held) == ([], [], NOON, 0)
    late = caught_up(rule, CatchUp.LATEST, lifted + 30 * MINUTE, dues)
    assert late[:2] == ([lifted], [SkippedRange(5, NOON, lifted - HOUR)])


@given(worlds(most=3), st.integers(0, 4 * 24 * 60), st.timedeltas(SECOND, 3 * DAY))
def test_a_verdict_lasts_as_long_as_it_is_said_to(world, minute, ahead):
    made, noon = world
    calendars = [one for one, _ in made]
    occurrence = noon - 2 * DAY + minute * MINUTE
    before = occurrence + ahead
    judged, end = lasting_verdict(calendars, occurrence, before)
    assert occurrence < end <= before
    as_planned = judged == Fire(occurrence)
    for n in range(0, 3 * 24 * 60, 7):
        at = min(occurrence + n * MINUTE, end - TICK)
        assert verdict(calendars, at) == (Fire(at) if as_planned else judged)


def test_what_is_moved_nowhere_is_one_stretch():
    shut = calendar({"from": "2026-03-01"}, name="shut", on_excluded=MOVE)
    judged, end = lasting_verdict([shut], NOON, NOON + 300 * DAY)
    assert (judged, end) == (verdict([shut], NOON), NOON + 300 * DAY)
    closing = calendar({"from": "2026-03-01", "to": "2027-04-20"}, name="closing", on_excluded=MOVE)
    assert lasting_verdict([closing], NOON, NOON + 30 * DAY) == (verdict([closing], NOON), NOON + TICK)


SPANS = st.sampled_from([timedelta(0), MINUTE, HOUR, 7 * HOUR, DAY, 4 * DAY])
RULES = st.sampled_from([CronRule("*/20 * * * *"), CronRule("7,9 */3 * * *"), 25 * MINUTE, 4 * HOUR])


@settings(deadline=None)
@given(
    world=worlds(most=3),
    rule=RULES,
    policy=st.sampled_from(CatchUp),
    window=SPANS,
    grace=SPANS,
    offset=SPANS,
    limit=st.integers(1, 12),
    down=st.timedeltas(timedelta(0), 4 * DAY),
    since_lift=st.one_of(st.none(), SPANS),
    ends=st.one_of(st.none(), st.timedeltas(timedelta(0), 4 * DAY)),
)
def test_the_steps_of_a_tick_decide_as_if_each_occurrence_were_looked_at(
    world, rule, policy, window, grace, offset, limit, down, since_lift, ends
):
    made, noon = world
    first = noon - 2 * DAY
    rule = rule if isinstance(rule, CronRule) else IntervalRule(rule, first)
    first = next_fire(rule, first - TICK)
    now, ends_at = first + down, None if ends is None else first + ends
    dues = Dues([one for one, _ in made], offset)
    if since_lift is not None:
        dues = Dues(dues.calendars, offset, now - since_lift)
    expected, following = decided(rule, first, now, dues, Misfires(policy, window, grace), ends_at)
    fired, skipped, reached, _ = caught_up(
        rule, policy, now, dues, first=first, limit=limit, window=window, grace=grace, ends_at=ends_at
    )
    assert fired == [at for at, reason in expected if reason is None]
    assert reached == following
    counted = []
    for one in skipped:
        within = [pair for pair in expected if one.first <= pair[0] <= one.last]
        assert (len(within), {reason for _, reason in within}) == (one.count, {one.reason})
        assert (within[0][0], within[-1][0]) == (one.first, one.last)
        counted += within
    assert counted == [pair for pair in expected if pair[1] is not None]


def decided(rule, first, now, dues, misfires, ends_at) -> tuple[list[tuple[datetime, str | None]], datetime]:
    """Each due occurrence with the reason it is skipped for, and the one after them."""
    due, at = [], first
    while at is not None and (ends_at is None or at <= ends_at) and dues.of(at).at <= now:
        due.append((at, dues.of(at).reason, now - dues.of(at).at))
        at = next_fire(rule, at)
    may_fire = [(at, late) for at, reason, late in due if reason is None]
    missed = [(at, late) for at, late in may_fire if late > misfires.grace]
    kept = [at for at, late in missed if late <= misfires.window]
    if misfires.policy is CatchUp.NONE or (misfires.policy is CatchUp.LATEST and missed != may_fire):
        kept = []
    elif misfires.policy is CatchUp.LATEST:
        kept = kept[-1:]
    lost = {at for at, _ in missed} - {*kept}
    ended = ends_at is not None and at is not None and at > ends_at
    return [(one, "missed" if one in lost else reason) for one, reason, _ in due], None if ended else at

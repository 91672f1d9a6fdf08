from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.errors import InvalidInput
from resources.states import CatchUp
from scheduler_defs.timing.catch_up import Misfires, Plan, SkippedRange, first_fire, plan, refuse_past
from scheduler_defs.timing.rules import CronRule, IntervalRule, OnceRule, Rule, fires

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86400))
TICK = timedelta(microseconds=1)
HOURLY = CronRule("0 * * * *")
HOURLY_INTERVAL = IntervalRule(HOUR, NOON - 100 * HOUR)
EITHER = pytest.mark.parametrize("rule", [HOURLY, HOURLY_INTERVAL])


def at(hours: float) -> datetime:
    return NOON + hours * HOUR


def take_step(
    rule: Rule,
    next_fire_at: datetime,
    now: datetime,
    *,
    policy: CatchUp,
    window: timedelta,
    grace: timedelta,
    **options: object,
) -> Plan:
    return plan(rule, next_fire_at, now, Misfires(policy, window, grace), **options)


def hourly(rule: Rule, now: datetime, policy: CatchUp, **options: object) -> Plan:
    wanted = {"window": 3 * HOUR, "grace": MINUTE} | options
    return take_step(rule, NOON, now, policy=policy, **wanted)


@EITHER
@pytest.mark.parametrize("policy", CatchUp)
def test_nothing_is_due(rule: Rule, policy: CatchUp) -> None:
    assert hourly(rule, NOON - SECOND, policy) == Plan((), (), NOON)


@EITHER
@pytest.mark.parametrize("policy", CatchUp)
def test_on_time(rule: Rule, policy: CatchUp) -> None:
    assert hourly(rule, NOON, policy) == Plan((NOON,), (), at(1))
    assert hourly(rule, NOON + MINUTE, policy) == Plan((NOON,), (), at(1))


@EITHER
def test_missed_ones(rule: Rule) -> None:
    now = at(5) + 2 * MINUTE
    assert hourly(rule, now, CatchUp.NONE) == Plan((), (SkippedRange(6, NOON, at(5)),), at(6))
    assert hourly(rule, now, CatchUp.LATEST) == Plan((at(5),), (SkippedRange(5, NOON, at(4)),), at(6))
    assert hourly(rule, now, CatchUp.ALL) == Plan(
        (at(3), at(4), at(5)), (SkippedRange(3, NOON, at(2)),), at(6)
    )


@EITHER
def test_missed_ones_with_one_on_time(rule: Rule) -> None:
    now = at(4) + MINUTE
    assert hourly(rule, now, CatchUp.NONE) == Plan((at(4),), (SkippedRange(4, NOON, at(3)),), at(5))
    assert hourly(rule, now, CatchUp.LATEST) == Plan((at(4),), (SkippedRange(4, NOON, at(3)),), at(5))
    assert hourly(rule, now, CatchUp.ALL) == Plan(
        (at(2), at(3), at(4)), (SkippedRange(2, NOON, at(1)),), at(5)
    )


@EITHER
def test_the_newest_does_not_fire_outside_the_window(rule: Rule) -> None:
    now = at(2.5)
    skipped = (SkippedRange(3, NOON, at(2)),)
    assert hourly(rule, now, CatchUp.LATEST, window=20 * MINUTE) == Plan((), skipped, at(3))
    assert hourly(rule, now, CatchUp.ALL, window=20 * MINUTE) == Plan((), skipped, at(3))
    assert hourly(rule, now, CatchUp.LATEST, window=30 * MINUTE).fires == (at(2),)


@EITHER
def test_the_grace_counts_even_beyond_the_window(rule: Rule) -> None:
    assert hourly(rule, at(0.5), CatchUp.ALL, window=timedelta(0), grace=HOUR) == Plan((NOON,), (), at(1))


def test_what_a_downtime_missed_is_one_range_whatever_the_limit() -> None:
    now = at(4) + 2 * MINUTE
    for limit in (1, 3):
        made = hourly(HOURLY, now, CatchUp.LATEST, limit=limit)
        assert made == Plan((at(4),), (SkippedRange(4, NOON, at(3)),), at(5))
    begun = hourly(HOURLY, at(4) + SECOND, CatchUp.LATEST, limit=1)
    assert begun == Plan((), (SkippedRange(4, NOON, at(3)),), at(4))


def test_a_step_looks_ten_days_ahead_for_each_row_and_then_goes_on() -> None:
    ahead, following, fired, counted = NOON + 25 * DAY, NOON, [], []
    while following is not None and following <= ahead:
        options = {"window": DAY, "grace": MINUTE, "limit": 1}
        made = take_step(HOURLY, following, ahead + 2 * MINUTE, policy=CatchUp.LATEST, **options)
        counted += [one.count for one in made.skipped]
        fired += made.fires
        following = made.next_fire_at
    assert (counted, fired) == ([241, 241, 118], [ahead])


def test_the_limit_leaves_catch_up_for_the_next_call() -> None:
    begun = hourly(HOURLY, at(3) + 2 * MINUTE, CatchUp.ALL, window=DAY, limit=2)
    assert begun == Plan((NOON, at(1)), (), at(2))


def test_a_long_gap_of_an_interval_is_one_range() -> None:
    rule = IntervalRule(SECOND, NOON)
    now = NOON + 30 * DAY
    for policy, fired in ((CatchUp.NONE, 0), (CatchUp.LATEST, 1), (CatchUp.ALL, 10)):
        made = take_step(rule, NOON, now + SECOND / 2, policy=policy, window=10 * SECOND, grace=timedelta(0))
        assert made.fires == tuple(now - n * SECOND for n in reversed(range(fired)))
        count = 30 * 86400 + 1 - fired
        assert made.skipped == (SkippedRange(count, NOON, NOON + (count - 1) * SECOND),)
        assert made.next_fire_at == now + SECOND


def test_a_stored_occurrence_the_rule_no_longer_names_still_counts() -> None:
    stored = NOON + 10 * MINUTE
    for rule in (HOURLY, HOURLY_INTERVAL):
        made = take_step(rule, stored, at(2.5), policy=CatchUp.NONE, window=HOUR, grace=MINUTE)
        assert made == Plan((), (SkippedRange(3, stored, at(2)),), at(3))


@EITHER
def test_starts_at_and_ends_at_bound_the_occurrences(rule: Rule) -> None:
    bounds = {"starts_at": at(2), "ends_at": at(4), "window": DAY}
    assert hourly(rule, NOON, CatchUp.ALL, **bounds) == Plan((), (), at(2))
    assert hourly(rule, at(3), CatchUp.ALL, **bounds) == Plan((at(2), at(3)), (), at(4))
    assert hourly(rule, at(9), CatchUp.ALL, **bounds) == Plan((at(2), at(3), at(4)), (), None)
    assert hourly(rule, at(9), CatchUp.NONE, **bounds) == Plan((), (SkippedRange(3, at(2), at(4)),), None)
    assert hourly(rule, at(9), CatchUp.LATEST, **bounds) == Plan(
        (at(4),), (SkippedRange(2, at(2), at(3)),), None
    )
    assert hourly(rule, at(9), CatchUp.ALL, ends_at=NOON - TICK) == Plan((), (), None)
    assert hourly(rule, at(9), CatchUp.ALL, starts_at=at(20), ends_at=at(19)) == Plan((), (), None)


def test_a_once_rule_ends_after_its_fire() -> None:
    rule = OnceRule(NOON)
    assert hourly(rule, NOON + SECOND, CatchUp.NONE) == Plan((NOON,), (), None)
    assert hourly(rule, at(1), CatchUp.NONE) == Plan((), (SkippedRange(1, NOON, NOON),), None)
    assert hourly(rule, at(1), CatchUp.LATEST) == Plan((NOON,), (), None)
    assert hourly(rule, at(1), CatchUp.ALL, starts_at=at(1)) == Plan((), (), None)


def test_durations_are_elapsed_time_in_any_zone() -> None:
    zone = ZoneInfo("America/New_York")
    now = datetime(2026, 3, 8, 3, 30, tzinfo=zone)  # half an hour after the gap: 07:30 UTC
    rule = CronRule("0 * * * *", "America/New_York")
    stored = datetime(2026, 3, 8, 1, tzinfo=zone)
    made = take_step(rule, stored, now, policy=CatchUp.ALL, window=90 * MINUTE, grace=MINUTE)
    assert made.fires == (datetime(2026, 3, 8, 6, tzinfo=UTC), datetime(2026, 3, 8, 7, tzinfo=UTC))
    assert made.skipped == ()


def test_naive_instants_are_refused() -> None:
    for field in ("next_fire_at", "now", "starts_at", "ends_at"):
        instants = {"next_fire_at": NOON, "now": at(1), field: datetime(2026, 3, 1, 12)}
        with pytest.raises(InvalidInput) as error:
            take_step(HOURLY, policy=CatchUp.ALL, window=HOUR, grace=MINUTE, **instants)
        assert error.value.field == field


RULES = st.one_of(
    st.sampled_from([HOURLY, CronRule("*/20 * * * *"), CronRule("7,9 */3 * * *"), OnceRule(at(4))]),
    st.builds(IntervalRule, st.timedeltas(7 * MINUTE, 5 * HOUR), st.just(NOON - 90 * HOUR)),
)
SPANS = st.one_of(st.just(timedelta(0)), st.timedeltas(timedelta(0), 12 * HOUR))
BOUNDS = st.one_of(st.none(), st.integers(-4, 40).map(at))


@settings(max_examples=150, deadline=None)
@given(
    rule=RULES,
    policy=st.sampled_from(CatchUp),
    window=SPANS,
    grace=SPANS,
    starts_at=BOUNDS,
    ends_at=BOUNDS,
    limit=st.integers(1, 30),
    steps=st.lists(st.timedeltas(-HOUR, 15 * HOUR), min_size=1, max_size=8),
)
def test_every_occurrence_is_accounted_for_once_and_as_the_policy_says(
    rule: Rule,
    policy: CatchUp,
    window: timedelta,
    grace: timedelta,
    starts_at: datetime | None,
    ends_at: datetime | None,
    limit: int,
    steps: list[timedelta],
) -> None:
    start = max(NOON, starts_at or NOON)
    occurrences = [t for t in fires(rule, start - TICK, NOON + 20 * DAY, 100_000) if t <= (ends_at or t)]
    remaining = list(occurrences)
    bounds = {"starts_at": starts_at, "ends_at": ends_at}
    following = first_fire(rule, NOON - TICK, **bounds, grace=timedelta(0))
    now = NOON
    for step in steps:
        now += step
        calls = 0
        while following is not None and following <= now:
            due = [t for t in remaining if t <= now]
            made = take_step(
                rule, following, now, policy=policy, window=window, grace=grace, limit=limit, **bounds
            )
            assert len(made.skipped) <= 1
            skipped = sum(one.count for one in made.skipped)
            handled = due[: skipped + len(made.fires)]
            assert handled
            assert len(made.skipped) + len(made.fires) <= limit + 1
            for one in made.skipped:
                assert (one.first, one.last) == (handled[0], handled[skipped - 1])
                assert one.reason == "missed"
            assert (
                list(made.fires) == handled[skipped:] == should_fire(handled, due, now, policy, window, grace)
            )
            remaining = remaining[len(handled) :]
            following = made.next_fire_at
            calls += 1
            assert calls <= len(occurrences)
        assert following == (remaining[0] if remaining else None) or following > NOON + 20 * DAY
        assert not [t for t in remaining if t <= now]


def should_fire(
    handled: list[datetime],
    due: list[datetime],
    now: datetime,
    policy: CatchUp,
    window: timedelta,
    grace: timedelta,
) -> list[datetime]:
    on_time = {t for t in due if t >= now - grace}
    within = [t for t in due if t not in on_time and t >= now - window]
    caught_up = {
        CatchUp.NONE: [],
        CatchUp.LATEST: [] if on_time else [t for t in within if t == due[-1]],
        CatchUp.ALL: within,
    }[policy]
    return [t for t in handled if t in on_time or t in caught_up]


def test_the_first_fire_of_a_cron_is_strictly_after_now() -> None:
    assert first_fire(HOURLY, NOON) == at(1)
    assert first_fire(HOURLY, NOON - TICK) == NOON


def test_the_first_fire_of_an_interval_may_be_now() -> None:
    assert first_fire(IntervalRule(HOUR, NOON), NOON) == NOON
    assert first_fire(IntervalRule(HOUR, at(-1)), NOON) == at(1)
    assert first_fire(IntervalRule(HOUR, at(5)), NOON) == at(5)
    # 01:30 happens twice on this day: `==` between two zones is never true then.
    repeated = datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/New_York"))
    assert first_fire(IntervalRule(HOUR, repeated), repeated.astimezone(UTC)) == repeated.astimezone(UTC)


def test_the_first_fire_of_a_once_rule_may_be_a_minute_late() -> None:
    rule = OnceRule(NOON)
    assert first_fire(rule, NOON - HOUR) == NOON
    assert first_fire(rule, NOON + MINUTE) == NOON
    assert first_fire(rule, NOON + MINUTE + TICK) is None
    assert first_fire(rule, NOON + SECOND, grace=timedelta(0)) is None


@EITHER
def test_the_first_fire_lies_between_starts_at_and_ends_at(rule: Rule) -> None:
    assert first_fire(rule, NOON, starts_at=at(3)) == at(3)
    assert first_fire(rule, NOON, starts_at=at(-3)) == at(1)
    assert first_fire(rule, NOON, ends_at=at(1)) == at(1)
    assert first_fire(rule, NOON, ends_at=at(1) - TICK) is None
    assert first_fire(OnceRule(at(2)), NOON, starts_at=at(3)) is None


def test_a_once_rule_in_the_past_is_refused() -> None:
    rule = OnceRule(NOON)
    refuse_past(rule, NOON + MINUTE)
    refuse_past(HOURLY, NOON)
    with pytest.raises(InvalidInput) as error:
        refuse_past(rule, NOON + MINUTE + TICK)
    assert (error.value.field, error.value.value) == ("at", NOON)
    with pytest.raises(InvalidInput):
        refuse_past(rule, NOON + TICK, grace=timedelta(0))

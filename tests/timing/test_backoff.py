"""How long a run waits for its next attempt."""

from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from scheduler_defs.timing.backoff import FailurePolicy, policy_of, wait_after

RUN = UUID(int=7)
SECOND = timedelta(seconds=1)
PLAIN = FailurePolicy(max_attempts=6, base=10 * SECOND, factor=3.0, cap=200 * SECOND, jitter=0.0)


def test_the_wait_grows_by_the_factor_up_to_the_cap_and_ends_with_the_last_attempt():
    waits = [wait_after(PLAIN, RUN, failures) for failures in range(1, 7)]
    assert waits == [10 * SECOND, 30 * SECOND, 90 * SECOND, 200 * SECOND, 200 * SECOND, None]


def test_a_run_without_a_schedule_is_under_the_defaults():
    policy = policy_of(None)
    assert policy == FailurePolicy()
    assert 27 * SECOND < wait_after(policy, RUN, 1) <= 30 * SECOND
    assert wait_after(policy, RUN, 3) is None


@given(
    run=st.uuids(),
    failures=st.integers(1, 99),
    base=st.floats(0, 7 * 86400),
    factor=st.floats(1, 100),
    cap=st.floats(0, 7 * 86400),
    jitter=st.floats(0, 1),
)
def test_a_wait_is_bounded_and_the_same_wherever_it_is_computed(run, failures, base, factor, cap, jitter):
    policy = FailurePolicy(100, timedelta(seconds=base), factor, timedelta(seconds=cap), jitter)
    wait = wait_after(policy, run, failures)
    assert wait == wait_after(policy, UUID(str(run)), failures)
    full = min(policy.base.total_seconds() * factor ** (failures - 1), policy.cap.total_seconds())
    assert full * (1 - jitter) - 1e-5 <= wait.total_seconds() <= full + 1e-5


def test_jitter_spreads_runs_that_failed_together():
    policy = FailurePolicy(base=1000 * SECOND, jitter=0.5)
    waits = {wait_after(policy, UUID(int=number), 1) for number in range(100)}
    assert len(waits) == 100
    assert min(waits) < 600 * SECOND < 900 * SECOND < max(waits)

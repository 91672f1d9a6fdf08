"""What follows a failed attempt, as it is said on the command line."""

from datetime import timedelta

import pytest

FIRST = ("--kind", "graph", "--once", "2100-01-01T09:00:00Z")
SAID = (
    *("--max-attempts", "5", "--backoff-base", "1m", "--backoff-factor", "3", "--backoff-cap", "2h"),
    *("--backoff-jitter", "0.5", "--run-timeout", "45m", "--pause-after-failures", "4"),
)


def test_a_schedule_keeps_its_failure_policy(scheduler, kept):
    assert scheduler("schedule", "create", "x", *FIRST, *SAID).exit_code == 0
    schedule, _ = kept("x")
    assert (schedule.max_attempts, schedule.backoff_factor, schedule.backoff_jitter) == (5, 3.0, 0.5)
    assert (schedule.backoff_base, schedule.backoff_cap) == (timedelta(minutes=1), timedelta(hours=2))
    assert (schedule.run_timeout, schedule.pause_after_failures) == (timedelta(minutes=45), 4)


def test_what_is_not_said_has_its_default_and_an_edit_changes_only_what_is(scheduler, kept):
    scheduler("schedule", "create", "x", *FIRST)
    before, _ = kept("x")
    assert (before.max_attempts, before.backoff_base, before.run_timeout) == (3, timedelta(seconds=30), None)
    scheduler("schedule", "edit", "x", "--max-attempts", "1", "--run-timeout", "1h")
    after, _ = kept("x")
    assert (after.max_attempts, after.run_timeout, after.version) == (1, timedelta(hours=1), 2)
    assert after.backoff_base == before.backoff_base
    scheduler("schedule", "edit", "x", "--clear", "run-timeout")
    assert kept("x")[0].run_timeout is None


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--max-attempts", "0", "max_attempts: 0 is not valid; expected 1 to 100 attempts"),
        ("--backoff-factor", "0.5", "backoff_factor: 0.5 is not valid; expected 1 to 100"),
        ("--backoff-factor", "nan", "backoff_factor: nan is not valid"),
        ("--backoff-cap", "8d", "backoff_cap: 8d is not valid; expected 0s to 7d"),
        ("--backoff-jitter", "1.5", "backoff_jitter: 1.5 is not valid; expected 0 to 1"),
        ("--run-timeout", "0s", "run_timeout: 0s is not valid; expected 1s to 365d"),
        ("--pause-after-failures", "0", "pause_after_failures: 0 is not valid; expected 1 to 1000"),
    ],
)
def test_a_wrong_value_is_refused(refused, tenant, option, value, message):
    assert message in refused("schedule", "create", "x", *FIRST, option, value, "--tenant", tenant)

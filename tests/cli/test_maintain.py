"""`scheduler db maintain` and `db rebuild-summaries`."""

import json

import pytest

from resources.states import JobKind
from scheduler_defs.edits.runs import cancel_run, request_run
from scheduler_defs.ops.upkeep import STEPS


@pytest.fixture
def cancelled(database, tenant):
    with database.begin_system() as store:
        cancel_run(store, store.runs.get(tenant, request_run(store, tenant, JobKind.GRAPH, "ann")), "ann")
        return store.now()


def days(database):
    with database.begin("acme") as store:
        return [one.cancelled for one in store.run_summaries.list("acme", "day").items]


def test_maintain_does_every_step_and_says_what(cli, cancelled, database):
    result = cli("db", "maintain")
    assert result.exit_code == 0
    assert all(step.__name__ in result.stdout for step in STEPS)
    assert "1 hour rolled up" in result.stderr
    assert days(database) == [1]


def test_maintain_tells_machines_the_locks_too(cli, cancelled):
    steps = {step["name"]: step for step in json.loads(cli("db", "maintain", "--json").stdout)}
    assert steps.keys() == {step.__name__ for step in STEPS}
    assert steps["repair_summaries"]["done"] == {"hours rolled up": 1}
    assert {"relation": "scheduler.run_summaries", "mode": "RowExclusiveLock"} in steps["repair_summaries"][
        "locks"
    ]


def test_summaries_are_rebuilt_from_a_day_on(scheduler, cancelled, database, admin):
    result = scheduler("db", "rebuild-summaries", "--since", f"{cancelled:%Y-%m-%d}T00:00:00Z")
    assert (result.exit_code, result.stdout) == (0, "1 day of schedules rebuilt\n")
    assert days(database) == [1]


def test_pruned_days_are_not_rebuilt(refused, cancelled, database, admin, tenant):
    admin.execute(
        "UPDATE scheduler.tenants SET ledger_since = date_trunc('day', now() + interval '2 days', 'UTC')"
    )
    error = refused("db", "rebuild-summaries", "--since", "0s", "--tenant", tenant)
    assert error.startswith("Error: since: ")
    assert "or later; runs before it were pruned" in error


def test_a_period_that_reaches_into_pruned_days_is_refused_before_anything_is_done(
    refused, cancelled, database, admin, tenant
):
    admin.execute("UPDATE scheduler.tenants SET ledger_since = date_trunc('day', now(), 'UTC')")
    error = refused("db", "rebuild-summaries", "--since", "2020-01-01", "--tenant", tenant)
    assert error.startswith("Error: since: '2020-01-01' is not valid")


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        (
            ("--since", "9999-12-31", "--until", "9999-12-31"),
            "since: '9999-12-31 00:00:00+00:00' is not valid",
        ),
        (
            ("--since", "2026-03-02", "--until", "2026-03-01"),
            "until: '2026-03-01T00:00:00+00:00' is not valid",
        ),
        (("--since", "9999999d"), "since: "),
    ],
)
def test_days_that_are_no_period_are_refused(refused, tenant, bounds, expected):
    assert expected in refused("db", "rebuild-summaries", *bounds, "--tenant", tenant)


def test_days_without_runs_are_passed_over(scheduler, cancelled):
    result = scheduler("db", "rebuild-summaries", "--since", "0001-01-01", "--until", "9999-12-31")
    assert (result.exit_code, result.stdout) == (0, "1 day of schedules rebuilt\n")
    assert result.stderr == f"{cancelled:%Y-%m-%d}: 1 rebuilt\n"


def test_a_day_without_an_offset_is_one_of_utc(scheduler, cancelled, database):
    assert scheduler("db", "rebuild-summaries", "--since", f"{cancelled:%Y-%m-%d}").exit_code == 0
    assert days(database) == [1]


@pytest.mark.parametrize("since", ["2026-03-01T00:00:99", "yesterday"])
def test_a_day_that_is_none_is_refused(cli, tenant, since):
    result = cli("db", "rebuild-summaries", "--since", since, "--tenant", tenant)
    assert result.exit_code == 2
    assert since in result.stderr

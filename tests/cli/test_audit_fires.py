"""`scheduler audit fires`: what should have fired, held against the ledger."""

import json
from datetime import timedelta

import pytest

from resources.states import JobKind, Overlap
from scheduler_defs.edits.schedules import NewSchedule, create_schedule
from scheduler_defs.sensors.claim import claim
from scheduler_defs.timing.rules import IntervalRule

MINUTE = timedelta(minutes=1)


@pytest.fixture
def fired(database, tenant):
    """A trigger of acme that fired at its time, each ten minutes of the last hour; the first instant."""
    with database.begin(tenant) as store:
        begin = store.now() - 55 * MINUTE
        wanted = NewSchedule(
            "nightly", JobKind.GRAPH, [IntervalRule(10 * MINUTE, begin)], overlap=Overlap.ALLOW
        )
        create_schedule(store, tenant, wanted, "tests", begin)
    for number in range(6):
        with database.begin_system() as store:
            claim(store, "here", begin + number * 10 * MINUTE)
    return begin


@pytest.fixture
def broken(fired, admin):
    """One row is gone."""
    admin.execute("SET session_replication_role = replica")
    admin.execute("DELETE FROM scheduler.runs WHERE scheduled_for = %s", [fired + 20 * MINUTE])


@pytest.mark.parametrize("scope", [("--tenant", "acme"), ("--all",)])
def test_a_whole_ledger_exits_with_0_and_ends_with_the_summary(cli, fired, scope):
    result = cli("audit", "fires", *scope, "--from", "-1h", "--to", "now")
    assert result.exit_code == 0, result.output
    expected = "missing 0, extra 0, late 0 (p50 0s, p95 0s, p99 0s, max 0s)"
    assert result.stdout.splitlines()[-1] == expected
    assert "nightly" in result.stdout


def test_a_missing_row_exits_with_1_and_is_listed(cli, broken, fired):
    result = cli("audit", "fires", "--all", "--from", "2h ago")
    assert result.exit_code == 1
    assert (fired + 20 * MINUTE).isoformat(timespec="seconds") in result.stdout
    assert result.stdout.splitlines()[-1].startswith("missing 1, extra 0, late 0 (p50")


def test_the_window_the_schedule_and_the_tenant_narrow(cli, broken, fired):
    assert cli("audit", "fires", "--tenant", "acme", "--from", "20m ago").exit_code == 0
    assert cli("audit", "fires", "--tenant", "acme", "--schedule", "nightly").exit_code == 1
    assert cli("audit", "fires", "--tenant", "globex").exit_code == 0
    until = (fired + 15 * MINUTE).isoformat()
    assert cli("audit", "fires", "--all", "--from", fired.isoformat(), "--to", until).exit_code == 0


def test_json_has_the_counts_and_the_findings(cli, broken, fired):
    result = cli("audit", "fires", "--all", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["expected"], found["fired"], found["missing"]) == (1, 6, 5, 1)
    assert [one["fault"] for one in found["findings"]] == ["missing"]
    assert found["schedules"][0]["lateness"] == {"p50": 0.0, "p95": 0.0, "p99": 0.0, "max": 0.0}


def test_few_faults_are_printed_and_the_rest_counted(cli, database, tenant):
    with database.begin(tenant) as store:
        begin = store.now() - timedelta(hours=2)
        wanted = NewSchedule("nightly", JobKind.GRAPH, [IntervalRule(MINUTE, begin)])
        create_schedule(store, tenant, wanted, "tests", begin)
    result = cli("audit", "fires", "--all", "--from", "90m")
    assert result.exit_code == 1
    assert "and 39 more" in result.stdout


def test_a_schedule_that_never_was_is_refused_and_a_deleted_one_is_not(cli, fired):
    for scope in (("--tenant", "acme"), ("--all",)):
        refused = cli("audit", "fires", *scope, "--schedule", "nope")
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert refused.stderr.startswith("Error: schedule")
        assert "'nope'" in refused.stderr
    assert cli("schedule", "delete", "nightly", "--tenant", "acme", "--yes").exit_code == 0
    for scope in (("--tenant", "acme"), ("--all",)):
        assert cli("audit", "fires", *scope, "--schedule", "nightly").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--all", "--from", "1h", "--to", "2h"), "--from"),
        (("--all", "--from", "yesterday"), "--from"),
        (("--all", "--late-after", "soon"), "--late-after"),
        ((), "--tenant"),
        (("--tenant", "nobody"), "nobody"),
    ],
)
def test_bad_input_names_the_field(cli, tenant, arguments, said):
    result = cli("audit", "fires", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr

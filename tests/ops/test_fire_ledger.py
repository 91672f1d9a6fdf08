"""verification_job as Dagster runs it: the asset fire_ledger, its numbers and its check."""

from datetime import UTC, datetime, timedelta

import pytest
from dagster import AssetCheckSeverity, AssetKey, DagsterInstance, build_schedule_context

from resources.postgres import shared_database
from resources.states import JobKind, Overlap
from scheduler_defs.definitions import defs
from scheduler_defs.edits.schedules import NewSchedule, create_schedule
from scheduler_defs.jobs.verification_job import verify_hourly
from scheduler_defs.ops.fire_ledger import LEAST, LONGEST, OVERLAP, window_start
from scheduler_defs.sensors.claim import claim
from scheduler_defs.timing.rules import IntervalRule

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def fired(database, tenant):
    """A trigger that fired each ten minutes of the last hour."""
    with database.begin(tenant) as store:
        begin = store.now() - 55 * MINUTE
        wanted = NewSchedule(
            "nightly", JobKind.GRAPH, [IntervalRule(10 * MINUTE, begin)], overlap=Overlap.ALLOW
        )
        create_schedule(store, tenant, wanted, "tests", begin)
    for number in range(6):
        with database.begin_system() as store:
            claim(store, "here", begin + number * 10 * MINUTE + timedelta(seconds=number))
    return begin


@pytest.fixture
def verify(environment, monkeypatch):
    """verify() runs the job in this process; its materialization's metadata and its check."""
    for name in ("SCHEDULER_PERSISTENCE", "SCHEDULER_DSN"):
        monkeypatch.setenv(name, environment[name])
    shared_database.cache_clear()
    with DagsterInstance.ephemeral() as instance:

        def run():
            job = defs.resolve_job_def("verification_job")
            result = job.execute_in_process(instance=instance, asset_selection=[AssetKey("fire_ledger")])
            assert result.success
            (event,) = result.get_asset_materialization_events()
            (check,) = result.get_asset_check_evaluations()
            return event.materialization.metadata, check

        yield run
    shared_database().close()
    shared_database.cache_clear()


def test_the_numbers_are_plotted_and_the_check_passes(fired, verify):
    metadata, check = verify()
    found = {
        name: metadata[name].value for name in ("expected", "fired", "skipped", "missing", "extra", "late")
    }
    assert found == {"expected": 6, "fired": 6, "skipped": 0, "missing": 0, "extra": 0, "late": 0}
    lateness = [metadata[f"lateness_{name}_seconds"].value for name in ("p50", "p95", "p99", "max")]
    assert lateness == [2.0, 5.0, 5.0, 5.0]
    assert metadata["faults"].value == "none"
    assert check.passed
    assert check.check_name == "fires_are_accounted_for"


def test_a_missing_row_fails_the_check_and_is_listed(fired, verify, admin):
    admin.execute("SET session_replication_role = replica")
    admin.execute("DELETE FROM scheduler.runs WHERE scheduled_for = %s", [fired + 20 * MINUTE])
    metadata, check = verify()
    assert (metadata["missing"].value, metadata["fired"].value) == (1, 5)
    assert not check.passed
    assert check.severity is AssetCheckSeverity.ERROR
    table = check.metadata["faults"].value
    assert f"| missing | acme | nightly | {(fired + 20 * MINUTE).isoformat()} | 1 |" in table


def test_each_audit_goes_on_where_the_last_one_ended(fired, verify):
    first, _ = verify()
    second, _ = verify()
    assert second["since"].value > first["since"].value
    assert second["until"].value > first["until"].value


def test_a_window_is_an_hour_or_since_the_last_audit_and_a_week_at_most():
    assert window_start(NOW, None) == NOW - LEAST
    assert window_start(NOW, NOW - MINUTE) == NOW - LEAST
    assert window_start(NOW, NOW - 3 * HOUR) == NOW - 3 * HOUR - OVERLAP
    assert window_start(NOW, NOW - timedelta(days=30)) == NOW - LONGEST


def test_it_is_asked_for_once_an_hour():
    context = build_schedule_context(scheduled_execution_time=datetime(2026, 3, 14, 9, 11, tzinfo=UTC))
    assert verify_hourly(context).run_key == "2026-03-14T09Z"

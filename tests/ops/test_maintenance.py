"""maintenance_job as Dagster runs it: in one process, without a worker of the ledger, once an hour."""

from datetime import UTC, datetime

import pytest
from dagster import DagsterInstance, build_schedule_context

from resources.postgres import PostgresResource, shared_database
from scheduler_defs.jobs.maintenance_job import maintain_hourly, maintenance_job
from scheduler_defs.ops.upkeep import STEPS


@pytest.fixture
def carried_out(environment, tenant, admin, monkeypatch):
    """The result of a run in this process, with a month of logs and a tenant's cancelled run to take care of."""
    for name in ("SCHEDULER_PERSISTENCE", "SCHEDULER_DSN"):
        monkeypatch.setenv(name, environment[name])
    past = datetime(2021, 1, 15, tzinfo=UTC)
    admin.execute("SELECT scheduler.ensure_log_partitions(%s, %s)", [past, past])
    admin.execute(
        "INSERT INTO scheduler.runs (tenant_id, id, trigger_kind, kind, state, scheduled_for, available_at,"
        " requested_by, created_at, finished_at)"
        " SELECT 'acme', gen_random_uuid(), 'manual', 'graph', 'cancelled', at, at, 'sql', at, at"
        " FROM (VALUES (now()), (now() - interval '500 days')) AS planned (at)"
    )
    shared_database.cache_clear()
    with DagsterInstance.ephemeral() as instance:
        yield maintenance_job.execute_in_process(
            instance=instance, resources={"postgres": PostgresResource()}
        )
    shared_database().close()
    shared_database.cache_clear()


def metadata_of(result, op):
    (event,) = [one for one in result.get_step_success_events() if one.step_key == op]
    outputs = result.filter_events(
        lambda one: one.is_step_materialization or one.event_type_value == "STEP_OUTPUT"
    )
    (output,) = [one for one in outputs if one.step_key == event.step_key]
    return output.event_specific_data.metadata


def test_every_step_is_done_and_shown(carried_out, admin):
    assert carried_out.success
    assert metadata_of(carried_out, "drop_partitions")["partitions dropped"].value == 1
    assert metadata_of(carried_out, "prune_runs")["runs"].value == 1
    assert metadata_of(carried_out, "repair_summaries")["hours rolled up"].value == 1
    report = metadata_of(carried_out, "report_maintenance")
    steps = {record.data["step"] for record in report["steps"].records}
    assert steps == {step.__name__ for step in STEPS}
    locks = {(record.data["relation"], record.data["mode"]) for record in report["locks"].records}
    assert ("scheduler.execution_logs", "ShareUpdateExclusiveLock") in locks
    assert ("scheduler.runs", "RowExclusiveLock") in locks
    assert "AccessExclusiveLock" not in {mode for relation, mode in locks if not relation.endswith("YYYYMM")}


def test_it_is_no_worker_of_the_ledger(carried_out, admin):
    assert carried_out.success
    assert admin.execute("SELECT count(*) FROM scheduler.workers").fetchone() == (0,)
    assert admin.execute("SELECT count(*) FROM scheduler.runs").fetchone() == (1,)


def test_it_is_asked_for_once_an_hour():
    def request(minute):
        return maintain_hourly(
            build_schedule_context(scheduled_execution_time=datetime(2026, 3, 14, 9, minute, tzinfo=UTC))
        )

    assert request(41).run_key == request(42).run_key == "2026-03-14T09Z"
    assert maintain_hourly.cron_schedule == "41 * * * *"
    assert maintain_hourly.execution_timezone == "UTC"

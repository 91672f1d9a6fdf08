"""What Dagster loads, without a daemon: the definitions, the launchpad's fields, one tick of fire_due."""

from datetime import timedelta

import pytest
from dagster import DagsterInstance, Definitions, build_sensor_context
from dagster._core.storage.tags import SENSOR_NAME_TAG

from resources.postgres import PostgresResource, shared_database
from resources.states import JobKind
from scheduler_defs.definitions import defs
from scheduler_defs.edits.runs import request_run
from scheduler_defs.edits.schedules import NewSchedule, create_schedule
from scheduler_defs.jobs.run_jobs import RUN_JOBS
from scheduler_defs.launching.instances import owner_of
from scheduler_defs.launching.packing import ONE_RUN_EACH_UP_TO
from scheduler_defs.sensors.claim import claim_or_wait
from scheduler_defs.sensors.fire_due import fire_due
from scheduler_defs.timing.rules import OnceRule

POLL = timedelta(milliseconds=500)


@pytest.fixture
def postgres(environment, monkeypatch):
    """The resource as a code server has it: by the environment, with the process's one pool."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    shared_database.cache_clear()
    yield PostgresResource()
    shared_database().close()
    shared_database.cache_clear()


@pytest.fixture
def instance():
    with DagsterInstance.ephemeral() as instance:
        yield instance


def tick(instance, postgres):
    with build_sensor_context(
        instance=instance, definitions=defs, resources={"postgres": postgres}
    ) as context:
        return fire_due.evaluate_tick(context)


def fields_below(config_type, path=""):
    """Each field of a config type with its path, as Dagster's launchpad gets them."""
    for name, field in (getattr(config_type, "fields", None) or {}).items():
        yield f"{path}{name}", field
        yield from fields_below(field.config_type, f"{path}{name}.")


def config_of(job, op):
    return dict(
        fields_below(job.run_config_schema.config_type.fields["ops"].config_type.fields[op].config_type)
    )


def test_dagster_loads_everything():
    Definitions.validate_loadable(defs)
    assert {job.name for job in defs.resolve_all_job_defs()} >= {
        *("graph_job", "impact_job", "policy_job", "maintenance_job", "verification_job")
    }
    assert {schedule.name for schedule in defs.schedules} == {"maintain_hourly", "verify_hourly"}
    assert {sensor.name for sensor in defs.sensors} == {
        *("fire_due", "reconcile", "rescue", "maintain", "notify")
    }


@pytest.mark.parametrize("kind", JobKind)
def test_every_field_of_the_launchpad_is_described_and_none_is_required(kind):
    fields = config_of(defs.resolve_job_def(f"{kind}_job"), f"open_{kind}_runs")
    assert {"config.tenant", "config.priority", "config.launch_id", "config.selection"} <= fields.keys()
    assert {path for path, field in fields.items() if field.is_required} == set()
    own = {path: field for path, field in fields.items() if path.startswith("config.")}
    assert {path for path, field in own.items() if not field.description} == set()
    assert {path for path, field in own.items() if not field.default_provided} == set()
    assert "sensor fire_due" in own["config.launch_id"].description


def test_the_mode_is_chosen_by_name():
    field = config_of(defs.resolve_job_def("policy_job"), "open_policy_runs")["config.mode"]
    assert field.default_value == "FULL"
    names = [value.config_value for value in field.config_type.inner_type.enum_values]
    assert names == ["FULL", "INCREMENTAL", "SIMULATE"]
    assert all(name in field.description for name in names)


def test_a_tick_returns_a_run_request_for_each_launch(database, postgres, instance, tenant):
    with database.begin(tenant) as store:
        now = store.now()
        for kind in JobKind:
            create_schedule(store, tenant, NewSchedule(f"{kind} now", kind, [OnceRule(now)]), "tests", now)
    requests = {request.job_name: request for request in tick(instance, postgres).run_requests}
    assert requests.keys() == {job.name for job in RUN_JOBS.values()}
    with database.begin(tenant) as store:
        runs = {run.kind: run for run in store.runs.list(tenant).items}
    for kind, run in runs.items():
        request = requests[f"{kind}_job"]
        assert request.run_key == str(run.launch_id)
        assert request.run_config == {
            "ops": {f"open_{kind}_runs": {"config": {"launch_id": str(run.launch_id)}}}
        }
        assert request.tags == {
            "scheduler/tenant": tenant,
            "scheduler/schedule": f"{kind} now",
            "scheduler/trigger": "once",
            "scheduler/run": str(run.id),
            "scheduler/runs": "1",
            "scheduler/launch": str(run.launch_id),
            SENSOR_NAME_TAG: "fire_due",
        }
    with database.begin_system() as store:
        assert {store.launches.get(run.launch_id).owner for run in runs.values()} == {owner_of(instance)}


def test_many_runs_share_a_launch_whose_tags_count_them(database, postgres, instance, tenant):
    with database.begin_system() as store:
        for number in range(ONE_RUN_EACH_UP_TO + 1):
            request_run(store, ("acme", "globex")[number % 2], JobKind.GRAPH, "tests")
    (request,) = tick(instance, postgres).run_requests
    assert request.tags["scheduler/tenant"] == "2 tenants"
    assert request.tags["scheduler/run"] == f"{ONE_RUN_EACH_UP_TO + 1} runs"
    assert request.tags["scheduler/runs"] == str(ONE_RUN_EACH_UP_TO + 1)
    assert request.tags.keys() & {"scheduler/schedule"} == set()


def test_a_tick_that_finds_nothing_due_says_so(database, postgres, instance, tenant, monkeypatch):
    monkeypatch.setattr("scheduler_defs.sensors.fire_due.PATIENCE", timedelta(0))
    result = tick(instance, postgres)
    assert (result.run_requests, result.skip_message) == ([], "nothing is due")


def test_a_wait_ends_with_what_comes_up_meanwhile(database, admin, tenant):
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        idle = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        assert admin.execute(f"{idle} AND datname = current_database()").fetchone() == (0,)
        with database.begin(tenant) as store:
            request_run(store, tenant, JobKind.GRAPH, "tests")

    offers = claim_or_wait(database, "here", patience=timedelta(minutes=1), poll=POLL, sleep=sleep)
    assert waits == [POLL.total_seconds()]
    assert [(offer.kind, offer.run_count) for offer in offers] == [(JobKind.GRAPH, 1)]


def test_a_wait_ends_when_the_next_trigger_is_due(database, admin, tenant):
    with database.begin(tenant) as store:
        now = store.now()
        rule = OnceRule(now + timedelta(milliseconds=200))
        create_schedule(store, tenant, NewSchedule("soon", JobKind.GRAPH, [rule]), "tests", now)
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        admin.execute("SELECT pg_sleep(%s)", [seconds])

    minute = timedelta(minutes=1)
    (offer,) = claim_or_wait(database, "here", patience=minute, poll=minute, sleep=sleep)
    assert offer.schedules == ["soon"]
    assert len(waits) == 1
    assert 0 < waits[0] <= 0.2


def test_a_wait_does_not_outlast_its_patience(database, tenant):
    waits = []
    patience = timedelta(milliseconds=20)
    offers = claim_or_wait(database, "here", patience=patience, poll=POLL, sleep=waits.append)
    assert offers == []
    assert waits[0] == patience.total_seconds()
    assert all(0 < wait <= patience.total_seconds() for wait in waits)

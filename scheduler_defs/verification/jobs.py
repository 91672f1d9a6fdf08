"""A real Dagster job of each kind, from a due trigger to its findings, in a transaction that is rolled back.

The jobs are those that Dagster loads, on an instance of their own and on a PostgresResource whose database is a scratch
one. So nobody sees the advisory that they match, and the advisories of the database find nothing: the packages of the
built-in SBOM exist nowhere. What comes out is known beforehand, to the digest.
"""

from collections.abc import Mapping

from dagster import DagsterInstance, mem_io_manager

from resources.database import Database
from resources.postgres import PostgresResource
from resources.records import Run
from resources.scratch import ACTOR
from resources.states import JobKind, LaunchState, PolicyMode, RunState, WorkState
from resources.worker import WorkerResource
from scheduler_defs.edits.schedules import NewSchedule, create_schedule
from scheduler_defs.jobs.run_jobs import RUN_JOBS
from scheduler_defs.sensors.claim import OFFER_LEASE, serve
from scheduler_defs.sensors.fire_due import run_request
from scheduler_defs.timing.rules import OnceRule
from scheduler_defs.verification.check import Bench, Failed, Named, expect, expect_equal
from scheduler_defs.verification.world import ADVISORY, World

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
COMPONENT = "pkg:pypi/scheduler-verify-b@2.0"
DIGESTS: Mapping[str, str] = {
    "graph": "e6a02ad981c086e46a18c40c568efc95bf534fe5cc430daa7ae52318fbcf3385",
    "snapshot": "883684256473c50bd1466ae7e80a456907b30c1ab1ba5c2e8f9d07755b6bafff",
    "input": "c7afd5bbba1f55063bface0c30b478bf6cfc9767606b66b53ee9414732730e4c",
    "findings": "4a601eeb280c368eecd6b94bcc2952b5522a780284988fc189fc089e82b9cc4e",
}
"""What the built-in inputs give on every machine (guarantee G5)."""


def check_graph(bench: Bench) -> str:
    """graph_job builds the graph of the image's SBOM."""
    with bench.world() as world:
        run = _fire(world, JobKind.GRAPH)
        with world.begin() as store:
            items = store.graph_jobs.list_of_run(run)
        expect_equal("its work items", [item.status for item in items], [WorkState.COMPLETED])
        expect_equal("the digest of the graph", items[0].result_digest, DIGESTS["graph"])
        expect_equal("nodes and edges", (run.stats["nodes"], run.stats["edges"]), (4, 4))
    return _said(run)


def check_impact(bench: Bench) -> str:
    """impact_job finds the image that the advisory affects."""
    with bench.world() as world:
        run = _fire(world, JobKind.IMPACT)
        with world.begin() as store:
            snapshot = store.impact_snapshots.get_of_run(world.tenant, run.id)
            if snapshot is None:
                raise Failed("the run left no snapshot")
            images = store.impact_snapshots.page_images(snapshot).items
        expect_equal("why the image is affected", [one.reasons for one in images], [[[COMPONENT, ADVISORY]]])
        expect_equal("the digest of the snapshot", snapshot.digest, DIGESTS["snapshot"])
    return _said(run)


def check_policy(bench: Bench) -> str:
    """policy_job evaluates the default policy and keeps its findings."""
    with bench.world() as world:
        run = _fire(world, JobKind.POLICY, PolicyMode.FULL)
        with world.begin() as store:
            items = store.policy_jobs.list_of_run(run)
            found = store.findings.list_open(world.tenant)
        expect_equal("its work items", [item.status for item in items], [WorkState.COMPLETED])
        expect_equal("the digest of its input", items[0].input_digest, DIGESTS["input"])
        expect_equal("the digest of its findings", items[0].result_digest, DIGESTS["findings"])
        expect_equal("findings", [(one.advisory_id, one.verdict) for one in found], [(ADVISORY, "block")])
    return _said(run)


def _fire(world: World, kind: JobKind, mode: PolicyMode | None = None) -> Run:
    """Fires a schedule of one image, lets Dagster carry it out, and looks at what every run leaves."""
    world.image()
    world.advisory()
    wanted = NewSchedule("verify", kind, [OnceRule(world.now)], mode)
    with world.begin() as store:
        schedule = create_schedule(store, world.tenant, wanted, ACTOR, world.now)
    with world.begin_system() as store:
        serve(store, [world.tenant], world.tenant, store.now())
        offers = store.launches.offer(world.tenant, store.now(), OFFER_LEASE, 10)
    expect_equal("launches of the fire", [(one.kind, one.run_count) for one in offers], [(kind, 1)])
    request = run_request(offers[0])
    postgres = _resource_of(world.database)
    with DagsterInstance.ephemeral() as instance:
        result = RUN_JOBS[kind].execute_in_process(
            instance=instance,
            run_config={**request.run_config, **QUIET},
            tags=request.tags,
            resources={
                "postgres": postgres,
                "worker": WorkerResource(postgres=postgres),
                "io_manager": mem_io_manager,
            },
            raise_on_error=False,
        )
    run = world.read(offers[0].runs[0])
    expect(result.success, f"{kind}_job failed in Dagster: {run.error or 'see SCHEDULER_DEBUG'}")
    expect_equal("the run", (run.state, run.attempt, run.error), (RunState.COMPLETED, 1, None))
    expect_equal("its Dagster run", run.dagster_run_id, result.run_id)
    expect_equal("its schedule", (run.schedule_id, run.scheduled_for), (schedule.id, world.now))
    with world.begin_system() as store:
        expect_equal("its launch", store.launches.get(offers[0].id).state, LaunchState.FINISHED)
    with world.begin() as store:
        rows = store.run_summaries.list(world.tenant, "day", schedule.id).items
        expect_equal("completed in its summary", [one.completed for one in rows], [1])
        expect(len(store.execution_logs.tail(world.tenant, run.id).items) > 1, "the run said nothing")
    return run


def _resource_of(database: Database) -> PostgresResource:
    class OneDatabase(PostgresResource):
        """A PostgresResource on this one database."""

        @property
        def database(self) -> Database:
            return database

    return OneDatabase()


def _said(run: Run) -> str:
    took = (run.finished_at - run.started_at).total_seconds() if run.finished_at and run.started_at else 0.0
    return f"from a due trigger to the ledger; the run took {took:.2f} s"


CHECKS: tuple[Named, ...] = (
    ("jobs: graph", check_graph),
    ("jobs: impact", check_impact),
    ("jobs: policy", check_policy),
)

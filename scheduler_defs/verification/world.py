"""Two tenants of a scratch database, and rows of theirs in any state, made as the product makes them."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from importlib.resources import as_file, files
from typing import Any
from uuid import UUID

from resources.ids import new_id
from resources.inventory_records import AdvisoryRow, RangeRow, VexRow
from resources.records import Image, Launchable, NewRun, Run, Schedule, Trigger, WorkItem
from resources.scratch import ACTOR, ScratchDatabase, new_name
from resources.selection import Selection
from resources.states import JobKind, PolicyMode, RunState, TriggerKind
from resources.store import Store
from scheduler_defs.edits.tenants import create_tenant
from scheduler_defs.engines.osv import Advisory, iter_advisories
from scheduler_defs.inputs.advisories import rows_of
from scheduler_defs.inputs.sboms import Placement, ingest_sbom
from scheduler_defs.ops.attempt import Engine, carry_out
from scheduler_defs.ops.graph import build_graphs
from scheduler_defs.ops.impact import find_impact
from scheduler_defs.ops.launches import close_run, finish_launch, open_launch
from scheduler_defs.ops.policy import evaluate_policies

INPUTS = files(__package__) / "inputs"
ADVISORY = "SCHEDULER-VERIFY-1"
ENGINES: Mapping[JobKind, Engine] = {
    JobKind.GRAPH: build_graphs,
    JobKind.IMPACT: find_impact,
    JobKind.POLICY: evaluate_policies,
}


def vex_row(**fields: Any) -> VexRow:
    """A statement about every version of a component."""
    wanted: dict[str, Any] = {
        "vulnerability": ADVISORY,
        "aliases": ["CVE-2000-1"],
        "purl": "pkg:pypi/scheduler-verify-a",
    }
    wanted |= {"image": None, "status": "not_affected", "justification": "vulnerable_code_not_present"}
    wanted |= {"note": "", "stated_at": datetime(2000, 1, 1, tzinfo=UTC), "digest": "0" * 64} | fields
    return VexRow(**wanted)


class World:
    """The tenants ``tenant`` and ``other``; whatever is made goes with the scratch database."""

    def __init__(self, database: ScratchDatabase) -> None:
        self.database = database
        self.tenant, self.other = new_name(), new_name()
        with self.begin_system() as store:
            self.now = store.now()
            for tenant_id in (self.tenant, self.other):
                create_tenant(store, tenant_id, ACTOR)

    def begin(self, tenant_id: str | None = None) -> AbstractContextManager[Store]:
        """One transaction as a tenant, the first one by default."""
        return self.database.begin(tenant_id or self.tenant)

    def begin_system(self) -> AbstractContextManager[Store]:
        """One transaction as the system."""
        return self.database.begin_system()

    def schedule(self, name: str = "nightly", **fields: Any) -> Schedule:
        """A schedule of graph runs without triggers."""
        wanted: dict[str, Any] = {"kind": JobKind.GRAPH, "created_at": self.now, "created_by": ACTOR}
        wanted |= {"updated_at": self.now, "updated_by": ACTOR} | fields
        schedule = Schedule(tenant_id=self.tenant, id=new_id(), name=name, **wanted)
        with self.begin() as store:
            store.schedules.create(schedule)
        return schedule

    def trigger(self, schedule: Schedule, **fields: Any) -> Trigger:
        """A trigger that is due once, now."""
        wanted: dict[str, Any] = {"kind": TriggerKind.ONCE, "at": self.now, "next_fire_at": self.now}
        wanted |= {"created_at": self.now, "updated_at": self.now} | fields
        trigger = Trigger(schedule.tenant_id, new_id(), schedule.id, **wanted)
        with self.begin() as store:
            store.triggers.create(trigger)
            return store.triggers.get(trigger.tenant_id, trigger.id)

    def new_run(self, kind: JobKind = JobKind.GRAPH, **fields: Any) -> NewRun:
        """A run by hand that is not written yet."""
        wanted: dict[str, Any] = {"trigger_kind": TriggerKind.MANUAL, "scheduled_for": self.now}
        wanted |= {"requested_by": ACTOR} | fields
        mode = PolicyMode.FULL if kind is JobKind.POLICY else None
        return NewRun(tenant_id=self.tenant, id=new_id(), kind=kind, mode=mode, **wanted)

    def run(self, state: RunState = RunState.PENDING, kind: JobKind = JobKind.GRAPH, **fields: Any) -> Run:
        """A run, brought into a state by the transitions that lead there."""
        wanted = self.new_run(kind, **fields)
        with self.begin_system() as store:
            store.runs.create_many([wanted], self.now)
        if state is RunState.CANCELLED:
            with self.begin() as store:
                store.runs.cancel(store.runs.get(self.tenant, wanted.id), "verify", self.now)
        elif state not in {RunState.PENDING, RunState.SKIPPED}:
            self._open(wanted, state)
        return self.read(wanted.id)

    def skipped(self) -> Run:
        """A skipped run."""
        skipped: dict[str, Any] = {"skipped_first": self.now, "skipped_last": self.now, "skipped_count": 1}
        return self.run(RunState.SKIPPED, reason="overlap", **skipped)

    def read(self, run_id: UUID) -> Run:
        """A run as it is now."""
        with self.begin() as store:
            return store.runs.get(self.tenant, run_id)

    def launch(self, kind: JobKind = JobKind.GRAPH) -> UUID:
        """An offered launch of the tenant's own."""
        launch_id = new_id()
        with self.begin_system() as store:
            store.launches.create_many({launch_id: kind}, self.tenant, self.now)
        return launch_id

    def worker(self, since: datetime | None = None) -> UUID:
        """A worker that registered now, or at another time, and was not heard since."""
        worker_id = new_id()
        with self.begin_system() as store:
            store.workers.register(
                worker_id,
                host=self.tenant,
                pid=1,
                kinds=[*JobKind],
                capacity=1,
                version="0",
                dagster_run_id=None,
                now=since or self.now,
            )
        return worker_id

    def enqueue(self, run: Run | NewRun, launch_id: UUID) -> list[UUID]:
        """Puts a run into a launch; returns the ids that were moved."""
        with self.begin_system() as store:
            return store.runs.enqueue_many({launch_id: [Launchable(run.tenant_id, run.id, run.kind)]})

    def open(self, launch_id: UUID) -> list[UUID]:
        """Takes a launch and starts its runs; returns their ids."""
        worker_id, dagster_run_id = self.worker(), f"dagster-{launch_id}"
        with self.begin_system() as store:
            store.launches.acknowledge(launch_id, dagster_run_id, self.now)
            return store.runs.open_of_launch(launch_id, dagster_run_id, worker_id, self.now)

    def image(self) -> Image:
        """The image whose SBOM is part of this package, ingested."""
        with as_file(INPUTS / "image.cdx.json") as path:
            ingest_sbom(self.database, self.tenant, path, Placement(namespace="verify"), ACTOR)
        with self.begin() as store:
            images = store.images.select(self.tenant, Selection())
        if not images:
            raise RuntimeError("no selection finds the image that was ingested")
        return images[0]

    def advisory(self) -> int:
        """The advisory that is part of this package, as a feed revision of its own; returns that.

        Not by an import: that would keep others from importing, and tell the triggers of every tenant.
        """
        with self.begin_system() as store:
            revision = store.advisories.begin_revision("verify", ACTOR, self.now)
            store.advisories.write(revision, self.advisories())
        return revision

    def advisories(self) -> list[tuple[AdvisoryRow, list[RangeRow]]]:
        """The advisory that is part of this package, as the inventory keeps it."""
        with as_file(INPUTS / "advisory.osv.json") as path:
            return [rows_of(one) for one in iter_advisories(path) if isinstance(one, Advisory)]

    def items(self, run: Run) -> list[WorkItem]:
        """The work items of a graph or policy run, one an image, made where there are none."""
        with self.begin() as store:
            images = store.images.select(self.tenant, Selection())
            if run.kind is JobKind.GRAPH:
                store.graph_jobs.create_many(run, images, self.now)
                return store.graph_jobs.list_of_run(run)
            store.policy_jobs.create_many(run, run.mode or PolicyMode.FULL, images, self.now)
            return store.policy_jobs.list_of_run(run)

    def carry_out(self, kind: JobKind) -> Run:
        """A run from its request to its end by the engine of its kind, without Dagster."""
        run, launch_id = self.run(RunState.PENDING, kind), self.launch(kind)
        self.enqueue(run, launch_id)
        opened = open_launch(self.database, launch_id, kind, f"dagster-{launch_id}", self.worker())
        outcome = carry_out(self.database, opened.runs[0], opened.worker_id, ENGINES[kind], lambda *_: None)
        close_run(self.database, outcome)
        finish_launch(self.database, opened)
        return self.read(run.id)

    def _open(self, run: NewRun, state: RunState) -> None:
        launch_id = self.launch(run.kind)
        self.enqueue(run, launch_id)
        if state is RunState.QUEUED:
            return
        self.open(launch_id)
        if state is not RunState.RUNNING:
            error = "verify" if state is RunState.FAILED else None
            with self.begin() as store:
                store.runs.finish(store.runs.get(self.tenant, run.id), state, store.now(), error=error)

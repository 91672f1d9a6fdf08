"""A tenant's images and advisories, and runs carried out on them with or without Dagster."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, ExecuteInProcessResult

from resources.database import Database
from resources.ids import new_id
from resources.postgres import shared_database
from resources.records import Image, Launchable, Offer, Run
from resources.selection import Selection
from resources.states import JobKind, PolicyMode, TriggerKind
from scheduler_defs.definitions import defs
from scheduler_defs.edits.runs import request_run
from scheduler_defs.edits.schedules import trigger_schedule
from scheduler_defs.inputs.advisories import ingest_advisories
from scheduler_defs.inputs.sboms import Placement, ingest_sbom
from scheduler_defs.ops.attempt import Outcome, Say, carry_out
from scheduler_defs.ops.graph import build_graphs
from scheduler_defs.ops.impact import find_impact
from scheduler_defs.ops.launches import Opened, close_run, finish_launch, open_launch
from scheduler_defs.ops.policy import evaluate_policies
from scheduler_defs.sensors.claim import claim
from scheduler_defs.sensors.fire_due import run_request

EXAMPLES = Path(__file__).parents[2] / "examples"
ENGINES = {JobKind.GRAPH: build_graphs, JobKind.IMPACT: find_impact, JobKind.POLICY: evaluate_policies}
Packages = Mapping[str, str | None]


def quiet(level: str, message: str) -> None:
    """Says nothing."""


@dataclass(frozen=True)
class World:
    """The database of one test; paths of inputs are below ``directory``."""

    database: Database
    directory: Path

    def image(
        self,
        repository: str = "shop/web",
        packages: Packages | None = None,
        *,
        tenant: str = "acme",
        namespace: str = "web",
        depends: Mapping[str, Sequence[str]] | None = None,
        digest: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Image:
        """Ingests an SBOM of PyPI packages ({name: version}) as what an image holds now."""
        path = self.directory / f"{new_id()}.cdx.json"
        path.write_text(
            json.dumps(sbom(repository, {"flask": "1.0"} if packages is None else packages, depends))
        )
        reference = f"registry.example/{repository}:1" + (f"@{digest}" if digest else "")
        placement = Placement(namespace, reference, labels or {})
        return ingest_sbom(self.database, tenant, path, placement, "ann").image

    def example(self, tenant: str = "acme") -> Image:
        """Ingests the example SBOM and the example advisories."""
        self.advisories(*map(json.loads, (EXAMPLES / "advisories.osv.jsonl").read_text().splitlines()))
        return ingest_sbom(self.database, tenant, EXAMPLES / "shop.cdx.json", Placement(), "ann").image

    def advisories(self, *records: Mapping[str, Any]) -> int:
        """Ingests OSV records; returns the feed revision."""
        path = self.directory / f"{new_id()}.jsonl"
        path.write_text("\n".join(map(json.dumps, records)))
        revision = ingest_advisories(self.database, path, "ann", strict=True).revision
        assert revision is not None
        return revision

    @staticmethod
    def advisory(identity: str, package: str, *events: tuple[str, str], **fields: Any) -> dict[str, Any]:
        """An OSV record about a PyPI package; without events it affects every version."""
        ranges = [
            {"type": "ECOSYSTEM", "events": [{kind: at} for kind, at in events or [("introduced", "0")]]}
        ]
        affected = [{"package": {"ecosystem": "PyPI", "name": package}, "ranges": ranges}]
        return {"id": identity, "modified": "2026-01-01T00:00:00Z", "affected": affected} | fields

    def opened(
        self,
        kind: JobKind,
        tenant: str = "acme",
        *,
        selection: Selection | None = None,
        mode: PolicyMode | None = None,
        schedule: str | None = None,
    ) -> Opened:
        """One run whose attempt has begun, of a schedule if one is named."""
        with self.database.begin_system() as store:
            if schedule:
                run_id = trigger_schedule(store, tenant, schedule, "ann")
            else:
                run_id = request_run(store, tenant, kind, "ann", selection=selection, mode=mode)
            launch_id, now = new_id(), store.now()
            store.launches.create_many({launch_id: kind}, "tests", now)
            store.runs.enqueue_many({launch_id: [Launchable(tenant, run_id, kind)]})
        return open_launch(self.database, launch_id, kind, f"dagster-{launch_id}", self.worker())

    def worker(self) -> Any:
        """Registers a worker."""
        worker_id = new_id()
        fields: dict[str, Any] = {"host": "h", "pid": 1, "kinds": ["graph"], "capacity": 1, "version": "0"}
        with self.database.begin_system() as store:
            store.workers.register(worker_id, dagster_run_id=None, now=store.now(), **fields)
        return worker_id

    def carry(self, opened: Opened, say: Say = quiet) -> Outcome:
        """Carries out the one run of a launch as far as its outcome."""
        (run,) = opened.runs
        return carry_out(self.database, run, opened.worker_id, ENGINES[run.kind], say)

    def run(self, kind: JobKind, tenant: str = "acme", **wanted: Any) -> Run:
        """Carries out one run from its request to its end; returns its row."""
        opened = self.opened(kind, tenant, **wanted)
        outcome = self.carry(opened)
        assert close_run(self.database, outcome)
        finish_launch(self.database, opened)
        return self.row(outcome.run)

    def row(self, run: Run) -> Run:
        """A run as it is stored now."""
        with self.database.begin(run.tenant_id) as store:
            return store.runs.get(run.tenant_id, run.id)

    def manual(self, tenant: str = "acme") -> list[Run]:
        """The manual runs of a tenant."""
        with self.database.begin(tenant) as store:
            return store.runs.list(tenant, trigger_kind=TriggerKind.MANUAL, limit=1000).items

    def claim(self, owner: str = "tests") -> list[Offer]:
        """One tick, now."""
        with self.database.begin_system() as store:
            return claim(store, owner, store.now())


def sbom(name: str, packages: Packages, depends: Mapping[str, Sequence[str]] | None = None) -> dict[str, Any]:
    """A CycloneDX document; what ``depends`` leaves out hangs on the image."""
    edges = {"root": list(packages)} if depends is None else dict(depends)
    components = [
        {"type": "library", "bom-ref": package, "name": package}
        | (
            {"version": version, "purl": f"pkg:pypi/{package}@{version}"}
            if version
            else {"purl": f"pkg:pypi/{package}"}
        )
        for package, version in packages.items()
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": name, "version": "1", "bom-ref": "root"}},
        "components": components,
        "dependencies": [{"ref": ref, "dependsOn": list(targets)} for ref, targets in edges.items()],
    }


@pytest.fixture
def world(database: Database, tenant: str, tmp_path: Path) -> World:
    """The tenants acme and globex, with nothing in them."""
    return World(database, tmp_path)


@pytest.fixture
def job(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., ExecuteInProcessResult]]:
    """job("graph", tenant="acme") is a manual launch of the real job; job(offer) launches as fire_due would."""
    for name in environment.keys() & {"SCHEDULER_PERSISTENCE", "SCHEDULER_DSN", "SCHEDULER_POOL_MAX_SIZE"}:
        monkeypatch.setenv(name, environment[name])
    shared_database.cache_clear()
    with DagsterInstance.ephemeral() as instance:

        def execute(what: str | Offer, **config: Any) -> ExecuteInProcessResult:
            if isinstance(what, Offer):
                request = run_request(what)
                name, run_config, tags = request.job_name, request.run_config, request.tags
            else:
                name, run_config, tags = f"{what}_job", {"ops": {f"open_{what}_runs": {"config": config}}}, {}
            return defs.get_job_def(name).execute_in_process(
                instance=instance, run_config=run_config, tags=tags, raise_on_error=False
            )

        execute.instance = instance  # type: ignore[attr-defined]
        yield execute
    shared_database().close()
    shared_database.cache_clear()

"""Rows to begin a test with, planted through the repositories as the system."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from resources.database import Database
from resources.ids import new_id
from resources.inventory_records import AdvisoryRow, ComponentRow, RangeRow
from resources.records import Image, Launchable, NewRun, Run, Schedule, Trigger, WorkItem
from resources.selection import Selection
from resources.settings import SchedulerSettings
from resources.states import JobKind, PolicyMode, TriggerKind
from resources.store import Store
from tests import pgbouncer
from tests.resources.recording import Method, record

HERE = Path(__file__).parent
LAST = HERE / "test_every_method_is_called.py"
COLLECTED = pytest.StashKey[set[Path]]()
DESELECTED = pytest.StashKey[bool]()
NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
ROUTES = ["pgbouncer"] if pgbouncer.PROGRAM else ["direct"]
if os.environ.get("TEST_ROUTES") == "all":
    ROUTES = ["direct", "pgbouncer"]
NO_REPOSITORY = {
    *("test_catalog", "test_constraints", "test_dagster_database", "test_database", "test_distributed_lock"),
    *("test_embedded", "test_external_server", "test_lock_handle", "test_lock_resource"),
    *("test_lock_waiting", "test_log_partitions", "test_migrations", "test_pages"),
    *("test_pooler", "test_schema", "test_settings"),
}
"""Suites of the server, the schema and the settings; every other file of this folder is a repository's."""


@dataclass(frozen=True)
class Planter:
    """Each method commits what it plants and returns it as it was stored."""

    database: Database
    now: datetime = NOW

    def schedule(self, name: str = "nightly", tenant: str = "acme", **changes: Any) -> Schedule:
        wanted = {"kind": JobKind.GRAPH, "created_at": self.now, "created_by": "ann"} | changes
        wanted |= {"updated_at": wanted["created_at"], "updated_by": wanted["created_by"]}
        schedule = Schedule(tenant_id=tenant, id=new_id(), name=name, **wanted)
        with self.database.begin_system() as store:
            store.schedules.create(schedule)
        return schedule

    def trigger(self, schedule: Schedule, **changes: Any) -> Trigger:
        wanted = {"kind": TriggerKind.INTERVAL, "every": timedelta(hours=1), "anchor": self.now} | changes
        trigger = Trigger(
            tenant_id=schedule.tenant_id,
            id=new_id(),
            schedule_id=schedule.id,
            created_at=self.now,
            updated_at=self.now,
            **wanted,
        )
        with self.database.begin_system() as store:
            store.triggers.create(trigger)
        return trigger

    def new_run(self, tenant: str = "acme", **changes: Any) -> NewRun:
        wanted = {"kind": JobKind.GRAPH, "trigger_kind": TriggerKind.MANUAL, "scheduled_for": self.now}
        wanted |= {"requested_by": "ann"} | changes
        return NewRun(tenant_id=tenant, id=new_id(), **wanted)

    def run(self, tenant: str = "acme", **changes: Any) -> Run:
        """A pending run; or a skipped one, with skipped_count and what belongs to it."""
        wanted = self.new_run(tenant, **changes)
        with self.database.begin_system() as store:
            store.runs.create_many([wanted], self.now)
            return store.runs.get(tenant, wanted.id)

    def fired(self, trigger: Trigger, at: datetime, **changes: Any) -> Run:
        return self.run(
            trigger.tenant_id,
            **{"trigger_kind": trigger.kind, "schedule_id": trigger.schedule_id, "schedule_version": 1}
            | {"trigger_id": trigger.id, "scheduled_for": at}
            | changes,
        )

    def launch(self, *runs: Run, owner: str = "here") -> UUID:
        """Queues runs in one launch."""
        launch_id = new_id()
        with self.database.begin_system() as store:
            store.launches.create_many({launch_id: JobKind.GRAPH}, owner, self.now)
            packed = [Launchable(run.tenant_id, run.id, run.kind) for run in runs]
            assert len(store.runs.enqueue_many({launch_id: packed})) == len(runs)
        return launch_id

    def worker(self) -> UUID:
        worker_id = new_id()
        with self.database.begin_system() as store:
            store.workers.register(
                worker_id,
                host="localhost",
                pid=1234,
                kinds=list(JobKind),
                capacity=1,
                version="0",
                dagster_run_id=None,
                now=self.now,
            )
        return worker_id

    def open(self, launch_id: UUID, at: datetime | None = None) -> list[Run]:
        """Starts the runs of a launch."""
        worker = self.worker()
        with self.database.begin_system() as store:
            store.launches.acknowledge(launch_id, f"dagster-{launch_id}", self.now)
            store.runs.open_of_launch(launch_id, f"dagster-{launch_id}", worker, at or self.now)
            return store.runs.list_of_launch(launch_id)

    def running(self, at: datetime | None = None, **changes: Any) -> Run:
        (run,) = self.open(self.launch(self.run(**changes)), at)
        return run

    def image(self, repository: str = "shop", components: Sequence[str] = (), **changes: Any) -> Image:
        """An image whose SBOM holds npm packages, each given as name@version."""
        wanted = {"tenant_id": "acme", "registry": "registry.test", "digest": None, "tag": "1.0"}
        wanted |= {"namespace": "web", "labels": {}, "now": self.now} | changes
        with self.database.begin_system() as store:
            image = store.images.upsert(repository=repository, **wanted)
            sbom = store.images.add_sbom(
                image,
                digest=sha256(f"{image.id} {components}"),
                spec_version="1.6",
                serial_number=None,
                component_count=max(1, len(components)),
                dependency_count=0,
                content=b"compressed",
                actor="ann",
                now=self.now,
            )
            store.images.set_sbom(image, sbom, self.now)
            store.images.clear_components(image)
            store.images.add_components(image, [npm(component) for component in components])
            chosen = store.images.select(image.tenant_id, Selection())
            return next(one for one in chosen if one.id == image.id)

    def advisory(self, advisory_id: str, *packages: str, **changes: Any) -> int:
        """An advisory that affects every version of npm packages; returns its feed revision."""
        ranges = [RangeRow("npm", name, None, "SEMVER", [("introduced", "0")], []) for name in packages]
        with self.database.begin_system() as store:
            store.advisories.lock_feed()
            revision = store.advisories.begin_revision("test feed", "ann", self.now)
            store.advisories.write(revision, [(advisory_row(advisory_id, **changes), ranges)])
        return revision


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def npm(component: str) -> ComponentRow:
    name, version = component.split("@")
    return ComponentRow(f"pkg:npm/{component}", "npm", name, name, version, None, None)


def advisory_row(advisory_id: str, **changes: Any) -> AdvisoryRow:
    wanted = {
        "modified": NOW,
        "published": None,
        "withdrawn": None,
        "summary": "",
        "aliases": [],
        "upstream": [],
    }
    wanted |= {"severity": "high", "score": 7.5, "vector": None, "digest": sha256(advisory_id)} | changes
    return AdvisoryRow(id=advisory_id, **wanted)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs every test of a repository behind PgBouncer; with TEST_ROUTES=all straight to PostgreSQL too.

    All other suites reach PostgreSQL directly.
    """
    if "route" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] not in NO_REPOSITORY:
        metafunc.parametrize("route", ROUTES, indirect=True)


@pytest.fixture
def route(request: pytest.FixtureRequest) -> str:
    """How the test's database is reached."""
    return getattr(request, "param", "direct")


@pytest.fixture
def settings(settings: SchedulerSettings, route: str, request: pytest.FixtureRequest) -> SchedulerSettings:
    """Settings of a fresh migrated database, directly or behind PgBouncer."""
    if route == "direct":
        return settings
    return request.getfixturevalue("pooler").settings(settings)


@pytest.fixture
def plant(database: Database, tenant: str) -> Planter:
    """Plants rows; the tenants acme and globex exist."""
    return Planter(database)


@pytest.fixture(params=[JobKind.GRAPH, JobKind.POLICY])
def item_kind(request: pytest.FixtureRequest) -> JobKind:
    """Each of the two kinds of runs that have work items."""
    kind: JobKind = request.param
    return kind


@pytest.fixture
def jobs(item_kind: JobKind) -> Callable[[Store], Any]:
    """The repository of that kind's items: jobs(store)."""
    return lambda store: getattr(store, f"{item_kind}_jobs")


@pytest.fixture
def make_items(plant: Planter, item_kind: JobKind) -> Callable[..., tuple[Run, list[WorkItem]]]:
    """A running run with a pending item for each image."""

    def make(images: Sequence[Image], tenant: str = "acme") -> tuple[Run, list[WorkItem]]:
        mode = PolicyMode.FULL if item_kind is JobKind.POLICY else None
        run = plant.running(kind=item_kind, mode=mode, tenant=tenant)
        with plant.database.begin(tenant) as store:
            if mode:
                store.policy_jobs.create_many(run, mode, images, plant.now)
                return run, store.policy_jobs.list_of_run(run)
            store.graph_jobs.create_many(run, images, plant.now)
            return run, store.graph_jobs.list_of_run(run)

    return make


@pytest.fixture
def three_items(make_items: Callable[..., Any], plant: Planter) -> tuple[Run, list[WorkItem]]:
    """A running run with three pending items."""
    items: tuple[Run, list[WorkItem]] = make_items([plant.image(name) for name in "abc"])
    return items


@pytest.fixture(scope="session")
def planter() -> type[Planter]:
    """Plants into a database of the test's own: planter(database)."""
    return Planter


def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Puts the test that reads what the others called behind them."""
    items.sort(key=lambda item: item.path == LAST)
    session.stash[COLLECTED] = {item.path for item in items}


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        item.session.stash[DESELECTED] = True


@pytest.fixture(scope="session", autouse=True)
def called() -> Iterator[set[Method]]:
    """The public repository methods that tests have called so far."""
    methods: set[Method] = set()
    with record(methods):
        yield methods


@pytest.fixture
def whole_suite(request: pytest.FixtureRequest) -> None:
    """Skips where only a part of this folder's tests was asked for."""
    collected = request.session.stash[COLLECTED]
    missing = set(HERE.glob("test_*.py")) - collected
    if missing or request.session.stash.get(DESELECTED, False):
        pytest.skip("only a part of the suite runs")

"""The first tenant: real input, a policy, three schedules that fire at once and then every minute, and a chain.

The chain is a schedule that fires when advisories change, and one that evaluates the images it found.
"""

import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from resources.database import Database
from resources.errors import AlreadyExists, NotFound, SchedulerError
from resources.records import Image, Schedule
from resources.selection import Selection
from resources.states import JobKind, PolicyMode
from resources.store import Store
from scheduler_defs.cli.stack import ROOT
from scheduler_defs.edits.schedules import NewSchedule, create_schedule, trigger_schedule
from scheduler_defs.edits.tenants import create_tenant
from scheduler_defs.engines.subjects import parse_image_reference
from scheduler_defs.inputs.advisories import ingest_advisories
from scheduler_defs.inputs.policies import apply_policy
from scheduler_defs.inputs.sboms import IngestedSbom, Placement, ingest_sbom
from scheduler_defs.timing.rules import RUN_COMPLETED, CronRule, EventRule, IntervalRule, OnceRule

TENANT = "demo"
ACTOR = "scheduler up"
EXAMPLES = ROOT / "examples"
POLICY = "default"
SHOP_IMAGE = (
    "registry.example/shop/storefront:2023.4"
    "@sha256:471183b06460d7e8cf33e8d1a183ea29e4581ba7a6058015ca87430751957fd1"
)
"""The one that examples/shop.cdx.json is of."""
LIVE_IMAGE = "localhost/scheduler:live"
SCHEDULES = ("graph every minute", "impact every minute", "policy every minute")
CHAIN = ("impact on news", "policy on impact")


@dataclass(frozen=True)
class Silent:
    """A schedule that does not fire, since it is paused or deleted, and the verb of the command that changes it."""

    name: str
    state: str
    verb: str

    def __str__(self) -> str:
        command = f'scheduler schedule {self.verb} "{self.name}" --tenant {TENANT}'
        return f"schedule {self.name!r} is {self.state}; to have it fire: {command}"


def load_first_tenant(database: Database) -> list[IngestedSbom]:
    """Creates the tenant and feeds it the examples and this environment's own SBOM; returns what was ingested.

    Repeats bring the environment's SBOM up to date and leave what somebody changed or removed as it is.
    """
    with database.begin_system() as store:
        with suppress(AlreadyExists):
            create_tenant(store, TENANT, ACTOR, "First tenant")
    ingest_advisories(database, EXAMPLES / "advisories.osv.jsonl", ACTOR)
    ensure_policy(database)
    ingested = []
    if _known(database, SHOP_IMAGE) is None:
        shop = Placement(namespace="shop", image=SHOP_IMAGE, labels={"tier": "production"})
        ingested.append(ingest_sbom(database, TENANT, EXAMPLES / "shop.cdx.json", shop, ACTOR))
    own = _known(database, LIVE_IMAGE)
    if own is None or own.sbom_id is not None:
        first = Placement(namespace="platform", image=LIVE_IMAGE, labels={"tier": "internal"})
        placement = Placement(image=LIVE_IMAGE) if own else first
        with tempfile.TemporaryDirectory() as folder:
            ingested.append(ingest_sbom(database, TENANT, _live_sbom(Path(folder)), placement, ACTOR))
    return ingested


def ensure_policy(database: Database) -> None:
    """Makes the example the tenant's policy where it still has the one it was created with."""
    with database.begin(TENANT) as store:
        document = (EXAMPLES / "policy.yaml").read_text(encoding="utf-8")
        if any((one.name, one.revision) == (POLICY, 1) for one in store.policies.list(TENANT)):
            apply_policy(store, TENANT, "examples/policy.yaml", document, ACTOR)


def ensure_schedules(database: Database) -> None:
    """Creates those of the tenant's schedules that there never were; the three fire at once."""
    with database.begin(TENANT) as store:
        now = store.now()
        for wanted in [*_wanted(now), *_chain()]:
            if _living(store, wanted.name) is None and not _was_deleted(store, wanted.name):
                create_schedule(store, TENANT, wanted, ACTOR, now)


def silent_schedules(database: Database) -> list[Silent]:
    """Those of the tenant's three schedules that somebody paused or deleted."""
    found = []
    with database.begin(TENANT) as store:
        for name in SCHEDULES:
            living = _living(store, name)
            if living is None and _was_deleted(store, name):
                found.append(Silent(name, "deleted", "restore"))
            elif living is not None and not living.enabled:
                found.append(Silent(name, "paused", "resume"))
    return found


def trigger_waiting(database: Database) -> None:
    """Asks for a run of each of the three schedules that fires, but has nothing due yet."""
    with database.begin(TENANT) as store:
        now = store.now()
        for name in SCHEDULES:
            living = _living(store, name)
            if living is None or not living.enabled:
                continue
            triggers = store.triggers.list_of_schedule(TENANT, living.id)
            if not any(one.next_due_at and one.next_due_at <= now for one in triggers):
                trigger_schedule(store, TENANT, name, ACTOR)


def _wanted(now: datetime) -> list[NewSchedule]:
    every_minute = CronRule("* * * * *", "UTC")
    graph, impact, policy = SCHEDULES
    return [
        NewSchedule(graph, JobKind.GRAPH, [OnceRule(now), every_minute]),
        NewSchedule(impact, JobKind.IMPACT, [IntervalRule(timedelta(minutes=1), now)]),
        NewSchedule(policy, JobKind.POLICY, [OnceRule(now), every_minute], PolicyMode.FULL),
    ]


def _chain() -> list[NewSchedule]:
    impact, policy = CHAIN
    on_news, on_impact = EventRule("advisory_feed"), EventRule(f"{RUN_COMPLETED}{impact}")
    changed, impacted = Selection(since_last=True), Selection(impacted=True)
    incremental = PolicyMode.INCREMENTAL
    return [
        NewSchedule(impact, JobKind.IMPACT, [on_news], selection=changed),
        NewSchedule(policy, JobKind.POLICY, [on_impact], incremental, impacted),
    ]


def _known(database: Database, reference: str) -> Image | None:
    """The image, also one that was removed, which has no SBOM."""
    image = parse_image_reference(reference)
    with database.begin(TENANT) as store:
        return store.images.find(TENANT, image.registry or "", image.repository, image.digest, image.tag)


def _living(store: Store, name: str) -> Schedule | None:
    try:
        return store.schedules.get_by_name(TENANT, name)
    except NotFound:
        return None


def _was_deleted(store: Store, name: str) -> bool:
    try:
        store.schedules.lock_deleted(TENANT, name)
    except NotFound:
        return False
    return True


def _live_sbom(folder: Path) -> Path:
    """The SBOM of the environment this command runs in, by the standard generator."""
    target = folder / "live.cdx.json"
    command = [
        sys.executable,
        "-m",
        "cyclonedx_py",
        "environment",
        "--output-format",
        "JSON",
        "--output-file",
    ]
    made = subprocess.run(
        [*command, str(target), sys.prefix],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if made.returncode:
        raise SchedulerError(f"the SBOM of this environment could not be made: {made.stderr.strip()[-500:]}")
    return target

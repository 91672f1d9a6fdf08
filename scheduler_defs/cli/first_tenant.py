"""The first tenant: real input, a policy, and three schedules that fire at once and then every minute."""

import subprocess
import sys
import tempfile
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from resources.database import Database
from resources.errors import AlreadyExists, NotFound, SchedulerError
from resources.states import JobKind, PolicyMode
from resources.store import Store
from scheduler_defs.cli.stack import ROOT
from scheduler_defs.edits.schedules import NewSchedule, create_schedule
from scheduler_defs.edits.tenants import create_tenant
from scheduler_defs.edits.triggers import add_trigger
from scheduler_defs.inputs.advisories import ingest_advisories
from scheduler_defs.inputs.policies import apply_policy
from scheduler_defs.inputs.sboms import IngestedSbom, Placement, ingest_sbom
from scheduler_defs.timing.rules import CronRule, IntervalRule, OnceRule, Rule

TENANT = "demo"
ACTOR = "scheduler up"
EXAMPLES = ROOT / "examples"
LIVE_IMAGE = "localhost/scheduler:live"


def load_first_tenant(database: Database) -> list[IngestedSbom]:
    """Creates the tenant and feeds it the examples and this environment's own SBOM; repeats change nothing."""
    with database.begin_system() as store:
        with suppress(AlreadyExists):
            create_tenant(store, TENANT, ACTOR, "First tenant")
    ingest_advisories(database, EXAMPLES / "advisories.osv.jsonl", ACTOR)
    with database.begin(TENANT) as store:
        document = (EXAMPLES / "policy.yaml").read_text(encoding="utf-8")
        apply_policy(store, TENANT, "examples/policy.yaml", document, ACTOR)
    shop = Placement(namespace="shop", labels={"tier": "production"})
    own = Placement(namespace="platform", image=LIVE_IMAGE, labels={"tier": "internal"})
    with tempfile.TemporaryDirectory() as folder:
        live = _live_sbom(Path(folder))
        return [
            ingest_sbom(database, TENANT, EXAMPLES / "shop.cdx.json", shop, ACTOR),
            ingest_sbom(database, TENANT, live, own, ACTOR),
        ]


def fire_schedules(database: Database) -> None:
    """Has the tenant's three schedules fire at once: created if missing, else with one more once trigger."""
    with database.begin(TENANT) as store:
        now = store.now()
        for name, kind, mode, rules in _wanted(now):
            _fire(store, NewSchedule(name, kind, rules, mode), now)


def _wanted(now: datetime) -> list[tuple[str, JobKind, PolicyMode | None, list[Rule]]]:
    every_minute = CronRule("* * * * *", "UTC")
    return [
        ("graph every minute", JobKind.GRAPH, None, [OnceRule(now), every_minute]),
        ("impact every minute", JobKind.IMPACT, None, [IntervalRule(timedelta(minutes=1), now)]),
        ("policy every minute", JobKind.POLICY, PolicyMode.FULL, [OnceRule(now), every_minute]),
    ]


def _fire(store: Store, wanted: NewSchedule, now: datetime) -> None:
    try:
        store.schedules.get_by_name(TENANT, wanted.name)
    except NotFound:
        create_schedule(store, TENANT, wanted, ACTOR, now)
    else:
        add_trigger(store, TENANT, wanted.name, OnceRule(now), ACTOR)


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

"""Replays: after every change an incremental run says what a full one says, and what a naive evaluator says.

Images get other SBOMs, advisories come, change and are withdrawn, VEX is stated, EPSS and KEV are replaced, policies
are edited. REPLAYS tells how many sequences are tried.
"""

import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from packaging.version import InvalidVersion, Version

from resources.selection import Selection
from resources.states import JobKind, PolicyMode
from scheduler_defs.inputs.exploits import ingest_epss, ingest_kev
from scheduler_defs.inputs.policies import apply_policy
from scheduler_defs.inputs.vex import ingest_vex

FULL, INCREMENTAL = PolicyMode.FULL, PolicyMode.INCREMENTAL
PACKAGES = ("flask", "click", "jinja2")
VERSIONS = ("1.0", "1.5", "2.0", "2.0rc1", "no version")
SEVERITIES = {
    "high": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N",
    "low": "CVSS:3.1/AV:L/AC:H/PR:L/UI:R/S:U/C:L/I:N/A:N",
}
STATUSES = ("not_affected", "affected", "fixed", "under_investigation")
DAY_ONE = datetime(2026, 1, 1, tzinfo=UTC)
SHARED = "CVE-2026-2000"
"""An alias that some of the advisories have beside their own."""
STEPS = 8


@dataclass
class Model:
    """All there is, in plain Python."""

    images: dict[str, dict[str, str]] = field(default_factory=dict)
    advisories: dict[str, dict] = field(default_factory=dict)
    vex: list[dict] = field(default_factory=list)
    severe: str = "block"
    asked: tuple[str, ...] = ()
    scores: dict[str, float] = field(default_factory=dict)
    ransomware: dict[str, bool] = field(default_factory=dict)
    """Of the CVEs that are listed as exploited."""

    def verdicts(self):
        """{(image, package, advisory): verdict} by looking at everything."""
        found = {}
        for image, packages in self.images.items():
            for package, version in packages.items():
                for name, advisory in self.advisories.items():
                    match = matches(advisory, package, version)
                    if match:
                        found[image, package, name] = self.verdict(image, package, version, name, match)
        return found

    def verdict(self, image, package, version, name, match):
        advisory = self.advisories[name]
        if advisory["withdrawn"]:
            return "ignore"
        fitting = [
            one
            for one in self.vex
            if one["about"] == advisory["alias"]
            and one["package"] == package
            and one["version"] in (None, version)
            and one["image"] in (None, image)
        ]
        if fitting:
            last = max(fitting, key=lambda one: (one["at"], one["image"] is not None))
            if last["status"] in ("not_affected", "fixed"):
                return "ignore"
        if match == "unknown":
            return "warn"
        if "kev" in self.asked and any(cve in self.ransomware for cve in advisory["cves"]):
            return "block" if any(self.ransomware.get(cve) for cve in advisory["cves"]) else "warn"
        if "epss" in self.asked and max(self.scores.get(cve, 0) for cve in advisory["cves"]) > 0.5:
            return "block"
        return self.severe if advisory["severity"] == "high" else "ignore"


def matches(advisory, package, version):
    if advisory["package"] != package:
        return None
    try:
        at = Version(version)
    except InvalidVersion:
        return "unknown"
    inside = Version(advisory["introduced"]) <= at
    return "affected" if inside and not (advisory["fixed"] and at >= Version(advisory["fixed"])) else None


class Replay:
    """Makes the same changes to the model and to the product."""

    def __init__(self, world, seed):
        self.world, self.random, self.model, self.day = world, random.Random(seed), Model(), 0
        self.policy()
        for name in "abc":
            self.sbom(f"shop/{name}")
        for number in range(3):
            self.advisory(f"A-{number}")

    def step(self):
        for _ in range(self.random.randint(1, 3)):
            match self.random.choices(
                ("sbom", "advisory", "vex", "epss", "kev", "policy"), (4, 5, 9, 3, 3, 2)
            )[0]:
                case "sbom":
                    self.sbom(f"shop/{self.random.choice('abcd')}")
                case "advisory":
                    self.advisory(f"A-{self.random.randrange(6)}")
                case "vex":
                    self.state()
                case "epss":
                    self.epss()
                case "kev":
                    self.kev()
                case "policy":
                    self.policy()

    def sbom(self, image):
        chosen = self.random.sample(PACKAGES, self.random.randint(1, 3))
        self.model.images[image] = {package: self.random.choice(VERSIONS) for package in chosen}
        self.world.image(image, self.model.images[image])

    def advisory(self, name):
        self.day += 1
        low, high = sorted(self.random.sample(["1.0", "1.2", "1.5", "2.0", "3.0"], 2), key=Version)
        told = {
            "package": self.random.choice(PACKAGES),
            "introduced": low,
            "fixed": self.random.choice([None, high]),
            "withdrawn": self.random.random() < 0.2,
            "severity": self.random.choice([*SEVERITIES]),
            "alias": f"CVE-2026-100{name[-1]}",
        }
        told["cves"] = [told["alias"], *self.random.choice([[], [SHARED]])]
        self.model.advisories[name] = told
        more = {"withdrawn": at(self.day)} if told["withdrawn"] else {}
        more |= {"severity": [{"type": "CVSS_V3", "score": SEVERITIES[told["severity"]]}]}
        events = [("introduced", low)] + ([("fixed", high)] if told["fixed"] else [])
        record = self.world.advisory(
            name, told["package"], *events, aliases=told["cves"], **more | {"modified": at(self.day)}
        )
        self.world.advisories(record)

    def state(self):
        self.day += 1
        advisory = self.random.choice([*self.model.advisories.values()])
        said = {
            "about": advisory["alias"],
            "package": advisory["package"] if self.random.random() < 0.9 else self.random.choice(PACKAGES),
            "version": self.random.choice([None, "1.0", "2.0"]),
            "image": self.random.choice([None, *self.model.images]),
            "status": self.random.choice(STATUSES),
            "at": self.day,
        }
        self.model.vex.append(said)
        purl = f"pkg:pypi/{said['package']}" + (f"@{said['version']}" if said["version"] else "")
        product = {"@id": purl}
        if said["image"]:
            name = said["image"].rpartition("/")[2]
            where = f"pkg:oci/{name}?repository_url=registry.example/{said['image']}&tag=1"
            product = {"@id": where, "subcomponents": [{"@id": purl}]}
        statement = {"vulnerability": said["about"], "products": [product], "status": said["status"]}
        statement |= {
            "timestamp": at(said["at"]),
            "impact_statement": "It is not.",
            "action_statement": "Do.",
        }
        document = {"@context": "https://openvex.dev/ns/v0.2.0", "statements": [statement]}
        path = self.world.directory / "x.json"
        path.write_text(json.dumps(document))
        assert ingest_vex(self.world.database, "acme", path, "ann", strict=True).new == 1

    def some_cves(self):
        """Some of the CVEs there are, at least one."""
        known = sorted({cve for advisory in self.model.advisories.values() for cve in advisory["cves"]})
        return self.random.sample(known, self.random.randint(1, len(known)))

    def epss(self):
        self.day += 1
        self.model.scores = {cve: self.random.choice([0.1, 0.5, 0.6, 0.9]) for cve in self.some_cves()}
        rows = [f"{cve},{score},0.5" for cve, score in self.model.scores.items()]
        path = self.world.directory / "epss.csv"
        path.write_text(
            "\n".join([f"#model_version:v1,score_date:{at(self.day)}", "cve,epss,percentile", *rows])
        )
        assert ingest_epss(self.world.database, path, "ann").changed

    def kev(self):
        self.day += 1
        self.model.ransomware = {cve: self.random.random() < 0.5 for cve in self.some_cves()}
        listed = [
            {"cveID": cve, "dateAdded": "2026-01-01"}
            | {"knownRansomwareCampaignUse": "Known" if used else "Unknown"}
            for cve, used in self.model.ransomware.items()
        ]
        document = {"catalogVersion": "1", "dateReleased": at(self.day), "vulnerabilities": listed}
        path = self.world.directory / "kev.json"
        path.write_text(json.dumps(document))
        assert ingest_kev(self.world.database, path, "ann").changed

    def policy(self):
        self.model.severe = self.random.choice(["block", "warn"])
        self.model.asked = self.random.choice([(), ("epss",), ("kev",), ("kev", "epss")])
        rules = {
            "kev": """
              - {name: ransomware, when: kev.ransomware, verdict: block}
              - {name: exploited, when: kev.listed, verdict: warn}""",
            "epss": """
              - {name: likely, when: epss.score > 0.5, verdict: block}""",
        }
        text = f"""
            name: default
            rules:
              - {{name: withdrawn, when: advisory.withdrawn, verdict: ignore}}
              - {{name: vex, when: 'vex.status in ["not_affected", "fixed"]', verdict: ignore}}
              - {{name: unknown, when: 'match == "unknown"', verdict: warn}}{"".join(map(rules.get, self.model.asked))}
              - {{name: severe, when: 'advisory.severity == "high"', verdict: {self.model.severe}}}
            default: ignore
        """
        with self.world.database.begin("acme") as store:
            apply_policy(store, "acme", "test", text, "ann")

    def evaluate(self, mode):
        """The findings, and each image's digests, after a run."""
        run = self.world.run(JobKind.POLICY, mode=mode, selection=Selection())
        with self.world.database.begin("acme") as store:
            names = {image.id: image.repository for image in store.images.select("acme", Selection())}
            items = store.policy_jobs.list_of_run(run)
            found = store.findings.list_open("acme", limit=10_000)
        digests = {names[item.image_id]: (item.input_digest, item.result_digest) for item in items}
        package = {one: one.purl.removeprefix("pkg:pypi/").partition("@")[0] for one in found}
        findings = {(one.repository, package[one], one.advisory_id): one.verdict for one in found}
        return findings, digests, run


def at(day):
    return (DAY_ONE + timedelta(days=day)).isoformat()


@pytest.mark.parametrize("seed", range(int(os.environ.get("REPLAYS", "3"))))
def test_after_every_change_incremental_is_full_is_naive(world, seed):
    replay, unchanged = Replay(world, seed), 0
    for step in range(STEPS):
        replay.step()
        findings, digests, run = replay.evaluate(INCREMENTAL)
        assert findings == replay.model.verdicts(), (seed, step)
        unchanged += run.stats["unchanged"]
        again, same, full = replay.evaluate(FULL)
        assert (again, same) == (findings, digests), (seed, step)
        assert {full.deltas[name] for name in ("new", "fixed", "changed")} == {0}
    assert unchanged > 0


PROGRAM = """
import json, sys
from pathlib import Path
from random import Random
from resources.database import Database
from resources.selection import Selection
from resources.settings import SchedulerSettings
from resources.states import JobKind, PolicyMode
from tests.ops.conftest import World
from tests.ops.test_replay import ordered

world = World(Database(SchedulerSettings.load()), Path(sys.argv[1]))
print(json.dumps(ordered(world, int(sys.argv[2]), sys.argv[3]), sort_keys=True))
"""


def ordered(world, seed, tenant):
    """What the engines say of one set of inputs that a tenant ingests in an order of its own."""
    rng = random.Random(seed)
    images = [
        (f"shop/{name}", {"flask": "1.0", "click": version})
        for name, version in zip("abcd", VERSIONS, strict=False)
    ]
    rng.shuffle(images)
    for image, packages in images:
        shuffled = rng.sample(sorted(packages.items()), len(packages))
        world.image(image, dict(shuffled), tenant=tenant)
    runs = [
        world.run(JobKind.IMPACT, tenant, selection=Selection()),
        world.run(JobKind.GRAPH, tenant, selection=Selection()),
        world.run(JobKind.POLICY, tenant, mode=PolicyMode.FULL, selection=Selection()),
    ]
    with world.database.begin(tenant) as store:
        names = {image.id: image.repository for image in store.images.select(tenant, Selection())}
        snapshot = store.impact_snapshots.get_of_run(tenant, runs[0].id)
        graphs = {names[one.image_id]: one.result_digest for one in store.graph_jobs.list_of_run(runs[1])}
        policies = {
            names[one.image_id]: [one.input_digest, one.result_digest]
            for one in store.policy_jobs.list_of_run(runs[2])
        }
    return {"impact": snapshot.digest, "graphs": graphs, "policies": policies}


def test_another_hash_seed_and_another_order_of_ingestion_give_the_same_digests(world, environment):
    world.advisories(
        world.advisory("A-flask", "flask"), world.advisory("A-click", "click", ("introduced", "1.2"))
    )
    root = str(Path(__file__).parents[2])
    said = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM, str(world.directory), seed, tenant],
            env=environment | {"PYTHONHASHSEED": seed, "PYTHONPATH": root},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, tenant in (("1", "acme"), ("2", "globex"))
    ]
    assert said[0] == said[1]
    assert len(json.loads(said[0])["policies"]) == 4

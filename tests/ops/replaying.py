"""Takes steps in the model and in the product, and holds what these say beside each other."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from resources.inventory_records import FindingView
from resources.records import Run
from resources.selection import Selection
from resources.states import JobKind, PolicyMode
from scheduler_defs.edits.images import remove_image
from scheduler_defs.inputs.advisories import ingest_advisories
from scheduler_defs.inputs.exploits import ingest_epss, ingest_kev
from scheduler_defs.inputs.policies import apply_policy
from scheduler_defs.inputs.sboms import Placement, ingest_sbom
from scheduler_defs.inputs.vex import ingest_vex
from tests.ops.conftest import World
from tests.ops.naive import Key, Model, Stated, Told
from tests.ops.steps import ADVISORIES, CVES, SEVERITIES, SOURCE, SOURCE_VERSIONS, Step

ECOSYSTEMS = {"pypi": "PyPI", "deb": "Debian:12", "rpm": "Red Hat:enterprise_linux:9::baseos"}
VENDORS = {"deb": "debian/", "rpm": "redhat/"}
SYSTEMS = {"deb": "?distro=debian-12", "rpm": "?distro=redhat-9"}
DAY_ONE = datetime(2026, 1, 1, tzinfo=UTC)


class Replay:
    """Takes steps in the model and in the product, as tenant acme."""

    def __init__(self, world: World) -> None:
        self.world, self.model = world, Model()
        self._policy(0, "block", [])

    def take(self, day: int, step: Step, turned: bool = False) -> None:
        """A step of some day, which what is dated has; ``turned``: with what an SBOM holds in the other order."""
        what, *of = step
        if what == "sbom" and turned:
            of[1] = dict(reversed(of[1].items()))
        getattr(self, f"_{what}")(day, *of)

    def _sbom(self, day: int, image: str, contents: Mapping[str, str]) -> None:
        self.model.images[image] = dict(contents)
        self.model.sources |= {
            (image, package): (SOURCE, SOURCE_VERSIONS.get(version, version))
            for package, version in contents.items()
            if package.startswith("rpm/")
        }
        path = self.world.directory / "image.cdx.json"
        path.write_text(json.dumps(sbom(image, contents)))
        ingest_sbom(self.world.database, "acme", path, Placement("web", f"registry.example/{image}:1"), "ann")

    def _advisory(
        self, day: int, name: str, package: str, bounds: Sequence[str | None], severity: str, shared: bool
    ) -> None:
        events = [(kind, at) for kind, at in zip(("introduced", "fixed"), bounds, strict=True) if at]
        cves = list(dict.fromkeys([CVES[ADVISORIES.index(name)], *([CVES[-1]] if shared else [])]))
        about = {"aliases": cves}
        if not package.startswith("pypi/"):
            about = {"upstream": [*cves, f"DEBIAN-{cves[0]}"]}
        self.model.advisories[name] = [Told(package, [events], severity, **about)]
        self._tell(day, name)

    def _withdraw(self, day: int, name: str) -> None:
        if name in self.model.advisories:
            self.model.advisories[name][0].withdrawn = True
            self._tell(day, name)

    def _tell(self, day: int, name: str) -> None:
        (told,) = self.model.advisories[name]
        kind, _, package = told.package.partition("/")
        ranges = [{"type": "ECOSYSTEM", "events": [{what: at} for what, at in one]} for one in told.ranges]
        record = {
            "id": name,
            "modified": at_day(day),
            "aliases": list(told.aliases),
            "upstream": list(told.upstream),
            "severity": [{"type": "CVSS_V3", "score": SEVERITIES[told.severity]}],
            "affected": [{"package": {"ecosystem": ECOSYSTEMS[kind], "name": package}, "ranges": ranges}],
        }
        path = self.world.directory / "a.jsonl"
        path.write_text(json.dumps(record | ({"withdrawn": at_day(day)} if told.withdrawn else {})))
        ingest_advisories(self.world.database, path, "ann", strict=True)

    def _vex(
        self, day: int, about: str, package: str, version: str | None, image: str | None, status: str
    ) -> None:
        self.model.vex.append(Stated(about, package, version, image, status, day))
        product: dict[str, Any] = {"@id": purl_of(package, version)}
        if image:
            where = f"pkg:oci/{image.rpartition('/')[2]}?repository_url=registry.example/{image}&tag=1"
            product = {"@id": where, "subcomponents": [product]}
        statement = {
            "vulnerability": about,
            "products": [product],
            "status": status,
            "timestamp": at_day(day),
        }
        statement |= {"impact_statement": "It is not.", "action_statement": "Do."}
        path = self.world.directory / "x.vex.json"
        path.write_text(json.dumps({"@context": "https://openvex.dev/ns/v0.2.0", "statements": [statement]}))
        assert ingest_vex(self.world.database, "acme", path, "ann", strict=True).new == 1

    def _remove(self, day: int, image: str) -> None:
        if self.model.images.pop(image, None):
            with self.world.database.begin("acme") as store:
                remove_image(store, store.images.find_named("acme", image, 1)[0], "ann")

    def _renew(self, day: int, image: str) -> None:
        if contents := self.model.images.get(image):
            self._remove(day, image)
            self._sbom(day, image, contents)

    def _epss(self, day: int, scores: Mapping[str, float]) -> None:
        self.model.scores = dict(scores)
        rows = [f"{cve},{score},0.5" for cve, score in scores.items()]
        path = self.world.directory / "epss.csv"
        path.write_text(
            "\n".join([f"#model_version:v1,score_date:{at_day(day)}", "cve,epss,percentile", *rows])
        )
        assert ingest_epss(self.world.database, path, "ann").changed

    def _kev(self, day: int, ransomware: Mapping[str, bool]) -> None:
        self.model.ransomware = dict(ransomware)
        listed = [
            {"cveID": cve, "dateAdded": "2026-01-01"}
            | {"knownRansomwareCampaignUse": "Known" if used else "Unknown"}
            for cve, used in ransomware.items()
        ]
        document = {"catalogVersion": "1", "dateReleased": at_day(day), "vulnerabilities": listed}
        path = self.world.directory / "kev.json"
        path.write_text(json.dumps(document))
        assert ingest_kev(self.world.database, path, "ann").changed

    def _policy(self, day: int, severe: str, asked: Sequence[str]) -> None:
        self.model.severe, self.model.asked = severe, asked
        with self.world.database.begin("acme") as store:
            apply_policy(store, "acme", "test", policy(severe, asked), "ann")


def policy(severe: str, asked: Iterable[str]) -> str:
    rules = {
        "kev": """
          - {name: ransomware, when: kev.ransomware, verdict: block}
          - {name: exploited, when: kev.listed, verdict: warn}""",
        "epss": """
          - {name: likely, when: epss.score > 0.5, verdict: block}""",
    }
    return f"""
        name: default
        rules:
          - {{name: vex, when: 'vex.status in ["not_affected", "fixed"]', verdict: ignore}}
          - {{name: unknown, when: 'match == "unknown"', verdict: warn}}{"".join(rules[one] for one in asked)}
          - {{name: severe, when: 'advisory.severity in ["critical", "high"]', verdict: {severe}}}
        default: ignore
    """


def sbom(image: str, contents: Mapping[str, str]) -> dict[str, Any]:
    components = [
        {"type": "library", "bom-ref": one, "name": one, "version": version}
        | {"purl": purl_of(one, version) + SYSTEMS.get(one.partition("/")[0], "")}
        | ({"properties": source_of(version)} if one.startswith("rpm/") else {})
        for one, version in contents.items()
    ]
    root = {"type": "container", "name": image, "version": "1", "bom-ref": "root"}
    depends = [{"ref": "root", "dependsOn": [*contents]}]
    document = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": {"component": root}}
    return document | {"components": components, "dependencies": depends}


def source_of(version: str) -> list[dict[str, str]]:
    """What Trivy notes of a package of rpm."""
    notes = {"SrcName": SOURCE.partition("/")[2]}
    if version in SOURCE_VERSIONS:
        notes["SrcVersion"] = SOURCE_VERSIONS[version]
    return [{"name": f"aquasecurity:trivy:{name}", "value": value} for name, value in notes.items()]


def purl_of(package: str, version: str | None) -> str:
    kind, _, name = package.partition("/")
    where = f"pkg:{kind}/{VENDORS.get(kind, '')}{name}"
    return where + (f"@{quote(version)}" if version else "")


def package_of(purl: str) -> str:
    """pypi/flask of pkg:pypi/flask@1.0?…"""
    kind, *_, name = purl.removeprefix("pkg:").partition("?")[0].split("/")
    return f"{kind}/{name.partition('@')[0]}"


def at_day(day: int) -> str:
    return (DAY_ONE + timedelta(days=day)).isoformat()


def findings(world: World) -> dict[Key, str]:
    """The open findings: their verdicts."""
    with world.database.begin("acme") as store:
        found: list[FindingView] = store.findings.list_open("acme", limit=100_000)
    verdicts = {(one.repository, package_of(one.purl), one.advisory_id): one.verdict for one in found}
    assert len(verdicts) == len(found)
    return verdicts


def digests(world: World, run: Run) -> dict[str, tuple[str | None, str | None]]:
    """The input and result digests of a run's items by image."""
    with world.database.begin("acme") as store:
        names = {image.id: image.repository for image in store.images.select("acme", Selection())}
        jobs = store.graph_jobs if run.kind is JobKind.GRAPH else store.policy_jobs
        items = jobs.list_of_run(run)
    return {names[item.image_id]: (item.input_digest, item.result_digest) for item in items}


def impact(world: World, run: Run) -> tuple[str, dict[str, dict[str, set[tuple[str, str]]]]]:
    """A run's snapshot: its digest, and what is and may be affected."""
    with world.database.begin("acme") as store:
        names = {image.id: image.repository for image in store.images.select("acme", Selection())}
        snapshot = store.impact_snapshots.get_of_run("acme", run.id)
        assert snapshot is not None
        rows = store.impact_snapshots.page_images(snapshot, limit=1000).items
    found = {
        names[row.image_id]: {
            kind: {(package_of(purl), name) for purl, name in why}
            for kind, why in (("affected", row.reasons), ("unknown", row.unknown))
        }
        for row in rows
    }
    return snapshot.digest, found


def check(world: World, model: Model) -> Run:
    """Incremental is full is naive, findings and digests, and so is impact; returns the incremental run."""
    incremental = world.run(JobKind.POLICY, mode=PolicyMode.INCREMENTAL, selection=Selection())
    found, input_and_result = findings(world), digests(world, incremental)
    assert found == model.verdicts()
    assert input_and_result.keys() == model.images.keys()
    full = world.run(JobKind.POLICY, mode=PolicyMode.FULL, selection=Selection())
    assert (findings(world), digests(world, full)) == (found, input_and_result)
    assert {full.deltas[name] for name in ("new", "fixed", "changed")} == {0}
    assert full.stats["evaluated"] == len(model.images)
    assert impact(world, world.run(JobKind.IMPACT, selection=Selection()))[1] == model.impact()
    return incremental

"""The example input is valid, names nothing of the machine it was made on, and matches as its README says."""

import json
import re
import runpy
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import cel
import pytest
import yaml
from cvss import CVSS3
from packageurl import PackageURL
from packaging.utils import canonicalize_name
from packaging.version import Version

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SBOM_TEXT = (EXAMPLES / "shop.cdx.json").read_text(encoding="utf-8")
SBOM: dict[str, Any] = json.loads(SBOM_TEXT)
ADVISORIES: list[dict[str, Any]] = [
    json.loads(line) for line in (EXAMPLES / "advisories.osv.jsonl").read_text(encoding="utf-8").splitlines()
]
POLICY: dict[str, Any] = yaml.safe_load((EXAMPLES / "policy.yaml").read_text(encoding="utf-8"))
README = (EXAMPLES / "README.md").read_text(encoding="utf-8")
README_ROWS = dict(re.findall(r"^\| \[(PYSEC-[\d-]+)\](.*)$", README, re.MULTILINE))
VERSIONS: dict[str, str] = {
    str(canonicalize_name(PackageURL.from_string(c["purl"]).name)): c["version"] for c in SBOM["components"]
}

by_id = pytest.mark.parametrize("advisory", ADVISORIES, ids=[a["id"] for a in ADVISORIES])


def package_of(advisory: dict[str, Any]) -> str:
    (affected,) = advisory["affected"]
    return str(affected["package"]["name"])


def in_range(version: Version, events: list[dict[str, str]]) -> bool:
    """Evaluate OSV events with `packaging`: the last event at or before the version decides."""
    bounds = sorted((Version(bound), kind) for event in events for kind, bound in event.items())
    reached = [kind for bound, kind in bounds if bound <= version]
    return bool(reached) and reached[-1] == "introduced"


def affects_pin(advisory: dict[str, Any]) -> bool:
    version = Version(VERSIONS[package_of(advisory)])
    return any(in_range(version, r["events"]) for r in advisory["affected"][0]["ranges"])


def severity_of(advisory: dict[str, Any]) -> str:
    vectors = [entry["score"] for entry in advisory.get("severity", [])]
    return CVSS3(vectors[0]).severities()[0].lower() if vectors else "unknown"


def facts_of(advisory: dict[str, Any], match: str = "affected", vex: str = "") -> dict[str, Any]:
    name = package_of(advisory)
    component = {
        "purl": f"pkg:pypi/{name}@{VERSIONS[name]}",
        "type": "pypi",
        "namespace": "",
        "name": name,
        "version": VERSIONS[name],
    }
    rating = {"severity": severity_of(advisory), "withdrawn": "withdrawn" in advisory}
    stated = {"status": vex, "justification": "", "note": ""}
    return {"component": component, "advisory": {**advisory, **rating}, "match": match, "vex": stated}


def deciding_rule(facts: dict[str, Any]) -> str:
    if facts["advisory"]["withdrawn"]:
        return "withdrawn"
    return next((r["name"] for r in POLICY["rules"] if cel.evaluate(r["when"], facts)), "default")


def test_the_sbom_is_valid_cyclonedx_1_6() -> None:
    assert SBOM["specVersion"] == "1.6"
    # Here, as their import takes every process that collects the tests two seconds.
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(SBOM_TEXT) is None


def test_the_sbom_describes_a_container_image() -> None:
    image = SBOM["metadata"]["component"]
    purl = PackageURL.from_string(image["purl"])
    assert image["type"] == "container"
    assert image["name"] == "registry.example/shop/storefront"
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", purl.version or "")


def test_the_subject_is_what_the_generator_derives_from_the_pins() -> None:
    generator = runpy.run_path(str(EXAMPLES / "generate_sbom.py"), run_name="generate_sbom")
    assert SBOM["metadata"]["component"] == generator["image"]()


def test_the_sbom_holds_exactly_the_pins() -> None:
    lines = (EXAMPLES / "shop.requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("#")[0].strip().split("==") for line in lines if not line.startswith("#"))
    assert {canonicalize_name(n): Version(v) for n, v in pins.items()} == {
        name: Version(version) for name, version in VERSIONS.items()
    }


def test_every_component_is_reached_from_the_image() -> None:
    edges = {node["ref"]: node.get("dependsOn", []) for node in SBOM["dependencies"]}
    seen: set[str] = set()
    waiting = [SBOM["metadata"]["component"]["bom-ref"]]
    while waiting:
        ref = waiting.pop()
        if ref not in seen:
            seen.add(ref)
            waiting.extend(edges[ref])
    assert seen == {c["bom-ref"] for c in (*SBOM["components"], SBOM["metadata"]["component"])}
    assert "urllib3==1.23" in edges["requests==2.19.1"]
    assert "urllib3==1.23" not in edges[SBOM["metadata"]["component"]["bom-ref"]]


def test_the_sbom_names_no_path_and_no_host() -> None:
    assert "externalReferences" not in SBOM_TEXT
    urls = re.findall(r"\w+://[^\"\s]*", SBOM_TEXT)
    assert {urlparse(url).hostname for url in urls} == {"cyclonedx.org"}
    assert not re.findall(r'"(?:/|[A-Za-z]:\\|file:)[^"]*"|/(?:home|tmp|usr|opt|Users)/', SBOM_TEXT)
    assert "timestamp" not in SBOM["metadata"]


def test_advisory_ids_are_unique_and_sorted() -> None:
    ids = [a["id"] for a in ADVISORIES]
    assert ids == sorted(set(ids))
    assert len(ids) >= 30


@by_id
def test_an_advisory_has_what_a_reader_needs(advisory: dict[str, Any]) -> None:
    package = advisory["affected"][0]["package"]
    assert advisory["aliases"]
    assert advisory["summary"]
    assert advisory["published"] <= advisory["modified"]
    assert package == {"ecosystem": "PyPI", "name": package["name"], "purl": f"pkg:pypi/{package['name']}"}
    assert [r["type"] for r in advisory["affected"][0]["ranges"]] == ["ECOSYSTEM"]
    assert {"details", "references"}.isdisjoint(advisory)


@by_id
def test_an_advisory_is_about_a_package_of_the_shop(advisory: dict[str, Any]) -> None:
    assert package_of(advisory) in VERSIONS


@by_id
def test_a_rating_is_a_valid_vector(advisory: dict[str, Any]) -> None:
    for entry in advisory.get("severity", []):
        assert entry["type"] == "CVSS_V3"
        assert CVSS3(entry["score"]).clean_vector() == entry["score"]


@by_id
def test_the_readme_says_what_the_oracle_says(advisory: dict[str, Any]) -> None:
    row = README_ROWS[advisory["id"]]
    cells = [cell.strip() for cell in row.split("|")]
    expected = "withdrawn" if "withdrawn" in advisory else "yes" if affects_pin(advisory) else "no"
    assert f"/vulns/{package_of(advisory)}/{advisory['id']}.yaml" in cells[0]
    assert cells[1].split(", ") == advisory["aliases"]
    assert cells[2] == f"{package_of(advisory)} {VERSIONS[package_of(advisory)]}"
    assert cells[4] == expected
    assert (cells[5] == "none") == ("severity" not in advisory)


def test_the_readme_lists_no_other_advisory() -> None:
    assert README_ROWS.keys() == {a["id"] for a in ADVISORIES}


def test_the_readme_counts_right() -> None:
    live = [a for a in ADVISORIES if "withdrawn" not in a]
    hits, rated = sum(map(affects_pin, live)), sum("severity" in a for a in ADVISORIES)
    misses = len(live) - hits
    assert f"Of the {len(ADVISORIES)} advisories {hits} affect a pinned release, {misses} do not" in README
    assert f"{rated} have a CVSS rating, {len(ADVISORIES) - rated} have none" in README


def test_both_answers_occur_often_enough() -> None:
    live = [a for a in ADVISORIES if "withdrawn" not in a]
    hit = [a for a in live if affects_pin(a)]
    assert len(hit) >= 20
    assert len(live) - len(hit) >= 3
    assert {"django", "requests", "jinja2", "pyyaml", "urllib3"} <= {package_of(a) for a in hit}
    assert any(affects_pin(a) for a in ADVISORIES if "withdrawn" in a)


@pytest.mark.parametrize(
    ("advisory_id", "expected"),
    [
        pytest.param("PYSEC-2018-32", False, id="fixed in the pinned release"),
        pytest.param("PYSEC-2022-213", True, id="introduced in the pinned release"),
        pytest.param("PYSEC-2020-149", False, id="introduced later"),
        pytest.param("PYSEC-2015-17", False, id="fixed long before"),
        pytest.param("PYSEC-2020-176", False, id="fixed in a beta before"),
        pytest.param("PYSEC-2023-192", True, id="events out of order"),
    ],
)
def test_the_boundary_cases_are_there(advisory_id: str, expected: bool) -> None:
    (advisory,) = [a for a in ADVISORIES if a["id"] == advisory_id]
    assert affects_pin(advisory) is expected


def test_the_policy_has_the_documented_shape() -> None:
    assert POLICY.keys() == {"name", "description", "rules", "default"}
    assert POLICY["default"] in {"block", "warn", "ignore"}
    for rule in POLICY["rules"]:
        assert {"name", "when", "verdict"} <= rule.keys() <= {"name", "when", "verdict", "message"}
        assert rule["verdict"] in {"block", "warn", "ignore"}


def test_every_rule_decides_about_some_advisory() -> None:
    hit = [a for a in ADVISORIES if affects_pin(a)]
    decided = {deciding_rule(facts_of(a)) for a in hit}
    decided |= {deciding_rule(facts_of(a, "unknown")) for a in hit}
    decided |= {deciding_rule(facts_of(a, vex="fixed")) for a in hit}
    assert decided == {r["name"] for r in POLICY["rules"]} | {"default", "withdrawn"}

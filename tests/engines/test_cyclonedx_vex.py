"""Reading of the vulnerabilities of CycloneDX as VEX."""

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from cyclonedx.model.impact_analysis import ImpactAnalysisJustification, ImpactAnalysisState

from scheduler_defs.engines.cyclonedx_vex import JUSTIFICATIONS, STATES
from scheduler_defs.engines.schemas import SUPPORTED
from scheduler_defs.engines.subjects import ImageReference
from scheduler_defs.engines.vex_statements import Bom, VexStatus
from tests.engines.vex_documents import (
    LINKED,
    SERIAL,
    SHA,
    SHOP,
    SHOP_PURL,
    analysed,
    cyclonedx,
    linked,
    read,
    refused,
    rooted,
    stated,
    statement,
    targets,
    unusable,
)

ROOT = {
    "type": "container",
    "bom-ref": "root",
    "name": f"ghcr.io/acme/shop@{SHA}",
    "components": [
        {"name": "in", "bom-ref": "in", "components": [{"bom-ref": "deep", "purl": "pkg:npm/deep@3"}]}
    ],
}


def test_a_vulnerability_is_read_with_all_it_says():
    entry = analysed(
        references=[{"id": "GHSA-x"}, {"id": "A-1"}, {"id": "CVE-2024-1"}],
        analysis={
            "state": "not_affected",
            "justification": "code_not_reachable",
            "detail": "Never called.",
            "response": ["will_not_fix"],
            "lastUpdated": "2024-01-02T14:00:00+02:00",
        },
    )
    assert stated(cyclonedx(entry)) == (
        statement(
            "pkg:npm/left@1.0",
            aliases=("A-1", "GHSA-x"),
            justification="code_not_reachable",
            note="Never called.",
        ),
    )


def test_the_labels_are_those_of_the_standard():
    assert set(STATES) == {one.value for one in ImpactAnalysisState}
    assert set(JUSTIFICATIONS) == {one.value for one in ImpactAnalysisJustification}


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_supported_version_is_read(version):
    assert len(stated(cyclonedx(analysed(), specVersion=version))) == 1


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("exploitable", "affected"),
        ("in_triage", "under_investigation"),
        ("resolved", "fixed"),
        ("resolved_with_pedigree", "fixed"),
        ("false_positive", "not_affected"),
        ("not_affected", "not_affected"),
    ],
)
def test_a_state_is_a_status(state, status):
    (found,) = stated(cyclonedx(analysed(state=state)))
    assert found.status == status


@pytest.mark.parametrize(
    ("of_analysis", "of_document", "hour"),
    [
        ({"lastUpdated": "2024-01-02T01:00:00Z", "firstIssued": "2024-01-02T02:00:00Z"}, "12", 1),
        ({"firstIssued": "2024-01-02T02:00:00Z"}, "12", 12),
        ({"firstIssued": "2024-01-02T02:00:00Z"}, None, 2),
        ({}, None, 3),
    ],
)
def test_the_time_is_that_of_the_analysis_else_of_the_document_else_the_first(of_analysis, of_document, hour):
    """What a vulnerability says of its own time is not when somebody analysed it."""
    entry = analysed(updated="2024-01-02T03:00:00Z", analysis={"state": "resolved"} | of_analysis)
    metadata = {"timestamp": f"2024-01-02T{of_document}:00:00Z"} if of_document else {}
    (found,) = stated(cyclonedx(entry, metadata=metadata))
    assert found.stated_at == datetime(2024, 1, 2, hour, tzinfo=UTC)


def test_without_any_time_an_analysis_is_unusable():
    assert unusable(cyclonedx(analysed(), metadata={})) == {
        "/vulnerabilities/0/analysis": "has no lastUpdated, and neither vulnerability nor metadata has a time"
    }


@pytest.mark.parametrize("nothing", [None, {}, {"detail": "later"}])
def test_a_vulnerability_without_a_state_states_nothing(nothing):
    assert stated(cyclonedx({"id": "CVE-1", "analysis": nothing}, {})) == ()


# What a ref names


def test_refs_name_nested_components_of_the_root_limited_to_its_image():
    components = [
        {"bom-ref": "a", "purl": "pkg:npm/a@1", "components": [{"bom-ref": "b", "purl": "pkg:npm/b"}]}
    ]
    found = stated(rooted(ROOT, analysed("a", "b", "deep", "pkg:npm/else"), components=components))
    assert targets(found) == [
        ("pkg:npm/a@1", SHOP),
        ("pkg:npm/b", SHOP),
        ("pkg:npm/deep@3", SHOP),
        ("pkg:npm/else", SHOP),
    ]


def test_a_ref_to_the_root_image_is_every_component_of_it():
    assert targets(stated(rooted(ROOT, analysed("root")))) == [(None, SHOP)]
    by_purl = ROOT | {"name": "shop", "purl": SHOP_PURL, "bom-ref": SHOP_PURL}
    assert targets(stated(rooted(by_purl, analysed(SHOP_PURL)))) == [(None, SHOP)]
    without_ref = {"type": "container", "name": "shop", "purl": SHOP_PURL}
    assert targets(stated(rooted(without_ref, analysed(SHOP_PURL)))) == [(None, SHOP)]


@pytest.mark.parametrize(
    ("root", "image"),
    [
        ({"name": "acme/shop", "version": "1.2"}, ImageReference(None, "acme/shop", "1.2", None)),
        ({"name": "acme/shop", "version": SHA}, ImageReference(None, "acme/shop", None, SHA)),
        ({"name": "x", "type": "application", "purl": SHOP_PURL}, SHOP),
    ],
)
def test_the_root_image_is_taken_apart(root, image):
    assert targets(stated(rooted({"type": "container"} | root, analysed("left")))) == [
        ("pkg:npm/left@1.0", image)
    ]


def test_an_application_is_the_image_that_its_sbom_is_kept_as():
    root = {"type": "application", "bom-ref": "app", "group": "acme", "name": "app", "version": "1"}
    app = ImageReference("", "acme/app", "1", None)
    found = stated(rooted(root | {"purl": "pkg:maven/acme/app@1"}, analysed("app", "left")))
    assert targets(found) == [(None, app), ("pkg:npm/left@1.0", app)]


@pytest.mark.parametrize(
    ("root", "image"),
    [
        ({"name": "reg.example/web", "version": "1"}, ImageReference("reg.example", "web", "1", None)),
        ({"name": "web", "version": SHA}, ImageReference("", "web", None, SHA)),
    ],
)
def test_an_application_is_named_as_the_inventory_names_it(root, image):
    found = stated(rooted({"type": "application"} | root, analysed("left")))
    assert targets(found) == [("pkg:npm/left@1.0", image)]


def test_an_image_that_is_a_component_of_no_image_stands_for_its_components():
    components = [{"type": "container", "bom-ref": "shop", "purl": SHOP_PURL}]
    assert targets(stated(cyclonedx(analysed("shop"), components=components))) == [(None, SHOP)]


def test_an_image_inside_of_an_image_is_a_component_of_it():
    base = "pkg:oci/base?repository_url=ghcr.io/acme/base"
    found = stated(rooted(ROOT, analysed("base"), components=[{"bom-ref": "base", "purl": base}]))
    assert targets(found) == [(base, SHOP)]


@pytest.mark.parametrize(
    ("element", "target"),
    [
        ("#a", ("pkg:npm/a@1", SHOP)),
        ("#pkg:npm/%2540x/b@2", ("pkg:npm/%40x/b@2", SHOP)),
        ("#" + quote("pkg:npm/%40x/b@2", safe=""), ("pkg:npm/%40x/b@2", SHOP)),
        ("#pkg:npm/%40x/b@2", ("pkg:npm/%40x/b@2", SHOP)),
        ("#pkg:npm/new@1", ("pkg:npm/new@1", SHOP)),
        ("#root", (None, SHOP)),
        ("", (None, SHOP)),
    ],
)
def test_a_bom_link_names_what_another_bom_holds(element, target):
    for serial in (LINKED, LINKED.upper()):
        found = stated(cyclonedx(analysed(f"urn:cdx:{serial}/1{element}")), linked)
        assert targets(found) == [target]


@pytest.mark.parametrize("serial", [LINKED, SERIAL])
def test_another_version_of_a_bom_may_name_others_by_its_refs(serial):
    link = f"urn:cdx:{serial}/2#a"
    assert unusable(cyclonedx(analysed(link)), linked) == {
        "/vulnerabilities/0/affects/0/ref": f"{link!r} links to a version that is not known here; known is 1"
    }


def test_a_bom_link_goes_before_the_root_image():
    root = {"type": "container", "name": "other"}
    assert targets(stated(rooted(root, analysed(f"urn:cdx:{LINKED}/1#a")), linked)) == [("pkg:npm/a@1", SHOP)]
    unlimited = stated(
        rooted(ROOT, analysed(f"urn:cdx:{LINKED}/1#a")), lambda _: Bom(None, {"a": "pkg:npm/a"})
    )
    assert targets(unlimited) == [("pkg:npm/a", SHOP)]


def test_a_root_without_root_ref_is_known_by_its_package_url():
    bom = Bom(SHOP, {"r": SHOP_PURL})
    assert targets(stated(cyclonedx(analysed(f"urn:cdx:{LINKED}/1#r")), lambda _: bom)) == [(None, SHOP)]


def test_a_bom_link_to_the_document_itself_names_its_own():
    link = f"urn:cdx:{SERIAL}/1"
    found = stated(rooted(ROOT, analysed(f"{link}#left", f"{link}#deep", link)))
    assert targets(found) == [("pkg:npm/left@1.0", SHOP), ("pkg:npm/deep@3", SHOP), (None, SHOP)]


@pytest.mark.parametrize("element", ["#a", "#pkg:npm/a@1", ""])
def test_what_an_unknown_bom_holds_is_not_guessed(element):
    link = f"urn:cdx:{SERIAL[:-1]}0/1{element}"
    found = read(rooted(ROOT, analysed(link, "pkg:npm/b")), linked)
    assert targets(found.statements) == [("pkg:npm/b", SHOP)]
    ((path, reason),) = [(one.path, one.reason) for one in found.unusable]
    assert path == "/vulnerabilities/0/affects/0/ref"
    assert reason == f"{link!r} links to a BOM that is not known here; ingest that SBOM first"


@pytest.mark.parametrize(
    "ref",
    [
        "nothing",
        "bare",
        f"urn:cdx:{LINKED}/1#nothing",
        f"urn:cdx:{SERIAL}/1",
        "urn:cdx:short/1#a",
    ],
)
def test_a_ref_to_nothing_is_named(ref):
    found = read(cyclonedx(analysed(ref, "left")), linked)
    assert targets(found.statements) == [("pkg:npm/left@1.0", None)]
    ((path, reason),) = [(one.path, one.reason) for one in found.unusable]
    assert path == "/vulnerabilities/0/affects/0/ref"
    assert repr(ref) in reason
    assert "expected a bom-ref of this document" in reason


# Versions


@pytest.mark.parametrize(
    ("state", "entry", "status"),
    [
        ("exploitable", {}, "affected"),
        ("exploitable", {"status": "affected"}, "affected"),
        ("exploitable", {"status": "unaffected"}, "not_affected"),
        ("in_triage", {"status": "unaffected"}, "not_affected"),
        ("not_affected", {}, "not_affected"),
        ("not_affected", {"status": "unaffected"}, "not_affected"),
        ("resolved", {"status": "unaffected"}, "fixed"),
    ],
)
def test_a_version_has_the_state_unless_it_is_called_unaffected(state, entry, status):
    affected = {"ref": "left", "versions": [{"version": "2.0"} | entry]}
    (found,) = stated(cyclonedx(analysed(affected, state=state)))
    assert (found.purl, found.status) == ("pkg:npm/left@2.0", status)


def test_each_version_is_stated_and_its_package_url_canonical():
    affected = {"ref": "pkg:deb/debian/curl?arch=amd64", "versions": [{"version": "1:2+b"}, {"version": "3"}]}
    assert targets(stated(cyclonedx(analysed(affected)))) == [
        ("pkg:deb/debian/curl@1:2%2Bb?arch=amd64", None),
        ("pkg:deb/debian/curl@3?arch=amd64", None),
    ]


def test_a_justification_is_not_that_of_an_unaffected_version():
    affected = {"ref": "left", "versions": [{"version": "2", "status": "unaffected"}]}
    entry = analysed(affected, analysis={"state": "exploitable", "justification": "code_not_present"})
    (found,) = stated(cyclonedx(entry))
    assert (found.status, found.justification) == (VexStatus.NOT_AFFECTED, None)


@pytest.mark.parametrize(
    ("state", "version", "path"),
    [
        ("exploitable", {"range": "vers:npm/<2"}, "/range"),
        ("exploitable", {"version": "2", "status": "unknown"}, "/status"),
        ("resolved", {"version": "2", "status": "affected"}, "/status"),
        ("not_affected", {"version": "2", "status": "affected"}, "/status"),
        ("exploitable", {"version": "2", "status": "odd"}, "/status"),
        ("exploitable", {"version": 2}, "/version"),
        ("exploitable", {}, "/version"),
        ("exploitable", "2", ""),
    ],
)
def test_a_version_that_cannot_be_used_is_named(state, version, path):
    affected = {"ref": "left", "versions": [version, {"version": "3"}]}
    found = read(cyclonedx(analysed(affected, state=state)))
    assert [one.purl for one in found.statements] == ["pkg:npm/left@3"]
    assert [one.path for one in found.unusable] == [f"/vulnerabilities/0/affects/0/versions/0{path}"]


def test_versions_of_a_whole_image_are_unusable():
    affected = {"ref": "root", "versions": [{"version": "3"}]}
    assert list(unusable(rooted(ROOT, analysed(affected)))) == [
        "/vulnerabilities/0/affects/0/versions/0/version"
    ]


# What cannot be used


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"id": None}, "/id"),
        ({"references": [{"id": "a"}, {}]}, "/references/1/id"),
        ({"references": {}}, "/references"),
        ({"analysis": "no"}, "/analysis"),
        ({"analysis": {"state": "odd"}}, "/analysis/state"),
        ({"analysis": {"state": "resolved", "justification": "odd"}}, "/analysis/justification"),
        ({"analysis": {"state": "resolved", "detail": 1}}, "/analysis/detail"),
        ({"analysis": {"state": "resolved", "lastUpdated": "2024"}}, "/analysis/lastUpdated"),
        ({"affects": None}, "/affects"),
        ({"affects": []}, "/affects"),
        ({"affects": ["left"]}, "/affects/0"),
        ({"affects": [{}]}, "/affects/0/ref"),
        ({"affects": [{"ref": "pkg:npm"}]}, "/affects/0/ref"),
        ({"affects": [{"ref": "left", "versions": {}}]}, "/affects/0/versions"),
    ],
)
def test_a_vulnerability_that_breaks_a_rule_is_named(changes, path):
    found = read(cyclonedx(analysed(**changes), analysed(id="CVE-2")))
    assert [one.vulnerability for one in found.statements] == ["CVE-2"]
    assert [one.path for one in found.unusable] == [f"/vulnerabilities/0{path}"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"specVersion": "1.3"}, "/specVersion"),
        ({"specVersion": None}, "/specVersion"),
        ({"vulnerabilities": None}, "/vulnerabilities"),
        ({"vulnerabilities": {}}, "/vulnerabilities"),
        ({"serialNumber": 1}, "/serialNumber"),
        ({"metadata": []}, "/metadata"),
        ({"metadata": {"timestamp": "noon"}}, "/metadata/timestamp"),
        ({"metadata": {"component": {"type": "container"}}}, "/metadata/component/name"),
        ({"metadata": {"component": {"name": "a", "purl": "a"}}}, "/metadata/component/purl"),
        ({"metadata": {"component": {"name": "a", "components": [[]]}}}, "/metadata/component/components/0"),
        ({"components": {}}, "/components"),
        ({"components": [{"components": [{"bom-ref": 1}]}]}, "/components/0/components/0/bom-ref"),
    ],
)
def test_a_document_that_cannot_be_read_is_refused(changes, path):
    assert refused(cyclonedx(analysed(), **changes))[0] == path


def test_one_ref_of_two_packages_is_refused():
    components = [{"bom-ref": "a", "purl": "pkg:npm/a"}, {"bom-ref": "a", "purl": "pkg:npm/b"}]
    path, reason = refused(cyclonedx(analysed("a"), components=components))
    assert path.startswith("/components/")
    assert path.endswith("/bom-ref")
    assert "expected unique bom-refs" in reason

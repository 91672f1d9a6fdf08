"""SPDX documents that cannot be read."""

import pytest

from tests.engines.spdx_documents import APP, DOCUMENT, document, package, read, reference, refused, related


@pytest.mark.parametrize("version", ["SPDX-2.1", "SPDX-3.0", "2.3", None, [1]])
def test_another_version_is_refused_with_those_that_are_supported(version):
    error = refused(document(package("a"), version=version))
    assert error.path == "/spdxVersion"
    assert error.reason == f"{version!r} is not supported; supported are SPDX-2.2, SPDX-2.3"


@pytest.mark.parametrize(
    ("found", "path", "words"),
    [
        ({"SPDXID": "SPDXRef-other"}, "/SPDXID", "SPDXRef-DOCUMENT"),
        ({"packages": {}}, "/packages", "array"),
        ({"packages": [{"SPDXID": "SPDXRef-a"}]}, "/packages/0", '"name" is a required property'),
        ({"packages": [{"name": "a"}]}, "/packages/0", '"SPDXID" is a required property'),
        ({"packages": [package("a", SPDXID="NONE")]}, "/packages/0/SPDXID", "SPDXRef-"),
        ({"packages": [package("a", 1)]}, "/packages/0/versionInfo", "string"),
        ({"packages": [package("a", sourceInfo=None)]}, "/packages/0/sourceInfo", "string"),
        (
            {"packages": [package("a", primaryPackagePurpose="x/~")]},
            "/packages/0/primaryPackagePurpose",
            "APPLICATION",
        ),
        (
            {"packages": [package("a", externalRefs=[reference("pkg:pypi/a@1", "PACKAGE MANAGER")])]},
            "/packages/0/externalRefs/0/referenceCategory",
            "PACKAGE-MANAGER",
        ),
        (
            {"packages": [package("a", checksums=[{}])]},
            "/packages/0/checksums/0",
            '"algorithm" is a required',
        ),
        (
            {"packages": [package("a", annotations=[{}])]},
            "/packages/0/annotations/0",
            '"comment" is a required',
        ),
        ({"packages": [package("a", attributionTexts=[1])]}, "/packages/0/attributionTexts/0", "string"),
        ({"files": [{}]}, "/files/0", '"SPDXID" is a required property'),
        ({"snippets": [{}]}, "/snippets/0", '"SPDXID" is a required property'),
        ({"documentDescribes": [1]}, "/documentDescribes/0", "string"),
        (
            {"relationships": related(("a", "DESCRIBE", "b"))},
            "/relationships/0/relationshipType",
            "DESCRIBED_BY",
        ),
        ({"relationships": [{"spdxElementId": "a"}]}, "/relationships/0", "is a required property"),
    ],
)
def test_a_schema_violation_is_named_by_its_path(found, path, words):
    error = refused(document(package("a")) | found)
    assert error.path == path
    assert error.reason.startswith("breaks SPDX-2.3: ")
    assert words in error.reason


def test_only_the_first_five_violations_are_shown():
    error = refused(document(*(package(f"n{n}", primaryPackagePurpose="x" * 10_000) for n in range(9))))
    assert error.path == "/packages/0/primaryPackagePurpose"
    assert "/packages/4/" in error.reason
    assert "/packages/5/" not in error.reason
    assert error.reason.endswith("and more")
    assert len(error.reason) < 1_400


def test_a_document_without_packages_is_refused():
    for found in (document(), {"spdxVersion": "SPDX-2.2", "SPDXID": DOCUMENT}):
        error = refused(found)
        assert (error.path, error.reason[:18]) == ("/packages", "holds no packages;")
    error = refused(document(APP, describes=["app"]))
    assert (error.path, error.reason[:46]) == ("/packages", "holds no packages besides the described one; e")


def test_one_spdxid_on_two_different_things_is_refused():
    error = refused(document(package("a"), package("b") | {"SPDXID": "SPDXRef-a"}))
    assert error.path == "/packages/1/SPDXID"
    assert "pkg:pypi/a@1.0 and pkg:pypi/b@1.0" in error.reason
    error = refused(document(APP, package("b"), package("c") | {"SPDXID": "SPDXRef-app"}, describes=["app"]))
    assert error.path == "/packages/2/SPDXID"
    for kind in ("files", "snippets"):
        error = refused(document(package("a"), **{kind: [{"SPDXID": "SPDXRef-a"}]}))
        assert (error.path, "names a package too" in error.reason) == (f"/{kind}/0/SPDXID", True)
    assert refused(document(package("DOCUMENT"))).path == "/SPDXID"


def test_the_same_package_twice_counts_once():
    sbom = read(document(APP, APP, package("a"), package("a", comment="again"), describes=["app"]))
    assert [component.package for component in sbom.components] == ["a"]


def test_a_purl_that_does_not_parse_is_refused_with_its_path():
    found = package("a", externalRefs=[reference("pkg:pypi/a@1"), reference("pypi/b@1")])
    for describes in ([], ["a"]):
        error = refused(document(found, package("b"), describes=describes))
        assert error.path == "/packages/0/externalRefs/1/referenceLocator"
        assert "'pypi/b@1' is not valid" in error.reason


@pytest.mark.parametrize("name", ["name", "versionInfo", "comment"])
def test_a_nul_is_refused_with_its_path(name):
    error = refused(document(package("a"), package("b") | {name: "a\0b"}))
    assert (error.path, "NUL" in error.reason) == (f"/packages/1/{name}", True)

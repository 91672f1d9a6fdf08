"""Reading of SPDX JSON 2.2 and 2.3."""

from importlib.resources import files

import orjson
import pytest

from scheduler_defs.engines.graph import build_graph
from scheduler_defs.engines.sbom import STAND_IN_ROOT
from scheduler_defs.engines.spdx import SUPPORTED
from tests.engines.spdx_documents import (
    APP,
    CHECKSUMS,
    HEX,
    IMAGE,
    LEFT_NEEDS_RIGHT,
    RIGHT_NEEDS_LEFT,
    document,
    package,
    read,
    reference,
    related,
    relation,
)

SCHEMA = orjson.loads(files("scheduler_defs.engines").joinpath("spdx.schema.json").read_bytes())
EVERY_TYPE = SCHEMA["$defs"]["relationship"]["properties"]["relationshipType"]["enum"]


def edges(found):
    return [tuple(end.removeprefix("SPDXRef-") for end in edge) for edge in read(found).dependencies]


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_supported_version_is_read(version):
    relations = related(("app", "DEPENDS_ON", "flask"))
    sbom = read(
        document(APP, package("flask"), version=version, describes=["app"], relations=relations, files=[])
    )
    assert (sbom.spec_version, sbom.serial_number) == (version, "https://example.com/test")
    assert [component.package for component in sbom.components] == ["flask"]
    assert sbom.dependencies == (("SPDXRef-app", "SPDXRef-flask"),)
    assert (sbom.root, sbom.root_ref, sbom.unresolved) == ("pkg:generic/app@2", "SPDXRef-app", 0)
    graph = build_graph(sbom)
    assert (graph.root, graph.direct, graph.flat) == ("pkg:generic/app@2", 1, False)


# Packages


@pytest.mark.parametrize("category", ["PACKAGE-MANAGER", "PACKAGE_MANAGER"])
def test_a_package_carries_what_advisories_are_joined_by(category):
    cpe = {
        "referenceCategory": "SECURITY",
        "referenceType": "cpe23Type",
        "referenceLocator": "cpe:2.3:a:x:y:7",
    }
    found = package("Core", "7", externalRefs=[cpe, reference("pkg:npm/%40Scope/Core@7.0?b=1&a=2", category)])
    (component,) = read(document(found)).components
    assert (component.ref, component.type, component.name) == ("SPDXRef-Core", "library", "Core")
    assert component.purl == component.identity == "pkg:npm/%40Scope/core@7.0?a=2&b=1"
    assert (component.ecosystem, component.package, component.version) == ("npm", "@scope/core", "7.0")
    assert (component.distro, component.source_package) == (None, None)


@pytest.mark.parametrize(
    "one",
    [
        {"referenceCategory": "OTHER", "referenceType": "purl", "referenceLocator": "pkg:pypi/a@1"},
        {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "npm", "referenceLocator": "a@1"},
    ],
)
def test_other_references_are_no_package_urls(one):
    sbom = read(document(package("a", externalRefs=[one])))
    assert (sbom.components[0].purl, sbom.components[0].identity) == (None, "pkg:generic/a@1.0")
    assert sbom.without_purl == 1


@pytest.mark.parametrize(
    ("version", "purls", "expected"),
    [
        ("1", ("pkg:pypi/b@1", "pkg:npm/b@1"), "pkg:npm/b@1"),
        ("2", ("pkg:pypi/b@1", "pkg:pypi/b@2"), "pkg:pypi/b@2"),
        ("1:2", ("pkg:deb/debian/b@1", "pkg:deb/debian/b@2?epoch=1"), "pkg:deb/debian/b@2?epoch=1"),
        ("1:2", ("pkg:deb/debian/b@1", "pkg:deb/debian/b@1:2"), "pkg:deb/debian/b@1:2"),
        ("3", ("pkg:pypi/b@1", "pkg:pypi/b@2"), "pkg:pypi/b@1"),
        ("NOASSERTION", ("pkg:pypi/b@1", "pkg:pypi/b"), "pkg:pypi/b"),
    ],
)
def test_of_several_package_urls_one_of_its_version_counts_then_the_first_by_text(version, purls, expected):
    for ordered in (purls, purls[::-1]):
        found = package("b", version, externalRefs=list(map(reference, ordered)))
        assert read(document(found)).components[0].purl == expected


@pytest.mark.parametrize("version", ["NOASSERTION", "NONE", ""])
def test_an_unknown_version_is_none(version):
    (component,) = read(document(package("a", version, purl=False))).components
    assert (component.version, component.identity) == (None, "pkg:generic/a")


@pytest.mark.parametrize(
    ("purpose", "kind"),
    [
        ("APPLICATION", "application"),
        ("FRAMEWORK", "framework"),
        ("LIBRARY", "library"),
        ("CONTAINER", "container"),
        ("OPERATING-SYSTEM", "operating-system"),
        ("OPERATING_SYSTEM", "operating-system"),
        ("DEVICE", "device"),
        ("FIRMWARE", "firmware"),
        ("FILE", "file"),
        ("SOURCE", "library"),
        ("ARCHIVE", "library"),
        ("INSTALL", "library"),
        ("OTHER", "library"),
    ],
)
def test_a_purpose_is_a_type(purpose, kind):
    assert read(document(package("a", primaryPackagePurpose=purpose))).components[0].type == kind


def debian(purl_more="", **more):
    found = package(
        "bsdutils", purl=f"pkg:deb/debian/bsdutils@2.38.1-5?distro=debian-12.5{purl_more}", **more
    )
    (component,) = read(document(found)).components
    assert (component.ecosystem, component.package, component.distro) == ("deb", "bsdutils", "debian:12")
    return component.version, component.source_package, component.source_version


def test_a_debian_package_as_syft_writes_it():
    more = "&upstream=util-linux%402.38.1-5"
    info = "acquired package info from DPKG DB: /var/lib/dpkg/status"
    assert debian(more, sourceInfo=info) == ("2.38.1-5", "util-linux", "2.38.1-5")
    assert debian(more, sourceInfo="built package from: other 1")[1:] == ("util-linux", "2.38.1-5")


@pytest.mark.parametrize(
    ("info", "name", "version"),
    [
        ("built package from: util-linux 3:2.38.1-5", "util-linux", "3:2.38.1-5"),
        ("built package from: util-linux ", "util-linux", None),
        ("built package from: util-linux", "util-linux", None),
        ("package found in: util-linux 1", None, None),
        ("it was built package from: util-linux 1", None, None),
        ("", None, None),
    ],
)
def test_a_debian_package_as_trivy_writes_it(info, name, version):
    assert debian("&epoch=1", sourceInfo=info) == ("1:2.38.1-5", name, version)


def test_a_debian_package_as_older_trivy_notes_it():
    texts = ["PkgType: debian", "SrcName: util-linux", "SrcVersion: 2.38.1", "SrcRelease: 5", "SrcEpoch: 3"]
    expected = ("2.38.1-5", "util-linux", "3:2.38.1-5")
    assert debian(attributionTexts=texts) == expected
    assert debian(annotations=[{"annotationType": "OTHER", "comment": text} for text in texts]) == expected
    assert debian(attributionTexts=texts, sourceInfo="built package from: other 1")[1:] == ("other", "1")


def test_what_a_library_was_built_from_is_no_source_package():
    (component,) = read(document(package("a", sourceInfo="built package from: b 1"))).components
    assert (component.source_package, component.source_version) == (None, None)


def test_files_and_snippets_are_no_components_and_their_relationships_no_edges():
    relations = related(
        ("a", "CONTAINS", "File"), ("File", "DEPENDS_ON", "b"), ("Snippet", "CONTAINED_BY", "a")
    )
    found = document(
        package("a"),
        package("b"),
        files=[{"SPDXID": "SPDXRef-File", "fileName": "./a.py"}],
        snippets=[{"SPDXID": "SPDXRef-Snippet", "name": "some lines"}],
        relations=[*relations, *related(("DOCUMENT", "CONTAINS", "a"))],
    )
    sbom = read(found)
    assert [component.package for component in sbom.components] == ["a", "b"]
    assert (sbom.dependencies, sbom.unresolved) == ((), 0)


# Relationships


@pytest.mark.parametrize("kind", EVERY_TYPE)
def test_every_type_of_relationship_has_its_direction(kind):
    expected = []
    if kind in LEFT_NEEDS_RIGHT:
        expected = [("left", "right")]
    if kind in RIGHT_NEEDS_LEFT:
        expected = [("right", "left")]
    found = document(package("left"), package("right"), relations=related(("left", kind, "right")))
    assert edges(found) == expected


def test_the_types_above_are_all_in_the_schema():
    assert set(EVERY_TYPE) > {*LEFT_NEEDS_RIGHT, *RIGHT_NEEDS_LEFT}
    assert len(EVERY_TYPE) == len(set(EVERY_TYPE)) == 45


def test_two_statements_of_one_edge_are_one():
    relations = related(("a", "DEPENDS_ON", "b"), ("b", "DEPENDENCY_OF", "a"), ("b", "CONTAINED_BY", "a"))
    assert edges(document(package("a"), package("b"), relations=relations)) == [("a", "b")]


def test_none_and_noassertion_are_ignored_and_what_is_not_there_is_counted():
    relations = [
        relation("SPDXRef-a", "DEPENDS_ON", "NONE"),
        relation("SPDXRef-a", "CONTAINS", "NOASSERTION"),
        relation("SPDXRef-a", "DEPENDS_ON", "SPDXRef-gone"),
        relation("SPDXRef-gone", "DEPENDENCY_OF", "SPDXRef-a"),
        relation("SPDXRef-a", "DEPENDS_ON", "DocumentRef-other:SPDXRef-b"),
        relation("DocumentRef-other:SPDXRef-a", "DEPENDS_ON", "SPDXRef-b"),
        relation("SPDXRef-a", "COPY_OF", "DocumentRef-other:SPDXRef-a"),
    ]
    sbom = read(document(package("a"), package("b"), relations=relations))
    assert (sbom.dependencies, sbom.unresolved) == ((), 4)


# The subject


@pytest.mark.parametrize(
    "naming",
    [
        {"documentDescribes": ["SPDXRef-app"]},
        {"relationships": related(("DOCUMENT", "DESCRIBES", "app"))},
        {"relationships": related(("app", "DESCRIBED_BY", "DOCUMENT"))},
        {"documentDescribes": ["SPDXRef-app"], "relationships": related(("DOCUMENT", "DESCRIBES", "app"))},
        {"documentDescribes": ["SPDXRef-app", "SPDXRef-File"], "files": [{"SPDXID": "SPDXRef-File"}]},
    ],
)
def test_the_one_described_package_is_the_subject_and_no_component(naming):
    sbom = read(document(package("a"), APP, **naming))
    assert (sbom.subject.name, sbom.subject.version, sbom.subject_path) == ("app", "2", "/packages/1")
    assert [component.package for component in sbom.components] == ["a"]


@pytest.mark.parametrize(
    "naming",
    [
        {},
        {"documentDescribes": ["SPDXRef-a", "SPDXRef-app"]},
        {"documentDescribes": ["SPDXRef-a"], "relationships": related(("DOCUMENT", "DESCRIBES", "app"))},
        {"documentDescribes": ["SPDXRef-gone"]},
        {"relationships": related(("a", "DESCRIBES", "app"))},
        {"relationships": related(("app", "DESCRIBED_BY", "a"))},
        {"relationships": related(("app", "DESCRIBES", "DOCUMENT"), ("DOCUMENT", "DESCRIBED_BY", "app"))},
    ],
)
def test_several_described_packages_or_none_are_no_subject(naming):
    sbom = read(document(package("a"), APP, **naming))
    assert (sbom.subject, sbom.root_ref, sbom.root) == (None, None, STAND_IN_ROOT)
    assert [component.name for component in sbom.components] == ["a", "app"]
    assert sbom.subject_path == "/documentDescribes"


@pytest.mark.parametrize(
    ("found", "registry", "repository", "tag", "digest"),
    [
        (
            package("registry.example/shop/storefront:1.2", "", False, **IMAGE),
            "registry.example",
            "shop/storefront",
            "1.2",
            None,
        ),
        (package("alpine", "3.18", False, **IMAGE), None, "alpine", "3.18", None),
        (
            package("alpine", "3.18", False, **IMAGE, checksums=CHECKSUMS),
            None,
            "alpine",
            "3.18",
            f"sha256:{HEX}",
        ),
        (package("alpine", f"sha256:{HEX}", False, **IMAGE), None, "alpine", None, f"sha256:{HEX}"),
        (
            package(
                "alpine:3", "", f"pkg:oci/alpine@sha256%3A{HEX}?repository_url=docker.io%2Flibrary%2Falpine"
            ),
            "docker.io",
            "library/alpine",
            "3",
            f"sha256:{HEX}",
        ),
        (
            package(
                "x",
                "",
                f"pkg:oci/x@sha256:{HEX}?tag=9",
                checksums=[{"algorithm": "SHA256", "checksumValue": "cd" * 32}],
            ),
            None,
            "x",
            "9",
            f"sha256:{HEX}",
        ),
        (
            package("x", "", "pkg:docker/shop/x@1.2?repository_url=gcr.io", checksums=CHECKSUMS[:2]),
            "gcr.io",
            "shop/x",
            "1.2",
            f"sha512:{HEX}",
        ),
        (package("org/x.y:1", "2", False, checksums=CHECKSUMS), None, "org/x.y:1", None, None),
    ],
)
def test_the_subject_is_taken_apart_as_one_of_cyclonedx(found, registry, repository, tag, digest):
    found["SPDXID"] = "SPDXRef-root"
    subject = read(document(found, package("a"), describes=["root"])).subject
    assert (subject.registry, subject.repository) == (registry, repository)
    assert (subject.tag, subject.digest) == (tag, digest)
    assert subject.name == found["name"]

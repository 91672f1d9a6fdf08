import copy
import gzip
import random

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.errors import InvalidDocument, InvalidInput
from scheduler_defs.engines import sbom, sbom_formats
from scheduler_defs.engines.graph import build_graph
from scheduler_defs.engines.sbom import STAND_IN_ROOT
from scheduler_defs.engines.sbom_formats import load_sbom, read_sbom
from scheduler_defs.engines.schemas import SUPPORTED
from scheduler_defs.engines.subjects import ImageReference, parse_image_reference

SHA = "sha256:" + "ab" * 32
OTHER_SHA = "sha256:" + "cd" * 32


def library(name, version="1.0", **more):
    return {
        "type": "library",
        "name": name,
        "version": version,
        "bom-ref": f"{name}-ref",
        "purl": f"pkg:pypi/{name}@{version}",
        **more,
    }


def document(*components, version="1.5", subject=None, edges=None, **more):
    found = {
        "bomFormat": "CycloneDX",
        "specVersion": version,
        "version": 1,
        "components": list(components),
        **more,
    }
    if subject:
        found["metadata"] = {"timestamp": "2026-01-01T00:00:00Z", "component": subject}
    if edges:
        found["dependencies"] = [{"ref": ref, "dependsOn": targets} for ref, targets in edges.items()]
    return found


def read(found):
    return read_sbom("test.json", orjson.dumps(found))


def refused(raw):
    with pytest.raises(InvalidDocument) as caught:
        read_sbom("test.json", raw if isinstance(raw, bytes) else orjson.dumps(raw))
    assert caught.value.source == "test.json"
    return caught.value


APP = {"type": "application", "name": "app", "version": "2", "bom-ref": "app-ref"}


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_supported_version_is_read(version):
    licensed = library("flask", licenses=[{"license": {"id": "MIT"}}])
    sbom = read(document(licensed, version=version, subject=APP, edges={"app-ref": ["flask-ref"]}))
    assert sbom.spec_version == version
    assert [component.package for component in sbom.components] == ["flask"]
    assert sbom.dependencies == (("app-ref", "flask-ref"),)
    assert (sbom.root, sbom.root_ref, sbom.unresolved) == ("pkg:generic/app@2", "app-ref", 0)


def test_a_component_carries_what_advisories_are_joined_by():
    found = {"type": "framework", "group": "@Scope", "name": "Core", "version": "7", "bom-ref": "r"}
    (component,) = read(document({**found, "purl": "pkg:npm/%40Scope/Core@7.0?b=1&a=2"})).components
    assert (component.ref, component.type, component.name) == ("r", "framework", "@Scope/Core")
    assert component.purl == component.identity == "pkg:npm/%40Scope/core@7.0?a=2&b=1"
    assert (component.ecosystem, component.package, component.version) == ("npm", "@scope/core", "7.0")
    assert (component.distro, component.source_package) == (None, None)


def test_a_debian_package_as_syft_writes_it():
    purl = "pkg:deb/debian/bsdutils@1%3A2.38.1-5?arch=amd64&distro=debian-12&upstream=util-linux%402.38.1-5"
    (component,) = read(document({"type": "library", "name": "bsdutils", "purl": purl})).components
    assert (component.ecosystem, component.package, component.distro) == ("deb", "bsdutils", "debian:12")
    assert (component.version, component.source_package, component.source_version) == (
        "1:2.38.1-5",
        "util-linux",
        "2.38.1-5",
    )


def test_a_debian_package_as_trivy_writes_it():
    notes = {
        "PkgType": "debian",
        "SrcName": "util-linux",
        "SrcVersion": "2.38.1",
        "SrcRelease": "5",
        "SrcEpoch": "3",
    }
    properties = [{"name": f"aquasecurity:trivy:{name}", "value": value} for name, value in notes.items()]
    purl = "pkg:deb/debian/bsdutils@2.38.1-5?distro=debian-12.5&epoch=1"
    found = {"type": "library", "name": "bsdutils", "purl": purl, "properties": properties}
    (component,) = read(document(found)).components
    assert (component.version, component.source_package, component.source_version) == (
        "1:2.38.1-5",
        "util-linux",
        "3:2.38.1-5",
    )


def test_a_component_without_purl_stays_under_a_stand_in():
    found = [
        {"type": "file", "name": "/usr/bin/tool"},
        {"type": "library", "group": "g", "name": "n", "version": "1"},
    ]
    sbom = read(document(*found, library("flask")))
    assert [component.identity for component in sbom.components] == [
        "pkg:generic/usr%2Fbin%2Ftool",
        "pkg:generic/g/n@1",
        "pkg:pypi/flask@1.0",
    ]
    assert [component.purl for component in sbom.components] == [None, None, "pkg:pypi/flask@1.0"]
    assert sbom.without_purl == 2
    assert sbom.components[0].ref == "/components/0"


def test_nested_components_become_edges_from_their_parent():
    inner = library("inner", components=[library("innermost")])
    sbom = read(document(library("outer", components=[inner, library("second")]), library("last")))
    assert [component.package for component in sbom.components] == [
        "outer",
        "inner",
        "innermost",
        "second",
        "last",
    ]
    assert sbom.dependencies == (
        ("inner-ref", "innermost-ref"),
        ("outer-ref", "inner-ref"),
        ("outer-ref", "second-ref"),
    )


def test_components_nested_in_the_subject_are_its_dependencies():
    sbom = read(document(library("other"), subject={**APP, "components": [library("own")]}))
    assert [component.package for component in sbom.components] == ["own", "other"]
    assert sbom.dependencies == (("app-ref", "own-ref"),)


def test_edges_to_nothing_are_counted_and_dropped_and_repeated_ones_merged():
    found = document(
        library("a"), library("b"), edges={"a-ref": ["b-ref", "gone"], "lost": ["a-ref", "b-ref"]}
    )
    found["dependencies"].append({"ref": "a-ref", "dependsOn": ["b-ref"]})
    sbom = read(found)
    assert sbom.dependencies == (("a-ref", "b-ref"),)
    assert sbom.unresolved == 3


def test_the_same_component_twice_under_one_ref_counts_once():
    sbom = read(document(library("a"), library("a", description="again"), library("b")))
    assert [component.package for component in sbom.components] == ["a", "b"]


def test_one_ref_on_two_components_is_refused():
    clash = library("b") | {"bom-ref": "a-ref"}
    error = refused(document(library("a"), clash))
    assert error.path == "/components/1/bom-ref"
    assert "pkg:pypi/a@1.0 and pkg:pypi/b@1.0" in error.reason


def test_a_document_without_a_subject_has_a_stand_in_root():
    sbom = read(document(library("a")))
    assert (sbom.subject, sbom.root_ref, sbom.root) == (None, None, STAND_IN_ROOT)


@pytest.mark.parametrize(
    ("found", "registry", "repository", "tag", "digest"),
    [
        (
            {"name": "registry.example/shop/storefront:1.2"},
            "registry.example",
            "shop/storefront",
            "1.2",
            None,
        ),
        ({"name": "alpine", "version": "3.18"}, None, "alpine", "3.18", None),
        ({"name": "localhost:5000/a/b", "version": SHA}, "localhost:5000", "a/b", None, SHA),
        ({"name": f"ghcr.io/a/b:2@{SHA}", "version": "2"}, "ghcr.io", "a/b", "2", SHA),
        (
            {
                "name": "alpine:3",
                "purl": f"pkg:oci/alpine@{SHA}?repository_url=index.docker.io%2Flibrary%2Falpine",
            },
            "docker.io",
            "library/alpine",
            "3",
            SHA,
        ),
        ({"name": "x", "purl": f"pkg:oci/x@{SHA}?tag=9"}, None, "x", "9", SHA),
        (
            {"name": "x", "purl": "pkg:docker/shop/x@1.2?repository_url=gcr.io"},
            "gcr.io",
            "shop/x",
            "1.2",
            None,
        ),
    ],
)
def test_the_subject_of_an_image_is_taken_apart(found, registry, repository, tag, digest):
    subject = read(document(library("a"), subject={"type": "container", **found})).subject
    assert (subject.registry, subject.repository, subject.tag, subject.digest) == (
        registry,
        repository,
        tag,
        digest,
    )
    assert subject.name == found["name"]


def test_the_subject_of_an_application_has_neither_registry_nor_tag():
    subject = read(document(library("a"), subject={**APP, "group": "org", "name": "x.y/z:1"})).subject
    assert (subject.registry, subject.repository, subject.tag, subject.version) == (
        None,
        "org/x.y/z:1",
        None,
        "2",
    )


@pytest.mark.parametrize(
    ("name", "version", "reference"),
    [
        ("reg.example/shop/web", "1.0", ("reg.example", "shop/web", "1.0", None)),
        ("reg.example/shop/web:1.0", "1.0", ("reg.example", "shop/web", "1.0", None)),
        ("localhost:5000/web:1.0", "7", ("localhost:5000", "web", "1.0", None)),
        (f"reg.example/web@{SHA}", None, ("reg.example", "web", None, SHA)),
        ("shop/web:1.0", None, (None, "shop/web", "1.0", None)),
        ("shop/web", None, (None, "shop/web", None, None)),
        ("org.shop:web", "2", (None, "org.shop:web", "2", None)),
        ("@shop/web", "2", (None, "@shop/web", "2", None)),
        ("shop@home", "2", (None, "shop@home", "2", None)),
        ("shop/web", SHA.upper().replace("SHA", "sha"), (None, "shop/web", None, SHA)),
    ],
)
def test_a_subject_without_a_purl_is_kept_as_the_image_of_its_name(name, version, reference):
    named = {"type": "application", "name": name} | ({"version": version} if version else {})
    assert read(document(library("a"), subject=named)).subject.reference == ImageReference(*reference)
    with_purl = read(document(library("a"), subject=named | {"purl": "pkg:npm/web"})).subject
    assert with_purl.repository == name


@pytest.mark.parametrize("kind", ["container", "application"])
@pytest.mark.parametrize(
    ("found", "tag", "digest"),
    [
        ({"version": SHA}, None, SHA),
        ({"version": OTHER_SHA, "name": f"reg.example/web@{SHA}"}, None, SHA),
        ({"version": SHA, "name": "reg.example/web:1"}, "1", SHA),
        ({"version": "sha256:short"}, "sha256:short", None),
    ],
)
def test_a_version_that_is_a_digest_is_never_the_tag(kind, found, tag, digest):
    named = {"type": kind, "name": "reg.example/web", **found}
    reference = read(document(library("a"), subject=named)).subject.reference
    assert reference == ImageReference("reg.example", "web", tag, digest)


def test_an_image_reference_without_its_parts_is_a_repository():
    reference = parse_image_reference("shop/storefront")
    assert (reference.registry, reference.repository, reference.tag, reference.digest) == (
        None,
        "shop/storefront",
        None,
        None,
    )


# What cannot be read


def test_malformed_json_is_refused_with_its_place():
    error = refused(b'{"bomFormat": "CycloneDX",\n "specVersion": }')
    assert "is not JSON" in error.reason
    assert "line 2 column 17" in error.reason


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe", b'{"a": NaN}', b'{"a": "\xff"}', b'{"a": 1'])
def test_what_is_no_json_is_refused(raw):
    assert "is not JSON" in refused(raw).reason


@pytest.mark.parametrize(
    ("raw", "path", "reason"),
    [
        (b"[]", "", "holds no JSON object"),
        (b"<?xml version='1.0'?><bom/>", "", "is XML"),
        (b"{}", "/bomFormat", "is None; expected 'CycloneDX'"),
        (b"{}", "/bomFormat", "supported are CycloneDX JSON 1.4 to 1.6 and SPDX JSON 2.2 and 2.3"),
        (b'{"bomFormat": "SPDX"}', "/bomFormat", "is 'SPDX'; expected 'CycloneDX'"),
        (b'{"spdxVersion": "SPDX-2.1"}', "/spdxVersion", "'SPDX-2.1' is not supported"),
        (b'{"bomFormat": "CycloneDX", "specVersion": "1.2"}', "/specVersion", "'1.2' is not supported"),
        (b'{"bomFormat": "CycloneDX", "specVersion": [1]}', "/specVersion", "supported are 1.4, 1.5, 1.6"),
        (b'{"bomFormat": "CycloneDX"}', "/specVersion", "None is not supported"),
    ],
)
def test_another_format_or_version_is_refused(raw, path, reason):
    error = refused(raw)
    assert error.path == path
    assert reason in error.reason


def test_a_byte_order_mark_is_no_obstacle():
    assert read_sbom("test.json", b"\xef\xbb\xbf" + orjson.dumps(document(library("a")))).components


@pytest.mark.parametrize(
    "empty", [document(), {"bomFormat": "CycloneDX", "specVersion": "1.4", "version": 1}]
)
def test_a_document_without_components_is_refused(empty):
    error = refused(empty)
    assert (error.path, "holds no components" in error.reason) == ("/components", True)


def test_a_schema_violation_is_named_by_its_path():
    error = refused(document(library("a"), library("b", type="gizmo")))
    assert error.path == "/components/1/type"
    assert error.reason.startswith("breaks CycloneDX 1.5: ")
    assert "gizmo" in error.reason


def test_the_licence_list_is_part_of_the_schema():
    error = refused(document(library("a", licenses=[{"license": {"id": "No-Such-Licence"}}])))
    assert error.path.startswith("/components/0/licenses")


@pytest.mark.parametrize("subject", [None, "app"])
def test_more_components_than_memory_is_set_aside_for_are_refused(monkeypatch, subject):
    described = subject and {"type": "application", "bom-ref": "root", "name": subject}
    found = document(*(library(name) for name in "abc"), subject=described)
    monkeypatch.setattr(sbom, "MOST", 3)
    assert len(read(found).components) == 3
    monkeypatch.setattr(sbom, "MOST", 2)
    error = refused(orjson.dumps(found))
    assert (error.path, error.reason) == (
        "/components/2/bom-ref",
        "is one component more than the 2 of an SBOM",
    )


EDGES = {"a-ref": ["b-ref", "c-ref"], "b-ref": ["c-ref"]}


def test_more_edges_than_memory_is_set_aside_for_are_refused(monkeypatch):
    found = document(library("a"), library("b"), library("c"), edges=EDGES)
    monkeypatch.setattr(sbom, "MOST_EDGES", 3)
    assert len(read(found).dependencies) == 3
    monkeypatch.setattr(sbom, "MOST_EDGES", 2)
    assert refused(orjson.dumps(found)).reason == "states more than 2 dependencies"


def test_only_the_first_five_violations_are_shown_and_shortly():
    error = refused(document(*(library(f"n{n}", type="x" * 10_000) for n in range(9))))
    assert error.path == "/components/0/type"
    assert "/components/4/type" in error.reason
    assert "/components/5/type" not in error.reason
    assert error.reason.endswith("and more")
    assert len(error.reason) < 1_200


def test_a_purl_that_does_not_parse_is_refused_with_its_path():
    error = refused(document(library("a", components=[library("b", purl="pypi/b@1")])))
    assert error.path == "/components/0/components/0/purl"
    assert "'pypi/b@1' is not valid" in error.reason


@pytest.mark.parametrize("name", ["name", "version", "group"])
def test_a_nul_is_refused_with_its_path(name):
    purl = {"purl": "pkg:pypi/b@1"}
    error = refused(document(library("a"), library("b") | purl | {name: "a\0b"}))
    assert error.path == f"/components/1/{name}"
    assert "NUL" in error.reason
    assert read(document(library("a") | purl | {name: "\\u0000"})).components


def nested(levels):
    opening = b'{"type":"library","name":"n%d","components":['
    inside = (
        b"".join(opening % level for level in range(levels))
        + b'{"type":"library","name":"leaf"}'
        + b"]}" * levels
    )
    return b'{"bomFormat":"CycloneDX","specVersion":"1.6","components":[' + inside + b"]}"


def test_deep_nesting_is_read():
    sbom = read_sbom("test.json", nested(400))
    assert (len(sbom.components), len(sbom.dependencies)) == (401, 400)


def test_nesting_beyond_what_the_parser_takes_is_refused():
    assert "is not JSON" in refused(nested(100_000)).reason


@pytest.mark.parametrize("levels", [1, 400])
def test_a_large_document_says_what_a_small_one_says(monkeypatch, levels):
    small = read_sbom("test.json", nested(levels))
    monkeypatch.setattr(sbom_formats, "LARGE", 0)
    assert read_sbom("test.json", nested(levels)) == small


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b'{"a": NaN}', b'{"a": "\\ud800"}', b'{"a": 1,}', b'{"a": "\xff"}']
)
def test_a_large_document_is_refused_as_a_small_one_is(monkeypatch, raw):
    small = refused(raw)
    monkeypatch.setattr(sbom_formats, "LARGE", 0)
    large = refused(raw)
    assert (large.path, large.reason) == (small.path, small.reason)


# Files


def test_a_file_is_read_plain_or_packed_with_its_progress(tmp_path):
    raw = orjson.dumps(document(library("a"), subject=APP))
    for name, stored in (("a.json", raw), ("a.json.gz", gzip.compress(raw))):
        path, counts = tmp_path / name, []
        path.write_bytes(stored)
        assert load_sbom(path, counts.append) == (read_sbom("other", raw), raw)
        assert sum(counts) == len(stored)


def test_a_truncated_file_is_refused_by_name(tmp_path):
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(orjson.dumps(document(library("a"))))[:-9])
    with pytest.raises(InvalidDocument, match=r"a\.json\.gz: at /: gzip stream is truncated"):
        load_sbom(path)


def test_a_file_that_unpacks_to_more_than_the_limit_is_refused(tmp_path):
    raw = orjson.dumps(document(library("a"), subject=APP))
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(raw))
    assert load_sbom(path, limit=len(raw))[1] == raw
    with pytest.raises(InvalidDocument, match=r"a\.json\.gz"):
        load_sbom(path, limit=len(raw) - 1)


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(InvalidInput, match=r"missing\.json"):
        load_sbom(tmp_path / "missing.json")


# Digests


@st.composite
def sboms(draw):
    size = draw(st.integers(1, 8))
    components = []
    for node in range(size):
        component = library(f"n{node}") if draw(st.integers(0, 3)) else {"type": "file", "name": f"/n{node}"}
        component["bom-ref"] = f"ref-{node}"
        holder = draw(st.sampled_from([None, *components]))
        if holder is None or not draw(st.booleans()):
            components.append(component)
        else:
            holder.setdefault("components", []).append(component)
    refs = st.integers(-1, size - 1).map(lambda node: f"ref-{node}")
    edges = draw(st.dictionaries(refs, st.lists(refs, unique=True, max_size=4), max_size=size))
    subject = {**APP, "bom-ref": "ref--1"} if draw(st.booleans()) else None
    return document(*components, subject=subject, edges=edges)


def disguised(found, shuffler):
    """The same content with other refs, another order, serial number and time."""
    found = copy.deepcopy(found)
    names = {}

    def renamed(ref):
        return names.setdefault(ref, f"{shuffler.random()} {len(names)}")

    def rearrange(components):
        for component in components:
            component["bom-ref"] = renamed(component["bom-ref"])
            rearrange(component.get("components", []))
        shuffler.shuffle(components)

    rearrange(found["components"])
    for entry in found.get("dependencies", []):
        entry["ref"] = renamed(entry["ref"])
        entry["dependsOn"] = [renamed(ref) for ref in entry["dependsOn"]]
        shuffler.shuffle(entry["dependsOn"])
    shuffler.shuffle(found.get("dependencies", []))
    if "metadata" in found:
        found["metadata"]["timestamp"] = "2030-05-05T05:05:05Z"
        found["metadata"]["component"]["bom-ref"] = renamed(found["metadata"]["component"]["bom-ref"])
    found["serialNumber"] = "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"
    return dict(reversed(found.items()))


@given(sboms(), st.randoms(use_true_random=False))
def test_order_refs_serial_number_and_time_do_not_change_the_digests(found, shuffler):
    one, other = read(found), read(disguised(found, shuffler))
    assert one.digest == other.digest
    assert build_graph(one) == build_graph(other)
    assert one.unresolved == other.unresolved


def test_the_disguise_of_the_test_above_does_change_the_text():
    found = document(library("a"), library("b"), subject=APP, edges={"app-ref": ["a-ref", "b-ref"]})
    assert read(found).dependencies != read(disguised(found, random.Random(1))).dependencies


def test_content_does_change_the_digest():
    edges = {"app-ref": ["a-ref"], "a-ref": ["b-ref"]}
    variants = [
        document(library("a"), library("b"), subject=APP, edges=edges),
        document(library("a"), library("b", "1.1"), subject=APP, edges=edges),
        document(library("a"), library("b", type="framework"), subject=APP, edges=edges),
        document(library("a"), library("b"), library("c"), subject=APP, edges=edges),
        document(library("a"), library("b"), subject=APP, edges={"app-ref": ["a-ref", "b-ref"]}),
        document(library("a"), library("b"), subject={**APP, "version": "3"}, edges=edges),
        document(library("a"), library("b"), edges=edges),
    ]
    assert len({read(found).digest for found in variants}) == len(variants)


@pytest.mark.parametrize(
    ("text", "registry", "repository"),
    [
        ("docker.io/library/alpine:3", "docker.io", "library/alpine"),
        ("docker.io/alpine:3", "docker.io", "library/alpine"),
        ("index.docker.io/library/alpine:3", "docker.io", "library/alpine"),
        ("registry-1.docker.io/grafana/grafana:3", "docker.io", "grafana/grafana"),
        ("registry.hub.docker.com/alpine:3", "docker.io", "library/alpine"),
        ("alpine:3", None, "alpine"),
        ("library/alpine:3", None, "library/alpine"),
        ("grafana/grafana:3", None, "grafana/grafana"),
        ("ghcr.io/library/alpine:3", "ghcr.io", "library/alpine"),
        ("docker.io.example/library/alpine:3", "docker.io.example", "library/alpine"),
    ],
)
def test_an_image_of_docker_hub_has_one_name(text, registry, repository):
    assert parse_image_reference(text) == ImageReference(registry, repository, "3", None)

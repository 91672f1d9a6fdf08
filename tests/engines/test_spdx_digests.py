"""The digest of an SPDX document covers what it says, not how."""

import copy
import random
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from resources.errors import InvalidDocument
from scheduler_defs.engines.graph import build_graph
from tests.engines.spdx_documents import (
    APP,
    CHECKSUMS,
    DOCUMENT,
    HEX,
    IMAGE,
    LEFT_NEEDS_RIGHT,
    RIGHT_NEEDS_LEFT,
    document,
    package,
    read,
    related,
)


def cyclonedx(root, components, pairs):
    """The CycloneDX document that says the same."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "metadata": {"component": {"bom-ref": "root", **root}},
        "components": [{"type": "library", "bom-ref": one["name"], **one} for one in components],
        "dependencies": [{"ref": left, "dependsOn": [right]} for left, right in pairs],
    }


def test_an_spdx_and_a_cyclonedx_document_that_say_the_same_have_one_digest():
    image = f"pkg:oci/app@sha256%3A{HEX}?repository_url=registry.example%2Fshop%2Fapp"
    deb = "pkg:deb/debian/bsdutils@2.38.1-5?distro=debian-12.5&epoch=1"
    notes = {"SrcName": "util-linux", "SrcVersion": "2.38.1", "SrcRelease": "5", "SrcEpoch": "3"}
    properties = [{"name": f"aquasecurity:trivy:{name}", "value": value} for name, value in notes.items()]
    one = cyclonedx(
        {"type": "container", "name": "app", "purl": image},
        [
            {"name": "flask", "version": "3.0", "purl": "pkg:pypi/Flask@3.0"},
            {"name": "debian", "version": "12.5", "type": "operating-system"},
            {"name": "bsdutils", "purl": deb, "properties": properties},
        ],
        [("root", "debian"), ("debian", "bsdutils"), ("root", "flask")],
    )
    relations = related(
        ("root", "CONTAINS", "debian"),
        ("bsdutils", "DEPENDENCY_OF", "debian"),
        ("root", "DEPENDS_ON", "flask"),
    )
    other = document(
        package("bsdutils", "2.38.1-5", deb, sourceInfo="built package from: util-linux 3:2.38.1-5"),
        package("app", "", image, SPDXID="SPDXRef-root", **IMAGE),
        package("debian", "12.5", False, primaryPackagePurpose="OPERATING-SYSTEM"),
        package("flask", "3.0", "pkg:pypi/Flask@3.0"),
        describes=["root"],
        relations=relations,
    )
    assert read(one).digest == read(other).digest
    assert read(one).subject == read(other).subject
    assert build_graph(read(one)) == build_graph(read(other))
    assert build_graph(read(one)).transitive == 1
    assert read({**other, "relationships": relations[:-1]}).digest != read(one).digest


def test_content_does_change_the_digest():
    relations = related(("app", "DEPENDS_ON", "a"), ("a", "DEPENDS_ON", "b"))
    a, b = package("a"), package("b")
    variants = [
        document(APP, a, b, describes=["app"], relations=relations),
        document(APP, a, package("b", "1.1"), describes=["app"], relations=relations),
        document(APP, a, b | {"primaryPackagePurpose": "FRAMEWORK"}, describes=["app"], relations=relations),
        document(APP, a, b, package("c"), describes=["app"], relations=relations),
        document(APP, a, b, describes=["app"], relations=relations[:1]),
        document(APP | {"versionInfo": "3"}, a, b, describes=["app"], relations=relations),
        document(APP, a, b, relations=relations),
    ]
    assert len({read(found).digest for found in variants}) == len(variants)


@st.composite
def documents(draw):
    size = draw(st.integers(2, 7))
    names = [f"n{node}" for node in range(size)]
    packages = [package(name, purl=draw(st.sampled_from([True, False]))) for name in names]
    lines = [{"SPDXID": "SPDXRef-file", "fileName": "f"}]
    ends = st.sampled_from([*names, "file", "gone", "DOCUMENT"])
    kinds = st.sampled_from([*LEFT_NEEDS_RIGHT, *RIGHT_NEEDS_LEFT, "OTHER", "DESCRIBED_BY"])
    triples = draw(st.lists(st.tuples(ends, kinds, ends), max_size=10))
    describes = draw(st.lists(st.sampled_from(names), max_size=1))
    found = document(*packages, describes=describes, relations=related(*triples), files=lines)
    return found | {"documentDescribes": [f"SPDXRef-{name}" for name in describes]}


def disguised(found, shuffler):
    """The same content with other SPDXIDs, another order, namespace and time."""
    found = copy.deepcopy(found)
    names = {DOCUMENT: DOCUMENT}

    def renamed(ref):
        return names.setdefault(ref, f"SPDXRef-{shuffler.random()}-{len(names)}")

    for element in (*found["packages"], *found["files"]):
        element["SPDXID"] = renamed(element["SPDXID"])
    for one in found["relationships"]:
        for end in ("spdxElementId", "relatedSpdxElement"):
            one[end] = renamed(one[end])
    found["documentDescribes"] = [renamed(ref) for ref in found["documentDescribes"]]
    shuffler.shuffle(found["packages"])
    shuffler.shuffle(found["relationships"])
    found["documentNamespace"] = "https://example.com/other"
    found["creationInfo"]["created"] = "2030-05-05T05:05:05Z"
    return dict(reversed(found.items()))


@given(documents(), st.randoms(use_true_random=False))
def test_order_spdxids_namespace_and_time_do_not_change_the_digests(found, shuffler):
    one, other = read(found), read(disguised(found, shuffler))
    assert one.digest == other.digest
    assert build_graph(one) == build_graph(other)
    assert one.unresolved == other.unresolved


def test_the_disguise_of_the_test_above_does_change_the_text():
    relations = related(("app", "DEPENDS_ON", "a"), ("a", "CONTAINS", "b"))
    found = document(APP, package("a"), package("b"), relations=relations, files=[], documentDescribes=[])
    assert read(found).dependencies != read(disguised(found, random.Random(1))).dependencies


def places(value, path=()):
    """The path of every value inside a JSON value."""
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, member in members:
        yield (*path, key)
        yield from places(member, (*path, key))


SCRAPS = st.sampled_from(
    ["", "\0", "NONE", DOCUMENT, "SPDXRef-a", "pkg:deb/x/y@1?upstream=@", [], {}, None, 1, [{}]]
)


@given(st.data())
def test_a_mutated_document_gives_a_result_or_is_refused(data):
    found = document(
        APP,
        package(
            "a",
            sourceInfo="built package from: b 1",
            checksums=CHECKSUMS[:1],
            attributionTexts=["SrcName: b"],
        ),
        package("b", purl="pkg:deb/debian/b@1", annotations=[{"comment": "SrcName: c"}]),
        describes=["app"],
        relations=related(("app", "DEPENDS_ON", "a"), ("b", "DEPENDENCY_OF", "a")),
        files=[{"SPDXID": "SPDXRef-file"}],
        documentDescribes=["SPDXRef-app"],
    )
    assert read(found).dependencies
    found = copy.deepcopy(found)
    for _ in range(data.draw(st.integers(1, 3))):
        *above, last = data.draw(st.sampled_from(list(places(found))))
        holder = found
        for key in above:
            holder = holder[key]
        if data.draw(st.booleans()):
            del holder[last]
        else:
            holder[last] = data.draw(SCRAPS | st.text(st.characters(exclude_categories=["Cs"]), max_size=9))
    with suppress(InvalidDocument):
        sbom = read(found)
        assert build_graph(sbom).root == sbom.root

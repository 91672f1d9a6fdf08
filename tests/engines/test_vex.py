"""What VEX documents are told apart by, and which statement holds for a component."""

import copy
import json
import os
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from time import perf_counter
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.errors import InvalidDocument, InvalidInput
from scheduler_defs.engines.subjects import ImageReference
from scheduler_defs.engines.vex import Vex, names_of, read_vex
from scheduler_defs.engines.vex_statements import Statement, VexDocument, VexStatus
from tests.engines.vex_documents import (
    LINKED,
    NOON,
    OTHER_SHA,
    SHA,
    SHOP,
    SHOP_PURL,
    analysed,
    linked,
    openvex,
    refused,
    rooted,
    said,
    stated,
    statement,
)

LATER = NOON + timedelta(hours=1)
CVE = ["CVE-2024-1"]
UNSAID = ImageReference("docker.io", "acme/else", "1", OTHER_SHA)


def held(*statements, ids=CVE, purl="pkg:npm/left@1.0", version="1.0", image=SHOP, source=(None, None)):
    return Vex(statements).said(ids, purl, version, image, source)


# Documents of another kind


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({}, ""),
        ({"@context": "https://spdx.org/rdf", "statements": []}, "/@context"),
        ({"@context": ["https://openvex.dev/ns"], "statements": []}, "/@context"),
        ({"bomFormat": "Else", "vulnerabilities": []}, "/bomFormat"),
        ([], ""),
        (None, ""),
        ("https://openvex.dev/ns", ""),
    ],
)
def test_a_document_of_another_kind_is_refused(document, path):
    found, reason = refused(document)
    assert found == path
    assert "OpenVEX and CycloneDX" in reason or "expected an object" in reason


# Digests


def test_every_field_is_in_the_digest():
    base = statement(image=SHOP)
    changes = {
        "vulnerability": "CVE-2",
        "aliases": ("A",),
        "purl": None,
        "image": replace(SHOP, tag="1"),
        "status": VexStatus.FIXED,
        "justification": "component_not_present",
        "note": "n",
        "stated_at": LATER,
    }
    assert set(changes) == {one.name for one in fields(Statement)}
    digests = {replace(base, **{name: value}).digest for name, value in changes.items()}
    assert len(digests | {base.digest}) == len(changes) + 1
    assert all(len(one) == 64 for one in digests)


def test_a_digest_knows_no_time_zone():
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5)))
    assert statement(stated_at=elsewhere).digest == statement().digest


def test_both_formats_state_the_same():
    product = {"@id": SHOP_PURL, "subcomponents": [{"@id": "pkg:npm/left@1.0"}]}
    first = stated(openvex(said(product, vulnerability={"name": "CVE-2024-1", "aliases": ["G"]})))
    root = {"type": "container", "name": "shop", "purl": SHOP_PURL}
    second = stated(rooted(root, analysed(state="resolved", references=[{"id": "G"}])))
    assert [one.digest for one in first] == [one.digest for one in second]


@settings(max_examples=50, deadline=None)
@given(st.randoms(use_true_random=False))
def test_digests_know_no_order_and_no_layout(random: Random):
    names = ["pkg:npm/a@1", "pkg:npm/b", "pkg:pypi/C_d@2?b=1&a=2"]
    aliases = ["A", "B", "C"]
    entries = [
        said(*names, vulnerability={"name": f"CVE-{number}", "aliases": aliases}) for number in range(3)
    ]
    expected = {one.digest for one in stated(openvex(*entries))}
    split = [entry | {"products": [{"@id": one}]} for entry in entries for one in entry["products"]]
    for entry in split:
        entry["vulnerability"] = {
            "aliases": random.sample(aliases, 3),
            "name": entry["vulnerability"]["name"],
        }
    random.shuffle(split)
    assert {one.digest for one in stated(openvex(*split))} == expected


# Which statement fits


def test_nothing_is_said_about_what_nobody_named():
    assert held() is None
    assert held(statement(), ids=[]) is None
    assert held(statement(), ids=["CVE-2024-2"]) is None
    assert held(statement(), purl="pkg:npm/right@1.0") is None
    assert held(statement(), purl="pkg:pypi/left@1.0") is None


def test_ids_and_aliases_of_both_sides_fit_in_any_case():
    named = statement(aliases=("GHSA-x",))
    for ids in (["cve-2024-1"], ["ghsa-X"], iter(["PYSEC-1", "GHSA-X"])):
        assert held(named, ids=ids) == named


@pytest.mark.parametrize(
    ("aliases", "upstream", "also"),
    [
        ([], [], []),
        (["GHSA-1"], ["CVE-2024-1"], ["GHSA-1", "CVE-2024-1"]),
        (
            [],
            ["CVE-2024-1", "UBUNTU-CVE-2024-1", "cve-2024-1"],
            ["CVE-2024-1", "UBUNTU-CVE-2024-1", "cve-2024-1"],
        ),
        ([], ["DEBIAN-CVE-2024-1"], ["DEBIAN-CVE-2024-1"]),
        (["GHSA-1"], ["CVE-2024-1", "CVE-2024-2"], ["GHSA-1"]),
        ([], ["CVE-2024-1", "CVE-2024-10"], []),
        ([], ["DEBIAN-CVE-2024-1", "UBUNTU-CVE-2024-2"], []),
        ([], ["CVE-2024-1", "GHSA-1"], []),
        ([], ["CVE-2024-1", "CVE-2024-1-1"], []),
    ],
)
def test_an_advisory_is_called_by_what_is_upstream_where_that_is_one(aliases, upstream, also):
    assert names_of("DSA-1", aliases, upstream) == ("DSA-1", *also)


@pytest.mark.parametrize(
    ("purl", "component", "version", "fits"),
    [
        ("pkg:npm/left", "pkg:npm/left@1.0", "1.0", True),
        ("pkg:npm/left", "pkg:npm/left", None, True),
        ("pkg:npm/left@1.0", "pkg:npm/left@1.0", None, True),
        ("pkg:npm/left@1.0", "pkg:npm/left", "1.0", True),
        ("pkg:npm/left@1.0", "pkg:npm/left@1.1", "1.1", False),
        ("pkg:npm/left@1.0", "pkg:npm/left", None, False),
        ("pkg:deb/debian/curl@1:2", "pkg:deb/debian/curl@2?epoch=1", "1:2", True),
        ("pkg:deb/debian/curl@2", "pkg:deb/debian/curl@2?epoch=1", "1:2", True),
        ("pkg:deb/debian/curl", "pkg:deb/ubuntu/curl@2", "2", False),
        ("pkg:npm/%40x/left", "pkg:npm/left@1", "1", False),
        ("pkg:npm/Left", "pkg:npm/left@1", "1", True),
        ("pkg:pypi/re_quests", "pkg:pypi/Re.Quests@1", "1", True),
        ("pkg:apk/alpine/a?arch=x86", "pkg:apk/alpine/a@1?arch=x86&distro=3", "1", True),
        ("pkg:apk/alpine/a?arch=x86", "pkg:apk/alpine/a@1?arch=arm", "1", False),
        ("pkg:apk/alpine/a?arch=x86", "pkg:apk/alpine/a@1", "1", False),
        ("pkg:golang/a/b", "pkg:golang/a/b@1#sub", "1", True),
        ("pkg:golang/a/b#sub", "pkg:golang/a/b@1#sub", "1", True),
        ("pkg:golang/a/b#sub", "pkg:golang/a/b@1", "1", False),
        ("pkg:golang/a/b#sub", "pkg:golang/a/b@1#other", "1", False),
    ],
)
def test_a_component_fits_what_is_stated(purl, component, version, fits):
    assert (held(statement(purl), purl=component, version=version) is not None) == fits


LIBSSL = "pkg:deb/debian/libssl1.1@1.1.1n-1?arch=amd64&distro=debian-11&upstream=openssl"
LIBS = "pkg:rpm/redhat/openssl-libs@1.1.1k-9?arch=x86_64&epoch=1"


@pytest.mark.parametrize(
    ("purl", "component", "source", "fits"),
    [
        ("pkg:deb/debian/openssl", LIBSSL, ("openssl", None), True),
        ("pkg:deb/Debian/openssl?distro=debian-11", LIBSSL, ("openssl", None), True),
        ("pkg:deb/debian/openssl?arch=source&distro=debian-11", LIBSSL, ("openssl", None), True),
        ("pkg:deb/debian/openssl?distro=debian-12", LIBSSL, ("openssl", None), False),
        ("pkg:deb/debian/openssl?arch=amd64", LIBSSL, ("openssl", None), False),
        ("pkg:deb/debian/openssl?upstream=openssl", LIBSSL, ("openssl", None), False),
        ("pkg:deb/ubuntu/openssl", LIBSSL, ("openssl", None), False),
        ("pkg:rpm/debian/openssl", LIBSSL, ("openssl", None), False),
        ("pkg:deb/debian/openssl", LIBSSL, ("openssl3", None), False),
        ("pkg:deb/debian/openssl@1.1.1n-1", LIBSSL, ("openssl", None), True),
        ("pkg:deb/debian/openssl@1.1.1n-1", LIBSSL, ("openssl", "1.1.1o-1"), False),
        ("pkg:deb/debian/openssl@1.1.1o-1", LIBSSL, ("openssl", "1.1.1o-1"), True),
        ("pkg:deb/debian/libssl1.1@1.1.1n-1?arch=amd64", LIBSSL, ("openssl", "1.1.1o-1"), True),
        ("pkg:deb/debian/libssl1.1@1.1.1o-1", LIBSSL, ("openssl", "1.1.1o-1"), False),
        ("pkg:deb/debian/libssl1.1@1.1.1o-1?arch=source", LIBSSL, ("openssl", "1.1.1o-1"), False),
        ("pkg:deb/debian/libssl1.1?arch=source", LIBSSL, ("libssl1.1", None), True),
        ("pkg:rpm/redhat/openssl@1.1.1k-9?arch=src&epoch=1", LIBS, ("openssl", None), True),
        ("pkg:rpm/redhat/openssl@1.1.1k-9?arch=src&epoch=1", LIBS, ("openssl", "1:1.1.1k-9"), True),
        ("pkg:rpm/redhat/openssl@1.1.1k-8?epoch=1", LIBS, ("openssl", "1:1.1.1k-9"), False),
        ("pkg:rpm/redhat/openssl@1.1.1k-9?epoch=2", LIBS, ("openssl", "1:1.1.1k-9"), False),
        ("pkg:apk/alpine/OpenSSL", "pkg:apk/alpine/libssl3@1", ("OPENSSL", None), True),
        ("pkg:npm/right", "pkg:npm/left@1.0", ("right", None), False),
    ],
)
def test_what_is_stated_of_a_source_package_is_stated_of_what_was_built_from_it(
    purl, component, source, fits
):
    version = "1:1.1.1k-9" if component == LIBS else "1.1.1n-1"
    assert (held(statement(purl), purl=component, version=version, source=source) is not None) == fits


def test_at_one_time_what_names_the_component_holds_before_what_names_its_source():
    source = statement("pkg:deb/debian/openssl", status=VexStatus.AFFECTED)
    own = statement("pkg:deb/debian/libssl1.1")
    whole_image = statement(None, SHOP)
    asked = {"purl": LIBSSL, "source": ("openssl", None)}
    assert held(source, own, **asked) == held(own, source, **asked) == own
    assert held(replace(source, image=SHOP), whole_image, **asked).purl == source.purl
    assert held(replace(source, stated_at=LATER), own, **asked).purl == source.purl


@pytest.mark.parametrize(
    ("limit", "image", "fits"),
    [
        (None, UNSAID, True),
        (SHOP, SHOP, True),
        (SHOP, replace(UNSAID, digest=SHA.upper()), True),
        (SHOP, replace(SHOP, digest=OTHER_SHA), False),
        (SHOP, replace(SHOP, digest=None), False),
        (replace(SHOP, digest=SHA.upper()), SHOP, True),
        (ImageReference(None, "acme/shop", None, None), SHOP, True),
        (ImageReference(None, "shop", None, None), SHOP, False),
        (ImageReference("ghcr.io", "acme/shop", None, None), replace(SHOP, tag="3"), True),
        (ImageReference("gcr.io", "acme/shop", None, None), SHOP, False),
        (ImageReference("ghcr.io", "acme/shop", "3", None), replace(SHOP, tag="3"), True),
        (ImageReference("ghcr.io", "acme/shop", "3", None), SHOP, False),
        (ImageReference("", "acme/shop", "", None), ImageReference("", "acme/shop", "1", None), True),
    ],
)
@pytest.mark.parametrize("purl", ["pkg:npm/left", None])
def test_an_image_fits_what_is_stated(limit, image, fits, purl):
    if purl is not None or limit is not None:
        assert (held(statement(purl, limit), image=image) is not None) == fits


def test_the_latest_statement_holds():
    early, late = statement(image=SHOP), statement(stated_at=LATER, status=VexStatus.AFFECTED)
    assert held(early, late) == held(late, early) == late


def test_at_one_time_the_narrower_statement_holds_and_then_the_digest_decides():
    everywhere = statement()
    whole_image = statement(None, SHOP)
    in_image = statement("pkg:npm/left", SHOP)
    assert held(everywhere, whole_image) == held(whole_image, everywhere) == whole_image
    assert held(in_image, whole_image, everywhere) == in_image
    notes = [statement(note=str(number)) for number in range(8)]
    expected = max(notes, key=lambda one: one.digest)
    assert held(*notes) == held(*reversed(notes)) == expected


def test_a_later_statement_that_does_not_fit_takes_nothing_away():
    other = statement("pkg:npm/left@2.0", stated_at=LATER)
    assert held(statement(), other) == statement()


def test_a_package_url_that_does_not_parse_is_refused_where_it_matters():
    with pytest.raises(InvalidInput):
        Vex([statement("left")])
    with pytest.raises(InvalidInput):
        held(statement(), purl="left")


def test_asking_costs_little_when_nothing_is_said():
    vex = Vex(statement(f"pkg:npm/a{number}", vulnerability=f"CVE-{number}") for number in range(2000))
    ids = [f"GHSA-{number}" for number in range(3)]
    started = perf_counter()
    for _ in range(10_000):
        vex.said(ids, "pkg:npm/a1@1", "1", SHOP)
    assert perf_counter() - started < 1


# Against a scan of all statements, told by texts alone


PURLS = [
    "pkg:npm/left",
    "pkg:npm/left@1",
    "pkg:npm/left@2",
    "pkg:npm/%40x/left@1",
    "pkg:npm/left@1?a=1",
    "pkg:npm/left@1?a=1&b=2",
    "pkg:npm/left?b=2#s/t",
    "pkg:npm/left@1#s/t",
    "pkg:deb/debian/left@1",
    "pkg:deb/ubuntu/left@1",
    "pkg:deb/debian/left?arch=source",
    "pkg:deb/debian/libleft@1?arch=amd64",
]
SOURCES = [(None, None), ("left", None), ("left", "2"), ("libleft", None), ("left", "1")]
IMAGES = [
    ImageReference(registry, repository, tag, digest)
    for registry in (None, "ghcr.io")
    for repository in ("shop", "till")
    for tag in (None, "1")
    for digest in (None, SHA, OTHER_SHA)
]
IDS = ["CVE-1", "cve-1", "CVE-2", "GHSA-a"]

statements = st.builds(
    statement,
    st.sampled_from(PURLS),
    st.sampled_from([None, *IMAGES]),
    vulnerability=st.sampled_from(IDS),
    aliases=st.lists(st.sampled_from(IDS), max_size=2, unique=True).map(lambda ids: tuple(sorted(ids))),
    status=st.sampled_from(VexStatus),
    stated_at=st.sampled_from([NOON, LATER]),
    note=st.sampled_from(["", "n"]),
) | st.builds(statement, st.none(), st.sampled_from(IMAGES), stated_at=st.just(NOON))


def parts_of(purl):
    rest, _, subpath = purl.partition("#")
    rest, _, qualifiers = rest.partition("?")
    name, _, version = rest.partition("@")
    return unquote(name), version, {one for one in qualifiers.split("&") if one}, subpath


def is_the_image(stated, image):
    if stated.digest is not None:
        return stated.digest == image.digest
    named = {(stated.registry, image.registry), (stated.tag, image.tag)}
    return stated.repository == image.repository and all(left in (None, right) for left, right in named)


def closeness(stated, purl, version, source):
    """2 for the component itself, 1 for its source package, 0 for neither."""
    name, stated_version, qualifiers, subpath = parts_of(stated)
    asked, asked_version, asked_qualifiers, asked_subpath = parts_of(purl)
    if subpath not in ("", asked_subpath):
        return 0
    own = ["", asked_version, version]
    if name == asked and stated_version in own and qualifiers <= asked_qualifiers:
        return 2
    if not purl.startswith("pkg:deb") or "arch=amd64" in qualifiers:
        return 0
    built_from = asked.rpartition("/")[0] + "/" + (source[0] or asked.rpartition("/")[2])
    fits = name == built_from and stated_version in (["", source[1]] if source[1] else own)
    return int(fits and qualifiers - {"arch=source"} <= asked_qualifiers)


def scan(all_of_them, ids, purl, version, image, source):
    wanted = {one.lower() for one in ids}
    fitting = []
    near = {}
    for one in all_of_them:
        if not wanted & {name.lower() for name in [one.vulnerability, *one.aliases]}:
            continue
        if one.image is not None and not is_the_image(one.image, image):
            continue
        near[one] = 0 if one.purl is None else closeness(one.purl, purl, version, source)
        if one.purl is None or near[one]:
            fitting.append(one)
    harm = ["not_affected fixed", "under_investigation", "affected"]
    order = [
        (
            *(one.stated_at, one.image is not None, near[one]),
            next(place for place, names in enumerate(harm) if one.status in names.split()),
            one.digest,
        )
        for one in fitting
    ]
    return fitting[order.index(max(order))] if fitting else None


@settings(max_examples=100, deadline=None)
@given(
    st.lists(statements, max_size=12),
    st.lists(st.sampled_from([*IDS, "CVE-2024-1"]), max_size=3),
    st.sampled_from(PURLS),
    st.sampled_from([None, "1", "2"]),
    st.sampled_from(IMAGES),
    st.sampled_from(SOURCES),
)
def test_said_is_what_a_scan_of_all_finds(all_of_them, ids, purl, version, image, source):
    expected = scan(all_of_them, ids, purl, version, image, source)
    assert Vex(all_of_them).said(ids, purl, version, image, source) == expected
    assert Vex(reversed(all_of_them)).said(ids, purl, version, image, source) == expected


@pytest.mark.parametrize("worse", ["affected", "under_investigation"])
def test_of_two_of_one_time_the_one_that_tells_of_more_harm_holds(worse):
    for note in map(str, range(20)):
        both = [statement(status=VexStatus("not_affected"), note=note), statement(status=VexStatus(worse))]
        assert held(*both).status == worse


def test_an_application_is_no_image_of_its_name():
    limit = ImageReference("", "redis", "7.0", None)
    assert held(statement(None, limit), image=ImageReference(None, "redis", "7.0", None)) is not None
    assert held(statement(None, limit), image=ImageReference("docker.io", "redis", "7.0", None)) is None


# Damaged documents


DOCUMENTS = [
    openvex(
        said(
            {"@id": SHOP_PURL, "identifiers": {"purl": SHOP_PURL}, "subcomponents": [{"@id": "pkg:npm/a@1"}]},
            "pkg:npm/left@1.0",
            vulnerability={"@id": "x", "name": "CVE-2024-1", "aliases": ["GHSA-x"]},
            status="not_affected",
            justification="component_not_present",
            impact_statement="why",
            timestamp="2024-01-02T14:00:00Z",
        ),
        last_updated="2024-01-02T14:00:00Z",
    ),
    rooted(
        {"type": "container", "bom-ref": "root", "name": "a/b", "version": "1", "purl": SHOP_PURL},
        analysed(
            "root",
            "pkg:npm/a",
            f"urn:cdx:{LINKED}/1#a",
            {"ref": "left", "versions": [{"version": "1", "status": "affected"}, {"range": "vers:npm/*"}]},
            analysis={
                "state": "exploitable",
                "justification": "code_not_present",
                "detail": "d",
                "lastUpdated": "2024-01-02T14:00:00Z",
            },
            references=[{"id": "GHSA-x"}],
        ),
    ),
]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=8),
    st.sampled_from(
        [
            "pkg:",
            "pkg:oci/",
            "pkg:oci/a@",
            "pkg:npm/a?b",
            "pkg:docker/%2F@%00",
            "pkg:oci/@x",
            "pkg:swift/a",
            "pkg:npm/a#..",
            f"urn:cdx:{LINKED}/1#%",
            f"urn:cdx:{LINKED}/1#pkg:a",
            "9999-12-31T23:59:59-14:00",
            "2024-01-02T14:00:00.123456789Z",
            ":@",
            "\0",
            "%ff",
        ]
    ),
    st.just([]),
    st.just({}),
    st.just([[{}]]),
)


def places(value, path=()):
    yield path
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, member in members:
        yield from places(member, (*path, key))


def damaged(document, path, value):
    if not path:
        return value
    changed = copy.deepcopy(document)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return changed


@settings(max_examples=int(os.environ.get("FUZZ", "60")), deadline=None)
@given(st.data())
def test_a_damaged_document_is_read_or_refused(data):
    document = data.draw(st.sampled_from(DOCUMENTS))
    for _ in range(data.draw(st.integers(1, 3))):
        document = damaged(document, data.draw(st.sampled_from(list(places(document)))), data.draw(ODD))
    try:
        found = read_vex("test", document, linked)
    except InvalidDocument:
        return
    assert isinstance(found, VexDocument)
    assert all(one.purl is not None or one.image is not None for one in found.statements)
    assert all(one.stated_at.tzinfo is UTC and one.vulnerability for one in found.statements)
    assert len({one.digest for one in found.statements}) == len(found.statements)
    known = {"".join(f"/{part}" for part in path) for path in places(document)}
    for one in found.unusable:
        assert one.path in known or one.path.rpartition("/")[0] in known
    Vex(found.statements).said(CVE, "pkg:npm/a@1", "1", SHOP)
    assert json.dumps(document)


def test_the_documents_that_are_damaged_are_read_whole():
    counts = [len(read_vex("test", one, linked).statements) for one in DOCUMENTS]
    assert counts == [2, 4]


def test_deep_nesting_is_walked():
    component = {"bom-ref": "deep", "purl": "pkg:npm/deep"}
    for _ in range(20_000):
        component = {"components": [component]}
    (found,) = stated(rooted(component | {"name": "root"}, analysed("deep")))
    assert found.purl == "pkg:npm/deep"
    while component.get("components"):
        component = component.pop("components")[0]


def test_many_statements_are_indexed_by_their_image():
    images = [ImageReference(None, "shop", None, f"sha256:{number:064x}") for number in range(2000)]
    vex = Vex(statement("pkg:npm/left", image) for image in images)
    started = perf_counter()
    for image in images:
        assert vex.said(CVE, "pkg:npm/left@1", "1", image).image == image
    assert perf_counter() - started < 2


def test_a_statement_knows_datetimes_of_any_zone():
    moved = statement(stated_at=datetime(2024, 1, 2, 13, tzinfo=timezone(timedelta(hours=2))))
    assert held(statement(), moved) == statement()

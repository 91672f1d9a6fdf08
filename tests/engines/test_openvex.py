"""Reading of OpenVEX."""

from datetime import UTC, datetime

import pytest

from scheduler_defs.engines.subjects import ImageReference
from scheduler_defs.engines.vex_statements import VexStatus
from tests.engines.vex_documents import (
    NOON,
    SHA,
    SHOP,
    SHOP_PURL,
    openvex,
    read,
    refused,
    said,
    stated,
    statement,
    targets,
    unusable,
)

LEFT = {"@id": "pkg:npm/left@1.0"}


def test_a_statement_is_read_with_all_it_says():
    vulnerability = {
        "@id": "https://acme.example/CVE-2024-1",
        "name": "CVE-2024-1",
        "aliases": ["GHSA-x", "CVE-2024-1", "A-1", "GHSA-x"],
    }
    (found,) = stated(
        openvex(
            said(
                vulnerability=vulnerability,
                status="not_affected",
                justification="component_not_present",
                impact_statement="Not built in.",
                status_notes="Checked by hand.",
            )
        )
    )
    assert found == statement(
        "pkg:npm/left@1.0",
        aliases=("A-1", "GHSA-x"),
        justification="component_not_present",
        note="Not built in.\nChecked by hand.",
        stated_at=NOON,
    )


@pytest.mark.parametrize("status", list(VexStatus))
def test_every_status_is_read(status):
    (found,) = stated(openvex(said(status=status.value, impact_statement="why")))
    assert found.status is status


@pytest.mark.parametrize(
    "context",
    ["https://openvex.dev/ns", "https://openvex.dev/ns/v0.0.1", "https://openvex.dev/ns/v0.2.0"],
)
def test_the_texts_of_older_documents_are_read(context):
    entry = said(SHOP_PURL, vulnerability="CVE-2024-1", subcomponents=["pkg:npm/a@1", "pkg:npm/b@2"])
    found = stated(openvex(entry, **{"@context": context}))
    assert targets(found) == [("pkg:npm/a@1", SHOP), ("pkg:npm/b@2", SHOP)]
    assert {one.vulnerability for one in found} == {"CVE-2024-1"}


def test_a_vulnerability_without_a_name_goes_by_its_id():
    (found,) = stated(openvex(said(vulnerability={"@id": "CVE-2024-1"})))
    assert found.vulnerability == "CVE-2024-1"


# Time


@pytest.mark.parametrize(
    ("of_document", "of_statement", "hour"),
    [
        ({}, {}, 12),
        ({"last_updated": "2024-01-02T13:00:00Z"}, {}, 13),
        ({"last_updated": "2024-01-02T13:00:00Z"}, {"timestamp": "2024-01-02T10:00:00Z"}, 10),
        ({}, {"timestamp": "2024-01-02T10:00:00Z", "last_updated": "2024-01-02T11:00:00.5Z"}, 11),
        ({"timestamp": None}, {"timestamp": "2024-01-02t10:00:00z"}, 10),
    ],
)
def test_a_statement_has_the_nearest_time(of_document, of_statement, hour):
    (found,) = stated(openvex(said(**of_statement), **of_document))
    assert found.stated_at.replace(microsecond=0) == datetime(2024, 1, 2, hour, tzinfo=UTC)
    assert found.stated_at.tzinfo is UTC


def test_a_statement_without_any_time_is_unusable():
    reason = "has no timestamp, and the document has none to inherit"
    assert unusable(openvex(said(), timestamp=None)) == {"/statements/0": reason}


@pytest.mark.parametrize("time", ["2024-01-02T12:00:00", "noon", 1, "0001-01-01T00:00:00+14:00"])
def test_a_wrong_time_is_named(time):
    (path, reason), *_ = unusable(openvex(said(timestamp=time))).items()
    assert path == "/statements/0/timestamp"
    assert repr(time) in reason
    assert refused(openvex(said(), last_updated=time))[0] == "/last_updated"


# Products


def test_a_component_is_spoken_of_in_every_image():
    products = [
        "pkg:npm/left@1.0",
        {"@id": "pkg:npm/left"},
        {"identifiers": {"purl": "pkg:pypi/Re_Quests@2"}},
    ]
    assert targets(stated(openvex(said(*products)))) == [
        ("pkg:npm/left@1.0", None),
        ("pkg:npm/left", None),
        ("pkg:pypi/re-quests@2", None),
    ]


def test_identifiers_go_before_the_id():
    product = {"@id": "https://acme.example/left", "identifiers": {"purl": "pkg:npm/left@1.0"}}
    assert targets(stated(openvex(said(product)))) == [("pkg:npm/left@1.0", None)]


@pytest.mark.parametrize(
    ("name", "purl", "held"),
    [
        ("pkg:npm/left@1.0", "pkg:npm/left", "pkg:npm/left@1.0"),
        ("pkg:npm/left", "pkg:npm/left@1.0", "pkg:npm/left@1.0"),
        ("pkg:npm/left", "pkg:npm/right", "pkg:npm/right"),
    ],
)
def test_of_two_package_urls_the_one_that_names_a_version_is_taken(name, purl, held):
    product = {"@id": name, "identifiers": {"purl": purl}}
    assert targets(stated(openvex(said(product)))) == [(held, None)]


def test_an_image_stands_for_all_of_its_components():
    assert targets(stated(openvex(said({"@id": SHOP_PURL, "subcomponents": []})))) == [(None, SHOP)]


@pytest.mark.parametrize(
    ("purl", "image"),
    [
        (f"pkg:oci/shop@sha256:{'AB' * 32}", ImageReference(None, "shop", None, SHA)),
        (
            f"pkg:oci/shop@{SHA}?repository_url=ghcr.io/acme/shop&tag=1",
            ImageReference("ghcr.io", "acme/shop", "1", SHA),
        ),
        (
            "pkg:docker/acme/shop@1.2?repository_url=gcr.io",
            ImageReference("gcr.io", "acme/shop", "1.2", None),
        ),
        ("pkg:docker/shop", ImageReference(None, "shop", None, None)),
    ],
)
def test_an_image_is_taken_apart(purl, image):
    assert targets(stated(openvex(said(purl)))) == [(None, image)]


def test_subcomponents_of_an_image_are_limited_to_it():
    product = {"@id": SHOP_PURL, "subcomponents": [{"@id": "pkg:npm/a@1"}, "pkg:npm/b", {"@id": SHOP_PURL}]}
    assert targets(stated(openvex(said(product)))) == [
        ("pkg:npm/a@1", SHOP),
        ("pkg:npm/b", SHOP),
        (None, SHOP),
    ]


def test_a_component_with_subcomponents_says_nothing_of_these_in_every_image():
    product = {"@id": "pkg:maven/acme/app@1", "subcomponents": [{"@id": "pkg:maven/acme/lib@2"}]}
    found = read(openvex(said(product, "pkg:npm/left")))
    assert targets(found.statements) == [("pkg:npm/left", None)]
    ((path, reason),) = [(one.path, one.reason) for one in found.unusable]
    assert path == "/statements/0/products/0"
    assert "pkg:maven/acme/app@1, which is no image" in reason


def test_a_products_own_subcomponents_go_before_the_statements():
    product = {"@id": SHOP_PURL, "subcomponents": [{"@id": "pkg:npm/a"}]}
    found = stated(openvex(said(product, SHOP_PURL, subcomponents=["pkg:npm/b"])))
    assert targets(found) == [("pkg:npm/a", SHOP), ("pkg:npm/b", SHOP)]


def test_an_image_whose_subcomponents_are_unusable_is_not_spoken_of_as_a_whole():
    product = {"@id": SHOP_PURL, "subcomponents": [{"@id": "https://acme.example/a"}]}
    found = read(openvex(said(product)))
    assert found.statements == ()
    assert [one.path for one in found.unusable] == ["/statements/0/products/0/subcomponents/0/@id"]


def test_the_same_statement_counts_once():
    entries = [said(LEFT, LEFT), said("pkg:npm/left@1.0"), said(vulnerability="CVE-2024-1")]
    assert len(stated(openvex(*entries))) == 1


# What cannot be used


def test_the_rest_of_a_document_goes_on():
    product = {"@id": SHOP_PURL, "subcomponents": [{"@id": "no"}, {"@id": "pkg:npm/a"}]}
    found = read(openvex(said(status="maybe"), said({}, LEFT, product)))
    assert targets(found.statements) == [("pkg:npm/left@1.0", None), ("pkg:npm/a", SHOP)]
    assert [(one.source, one.path) for one in found.unusable] == [
        ("test", "/statements/0/status"),
        ("test", "/statements/1/products/0"),
        ("test", "/statements/1/products/2/subcomponents/0/@id"),
    ]


@pytest.mark.parametrize(
    ("product", "path"),
    [
        ("https://acme.example/shop", ""),
        ("cpe:2.3:a:acme:shop:1:*:*:*:*:*:*:*", ""),
        ("ghcr.io/acme/shop:1", ""),
        ({"@id": "https://acme.example/shop", "hashes": {}}, "/@id"),
        ({"@id": "pkg:npm/left", "identifiers": {"purl": "pkg:npm"}}, "/identifiers/purl"),
        ({"@id": 7}, "/@id"),
    ],
)
def test_a_product_without_a_package_url_is_named(product, path):
    ((where, reason),) = unusable(openvex(said(product))).items()
    assert where == f"/statements/0/products/0{path}"
    assert "expected a" in reason


def test_a_reason_says_what_would_be_right():
    (reason,) = unusable(openvex(said("https://acme.example/shop"))).values()
    assert reason == (
        "is 'https://acme.example/shop'; "
        "expected a package URL like pkg:npm/name@1.2.3, or pkg:oci/name@sha256:… for an image"
    )
    (reason,) = unusable(openvex(said({"identifiers": {"cpe23": "cpe:2.3:a:acme"}}))).values()
    assert reason == "names no package URL; expected one in identifiers.purl or in @id"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"vulnerability": None}, "/vulnerability"),
        ({"vulnerability": " "}, "/vulnerability"),
        ({"vulnerability": {}}, "/vulnerability/name"),
        ({"vulnerability": {"name": "C\0"}}, "/vulnerability/name"),
        ({"vulnerability": {"name": "C", "aliases": ["a", 1]}}, "/vulnerability/aliases/1"),
        ({"vulnerability": 4}, "/vulnerability"),
        ({"status": None}, "/status"),
        ({"status": []}, "/status"),
        ({"status": "not_affected"}, ""),
        ({"status": "not_affected", "justification": "", "impact_statement": " "}, ""),
        ({"justification": "because"}, "/justification"),
        ({"status_notes": ["a"]}, "/status_notes"),
        ({"products": None}, "/products"),
        ({"products": []}, "/products"),
        ({"products": {}}, "/products"),
        ({"subcomponents": "pkg:npm/a"}, "/subcomponents"),
    ],
)
def test_a_statement_that_breaks_a_rule_is_named(changes, path):
    assert list(unusable(openvex(said(**changes)))) == [f"/statements/0{path}"]


def test_a_statement_that_is_no_object_is_named():
    assert unusable(openvex("no", ["no"])) == {
        "/statements/0": "is 'no'; expected an object",
        "/statements/1": "is a list; expected an object",
    }


@pytest.mark.parametrize("statements", [None, {}, "none"])
def test_statements_that_are_no_list_are_refused(statements):
    assert refused(openvex(statements=statements))[0] == "/statements"


def test_a_document_may_state_nothing():
    assert stated(openvex()) == ()

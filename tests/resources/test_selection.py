"""Selections: what is read from JSON, and what is refused by name."""

from datetime import UTC, datetime

import pytest

from resources.errors import InvalidInput
from resources.selection import Selection

FULL = {
    "namespace": "web",
    "repository": "team/*",
    "digest": "sha256:ab",
    "labels": {"tier": "prod"},
    "advisories": ["A-1", "A-2"],
    "since_revision": 3,
}


def test_a_full_selection_is_read_and_written_back():
    selection = Selection.parse(FULL)
    assert selection == Selection("web", "team/*", "sha256:ab", {"tier": "prod"}, ("A-1", "A-2"), 3)
    assert Selection.parse(selection.to_json()) == selection


def test_what_selects_nothing_is_not_written():
    assert Selection().to_json() == {}
    assert Selection.parse({}) == Selection()
    assert Selection.parse({"labels": {}, "advisories": [], "namespace": None}) == Selection()


def test_a_feed_revision_of_zero_is_one():
    assert Selection.parse({"since_revision": 0}).to_json() == {"since_revision": 0}


@pytest.mark.parametrize("text", ["2024-05-01T00:00Z", "2024-05-01T02:00:00+02:00"])
def test_an_instant_is_kept_in_utc(text):
    selection = Selection.parse({"as_of": text})
    assert selection.as_of == datetime(2024, 5, 1, tzinfo=UTC)
    assert selection.to_json() == {"as_of": "2024-05-01T00:00:00+00:00"}
    assert Selection.parse(selection.to_json()) == selection
    since = Selection.parse({"ingested_since": text})
    assert since.to_json() == {"ingested_since": "2024-05-01T00:00:00+00:00"}


def test_advisories_are_a_sorted_set():
    assert Selection.parse({"advisories": ["B", "A", "B"]}).advisories == ("A", "B")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"names": "web"}, "selection.names"),
        ({"since_last": 1}, "selection.since_last"),
        ({"impacted": "yes"}, "selection.impacted"),
        ({"ingested": 1}, "selection.ingested"),
        ({"ingested": True, "since_last": True}, "selection.ingested"),
        ({"ingested": True, "impacted": True}, "selection.ingested"),
        ({"ingested_since": "yesterday"}, "selection.ingested_since"),
        ({"since_last": True, "since_revision": 3}, "selection.since_revision"),
        ({"namespace": ""}, "selection.namespace"),
        ({"namespace": 7}, "selection.namespace"),
        ({"repository": ["a"]}, "selection.repository"),
        ({"digest": {}}, "selection.digest"),
        ({"labels": ["tier"]}, "selection.labels"),
        ({"labels": {"tier": 1}}, "selection.labels"),
        ({"advisories": "A-1"}, "selection.advisories"),
        ({"advisories": ["A-1", ""]}, "selection.advisories"),
        ({"namespace": "a\0b"}, "selection.namespace"),
        ({"repository": "shop\udcff"}, "selection.repository"),
        ({"digest": "sha256:\0"}, "selection.digest"),
        ({"labels": {"tier": "\udcff"}}, "selection.labels"),
        ({"labels": {"\0": "prod"}}, "selection.labels"),
        ({"advisories": ["A\0"]}, "selection.advisories"),
        ({"advisories": [1]}, "selection.advisories"),
        ({"since_revision": -1}, "selection.since_revision"),
        ({"since_revision": True}, "selection.since_revision"),
        ({"since_revision": "3"}, "selection.since_revision"),
        ({"as_of": "2024-05-01T00:00"}, "selection.as_of"),
        ({"as_of": "2024-05-01"}, "selection.as_of"),
        ({"as_of": "yesterday"}, "selection.as_of"),
        ({"as_of": ""}, "selection.as_of"),
        ({"as_of": 1714521600}, "selection.as_of"),
        ({"as_of": "0001-01-01T00:00+14:00"}, "selection.as_of"),
    ],
)
def test_what_is_not_valid_is_named(value, field):
    with pytest.raises(InvalidInput) as refused:
        Selection.parse(value)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("repository", "pattern"),
    [(None, None), ("a", "a"), ("a*b?", "a%b_"), ("50%_\\", "50\\%\\_\\\\")],
)
def test_wildcards_become_those_of_like(repository, pattern):
    assert Selection(repository=repository).repository_like == pattern


@pytest.mark.parametrize(
    "repository", ["registry.test/web:1.0", "web@sha256:0", "localhost:5000/web:*", "localhost/web:1"]
)
def test_a_repository_with_a_tag_or_digest_is_refused(repository):
    with pytest.raises(InvalidInput) as refused:
        Selection(repository=repository).check_names()
    assert (refused.value.field, refused.value.value) == ("selection.repository", repository)


def test_ids_of_cve_and_ghsa_are_as_their_issuers_write_them():
    given = ["cve-2021-44420", "CVE-2021-44420", "Ghsa-V6RH-hp5x-86rv", "pysec-2021-439", "CVE-Ours-1"]
    assert Selection.parse({"advisories": given}).advisories == (
        "CVE-2021-44420",
        "CVE-Ours-1",
        "GHSA-v6rh-hp5x-86rv",
        "pysec-2021-439",
    )


@pytest.mark.parametrize(
    ("repository", "registry"),
    [
        *(("registry.test/web", True), ("localhost:5000/*", True), ("registry.*/web", True)),
        *(("localhost/web", True), ("shop/*", False), ("*/web", False), ("com.acme:web", False)),
        *(("@acme/web", False), ("localhost:5000*", False), (None, False)),
    ],
)
def test_a_registry_is_told_by_the_first_segment(repository, registry):
    selection = Selection(repository=repository)
    selection.check_names()
    assert selection.name_like == (selection.repository_like if registry else None)


@pytest.mark.parametrize("digest", ["abc", "sha256:", "sha256:" + "z" * 64])
def test_a_digest_that_no_image_can_have_is_refused(digest):
    Selection(digest="sha256:" + "0" * 64).check_names()
    Selection().check_names()
    with pytest.raises(InvalidInput) as refused:
        Selection(digest=digest).check_names()
    assert (refused.value.field, refused.value.value) == ("selection.digest", digest)

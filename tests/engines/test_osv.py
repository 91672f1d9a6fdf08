import gzip
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.errors import InvalidDocument, InvalidInput
from scheduler_defs.engines.malformed import Malformed
from scheduler_defs.engines.osv import Advisory, iter_advisories, read_advisory, read_record
from scheduler_defs.engines.severity import Severity, rate, score_vector, severity_of_score
from scheduler_defs.engines.versions import AffectedRange, Match, match

CRITICAL_V3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
LOW_V3 = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"


def record(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "schema_version": "1.6.0",
        "id": "GHSA-xxxx-yyyy-zzzz",
        "modified": "2024-03-01T10:00:00Z",
        "published": "2024-02-01T10:00:00+02:00",
        "summary": "Cookies leak on redirect",
        "details": "not evaluated",
        "aliases": ["PYSEC-2024-1", "CVE-2024-1"],
        "severity": [{"type": "CVSS_V3", "score": CRITICAL_V3}],
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "Re_Quests", "purl": "pkg:pypi/re-quests"},
                "ranges": [
                    {"type": "GIT", "repo": "https://example.org/r", "events": [{"introduced": "0"}]},
                    {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]},
                    {"type": "ECOSYSTEM", "events": [{"fixed": "3.1"}, {"introduced": "3.0"}]},
                ],
                "versions": ["1.1", "1.0"],
            },
            {
                "package": {"ecosystem": "npm", "name": "@scope/Package"},
                "ranges": [
                    {"type": "SEMVER", "events": [{"introduced": "1.0.0"}, {"last_affected": "1.4.0"}]}
                ],
            },
        ],
    }
    return base | changes


def read(**changes: Any) -> Advisory:
    return read_advisory("test", json.dumps(record(**changes)).encode())


def affecting(**affected: Any) -> list[dict[str, Any]]:
    return [{"package": {"ecosystem": "PyPI", "name": "a"}, **affected}]


def test_a_record_is_read_with_its_packages_canonical() -> None:
    advisory = read()
    assert advisory.id == "GHSA-xxxx-yyyy-zzzz"
    assert advisory.modified == datetime(2024, 3, 1, 10, tzinfo=UTC)
    assert advisory.published == datetime(2024, 2, 1, 8, tzinfo=UTC)
    assert advisory.withdrawn is None
    assert advisory.aliases == ("CVE-2024-1", "PYSEC-2024-1")
    assert advisory.upstream == ()
    assert (advisory.severity, advisory.score, advisory.vector) == (Severity.CRITICAL, 9.8, CRITICAL_V3)
    assert advisory.ranges == (
        AffectedRange(
            "npm", "@scope/package", "SEMVER", (("introduced", "1.0.0"), ("last_affected", "1.4.0")), ()
        ),
        AffectedRange(
            "pypi", "re-quests", "ECOSYSTEM", (("fixed", "2.0"), ("introduced", "0")), ("1.0", "1.1")
        ),
        AffectedRange("pypi", "re-quests", "ECOSYSTEM", (("fixed", "3.1"), ("introduced", "3.0")), ()),
    )


def test_upstream_is_what_it_is_about_and_related_is_not() -> None:
    dsa = read(id="DSA-1", upstream=["CVE-2024-2", "CVE-2024-1", "CVE-2024-2"], related=["CVE-2024-3"])
    assert dsa.upstream == ("CVE-2024-1", "CVE-2024-2")
    assert dsa.aliases == ("CVE-2024-1", "PYSEC-2024-1")


def test_a_smallest_record_is_read() -> None:
    advisory = read_advisory("test", b'{"id": "X-1", "modified": "2024-01-01T00:00:00Z"}')
    assert (advisory.summary, advisory.aliases, advisory.upstream, advisory.ranges) == ("", (), (), ())
    assert (advisory.severity, advisory.score, advisory.vector) == (Severity.UNKNOWN, 0.0, None)


def test_null_and_absent_fields_are_the_same() -> None:
    nulls = read(
        published=None,
        withdrawn=None,
        summary=None,
        aliases=None,
        upstream=None,
        severity=None,
        affected=None,
    )
    absent = read_advisory(
        "test", json.dumps({"id": "GHSA-xxxx-yyyy-zzzz", "modified": "2024-03-01T10:00:00Z"}).encode()
    )
    assert nulls == absent


def test_a_package_known_by_commits_only_matches_as_unknown() -> None:
    git_only = affecting(ranges=[{"type": "GIT", "repo": "r", "events": [{"introduced": "0"}]}])
    (found,) = read(affected=git_only).ranges
    assert (found.events, found.versions) == ((), ())
    assert match(found, "1.0") is Match.UNKNOWN


def test_commits_are_left_out_beside_listed_versions() -> None:
    (found,) = read(affected=affecting(ranges=[{"type": "GIT", "events": []}], versions=["1.0"])).ranges
    assert match(found, "1.0") is Match.AFFECTED
    assert match(found, "1.1") is Match.NOT_AFFECTED


def test_a_distribution_is_kept_beside_the_package() -> None:
    affected = [
        {
            "package": {"ecosystem": f"Debian:{release}", "name": "curl"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": f"{release}-1"}]}],
        }
        for release in ("12", "11")
    ]
    found = read(affected=affected).ranges
    assert [(one.purl_type, one.package, one.distro) for one in found] == [
        ("deb", "curl", "debian:11"),
        ("deb", "curl", "debian:12"),
    ]


def test_a_purl_names_the_package_where_the_ecosystem_is_not_supported() -> None:
    package = {"ecosystem": "SwiftURL", "name": "x", "purl": "pkg:swift/github.com/owner/x"}
    (found,) = read(affected=[{"package": package, "versions": ["1.0.0"]}]).ranges
    assert found.purl_type == "swift"
    for unsupported in ({"ecosystem": "Nowhere", "name": "x"}, package | {"purl": "no purl"}):
        assert read(affected=[{"package": unsupported, "versions": ["1.0.0"]}]).ranges == ()


@pytest.mark.parametrize(
    ("ecosystem", "purl", "purl_type", "distro"),
    [
        ("Ubuntu:22.04:LTS", "pkg:deb/ubuntu/curl?distro=jammy", "deb", "ubuntu:22.04"),
        ("Debian:11", "pkg:deb/debian/curl?distro=bookworm", "deb", "debian:11"),
        (
            "openEuler:20.03-LTS",
            "pkg:rpm/openEuler/curl?distro=openEuler-20.03-LTS",
            "rpm",
            "openeuler:20.03-lts",
        ),
        ("openEuler:20.03-LTS", "pkg:rpm/openEuler/curl", "rpm", "openeuler:20.03-lts"),
        ("Elsewhere:1", "pkg:deb/ubuntu/curl?distro=jammy", "deb", "ubuntu:22.04"),
        ("Elsewhere:1", "pkg:deb/curl", "deb", "elsewhere:1"),
        ("Elsewhere:1", "pkg:swift/curl", "swift", None),
    ],
)
def test_a_package_of_a_distribution_is_never_one_of_all(
    ecosystem: str, purl: str, purl_type: str, distro: str | None
) -> None:
    package = {"ecosystem": ecosystem, "name": "curl", "purl": purl}
    (found,) = read(affected=[{"package": package, "versions": ["1.0"]}]).ranges
    assert (found.purl_type, found.package, found.distro) == (purl_type, "curl", distro)


def test_the_ecosystems_of_what_no_rules_are_there_for_are_named() -> None:
    affected = [
        *affecting(versions=["1.0"]),
        {"package": {"ecosystem": "Photon OS:3.0", "name": "curl"}, "versions": ["1.0"]},
        {"package": {"ecosystem": "Photon OS:4.0", "name": "curl", "purl": "no purl"}, "versions": ["1.0"]},
        {"ranges": [{"type": "GIT", "repo": "r", "events": [{"introduced": "0"}]}]},
    ]
    found = read(affected=affected)
    assert found.left_out == ("GIT", "Photon OS", "Photon OS")
    assert found.digest == read(affected=affected[:1]).digest
    assert read().left_out == ()


def test_one_event_object_may_hold_two_events() -> None:
    (found,) = read(
        affected=affecting(ranges=[{"type": "ECOSYSTEM", "events": [{"introduced": "1", "fixed": "2"}]}])
    ).ranges
    assert match(found, "1.5") is Match.AFFECTED
    assert match(found, "2") is Match.NOT_AFFECTED


BAD_RANGE = {"type": "ECOSYSTEM", "events": [{"fixed": "2"}]}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"id": 7}, "/id"),
        ({"id": ""}, "/id"),
        ({"id": "a\0b"}, "/id"),
        ({"modified": "yesterday"}, "/modified"),
        ({"modified": None}, "/modified"),
        ({"modified": "2016-12-31T23:59:60Z"}, "/modified"),
        ({"published": "2024-13-01T00:00:00Z"}, "/published"),
        ({"withdrawn": True}, "/withdrawn"),
        ({"summary": ["x"]}, "/summary"),
        ({"aliases": ["CVE-1", None]}, "/aliases/1"),
        ({"upstream": "CVE-1"}, "/upstream"),
        ({"upstream": ["CVE-1", ""]}, "/upstream/1"),
        ({"upstream": ["CVE-1", "a\0b"]}, "/upstream/1"),
        ({"aliases": ["é" * 257]}, "/aliases/0"),
        ({"upstream": ["CVE-1", "x" * 257]}, "/upstream/1"),
        ({"severity": [{"type": "CVSS_V3"}]}, "/severity/0"),
        ({"severity": [{"type": "CVSS_V3", "score": 9.8}]}, "/severity/0/score"),
        ({"affected": {}}, "/affected"),
        ({"affected": [{"package": {"name": "a"}}]}, "/affected/0/package"),
        ({"affected": affecting(versions=[1.0])}, "/affected/0/versions/0"),
        ({"affected": affecting(ranges=[{"type": "OTHER", "events": []}])}, "/affected/0/ranges/0/type"),
        ({"affected": affecting(ranges=[{"type": "SEMVER"}])}, "/affected/0/ranges/0"),
        ({"affected": affecting(ranges=[BAD_RANGE])}, "/affected/0/ranges/0/events"),
        (
            {"affected": affecting(ranges=[{"type": "SEMVER", "events": [{"introduced": 0}]}])},
            "/affected/0/ranges/0/events/0/introduced",
        ),
        (
            {"affected": affecting(ranges=[{"type": "SEMVER", "events": [{"introduced": "0"}, {}]}])},
            "/affected/0/ranges/0/events/1",
        ),
    ],
)
def test_a_bad_record_names_the_path_inside_it(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        read(**changes)
    assert (caught.value.source, caught.value.path) == ("test", path)


@pytest.mark.parametrize("raw", [b"", b"[", b"[]", b"7", b'{"id": NaN}', b"\xff\xfe", b'{"modified": "x"}'])
def test_what_is_no_record_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidDocument) as caught:
        read_advisory("test", raw)
    assert caught.value.path == ""
    assert caught.value.reason


def scrambled(value: Any, rng: Random) -> Any:
    """The same record with keys and lists in another order."""
    if isinstance(value, dict):
        return {key: scrambled(value[key], rng) for key in rng.sample(sorted(value), len(value))}
    if isinstance(value, list):
        return [scrambled(item, rng) for item in rng.sample(value, len(value))]
    return value


@settings(deadline=None)
@given(seed=st.integers(0, 10_000))
def test_order_in_the_record_does_not_change_what_is_read(seed: int) -> None:
    assert read_advisory("test", json.dumps(scrambled(record(), Random(seed))).encode()) == read()


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "OTHER-1"},
        {"published": None},
        {"withdrawn": "2024-04-01T00:00:00Z"},
        {"summary": "other"},
        {"aliases": ["CVE-2024-1"]},
        {"upstream": ["CVE-2024-1"]},
        {"severity": [{"type": "CVSS_V3", "score": LOW_V3}]},
        {"affected": affecting(versions=["1.0"])},
        {"affected": []},
    ],
)
def test_each_evaluated_field_changes_the_digest(changes: dict[str, Any]) -> None:
    assert read(**changes).digest != read().digest


@pytest.mark.parametrize("changes", [{"modified": "2025-01-01T00:00:00Z"}, {"details": "x"}, {"credits": []}])
def test_what_is_not_evaluated_leaves_the_digest(changes: dict[str, Any]) -> None:
    assert read(**changes).digest == read().digest


@pytest.mark.parametrize("upstream", [None, []])
def test_a_record_without_upstream_has_the_digest_that_it_had_before_that_was_read(upstream: Any) -> None:
    before = "09547af4e4446148c1974d07c298b6006a5099f48a59175ebcc223ca9340ac1f"
    assert read(upstream=upstream).digest == before


def test_the_digest_is_the_same_under_every_hash_seed(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text(json.dumps(record()))
    program = (
        "import sys; from pathlib import Path; from scheduler_defs.engines.osv import read_advisory;"
        "print(read_advisory('x', Path(sys.argv[1]).read_bytes()).digest)"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program, str(path)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert digests == {read().digest}


@pytest.mark.parametrize(("seconds", "usable"), [(0, True), (1, False)])
def test_a_record_modified_after_the_latest_time_is_malformed(seconds: int, usable: bool) -> None:
    latest = datetime(2024, 3, 1, 12, tzinfo=timezone(timedelta(hours=2))) - timedelta(seconds=seconds)
    found = read_record("test", 3, json.dumps(record()).encode(), latest)
    assert isinstance(found, Advisory) == usable
    if isinstance(found, Malformed):
        assert (found.line, found.path) == (3, "/modified")
        assert found.reason.startswith(
            "2024-03-01T10:00:00+00:00 is in the future; expected 2024-03-01T11:59:59+02:00"
        )


def lines(*documents: Any) -> bytes:
    return (
        b"\n".join(one if isinstance(one, bytes) else json.dumps(one).encode() for one in documents) + b"\n"
    )


@pytest.mark.parametrize("name", ["feed.jsonl", "feed.jsonl.gz"])
def test_a_stream_goes_on_after_a_malformed_record(tmp_path: Path, name: str) -> None:
    content = lines(record(id="A-1"), b"{broken", b"", record(id="A-2", aliases=7), record(id="A-3"))
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    read_bytes: list[int] = []
    first, broken, wrong, last = iter_advisories(path, read_bytes.append)
    assert isinstance(first, Advisory)
    assert isinstance(last, Advisory)
    assert (first.id, last.id) == ("A-1", "A-3")
    assert isinstance(broken, Malformed)
    assert (broken.source, broken.line, broken.path) == (str(path), 2, "")
    assert "JSON" in broken.reason
    assert isinstance(wrong, Malformed)
    assert (wrong.line, wrong.path) == (4, "/aliases")
    assert sum(read_bytes) == path.stat().st_size


def test_a_directory_and_one_file_are_read(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.json").write_text(json.dumps(record(id="B-1")))
    (tmp_path / "a.json").write_text(json.dumps(record(id="A-1"), indent=2))
    (tmp_path / "c.jsonl").write_bytes(lines(record(id="C-1"), record(id="C-2")))
    found = [one.id for one in iter_advisories(tmp_path) if isinstance(one, Advisory)]
    assert sorted(found) == ["A-1", "B-1", "C-1", "C-2"]
    assert [one.id for one in iter_advisories(tmp_path / "a.json") if isinstance(one, Advisory)] == ["A-1"]


def test_a_missing_file_and_a_cut_stream_are_typed_errors(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        list(iter_advisories(tmp_path / "none.jsonl"))
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(lines(*(record(id=f"A-{number}") for number in range(50))))[:-20])
    with pytest.raises(InvalidDocument, match="truncated"):
        list(iter_advisories(path))


@pytest.mark.parametrize(
    ("vector", "score", "severity"),
    [
        (CRITICAL_V3, 9.8, Severity.CRITICAL),
        ("CVSS:3.0/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:H", 8.1, Severity.HIGH),
        (LOW_V3, 1.8, Severity.LOW),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0, Severity.NONE),
        (CRITICAL_V3 + "/E:U/RL:O/RC:U", 9.8, Severity.CRITICAL),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 10.0, Severity.CRITICAL),
        ("CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N", 2.0, Severity.LOW),
        ("AV:N/AC:L/Au:N/C:C/I:C/A:C", 10.0, Severity.HIGH),
        ("AV:N/AC:M/Au:N/C:P/I:N/A:N", 4.3, Severity.MEDIUM),
        ("", 0.0, Severity.UNKNOWN),
        ("9.8", 0.0, Severity.UNKNOWN),
        ("CVSS:3.1/AV:N", 0.0, Severity.UNKNOWN),
        ("CVSS:3.1/AV:N/AV:N" * 100, 0.0, Severity.UNKNOWN),
        ("CVSS:5.0/AV:N", 0.0, Severity.UNKNOWN),
    ],
)
def test_vectors_are_scored(vector: str, score: float, severity: Severity) -> None:
    assert score_vector(vector) == (score, severity)


@pytest.mark.parametrize(
    ("score", "version3", "version2"),
    [
        (0.0, Severity.NONE, Severity.LOW),
        (0.1, Severity.LOW, Severity.LOW),
        (3.9, Severity.LOW, Severity.LOW),
        (4.0, Severity.MEDIUM, Severity.MEDIUM),
        (6.9, Severity.MEDIUM, Severity.MEDIUM),
        (7.0, Severity.HIGH, Severity.HIGH),
        (8.9, Severity.HIGH, Severity.HIGH),
        (9.0, Severity.CRITICAL, Severity.HIGH),
        (10.0, Severity.CRITICAL, Severity.HIGH),
    ],
)
def test_scores_fall_into_the_bands_of_their_version(
    score: float, version3: Severity, version2: Severity
) -> None:
    assert severity_of_score(score) is version3
    assert severity_of_score(score, version2=True) is version2


@pytest.mark.parametrize(
    ("vectors", "labels", "wanted"),
    [
        ([LOW_V3, CRITICAL_V3], ["LOW"], (Severity.CRITICAL, 9.8, CRITICAL_V3)),
        ([LOW_V3, "nonsense"], ["CRITICAL"], (Severity.LOW, 1.8, LOW_V3)),
        (["nonsense"], ["MODERATE"], (Severity.MEDIUM, 0.0, None)),
        ([], ["low", "HIGH"], (Severity.HIGH, 0.0, None)),
        ([], ["odd"], (Severity.UNKNOWN, 0.0, None)),
        ([], [], (Severity.UNKNOWN, 0.0, None)),
    ],
)
def test_the_highest_rating_counts(
    vectors: list[str], labels: list[str], wanted: tuple[Severity, float, str | None]
) -> None:
    assert rate(vectors, labels) == wanted
    assert rate(vectors[::-1], labels[::-1]) == wanted


def test_a_record_is_rated_by_what_it_holds_anywhere() -> None:
    in_package = affecting(versions=["1"], severity=[{"type": "CVSS_V3", "score": LOW_V3}])
    assert read(severity=[], affected=in_package).severity is Severity.LOW
    labelled = read(severity=[], database_specific={"severity": "MODERATE"})
    assert (labelled.severity, labelled.score) == (Severity.MEDIUM, 0.0)
    assert read(severity=[{"type": "Ubuntu", "score": "high"}]).severity is Severity.HIGH


def test_unknown_never_outranks_a_rating() -> None:
    ranked = sorted(Severity, key=lambda one: one.rank)
    assert ranked[0] is Severity.UNKNOWN
    assert ranked[1:] == [Severity.NONE, Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL]

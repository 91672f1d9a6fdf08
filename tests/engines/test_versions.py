from collections.abc import Iterable

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from scheduler_defs.engines.versions import AffectedRange, Event, Match, RangeKind, match, parse

AFFECTED, NOT_AFFECTED, UNKNOWN = Match.AFFECTED, Match.NOT_AFFECTED, Match.UNKNOWN


def a_range(
    purl_type: str, *events: Event, versions: Iterable[str] = (), kind: RangeKind = "ECOSYSTEM"
) -> AffectedRange:
    return AffectedRange(purl_type, "package", kind, events, tuple(versions))


def order(scheme: str, left: str, right: str) -> str:
    one, other = parse(scheme, left), parse(scheme, right)
    assert one is not None, f"{left} is not readable"
    assert other is not None, f"{right} is not readable"
    return "<" if one < other else ">" if other < one else "="


NUMBERS = st.integers(0, 12)
RELEASES = st.lists(NUMBERS, min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))


@st.composite
def pep440(draw: st.DrawFn, *, local: bool = False) -> str:
    epoch = draw(st.sampled_from(["", "", "", "1!"]))
    pre = draw(st.sampled_from(["", "", "a1", "b2", "rc1", "-alpha.1", "_RC2"]))
    post = draw(st.sampled_from(["", "", ".post1", "-1"]))
    dev = draw(st.sampled_from(["", "", ".dev1"]))
    label = draw(st.sampled_from(["", "+cu118", "+ubuntu.1"])) if local else ""
    return f"{draw(st.sampled_from(['', 'v']))}{epoch}{draw(RELEASES)}{pre}{post}{dev}{label}"


@settings(deadline=None)
@given(version=pep440(local=True), low=pep440(), high=pep440(), closed=st.booleans())
@example(version="1.24rc1", low="1.0", high="1.24", closed=False)
@example(version="2.0.0+cu118", low="1.0", high="2.0.0", closed=True)
@example(version="2.0.0+cu118", low="1.0", high="2.0", closed=False)
def test_pypi_agrees_with_packagings_specifiers(version: str, low: str, high: str, closed: bool) -> None:
    low, high = sorted((low, high), key=Version)
    # OSV's '0' is before every version, PEP 440's is a release.
    assume(low != "0" and Version(low) != Version(high))
    inside = SpecifierSet(f">={low}").contains(version, prereleases=True)
    # PEP 440's `<2.0` leaves out 2.0rc1, which OSV counts as before 2.0; `not >=2.0` is OSV's meaning.
    below = (
        SpecifierSet(f"<={high}").contains(version, prereleases=True)
        if closed
        else not SpecifierSet(f">={high}").contains(version, prereleases=True)
    )
    affected = a_range("pypi", ("introduced", low), ("last_affected" if closed else "fixed", high))
    assert match(affected, version) is (AFFECTED if inside and below else NOT_AFFECTED)


EVENTS = st.lists(
    st.tuples(st.sampled_from(["introduced", "fixed", "last_affected", "limit"]), RELEASES | st.just("0")),
    max_size=7,
)


@settings(deadline=None)
@given(events=EVENTS, version=RELEASES, data=st.data())
@pytest.mark.parametrize("purl_type", ["pypi", "maven", "composer"])
def test_the_order_of_events_does_not_matter(
    purl_type: str, events: list[Event], version: str, data: st.DataObject
) -> None:
    events = [("introduced", "0"), *events]
    shuffled = data.draw(st.permutations(events))
    assert match(a_range(purl_type, *events), version) is match(a_range(purl_type, *shuffled), version)


def points(events: list[tuple[str, int]], version: int) -> bool:
    """The OSV schema's pseudo-code, over plain numbers that are all different."""
    limits = [number for kind, number in events if kind == "limit"]
    if limits and not any(version < limit for limit in limits):
        return False
    vulnerable = False
    for kind, number in sorted(events, key=lambda event: event[1]):
        if kind == "introduced" and version >= number:
            vulnerable = True
        elif (kind == "fixed" and version >= number) or (kind == "last_affected" and version > number):
            vulnerable = False
    return vulnerable


@settings(deadline=None)
@given(
    kinds=st.lists(st.sampled_from(["introduced", "fixed", "last_affected", "limit"]), max_size=6),
    numbers=st.lists(st.integers(1, 30), min_size=7, max_size=7, unique=True),
    version=st.integers(0, 31),
)
def test_intervals_give_what_the_pseudo_code_of_the_schema_gives(
    kinds: list[str], numbers: list[int], version: int
) -> None:
    numbered = list(zip(["introduced", *kinds], numbers, strict=False))
    affected = a_range("npm", *((kind, f"{number}.0.0") for kind, number in numbered), kind="SEMVER")
    wanted = AFFECTED if points(numbered, version) else NOT_AFFECTED
    assert match(affected, f"{version}.0.0") is wanted


@pytest.mark.parametrize(
    ("events", "version", "wanted"),
    [
        ((("introduced", "0"), ("fixed", "1.24")), "1.23.9", AFFECTED),
        ((("introduced", "0"), ("fixed", "1.24")), "1.24", NOT_AFFECTED),
        ((("introduced", "0"), ("fixed", "1.24")), "0", AFFECTED),
        ((("introduced", "0"), ("fixed", "1.24")), "0.dev1", AFFECTED),
        ((("introduced", "0"), ("last_affected", "1.24")), "1.24.0", AFFECTED),
        ((("introduced", "0"), ("last_affected", "1.24")), "1.24.1", NOT_AFFECTED),
        ((("introduced", "1.5"),), "99", AFFECTED),
        ((("introduced", "1.5"),), "1.4", NOT_AFFECTED),
        ((("introduced", "1"), ("fixed", "2"), ("introduced", "3"), ("fixed", "4")), "2.5", NOT_AFFECTED),
        ((("introduced", "1"), ("fixed", "2"), ("introduced", "3"), ("fixed", "4")), "3.5", AFFECTED),
        ((("introduced", "0"), ("limit", "2")), "1.9", AFFECTED),
        ((("introduced", "0"), ("limit", "2")), "2", NOT_AFFECTED),
        ((("introduced", "0"), ("limit", "2"), ("limit", "3")), "2.5", AFFECTED),
        ((("introduced", "0"), ("limit", "*")), "2", AFFECTED),
        ((("introduced", "0"), ("limit", "0")), "2", NOT_AFFECTED),
        ((("introduced", "0"), ("fixed", "0")), "1", NOT_AFFECTED),
    ],
)
def test_events_bound_what_is_affected(events: tuple[Event, ...], version: str, wanted: Match) -> None:
    assert match(a_range("pypi", *events), version) is wanted


@pytest.mark.parametrize(
    ("events", "inside", "outside"),
    [
        ([("introduced", "0"), ("fixed", "1"), ("introduced", "1"), ("fixed", "2")], "1.5", "2"),
        ([("introduced", "3"), ("fixed", "4"), ("introduced", "45"), ("fixed", "45")], "3.5", "46"),
        ([("introduced", "5"), ("last_affected", "5")], "5", "5.1"),
    ],
)
def test_an_end_and_a_start_at_one_version(events: list[Event], inside: str, outside: str) -> None:
    for given_order in (events, events[::-1]):
        assert match(a_range("pypi", *given_order), inside) is AFFECTED
        assert match(a_range("pypi", *given_order), outside) is NOT_AFFECTED


@pytest.mark.parametrize(
    "version", [None, "", "(devel)", "latest", "1.0 or so", "9" * 5000, "1." * 200 + "0"]
)
@pytest.mark.parametrize(
    "purl_type", ["pypi", "npm", "golang", "deb", "maven", "gem", "nuget", "composer", "rpm"]
)
def test_what_cannot_be_read_is_unknown(purl_type: str, version: str | None) -> None:
    assert match(a_range(purl_type, ("introduced", "0")), version) is UNKNOWN
    assert match(a_range(purl_type, versions=["1.0.0"]), version) is UNKNOWN


def test_a_range_that_cannot_be_read_is_unknown() -> None:
    assert match(a_range("pypi", ("introduced", "0"), ("fixed", "soon")), "1.0") is UNKNOWN
    assert match(a_range("pypi", ("fixed", "2.0")), "1.0") is UNKNOWN
    assert match(a_range("pypi"), "1.0") is UNKNOWN


def test_a_listed_version_is_affected_though_nothing_can_read_it() -> None:
    assert match(a_range("pypi", ("introduced", "0"), versions=["2004d"]), "2004d") is AFFECTED
    assert match(a_range("bitnami", ("introduced", "0"), versions=["1.0"]), "1.0") is AFFECTED
    assert match(a_range("bitnami", ("introduced", "0"), versions=["1.0"]), "1.1") is UNKNOWN


@pytest.mark.parametrize(
    ("purl_type", "listed", "version"),
    [
        ("pypi", "1.0", "1.0.0"),
        ("pypi", "2.0.0-final", "2.0.0-final"),
        ("pypi", "2.0.0", "2.0.0+cu118"),
        ("pypi", "1.0rc1", "1.0-RC.1"),
        ("golang", "1.2.3", "v1.2.3"),
        ("npm", "1.2.3", "1.2.3+build.7"),
        ("composer", "1.0.0", "v1.0"),
        ("deb", "1.2-3", "0:1.2-3"),
        ("deb", "0:1.2-3", "1.2-3"),
        ("deb", "0:1.2-3", "1.2-3+b1"),
        ("rpm", "0:1.2-3.el9", "1.2-3.el9"),
    ],
)
def test_a_listed_version_is_found_in_another_spelling(purl_type: str, listed: str, version: str) -> None:
    affected = a_range(purl_type, versions=[listed])
    assert match(affected, version) is AFFECTED
    assert match(affected, "7.7.7") is NOT_AFFECTED


def test_a_local_label_counts_when_the_range_names_one() -> None:
    affected = a_range("pypi", ("introduced", "1.0"), ("fixed", "1.0+security2"))
    assert match(affected, "1.0+security1") is AFFECTED
    assert match(affected, "1.0+security2") is NOT_AFFECTED


@pytest.mark.parametrize("kind", ["ECOSYSTEM", "SEMVER"])
def test_builds_of_pub_are_versions_of_their_own(kind: RangeKind) -> None:
    affected = a_range("pub", ("introduced", "0"), ("fixed", "1.0.0+2"), versions=["3.0.0"], kind=kind)
    said = {version: match(affected, version) for version in ("1.0.0", "1.0.0+1", "1.0.0+2", "3.0.0+1")}
    assert [*said.values()] == [AFFECTED, AFFECTED, NOT_AFFECTED, NOT_AFFECTED]
    assert match(affected, "3.0.0") is AFFECTED


REBUILT = [("introduced", "0"), ("last_affected", "1.2-3")]


@pytest.mark.parametrize(
    ("events", "version", "wanted"),
    [
        (REBUILT, "1.2-3+b1", AFFECTED),
        (REBUILT, "1.2-3+b12", AFFECTED),
        (REBUILT, "1.2-3+deb12u1", NOT_AFFECTED),
        (REBUILT, "1.2-3+b1.1", NOT_AFFECTED),
        (REBUILT, "1.2-4+b1", NOT_AFFECTED),
        ([("introduced", "1.2-3"), ("fixed", "1.2-4")], "1.2-3+b1", AFFECTED),
        ([("introduced", "0"), ("fixed", "1.2-3")], "1.2-3+b1", NOT_AFFECTED),
        ([("introduced", "0"), ("fixed", "1.2-3+b2")], "1.2-3+b1", AFFECTED),
        ([("introduced", "0"), ("fixed", "1.2-3+b2")], "1.2-3+b2", NOT_AFFECTED),
    ],
)
def test_a_rebuild_of_debian_is_the_source_it_was_built_from(
    events: list[Event], version: str, wanted: Match
) -> None:
    assert match(a_range("deb", *events), version) is wanted
    assert match(a_range("rpm", ("introduced", "0"), ("last_affected", "1.2-3")), "1.2-3+b1") is NOT_AFFECTED


def test_a_rebuild_is_listed_with_its_source_unless_the_range_tells_rebuilds_apart() -> None:
    assert match(a_range("deb", versions=["1.2-3"]), "1.2-3+b1") is AFFECTED
    assert match(a_range("deb", versions=["1.2-3+b1"]), "1.2-3+b1") is AFFECTED
    assert match(a_range("deb", versions=["1.2-3+b1"]), "1.2-3") is NOT_AFFECTED
    apart = a_range("deb", ("introduced", "0"), ("fixed", "1.2-3+b2"), versions=["1.2-3"])
    assert match(apart, "1.2-3+b2") is NOT_AFFECTED


def test_semver_ranges_do_not_need_a_known_ecosystem() -> None:
    affected = a_range("bitnami", ("introduced", "0"), ("fixed", "1.10.0"), kind="SEMVER")
    assert match(affected, "1.9.0") is AFFECTED
    assert match(affected, "1.10.0") is NOT_AFFECTED


def test_rustsecs_lowest_version_is_before_every_release() -> None:
    affected = a_range("cargo", ("introduced", "0.0.0-0"), ("fixed", "0.9.0"), kind="SEMVER")
    assert match(affected, "0.0.0-alpha") is AFFECTED
    assert match(affected, "0.9.0-beta.1") is AFFECTED
    assert match(affected, "0.9.0") is NOT_AFFECTED


@pytest.mark.parametrize(
    ("scheme", "left", "sign", "right"),
    [
        ("npm", "1.0.0-alpha.1", "<", "1.0.0-alpha.beta"),
        ("npm", "1.0.0-rc.9", "<", "1.0.0-rc.10"),
        ("npm", "1.0.0+a", "=", "1.0.0+b"),
        ("npm", "4.9.9", "<", "4.17.21"),
        ("golang", "v2.0.0+incompatible", "=", "2.0.0"),
        ("golang", "v0.0.0-20190101000000-abcdefabcdef", "<", "v0.0.0-20200101000000-abcdefabcdef"),
        ("golang", "v1.2.4-0.20200101000000-abcdefabcdef", "<", "1.2.4"),
        ("golang", "v1.2.4-0.20200101000000-abcdefabcdef", ">", "1.2.3"),
        ("golang", "go1.21.4", "=", "1.21.4"),
        ("maven", "1.0-SNAPSHOT", "<", "1.0"),
        ("maven", "1.0.Final", "=", "1.0"),
        ("maven", "5.3.17.RELEASE", "=", "5.3.17"),
        ("maven", "1.0-m3", "=", "1.0-milestone-3"),
        ("maven", "1.0-alpha-1", "<", "1.0-beta-1"),
        ("maven", "31.1-jre", "<", "32.0.0-android"),
        ("maven", "2.9", "<", "2.17.0"),
        ("deb", "1:1.0", ">", "2.0"),
        ("deb", "1.0~rc1", "<", "1.0"),
        ("deb", "2.31-13+deb11u5", "<", "2.31-13+deb11u10"),
        ("deb", "1.0-1", "<", "1.0-1ubuntu1"),
        ("apk", "1.2.3-r2", "<", "1.2.3-r10"),
        ("apk", "1.2.3_rc1", "<", "1.2.3"),
        ("apk", "1.2.3_p1", ">", "1.2.3"),
        ("apk", "1.1.1t-r2", "<", "1.1.1w-r0"),
        ("apk", "1.2.4_git20230717-r4", ">", "1.2.4-r9"),
        ("apk", "1.2.4_git20230717-r4", "<", "1.2.4_git20230717-r5"),
        ("apk", "1.2.4_git20230717", "<", "1.2.4_p1"),
        ("apk", "1.2.4_svn9", "<", "1.2.4_git1"),
        ("apk", "1.2.4_rc1_git9", ">", "1.2.4_rc1"),
        ("rpm", "1:1.0-1", ">", "2.0-1"),
        ("rpm", "1.0~rc1-1", "<", "1.0-1"),
        ("rpm", "1.0-1.el8", "<", "1.0-1.el8_9"),
        ("gem", "1.0.0.pre", "<", "1.0.0"),
        ("gem", "5.0.0.1", ">", "5.0.0"),
        ("gem", "1.13.10-x86_64-linux", "=", "1.13.10"),
        ("gem", "1.13.10-java", "=", "1.13.10"),
        ("nuget", "1.0.0.1", ">", "1.0.0"),
        ("nuget", "1.0.0-Beta", "=", "1.0.0-beta"),
        ("nuget", "1.0.0-beta.9", "<", "1.0.0-beta.10"),
        ("nuget", "1.0", "=", "1.0.0.0"),
        ("composer", "1.2.3.9", "<", "1.2.3.10"),
        ("composer", "1.0.0-RC1", ">", "1.0.0-beta2"),
        ("composer", "1.0.0-beta9", "<", "1.0.0-beta10"),
        ("composer", "1.0.0-patch1", ">", "1.0.0"),
        ("composer", "1.0.0-dev", "<", "1.0.0-alpha1"),
        ("composer", "1.0.0-alpha", "<", "1.0.0-BETA"),
        ("composer", "v1.0", "=", "1.0.0"),
        ("pub", "1.0.0-alpha", "<", "1.0.0-alpha.1"),
        ("pub", "1.0.0-alpha.1", "<", "1.0.0-alpha.beta"),
        ("pub", "1.0.0-rc.9", "<", "1.0.0-rc.10"),
        ("pub", "1.0.0-rc.1+9", "<", "1.0.0"),
        ("pub", "1.0.0", "<", "1.0.0+1"),
        ("pub", "1.0.0+2", "<", "1.0.0+10"),
        ("pub", "1.0.0+2", "<", "1.0.0+2.0"),
        ("pub", "1.0.0+10", "<", "1.0.0+hotfix.1"),
        ("pub", "1.0.0+hotfix.2", "<", "1.0.0+hotfix.oopsie"),
        ("pub", "1.0.0+oopsie", "<", "1.0.1-dev"),
        ("pub", "1.0", "=", "v1.0.0"),
        ("pypi", "1!1.0", ">", "2.0"),
        ("pypi", "1.0.dev1", "<", "1.0a1"),
        ("pypi", "1.0.post1", ">", "1.0"),
    ],
)
def test_each_ecosystem_orders_in_its_own_way(scheme: str, left: str, sign: str, right: str) -> None:
    assert order(scheme, left, right) == sign
    assert order(scheme, right, left) == {"<": ">", ">": "<", "=": "="}[sign]


@pytest.mark.parametrize(
    ("scheme", "version"),
    [
        ("npm", "1.x"),
        ("npm", "1.2.3.4"),
        ("npm", "1.0.0-alpha.01"),
        ("npm", "git+https://host/x.git#1.0.0"),
        ("pub", "1.2.3.4"),
        ("pub", "1.0.0-a..b"),
        ("pub", "1.0.0+"),
        ("maven", "${project.version}"),
        ("composer", "dev-master"),
        ("composer", "1.0.x-dev"),
        ("apk", "1.2 3"),
        ("rpm", "(none):1"),
        ("deb", "unstable"),
        ("gem", "1.0 beta"),
        ("generic", "1.0"),
    ],
)
def test_what_is_no_version_of_its_ecosystem_is_not_guessed(scheme: str, version: str) -> None:
    assert parse(scheme, version) is None


@settings(deadline=None)
@given(version=st.text(max_size=40), event=st.text(min_size=1, max_size=20))
@pytest.mark.parametrize(
    "purl_type", ["pypi", "npm", "maven", "deb", "apk", "rpm", "gem", "nuget", "composer", "pub"]
)
def test_no_text_makes_match_raise(purl_type: str, version: str, event: str) -> None:
    affected = a_range(purl_type, ("introduced", "0"), ("fixed", event), versions=["1.0"])
    assert match(affected, version) in Match

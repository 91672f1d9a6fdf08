"""Inventory: advisories, feed revisions, and ranges that stay findable after they were narrowed or withdrawn."""

from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest

from resources.inventory_records import AdvisoryRow, ComponentRow, RangeRow
from resources.selection import Selection

DAY = datetime(2026, 3, 14, tzinfo=UTC)
ADVISORY = AdvisoryRow(
    "A-1", DAY, DAY, None, "bad", ["CVE-1", "GHSA-2"], ["CVE-3"], "high", 7.5, "CVSS:3.1/x", "a" * 64
)
NARROW = [("introduced", "1"), ("fixed", "2")]


def npm_range(package, events=(("introduced", "0"),), distro=None, versions=()):
    return RangeRow("npm", package, distro, "SEMVER", list(events), list(versions))


def write(database, *batch):
    """One feed revision with advisories and their ranges."""
    with database.begin_system() as store:
        store.advisories.lock_feed()
        revision = store.advisories.begin_revision("test feed", "ann", DAY)
        store.advisories.write(revision, list(batch))
    return revision


def candidates(database, with_withdrawn=False, tenant="acme", **fields):
    """(advisory, package, events) of every component beside a range, by component."""
    with database.begin(tenant) as store:
        found = store.images.list_candidates(tenant, Selection(**fields), with_withdrawn=with_withdrawn)
        known = store.images.get_components(
            tenant, {component for one in found for component in one.components}
        )
    beside = [(component, one) for one in found for component in one.components]
    assert all(known[component].package == one.package for component, one in beside)
    beside.sort(key=lambda pair: pair[0])
    return [(one.advisory_id, one.package, one.events) for _, one in beside]


def test_there_is_no_revision_before_the_first_and_each_is_newer(database, tenant, admin):
    with database.begin(tenant) as store:
        assert store.advisories.latest_revision() == 0
    first, second = write(database), write(database)
    assert second > first > 0
    with database.begin_system() as store:
        store.advisories.count_revision(first, added=3, changed=2, unchanged=1)
    with database.begin(tenant) as store:
        assert store.advisories.latest_revision() == second
    found = admin.execute("""
        SELECT source, added, changed, unchanged, created_at, created_by FROM inventory.feed_revisions ORDER BY revision
    """)
    assert found.fetchall() == [("test feed", 3, 2, 1, DAY, "ann"), ("test feed", 0, 0, 0, DAY, "ann")]


def test_a_revision_is_seen_with_its_commit(database, tenant):
    with database.begin_system() as importer, database.begin(tenant) as reader:
        importer.advisories.write(importer.advisories.begin_revision("feed", "ann", DAY), [(ADVISORY, [])])
        assert reader.advisories.latest_revision() == 0
        assert reader.advisories.of_names(["A-1"]) == {}
    with database.begin(tenant) as reader:
        assert reader.advisories.of_names(["A-1"]) == {"A-1": {"A-1"}}


def test_one_import_runs_at_a_time(database, tenant):
    def lock_impatiently():
        with database.begin_system() as store:
            store.connection.execute("SET LOCAL lock_timeout = '50ms'")
            store.advisories.lock_feed()

    with database.begin_system() as first:
        first.advisories.lock_feed()
        with pytest.raises(psycopg.errors.LockNotAvailable):
            lock_impatiently()
    lock_impatiently()


def test_an_advisory_is_read_as_it_was_written(database, tenant):
    bare = replace(ADVISORY, id="A-2", aliases=[], upstream=[], published=None, vector=None)
    write(database, (ADVISORY, []), (bare, []))
    with database.begin(tenant) as store:
        found = store.advisories.get_many(["A-1", "A-2", "A-3"])
        assert found["A-1"] == ADVISORY
        assert found["A-2"] == bare
        assert store.advisories.digests(["A-1", "A-3"]) == {"A-1": "a" * 64}
        assert store.advisories.get_many([]) == {}


def test_advisories_are_found_by_any_of_their_names(database, tenant):
    distro = replace(ADVISORY, id="D-1", aliases=[], upstream=["CVE-1", "CVE-3"])
    write(database, (ADVISORY, []), (distro, []), (replace(ADVISORY, id="A-9", aliases=[], upstream=[]), []))
    with database.begin(tenant) as store:
        assert store.advisories.of_names(["A-1", "CVE-1", "CVE-3", "GHSA-2", "cve-1", ""]) == {
            "A-1": {"A-1"},
            "GHSA-2": {"A-1"},
            "CVE-1": {"A-1", "D-1"},
            "CVE-3": {"A-1", "D-1"},
        }
        assert store.advisories.of_names([]) == {}


def test_a_later_revision_replaces_an_advisory_and_an_earlier_one_does_not(database, tenant):
    first = write(database, (ADVISORY, []))
    changed = replace(
        ADVISORY, severity="low", score=1.0, digest="b" * 64, withdrawn=DAY, upstream=["CVE-3", "CVE-4"]
    )
    write(database, (changed, []))
    with database.begin_system() as store:
        store.advisories.write(first, [(replace(ADVISORY, summary="late"), [])])
        assert store.advisories.get_many(["A-1"]) == {"A-1": changed}


def test_what_a_revision_wrote_last_of_an_advisory_holds(database, plant):
    plant.image(components=["lodash@4.0", "react@18.0"])
    first = write(database, (ADVISORY, [npm_range("lodash")]))
    later = replace(ADVISORY, digest="b" * 64, severity="low")
    with database.begin_system() as store:
        second = store.advisories.begin_revision("test feed", "ann", DAY)
        store.advisories.write(second, [(ADVISORY, [npm_range("lodash", NARROW), npm_range("react")])])
        store.advisories.write(second, [(later, [npm_range("react", NARROW)])])
        assert store.advisories.get_many(["A-1"]) == {"A-1": later}
    narrow = [list(event) for event in NARROW]
    assert candidates(database) == [("A-1", "react", narrow)]
    assert candidates(database, since_revision=first) == [
        ("A-1", "lodash", [["introduced", "0"]]),
        ("A-1", "react", narrow),
    ]


def test_candidates_are_components_beside_the_ranges_of_their_package(database, plant):
    plant.image(components=["lodash@4.0", "react@18.0"])
    wide = [npm_range("lodash", versions=["4.0", "4.1"]), npm_range("vue")]
    write(database, (ADVISORY, wide), (replace(ADVISORY, id="A-2"), [npm_range("react", NARROW)]))
    with database.begin("acme") as store:
        (lodash, react) = store.images.list_candidates("acme", Selection(), with_withdrawn=False)
    assert (lodash.advisory_id, lodash.type, lodash.package, lodash.kind) == (
        "A-1",
        "npm",
        "lodash",
        "SEMVER",
    )
    assert (lodash.held, lodash.events, lodash.versions) == (["4.0"], [["introduced", "0"]], ["4.0", "4.1"])
    assert (react.advisory_id, react.events) == ("A-2", [["introduced", "1"], ["fixed", "2"]])
    assert [one[0] for one in candidates(database, advisories=("A-2",))] == ["A-2"]
    assert candidates(database, tenant="globex") == []


def test_candidates_of_an_image_are_among_its_components_and_hold_now(database, plant):
    image, _ = plant.image("a", ["lodash@4.0", "vue@3.0"]), plant.image("b", ["react@18.0"])
    wide = [npm_range("lodash"), npm_range("react")]
    withdrawn = replace(ADVISORY, id="A-2", withdrawn=DAY), [npm_range("lodash")]
    write(database, (ADVISORY, wide), withdrawn, (replace(ADVISORY, id="A-3"), [npm_range("vue")]))
    write(database, (replace(ADVISORY, id="A-3", digest="b" * 64), [npm_range("angular")]))
    with database.begin("acme") as store:
        (found,) = store.images.list_candidates_of(image)
        assert found in store.images.list_candidates("acme", Selection(), with_withdrawn=False)
    assert (found.advisory_id, found.package, found.held) == ("A-1", "lodash", ["4.0"])


def test_a_range_of_a_distribution_counts_for_that_one_only(database, plant):
    image = plant.image()
    with database.begin("acme") as store:
        for purl, distro in (("pkg:npm/glibc@1?d=12", "debian:12"), ("pkg:npm/glibc@1?d=11", "debian:11")):
            row = ComponentRow(purl, "npm", "glibc", "glibc", "1", "9", distro)
            store.images.add_components(image, [row])
    write(database, (ADVISORY, [npm_range("glibc", distro="debian:12")]))
    with database.begin("acme") as store:
        (found,) = store.images.list_candidates("acme", Selection(), with_withdrawn=False)
    assert (found.distro, found.held) == ("debian:12", ["9"])
    write(database, (replace(ADVISORY, id="A-2"), [npm_range("glibc")]))
    assert len(candidates(database, advisories=("A-2",))) == 2


@pytest.mark.parametrize(
    ("held", "affected", "vague"),
    [
        ("debian:12", "debian:12", False),
        ("debian:12", "debian", False),
        ("debian:12", None, False),
        ("suse:12.5", "suse:12", False),
        ("debian", "debian:12", True),
        (None, "debian:12", True),
        ("ubuntu:20.04", "ubuntu:20.04.fips", True),
        ("debian:12", "debian:11", None),
        ("debian:12", "debian:1", None),
        ("debian:12", "ubuntu:22.04", None),
        ("debian", "ubuntu", None),
    ],
)
def test_distributions_meet_as_far_as_both_are_known(database, plant, held, affected, vague):
    image = plant.image()
    with database.begin("acme") as store:
        store.images.add_components(image, [ComponentRow("pkg:npm/a@1", "npm", "a", "a", "1", None, held)])
    write(database, (ADVISORY, [npm_range("a", distro=affected)]))
    with database.begin("acme") as store:
        found = store.images.list_candidates("acme", Selection(), with_withdrawn=False)
        assert [one.vague for one in found] == ([] if vague is None else [vague])
        assert store.images.list_candidates_of(image) == found


def test_what_meets_a_range_vaguely_is_a_candidate_of_its_own(database, plant):
    image = plant.image()
    rows = [
        ComponentRow(f"pkg:npm/a@{version}", "npm", "a", "a", version, None, distro)
        for version, distro in (("1", "debian:12"), ("2", "debian"), ("3", "debian:12"), ("4", "debian:11"))
    ]
    with database.begin("acme") as store:
        store.images.add_components(image, rows)
    write(database, (ADVISORY, [npm_range("a", distro="debian:12")]))
    with database.begin("acme") as store:
        found = store.images.list_candidates("acme", Selection(), with_withdrawn=False)
    assert [(one.vague, sorted(one.held)) for one in found] == [(False, ["1", "3"]), (True, ["2"])]


@pytest.mark.parametrize(
    ("kind", "named", "held"),
    [
        ("rpm", "openssl", ["9"]),
        ("rpm", "openssl-libs", ["1"]),
        ("deb", "openssl", ["9"]),
        ("deb", "openssl-libs", []),
    ],
)
def test_a_range_of_rpm_may_name_the_package_that_is_installed(database, plant, kind, named, held):
    image = plant.image()
    row = ComponentRow(f"pkg:{kind}/x/openssl-libs@1", kind, "openssl", "openssl-libs", "1", "9", None)
    with database.begin("acme") as store:
        store.images.add_components(image, [row])
    write(database, (ADVISORY, [replace(npm_range(named), type=kind)]))
    with database.begin("acme") as store:
        found = store.images.list_candidates("acme", Selection(), with_withdrawn=False)
        assert [version for one in found for version in one.held] == held
        assert store.images.list_candidates_of(image) == found


def test_a_package_of_rpm_with_a_version_unlike_its_sources_is_held_at_both(database, plant):
    image = plant.image()
    rows = [
        ComponentRow(f"pkg:rpm/x/perl@{version}", "rpm", "perl", "perl", version, source, None)
        for version, source in (("1", "9"), ("2", "2"), ("3", None))
    ]
    with database.begin("acme") as store:
        store.images.add_components(image, rows)
    write(database, (ADVISORY, [replace(npm_range("perl"), type="rpm")]))
    with database.begin("acme") as store:
        (found,) = store.images.list_candidates("acme", Selection(), with_withdrawn=False)
        assert sorted(found.held) == ["1", "2", "3", "9"]
        assert len(found.components) == 4
        (of_image,) = store.images.list_candidates_of(image)
    assert sorted(of_image.held) == sorted(found.held)


def test_a_withdrawn_advisory_counts_only_when_asked_for(database, plant):
    plant.image(components=["lodash@4.0"])
    write(database, (replace(ADVISORY, withdrawn=DAY), [npm_range("lodash")]))
    assert candidates(database) == []
    assert len(candidates(database, with_withdrawn=True)) == 1


def test_since_a_revision_both_the_old_and_the_new_ranges_of_a_change_count(database, plant):
    plant.image(components=["lodash@4.0", "react@18.0", "vue@3.0"])
    wide, narrow = [["introduced", "0"]], [["introduced", "1"], ["fixed", "2"]]
    first = write(database, (ADVISORY, [npm_range("lodash"), npm_range("react")]))
    before = write(database, (replace(ADVISORY, id="A-2"), [npm_range("vue")]))
    change = write(database, (ADVISORY, [npm_range("lodash", NARROW)]))
    assert candidates(database) == [("A-1", "lodash", narrow), ("A-2", "vue", wide)]
    assert candidates(database, since_revision=before) == [
        *(("A-1", "lodash", wide), ("A-1", "lodash", narrow), ("A-1", "react", wide)),
    ]
    assert candidates(database, since_revision=change) == []
    assert ("A-2", "vue", wide) in candidates(database, since_revision=first)
    assert len(candidates(database, since_revision=0)) == 4


def test_since_a_revision_the_ranges_of_what_was_withdrawn_count(database, plant):
    plant.image(components=["lodash@4.0"])
    before = write(database, (ADVISORY, [npm_range("lodash")]))
    write(database, (replace(ADVISORY, withdrawn=DAY), []))
    assert candidates(database) == []
    assert candidates(database, since_revision=before) == [("A-1", "lodash", [["introduced", "0"]])]


def test_ranges_that_ended_keep_the_revisions_they_held_in(database, plant, admin):
    first = write(database, (ADVISORY, [npm_range("lodash")]))
    second = write(database, (ADVISORY, [npm_range("lodash", NARROW)]))
    third = write(database, (ADVISORY, []))
    found = admin.execute(
        "SELECT revision_from, revision_to, events FROM inventory.advisory_ranges ORDER BY 1"
    ).fetchall()
    assert [row[:2] for row in found] == [(first, second), (second, third)]


@pytest.mark.parametrize(
    "write_as_tenant",
    [
        lambda store: store.advisories.begin_revision("feed", "eve", DAY),
        lambda store: store.advisories.write(1, [(ADVISORY, [])]),
        lambda store: store.advisories.count_revision(1, added=1, changed=1, unchanged=1),
    ],
)
def test_a_tenant_writes_no_feed(database, tenant, write_as_tenant):
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.begin(tenant) as store:
        write_as_tenant(store)

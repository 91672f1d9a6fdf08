"""What is matched is a component with its version and source package, whatever its purl leaves out."""

import json

import pytest

from resources.selection import Selection
from resources.states import JobKind, PolicyMode
from scheduler_defs.engines.purls import versioned_purl
from scheduler_defs.inputs.sboms import Placement, ingest_sbom
from scheduler_defs.overlays import read_overlays

LIBSSL = {"name": "libssl3", "version": "3.0.1", "purl": "pkg:deb/debian/libssl3@3.0.1?distro=debian-12"}
FROM_OPENSSL = {"properties": [{"name": "aquasecurity:trivy:SrcName", "value": "openssl"}]}


@pytest.fixture
def holds(world, tmp_path):
    """Ingests an SBOM of some components as what the image of a repository holds."""

    def ingest(repository, *components):
        path = tmp_path / "one.cdx.json"
        document = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1}
        path.write_text(
            json.dumps(document | {"components": [{"type": "library"} | one for one in components]})
        )
        return ingest_sbom(world.database, "acme", path, Placement(image=f"{repository}:1"), "ann").image

    return ingest


@pytest.fixture
def hits(world):
    """What an impact run says: {repository: [[purl, advisory], …]}."""

    def read(**wanted):
        run = world.run(JobKind.IMPACT, **wanted)
        with world.database.begin("acme") as store:
            images = store.impact_snapshots.list_images(store.impact_snapshots.get_of_run("acme", run.id))
            names = dict(store.connection.execute("SELECT id, repository FROM inventory.images").fetchall())
        return {names[image]: reasons for image, reasons in images.items()}

    return read


def requests(version):
    return {"name": "requests", "version": version, "purl": "pkg:pypi/requests"}


@pytest.mark.parametrize("order", [("2.32.4", "2.19.1"), ("2.19.1", "2.32.4")])
def test_versions_that_their_purl_does_not_name_stay_apart(world, holds, hits, order):
    world.advisories(world.advisory("A", "requests", ("introduced", "0"), ("fixed", "2.20.0")))
    for version in order:
        holds(version, requests(version))
    expected = {"2.19.1": [["pkg:pypi/requests@2.19.1", "A"]]}
    assert hits() == expected
    holds("both", *({**requests(version), "bom-ref": version} for version in order))
    assert hits() == expected | {"both": expected["2.19.1"]}
    world.run(JobKind.POLICY)
    with world.database.begin("acme") as store:
        found = store.findings.list_open("acme")
    assert {(one.repository, one.purl, one.version) for one in found} == {
        (repository, "pkg:pypi/requests", "2.19.1") for repository in ("2.19.1", "both")
    }


@pytest.mark.parametrize("order", [("with", "without"), ("without", "with")])
def test_a_source_package_counts_for_the_image_whose_sbom_names_it(world, holds, hits, order):
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.0.9"}]}]
    affected = [{"package": {"ecosystem": "Debian:12", "name": "openssl"}, "ranges": ranges}]
    world.advisories(world.advisory("A", "openssl") | {"affected": affected})
    for repository in order:
        holds(repository, LIBSSL | (FROM_OPENSSL if repository == "with" else {}))
    assert hits() == {"with": [[LIBSSL["purl"], "A"]]}


def debian_curl(version, distro=""):
    return {"name": "curl", "version": version, "purl": f"pkg:deb/debian/curl@{version}{distro}"}


def test_a_package_meets_the_advisories_of_its_own_distribution(world, holds, hits):
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "8"}]}]
    named = {"Debian": "A", "Debian:12": "B", "Debian:11": "C", "Ubuntu:22.04:LTS": "D"}
    world.advisories(
        *(
            world.advisory(identity, "curl")
            | {"affected": [{"package": {"ecosystem": ecosystem, "name": "curl"}, "ranges": ranges}]}
            for ecosystem, identity in named.items()
        )
    )
    purl = debian_curl("7")["purl"]
    twelve = {"type": "operating-system", "name": "debian", "version": "12"}
    holds("of-system", debian_curl("7"), twelve)
    holds("of-nothing", debian_curl("7"))
    holds("not-affected", debian_curl("8"))
    with_distro = debian_curl("7", "?distro=debian-11")
    holds("qualified", with_distro, twelve)
    assert hits() == {
        "of-system": [[purl, "A"], [purl, "B"]],
        "of-nothing": [[purl, "A"]],
        "qualified": [[with_distro["purl"], "A"], [with_distro["purl"], "C"]],
    }
    assert world.run(JobKind.IMPACT).stats["unknown"] == len(("B", "C"))


OPENSSL_LIBS = {
    "name": "openssl-libs",
    "group": "redhat",
    "version": "3.0.7-28.el9",
    "purl": "pkg:rpm/redhat/openssl-libs@3.0.7-28.el9?distro=redhat-9&epoch=1",
    "properties": [
        {"name": "aquasecurity:trivy:SrcName", "value": "openssl"},
        {"name": "aquasecurity:trivy:SrcVersion", "value": "1:3.0.7-27.el9"},
    ],
}


def red_hat(world, identity, *fixed):
    """An OSV record of Red Hat that names packages, each with the version that is not affected any more."""
    affected = [
        {
            "package": {"ecosystem": "Red Hat:enterprise_linux:9::baseos", "name": name},
            "ranges": [
                {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": f"1:3.0.7-{release}.el9"}]}
            ],
        }
        for name, release in fixed
    ]
    return world.advisory(identity, "openssl") | {"affected": affected}


def test_an_rpm_advisory_names_what_is_installed_or_what_that_was_built_from(world, holds, hits):
    image = holds("base", OPENSSL_LIBS)
    world.advisories(
        red_hat(world, "OWN", ("openssl-libs", 29)),
        red_hat(world, "OWN-FIXED", ("openssl-libs", 28)),
        red_hat(world, "SOURCE", ("openssl", 28)),
        red_hat(world, "SOURCE-FIXED", ("openssl", 27)),
        red_hat(world, "BOTH", ("openssl", 28), ("openssl-libs", 29), ("openssl-devel", 29)),
        red_hat(world, "ANOTHER", ("openssl-devel", 29)),
    )
    found = [[OPENSSL_LIBS["purl"], name] for name in ("BOTH", "OWN", "SOURCE")]
    assert hits() == {"base": found}
    assert hits(selection=Selection(advisories=("OWN", "OWN-FIXED"))) == {"base": found[1:2]}
    assert hits(selection=Selection(since_revision=0, repository="ba*")) == {"base": found}
    with world.database.begin("acme") as store:
        assert {advisory for _, advisory in read_overlays(store, image).matches} == {"OWN", "SOURCE", "BOTH"}


@pytest.mark.parametrize("mode", [PolicyMode.FULL, PolicyMode.INCREMENTAL])
def test_a_policy_run_finds_once_what_an_advisory_names_by_both(world, holds, mode):
    holds("base", OPENSSL_LIBS)
    world.advisories(red_hat(world, "A", ("openssl", 27)))
    assert world.run(JobKind.POLICY, mode=mode).stats["findings"] == 0
    world.advisories(red_hat(world, "A", ("openssl", 27), ("openssl-libs", 29)))
    assert world.run(JobKind.POLICY, mode=mode).stats["findings"] == 1
    world.advisories(red_hat(world, "A", ("openssl", 28), ("openssl-libs", 29)))
    assert world.run(JobKind.POLICY, mode=mode).stats["findings"] == 1
    with world.database.begin("acme") as store:
        (found,) = store.findings.list_open("acme")
    assert (found.purl, found.version, found.match) == (OPENSSL_LIBS["purl"], "1:3.0.7-28.el9", "affected")


def test_digests_tell_versions_of_one_purl_apart(world, holds):
    world.advisories(world.advisory("A", "requests"))
    digests = set()
    for version in ("2.32.4", "2.19.1", "2.32.4"):
        holds("shop", requests(version))
        run = world.run(JobKind.POLICY)
        with world.database.begin("acme") as store:
            (item,) = store.policy_jobs.list_of_run(run)
        digests.add((world.run(JobKind.IMPACT).stats["digest"], item.result_digest))
    assert [len(set(one)) for one in zip(*digests, strict=True)] == [2, 2]


@pytest.mark.parametrize(
    ("purl", "with_version"),
    [
        ("pkg:pypi/a@1", "pkg:pypi/a@1"),
        ("pkg:pypi/a", "pkg:pypi/a@1:2%2Bx"),
        ("pkg:pypi/a?k=v#sub", "pkg:pypi/a@1:2%2Bx?k=v#sub"),
        ("pkg:npm/%40s/a#sub", "pkg:npm/%40s/a@1:2%2Bx#sub"),
    ],
)
def test_a_purl_without_a_version_gets_the_components(purl, with_version):
    assert versioned_purl(purl, "1:2+x") == with_version
    assert versioned_purl(purl, None) == purl

"""The operating system that an SBOM names is what its packages are part of."""

import pytest

from tests.engines import spdx_documents as spdx
from tests.engines.test_sbom import document, library, read

BARE = "pkg:deb/debian/curl@7.88.1-10%2Bdeb12u5?arch=amd64"
NAMED = [{"name": "syft:distro:id", "value": "debian"}, {"name": "syft:distro:versionID", "value": "12"}]


def curl(purl=BARE):
    return {"type": "library", "name": "curl", "bom-ref": "curl"} | ({"purl": purl} if purl else {})


def system(name="debian", version="12", **more):
    return {
        "type": "operating-system",
        "name": name,
        "version": version,
        "bom-ref": f"os-{name}-{version}",
    } | more


def distro_in(found):
    (one,) = (one for one in read(found).components if one.name == "curl")
    return one.distro


@pytest.mark.parametrize(
    "found",
    [
        document(curl(), system()),
        document(system(version="12.5"), curl()),
        document(library("a", components=[system()]), curl()),
        document(system(name="Debian GNU/Linux", version="12 (bookworm)"), curl()),
        document(system(version="bookworm"), curl()),
        document(system(name="os", version="?", properties=NAMED), curl()),
        document(curl(), subject=system()),
        document(curl(), subject={"type": "container", "name": "app", "properties": NAMED}),
        document(curl(), metadata={"properties": NAMED}),
        document(curl("pkg:deb/curl@1"), system()),
    ],
)
def test_a_package_without_a_release_is_of_the_system_of_its_sbom(found):
    assert distro_in(found) == "debian:12"


@pytest.mark.parametrize(
    ("purl", "systems", "distro"),
    [
        (f"{BARE}&distro=debian-11", [system()], "debian:11"),
        ("pkg:deb/ubuntu/curl@1", [system()], "ubuntu"),
        ("pkg:pypi/curl@1", [system()], None),
        ("pkg:apk/curl@1", [system()], None),
        (BARE, [], "debian"),
        (BARE, [system(), system(version="11")], "debian"),
        (BARE, [system(version=None)], "debian"),
        (BARE, [system("linux", "6.1"), system(), system("alpine", "3.18.4")], "debian:12"),
        ("pkg:apk/curl@1", [system(), system("alpine", "3.18.4")], "alpine:3.18"),
        ("pkg:deb/curl@1", [system(), system("ubuntu", "22.04")], None),
        ("pkg:rpm/curl@1", [system("amzn", "2023")], None),
        (None, [system("amzn", "2023")], None),
        (None, [system()], None),
        ("pkg:rpm/amzn/curl@1", [system("amzn", "2023")], "amzn:2023"),
    ],
)
def test_a_package_that_the_system_does_not_tell_of_is_what_its_purl_says(purl, systems, distro):
    systems = [{key: value for key, value in one.items() if value} for one in systems]
    assert distro_in(document(*systems, curl(purl))) == distro


def test_the_digest_changes_with_the_system_and_not_with_refs_and_order():
    one = read(document(curl(), metadata={"properties": NAMED}))
    eleven = [NAMED[0], {"name": "syft:distro:versionID", "value": "11"}]
    other = read(document(curl(), metadata={"properties": eleven}))
    without = read(document(curl()))
    assert len({one.digest, other.digest, without.digest}) == 3
    moved = system(**{"bom-ref": "elsewhere"})
    assert read(document(curl(), system())).digest == read(document(moved, curl())).digest


def in_spdx(*systems, purl=BARE, **more):
    packages = [
        spdx.package(name, version, purl=False, primaryPackagePurpose="OPERATING-SYSTEM")
        for name, version in systems
    ]
    return spdx.read(spdx.document(*packages, spdx.package("curl", purl=purl), **more))


@pytest.mark.parametrize(
    ("purl", "systems", "distro"),
    [
        (BARE, [("debian", "12.5")], "debian:12"),
        (f"{BARE}&distro=debian-11", [("debian", "12")], "debian:11"),
        (BARE, [("debian", "NOASSERTION")], "debian"),
        (BARE, [("alpine", "3.18.4")], "debian"),
        ("pkg:rpm/rocky/curl@1", [("rocky", "9.3")], "rocky-linux:9"),
    ],
)
def test_a_package_of_spdx_is_of_the_system_too(purl, systems, distro):
    (one,) = (one for one in in_spdx(*systems, purl=purl).components if one.name == "curl")
    assert one.distro == distro


def test_a_described_system_counts_in_spdx():
    (one,) = in_spdx(("debian", "12"), describes=["debian"]).components
    assert one.distro == "debian:12"


def test_a_source_rpm_names_the_source_package():
    purl = "pkg:rpm/redhat/openssl-libs@3.0.7-24.el9?distro=rhel-9.3&epoch=1&upstream=openssl-3.0.7-24.el9.src.rpm"
    (one,) = read(document(library("openssl-libs", purl=purl))).components
    assert (one.source_package, one.source_version, one.version) == ("openssl", None, "1:3.0.7-24.el9")

"""One name for a distribution and its release, whoever wrote it."""

import pytest

from scheduler_defs.engines.distros import distro_of, osv_distro, osv_format


@pytest.mark.parametrize(
    ("vendor", "release", "distro"),
    [
        ("debian", "", "debian"),
        ("debian", "debian-12.5", "debian:12"),
        ("debian", "trixie/sid", "debian:13"),
        ("debian", "sid", "debian"),
        ("Debian GNU/Linux", "12", "debian:12"),
        ("debian", "jammy", "ubuntu:22.04"),
        ("raspbian", "bookworm", "raspbian:12"),
        ("ubuntu", "ubuntu-22.04", "ubuntu:22.04"),
        ("ubuntu", "22.04.3", "ubuntu:22.04"),
        ("ubuntu", "esm-infra/xenial", "ubuntu:16.04"),
        ("ubuntu", "fips-updates/focal", "ubuntu:20.04.fips-updates"),
        ("alpine", "alpine-3.19.0_alpha20230901", "alpine:3.19"),
        ("alpine", "edge", "alpine"),
        ("wolfi", "wolfi-20230201", "wolfi"),
        ("chainguard", "", "chainguard"),
        ("redhat", "rhel-9.3", "redhat:9"),
        ("redhat", "el9", "redhat:9"),
        ("Red Hat Enterprise Linux", "9.3", "redhat:9"),
        ("rocky", "rocky-9.3", "rocky-linux:9"),
        ("rocky-linux", "rocky-linux-8-sig-cloud", "rocky-linux:8"),
        ("alma", "alma-9.3", "almalinux:9"),
        ("sles", "sles-15.5", "suse:15.5"),
        ("suse", "SUSE Linux Enterprise Server 15 SP5", "suse:15.5"),
        ("sle-micro", "sle-micro-5.3", "suse:5.3"),
        ("suse", "opensuse-leap-15.5", "opensuse:15.5"),
        ("opensuse", "opensuse.leap-15.4", "opensuse:15.4"),
        ("opensuse-tumbleweed", "opensuse-tumbleweed-20240101", "opensuse:tumbleweed"),
        ("mageia", "mageia-9", "mageia:9"),
        ("fedora", "fedora-39", "fedora:39"),
        ("amzn", "2023.3.1", "amzn:2023.3.1"),
        (None, "jammy", "ubuntu:22.04"),
        (None, "debian-12", "debian:12"),
        (None, "fedora-39", "fedora:39"),
        (None, "12", None),
        (None, "", None),
    ],
)
def test_a_distribution_has_one_name(vendor, release, distro):
    assert distro_of(vendor, release) == distro


@pytest.mark.parametrize(
    ("ecosystem", "purl_type", "distro"),
    [
        ("Debian", "deb", "debian"),
        ("Debian:12", "deb", "debian:12"),
        ("Debian:unstable", "deb", "debian:unstable"),
        ("Ubuntu:22.04:LTS", "deb", "ubuntu:22.04"),
        ("Ubuntu:25.04", "deb", "ubuntu:25.04"),
        ("Ubuntu:Pro:18.04:LTS", "deb", "ubuntu:18.04"),
        ("Ubuntu:Pro:FIPS-updates:20.04:LTS", "deb", "ubuntu:20.04.fips-updates"),
        ("Alpine:v3.18", "apk", "alpine:3.18"),
        ("Alpine:edge", "apk", "alpine:edge"),
        ("Wolfi", "apk", "wolfi"),
        ("Chainguard", "apk", "chainguard"),
        ("Red Hat:enterprise_linux:9::baseos", "rpm", "redhat:9"),
        ("Red Hat:rhel_eus:9.2::appstream", "rpm", "redhat:9"),
        ("Red Hat:openshift:4.12::el8", "rpm", "redhat:8"),
        ("Red Hat:openshift:4.12", "rpm", "redhat"),
        ("Rocky Linux:9", "rpm", "rocky-linux:9"),
        ("AlmaLinux:8", "rpm", "almalinux:8"),
        ("SUSE:Linux Enterprise Module for Python 3 15 SP5", "rpm", "suse:15.5"),
        ("SUSE:Linux Enterprise Server 12 SP5-LTSS", "rpm", "suse:12.5"),
        ("SUSE:Linux Enterprise Module for Containers 12", "rpm", "suse:12"),
        ("openSUSE:Leap 15.5", "rpm", "opensuse:15.5"),
        ("openSUSE:Tumbleweed", "rpm", "opensuse:tumbleweed"),
        ("Mageia:9", "rpm", "mageia:9"),
        ("PyPI", None, None),
        ("Photon OS:3.0", None, None),
        ("Root:Ubuntu:22.04", None, None),
    ],
)
def test_an_ecosystem_of_osv_is_a_distribution(ecosystem, purl_type, distro):
    assert (osv_format(ecosystem), osv_distro(ecosystem)) == (purl_type, distro)

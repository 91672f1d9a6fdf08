import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resources.errors import InvalidInput
from scheduler_defs.engines import purls
from scheduler_defs.engines.distros import osv_distro
from scheduler_defs.engines.purls import generic_purl, osv_package_key, parse_purl, purl_distro

TRICKY = "aB0/@%2F._-: ?#&=é+"


@pytest.mark.parametrize(
    ("purl", "ecosystem", "name", "key"),
    [
        ("pkg:pypi/Zope.Interface@5.0", "PyPI", "zope.interface", "zope-interface"),
        ("pkg:pypi/ruamel_yaml@1", "PyPI", "ruamel.yaml", "ruamel-yaml"),
        ("pkg:npm/%40Babel/core@7", "npm", "@babel/core", "@babel/core"),
        ("pkg:npm/JSONStream@1", "npm", "JSONStream", "jsonstream"),
        (
            "pkg:golang/github.com/Azure/azure-sdk@v1#sub/dir",
            "Go",
            "github.com/Azure/azure-sdk",
            "github.com/azure/azure-sdk",
        ),
        ("pkg:golang/stdlib@1.22.1", "Go", "stdlib", "stdlib"),
        ("pkg:cargo/Serde_json@1", "crates.io", "Serde_json", "Serde_json"),
        ("pkg:maven/org.Apache/Commons@1?type=jar", "Maven", "org.Apache:Commons", "org.Apache:Commons"),
        ("pkg:deb/debian/libc6@2?distro=debian-12", "Debian:12", "libc6", "libc6"),
        ("pkg:apk/alpine/busybox@1?distro=3.18.4", "Alpine:v3.18", "busybox", "busybox"),
        ("pkg:deb/ubuntu/openssl@1?distro=jammy", "Ubuntu:22.04:LTS", "openssl", "openssl"),
        (
            "pkg:rpm/redhat/openssl-libs@1",
            "Red Hat:enterprise_linux:9::baseos",
            "openssl-libs",
            "openssl-libs",
        ),
        ("pkg:rpm/rocky/NetworkManager@1", "Rocky Linux:9", "NetworkManager", "NetworkManager"),
        ("pkg:apk/wolfi/curl@1", "Wolfi", "curl", "curl"),
        ("pkg:gem/Rack@1", "RubyGems", "Rack", "Rack"),
        ("pkg:composer/Symfony/HTTP-kernel@1", "Packagist", "symfony/http-kernel", "symfony/http-kernel"),
        ("pkg:nuget/Newtonsoft.Json@1", "NuGet", "Newtonsoft.Json", "newtonsoft.json"),
        ("pkg:hex/Phoenix@1", "Hex", "phoenix", "phoenix"),
        ("pkg:pub/http_parser@1", "Pub", "http_parser", "http_parser"),
    ],
)
def test_a_purl_and_an_advisory_meet_under_one_key(purl, ecosystem, name, key):
    parsed = parse_purl(purl)
    assert parsed.package == key
    assert osv_package_key(ecosystem, name) == (parsed.type, key)


@pytest.mark.parametrize("ecosystem", ["", "Root:Ubuntu:22.04", "pypi", "GIT", "Debianish"])
def test_an_ecosystem_that_is_not_supported_has_no_key(ecosystem):
    assert osv_package_key(ecosystem, "curl") is None


@pytest.mark.parametrize(
    ("purl", "ecosystem", "distro"),
    [
        ("pkg:deb/debian/a@1?distro=debian-12.5", "Debian:12", "debian:12"),
        ("pkg:deb/debian/a@1?distro=bookworm", "Debian:12", "debian:12"),
        ("pkg:deb/debian/a@1", "Debian", "debian"),
        ("pkg:apk/alpine/a@1?distro=3.18.4", "Alpine:v3.18", "alpine:3.18"),
        ("pkg:apk/alpine/a@1?distro=alpine-3.18.4", "Alpine:v3.18", "alpine:3.18"),
        ("pkg:deb/ubuntu/a@1?distro=ubuntu-22.04", "Ubuntu:22.04:LTS", "ubuntu:22.04"),
        ("pkg:deb/a@1?distro=jammy", "Ubuntu:Pro:22.04:LTS", "ubuntu:22.04"),
        ("pkg:rpm/redhat/a@1?distro=rhel-9.3", "Red Hat:enterprise_linux:9::baseos", "redhat:9"),
        ("pkg:rpm/rocky/a@1?distro=rocky-9.3", "Rocky Linux:9", "rocky-linux:9"),
        ("pkg:rpm/almalinux/a@1?distro=almalinux-9.3", "AlmaLinux:9", "almalinux:9"),
        ("pkg:rpm/sles/a@1?distro=sles-15.5", "SUSE:Linux Enterprise Server 15 SP5", "suse:15.5"),
        ("pkg:rpm/opensuse/a@1?distro=opensuse-leap-15.5", "openSUSE:Leap 15.5", "opensuse:15.5"),
        ("pkg:rpm/mageia/a@1?distro=mageia-9", "Mageia:9", "mageia:9"),
        ("pkg:apk/wolfi/a@1?distro=wolfi-20230201", "Wolfi", "wolfi"),
        ("pkg:apk/chainguard/a@1", "Chainguard", "chainguard"),
        ("pkg:deb/a@1", "PyPI", None),
        ("pkg:pypi/a@1?distro=debian-12", "PyPI", None),
    ],
)
def test_a_purl_and_an_advisory_meet_in_one_distribution(purl, ecosystem, distro):
    assert purl_distro(parse_purl(purl)) == distro
    assert osv_distro(ecosystem) == distro


def test_distributions_that_share_a_format_stay_apart():
    assert purl_distro(parse_purl("pkg:deb/ubuntu/a@1?distro=ubuntu-22.04")) == "ubuntu:22.04"


def test_the_canonical_text_sorts_qualifiers_and_keeps_the_subpath():
    parsed = parse_purl("pkg:NPM/%40a/B@1.0%2b2?z=1&ARCH=x%2Fy#src/lib")
    assert parsed.text == "pkg:npm/%40a/b@1.0%2B2?arch=x/y&z=1#src/lib"
    assert (parsed.namespace, parsed.version, parsed.qualifiers) == ("@a", "1.0+2", {"arch": "x/y", "z": "1"})


@given(
    st.sampled_from(["npm", "pypi", "maven", "golang", "deb", "generic", "oci", "pub"]),
    st.text(TRICKY, min_size=1, max_size=14),
)
def test_parsing_the_canonical_text_again_changes_nothing(purl_type, rest):
    try:
        parsed = parse_purl(f"pkg:{purl_type}/{rest}")
    except InvalidInput:
        return
    assert parse_purl(parsed.text) == parsed


@given(st.text(TRICKY, max_size=6), st.text(TRICKY, max_size=6), st.text(TRICKY, max_size=6))
def test_the_stand_in_for_what_has_no_purl_is_canonical(namespace, name, version):
    text = generic_purl(namespace, name, version)
    assert parse_purl(text).text == text


def test_the_stand_in_keeps_a_path_in_one_piece():
    assert generic_purl("g", "/usr/bin/a b", "1:2") == "pkg:generic/g/usr%2Fbin%2Fa%20b@1:2"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "requests",
        "pkg:pypi",
        "pkg:pypi/",
        "pkg:1x/a",
        "pkg:npm/a?novalue",
        "http://x/y",
        "pkg:pypi/a%00b@1",
        "pkg:pypi/a@1\0",
    ],
)
def test_what_is_no_purl_is_refused_by_name(text):
    with pytest.raises(InvalidInput, match=r"^purl: .*expected a package URL") as caught:
        parse_purl(text)
    assert caught.value.value == text


SEGMENT = st.text("abA0._~-", min_size=1, max_size=4)
PAIR = st.builds(
    "{}={}".format, st.sampled_from(["a", "b", "arch", "distro"]), st.text("1a./-_Z", max_size=3)
)


@given(
    st.sampled_from(["npm", "pypi", "golang", "deb", "apk", "rpm", "cargo", "gem", "maven", "nuget", "oci"]),
    st.lists(st.builds("{}{}/".format, st.sampled_from(["", "", "%40", "@"]), SEGMENT), max_size=2),
    SEGMENT,
    st.one_of(st.just(""), st.builds("@{}".format, st.text("1a.~-_Z+:", max_size=4))),
    st.lists(PAIR, max_size=3),
)
@example("npm", ["%40a/"], "b", "@1.2.3", [])
@example("deb", ["debian/"], "c", "@1-2", ["arch=amd64", "distro=debian-12"])
def test_what_is_canonical_at_first_sight_is_what_the_parser_says(kind, namespace, name, version, pairs):
    text = f"pkg:{kind}/{''.join(namespace)}{name}{version}" + (f"?{'&'.join(pairs)}" if pairs else "")
    seen = purls._plain(text)
    if seen is not None:
        assert (seen, seen.qualifiers) == (purls._parse(text), purls._parse(text).qualifiers)
        assert seen.text == text


@pytest.mark.parametrize(
    "text",
    [
        *("pkg:npm/%40a/b@1.2.3", "pkg:pypi/a-b@1.0", "pkg:golang/example.org/Mod@v1", "pkg:maven/g.h/A@1"),
        "pkg:deb/debian/c@1-2?arch=amd64&distro=debian-12",
    ],
)
def test_plain_purls_need_no_parser(text, monkeypatch):
    monkeypatch.setattr(purls, "_parse", None)
    assert parse_purl.__wrapped__(text).text == text

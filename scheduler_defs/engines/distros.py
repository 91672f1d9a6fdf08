"""Distributions and their releases under one name, whoever wrote it: 'debian:12', 'rocky-linux:9', 'wolfi'."""

import re

# The package format of each distribution that is known by name.
_FORMATS = {
    "debian": "deb",
    "ubuntu": "deb",
    "alpine": "apk",
    "wolfi": "apk",
    "chainguard": "apk",
    "redhat": "rpm",
    "rocky-linux": "rpm",
    "almalinux": "rpm",
    "suse": "rpm",
    "opensuse": "rpm",
    "mageia": "rpm",
}

# How names begin in package URLs (purl-spec, OSV's purl_helpers), in ID of os-release, and in Syft and Trivy.
_BEGINNINGS = {name: name for name in _FORMATS} | {
    "red-hat": "redhat",
    "rhel": "redhat",
    "rocky": "rocky-linux",
    "rockylinux": "rocky-linux",
    "alma": "almalinux",
    "sle": "suse",
    "sled": "suse",
    "sles": "suse",
    "sl-micro": "suse",
}

# Ecosystems of distributions as OSV spells them (OSV schema 1.7, "Defined ecosystems").
ECOSYSTEMS = {
    "Debian": "debian",
    "Ubuntu": "ubuntu",
    "Alpine": "alpine",
    "Wolfi": "wolfi",
    "Chainguard": "chainguard",
    "Red Hat": "redhat",
    "Rocky Linux": "rocky-linux",
    "AlmaLinux": "almalinux",
    "SUSE": "suse",
    "openSUSE": "opensuse",
    "Mageia": "mageia",
}

# From distro-info-data, debian.csv and ubuntu.csv: what was supported in 2020 or later.
_CODENAMES = {
    "jessie": ("debian", "8"),
    "stretch": ("debian", "9"),
    "buster": ("debian", "10"),
    "bullseye": ("debian", "11"),
    "bookworm": ("debian", "12"),
    "trixie": ("debian", "13"),
    "forky": ("debian", "14"),
    "trusty": ("ubuntu", "14.04"),
    "xenial": ("ubuntu", "16.04"),
    "bionic": ("ubuntu", "18.04"),
    "focal": ("ubuntu", "20.04"),
    "jammy": ("ubuntu", "22.04"),
    "lunar": ("ubuntu", "23.04"),
    "mantic": ("ubuntu", "23.10"),
    "noble": ("ubuntu", "24.04"),
    "oracular": ("ubuntu", "24.10"),
    "plucky": ("ubuntu", "25.04"),
    "questing": ("ubuntu", "25.10"),
}

# How many parts of a version name the release that advisories are issued for; none where there is but one.
_PARTS = {"alpine": 2, "ubuntu": 2, "wolfi": 0, "chainguard": 0}

_WORD = re.compile(r"[a-z]+")
_NAMED = re.compile(r"([a-z]+(?:-[a-z]+)*)-(?=\d)")
_NUMBER = re.compile(r"\d+(?:\.\d+)*")
_SERVICE_PACK = re.compile(r"(\d+)(?:[ -]sp(\d+)|\.(\d+))?")
# What Red Hat builds for a release says so (`::el8`), also where the version is that of another product.
_RED_HAT = re.compile(
    r"(?:^|::)el-?(\d+)|^(?:(?:rhel|redhat|red hat enterprise linux)[- ])?v?(\d+)"
    r"|^(?:enterprise_linux\w*|rhel_(?:aus|e4s|els|eus|tus)\w*):(\d+)"
)
# Ubuntu Pro has packages of its own for these, whose versions sort otherwise; an SBOM does not name them.
_STREAM = re.compile(r"fips[a-z-]*|realtime")


def distro_of(vendor: str | None, release: str = "") -> str | None:
    """Return the distribution of a vendor and what it calls a release; 'debian' where no release is told.

    `release` may name the distribution itself, as in 'ubuntu-22.04' or 'bookworm'; without a vendor it has to.
    """
    text = release.strip().lower()
    codename = next((_CODENAMES[word] for word in _WORD.findall(text) if word in _CODENAMES), None)
    stated = codename[0] if codename else _known(text)
    if not stated and not vendor and (named := _NAMED.match(text)):
        stated = named[1]
    family = stated if stated and (not vendor or _known(vendor)) else _known(vendor or "") or _spelled(vendor)
    if not family:
        return None
    number = codename[1] if codename else _release(family, text)
    if number and family == "ubuntu" and (stream := _STREAM.search(text)):
        number = f"{number}.{stream[0]}"
    return f"{family}:{number}" if number else family


def osv_distro(ecosystem: str) -> str | None:
    """Return an OSV ecosystem's distribution: 'alpine:3.18' for 'Alpine:v3.18', None for a language's registry.

    A release without a number is kept as it is called, so that it is not taken for all of them.
    """
    name, _, release = ecosystem.partition(":")
    family = ECOSYSTEMS.get(name)
    if family is None:
        return None
    found = distro_of(family, release)
    is_odd = found == family and release and family != "redhat" and _PARTS.get(family) != 0
    return f"{family}:{release.lower()}" if is_odd else found


def osv_format(ecosystem: str) -> str | None:
    """Return the purl type of the packages of a distribution's OSV ecosystem, None for any other ecosystem."""
    return _FORMATS.get(ECOSYSTEMS.get(ecosystem.partition(":")[0], ""))


def format_of(distro: str) -> str | None:
    """Return the purl type of a distribution's packages, None where it is not known."""
    return _FORMATS.get(distro.partition(":")[0])


def _known(text: str) -> str | None:
    """Return the distribution that a text begins with, the longest name first."""
    first, second = (*_spelled(text).split("-", 2), "")[:2]
    return _BEGINNINGS.get(f"{first}-{second}") or _BEGINNINGS.get(first)


def _spelled(text: str | None) -> str:
    return re.sub(r"[^a-z0-9]+", "-", (text or "").lower()).strip("-")


def _release(family: str, text: str) -> str:
    """Return the release that a text in lower case tells, '' for none."""
    if family == "redhat":
        found = _RED_HAT.search(text)
        return next(filter(None, found.groups())) if found else ""
    if family in {"suse", "opensuse"}:
        return "tumbleweed" if "tumbleweed" in text else _service_pack(text)
    if family not in _FORMATS:
        return text.removeprefix(f"{family}-").removeprefix("v") if text != family else ""
    number = _NUMBER.search(text)
    return ".".join(number[0].split(".")[: _PARTS.get(family, 1)]) if number else ""


def _service_pack(text: str) -> str:
    """Return '15.5' for '… for Python 3 15 SP5', '15-sp5' and '15.5'; '12' for '… Server 12'."""
    *_, found = _SERVICE_PACK.findall(text) or [("", "", "")]
    return ".".join(filter(None, found))

"""Is this version affected? The evaluation algorithm of the OSV schema, with each registry's own order."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Literal

from packaging.version import Version as Pep440
from univers.versions import (
    AlpineLinuxVersion,
    DebianVersion,
    MavenVersion,
    NugetVersion,
    RpmVersion,
    RubygemsVersion,
    SemverVersion,
)

RangeKind = Literal["ECOSYSTEM", "SEMVER"]
Event = tuple[str, str]

EVENT_KINDS = ("introduced", "fixed", "last_affected", "limit")
MAX_VERSION_LENGTH = 256

# At one version an end comes before a start, and last_affected, which that version is still in, after both.
_RANK = {"fixed": 0, "introduced": 1, "last_affected": 2, "limit": 3}

# univers drops inner spaces and takes words such as 'latest' for versions of rpm and maven.
_READABLE = re.compile(rf"(?=.*[0-9])[!-~]{{1,{MAX_VERSION_LENGTH}}}")
_SEMVER = re.compile(r"(?:v|go)?(\d+(?:\.\d+){0,2}(?:-[0-9A-Za-z.-]+)?)(?:\+.*)?", re.ASCII)
_PUB_PARTS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_PUB = re.compile(rf"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-({_PUB_PARTS}))?(?:\+({_PUB_PARTS}))?", re.ASCII)
_MAVEN = re.compile(r"[0-9A-Za-z._+-]+")
_MAVEN_RELEASE = re.compile(r"[.-]release$", re.IGNORECASE)
_APK_SUFFIX = re.compile(r"_(cvs|svn|git|hg|p)(?=\d|_|-|$)")
_APK_SUFFIX_RANK = {"cvs": 1, "svn": 2, "git": 3, "hg": 4, "p": 5}
_REBUILD = re.compile(r"\+b[0-9]+\s*$")
_GEM_PLATFORM = re.compile(
    r"-(?:java|jruby|mswin\d*|(?:x86|x64|x86_64|i[3-6]86|arm|arm64|aarch64|universal)(?:-[\w-]+)?)$"
)
_COMPOSER = re.compile(
    r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.(\d+))?"
    r"(?:[._-]?(stable|alpha|a|beta|b|rc|patch|pl|p)((?:[.-]?\d+)*))?([.-]?dev)?(?:\+.*)?",
    re.ASCII | re.IGNORECASE,
)
_COMPOSER_RANK = {"a": 1, "alpha": 1, "b": 2, "beta": 2, "rc": 3, "stable": 4, "p": 5, "pl": 5, "patch": 5}


class Match(StrEnum):
    """Whether a version is affected; unknown whenever it could not be compared."""

    AFFECTED = "affected"
    NOT_AFFECTED = "not_affected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class AffectedRange:
    """One range of one package: events such as ('introduced', '0'), and versions listed one by one.

    `distro` ('debian:12') limits the range to one distribution; who pairs ranges with components heeds it.
    """

    purl_type: str
    package: str
    kind: RangeKind
    events: tuple[Event, ...]
    versions: tuple[str, ...]
    distro: str | None = None


def match(affected: AffectedRange, version: str | None) -> Match:
    """Tell whether a version is affected, per the OSV schema's evaluation algorithm.

    A version that is missing, that its registry's rules cannot read, or whose registry is not supported gives
    UNKNOWN unless it is listed, and so does a range without an `introduced` event. The order of the events
    does not matter; a fix and an introduction at one version cancel out. What a rebuild or a local label adds to
    a version does not matter either, unless the range tells such versions apart.
    """
    if not version:
        return Match.UNKNOWN
    # Pub's order is SemVer's, only that builds count.
    scheme = "semver" if affected.kind == "SEMVER" and affected.purl_type != "pub" else affected.purl_type
    if affected.versions and _is_listed(scheme, affected, version):
        return Match.AFFECTED
    released = _without_rebuild(scheme, version, affected.events)
    candidate = parse(scheme, _without_local(scheme, released, affected.events))
    if candidate is None or not (affected.events or affected.versions):
        return Match.UNKNOWN
    if not affected.events:
        return Match.NOT_AFFECTED
    # Comparing may still raise (univers mixes types); what cannot be compared is unknown, never safe.
    try:
        inside = _compiled(scheme, affected.events).holds(candidate)
    except Exception:
        return Match.UNKNOWN
    return Match.AFFECTED if inside else Match.NOT_AFFECTED


@lru_cache(maxsize=65536)
def parse(scheme: str, version: str) -> Any | None:
    """Return a value that `<` orders within one scheme (a purl type or 'semver'); None if unreadable."""
    reader = _READERS.get(scheme)
    text = version.strip()
    if reader is None or not _READABLE.fullmatch(text):
        return None
    # univers raises ValueError, TypeError and others, packaging a bare ValueError on huge numbers.
    try:
        return reader(text)
    except Exception:
        return None


@dataclass(frozen=True, slots=True)
class _Interval:
    low: Any | None  # None: before every version
    high: Any | None  # None: no upper end
    closed: bool  # whether high itself is inside

    def holds(self, version: Any) -> bool:
        # Only `<` is used: some univers classes define no other comparison of their own.
        if self.low is not None and version < self.low:
            return False
        if self.high is None:
            return True
        return not self.high < version if self.closed else bool(version < self.high)


@dataclass(frozen=True, slots=True)
class _Compiled:
    intervals: tuple[_Interval, ...]
    limits: tuple[Any, ...] | None  # None: no limit

    def holds(self, version: Any) -> bool:
        if self.limits is not None and not any(version < limit for limit in self.limits):
            return False
        return any(interval.holds(version) for interval in self.intervals)


@lru_cache(maxsize=65536)
def _compiled(scheme: str, events: tuple[Event, ...]) -> _Compiled:
    """Turn events into intervals; raises ValueError when one cannot be read or none is `introduced`."""
    if not any(kind == "introduced" for kind, _ in events):
        raise ValueError("no introduced event")
    intervals: list[_Interval] = []
    low: Any | None = None
    is_open = False
    for kind, point in _in_order(scheme, events):
        if kind == "introduced" and not is_open:
            low, is_open = point, True
        elif kind != "introduced" and is_open:
            intervals.append(_Interval(low, point, closed=kind == "last_affected"))
            is_open = False
    if is_open:
        intervals.append(_Interval(low, None, closed=False))
    limits = [version for kind, version in events if kind == "limit"]
    if not limits or "*" in limits:
        return _Compiled(tuple(intervals), None)
    return _Compiled(tuple(intervals), tuple(_readable(scheme, limit) for limit in limits))


def _in_order(scheme: str, events: tuple[Event, ...]) -> list[tuple[str, Any | None]]:
    """Return all events but limits, sorted by version; introduced '0' comes first, its version None."""
    introduced = {version for kind, version in events if kind == "introduced"}
    # RustSec writes empty ranges as introduced and fixed at one version.
    cancelled = introduced & {version for kind, version in events if kind == "fixed"}
    points = [
        (kind, _readable(scheme, version))
        for kind, version in sorted(set(events), key=lambda event: _RANK[event[0]])
        if (kind, version) != ("introduced", "0")
        and kind != "limit"
        and not (kind != "last_affected" and version in cancelled)
    ]
    start = [("introduced", None)] if "0" in introduced - cancelled else []
    return start + sorted(points, key=_position)


def _readable(scheme: str, version: str) -> Any:
    point = parse(scheme, version)
    if point is None:
        raise ValueError(f"event version {version!r} cannot be read")
    return point


def _position(event: tuple[str, Any]) -> Any:
    return event[1]


def _is_listed(scheme: str, affected: AffectedRange, version: str) -> bool:
    listed = _listed(scheme, affected.versions)
    released = _without_rebuild(scheme, version, affected.events)
    return version in listed or any(
        _identity(scheme, text) in listed for text in (version, _without_local(scheme, released, ()))
    )


@lru_cache(maxsize=16384)
def _listed(scheme: str, versions: tuple[str, ...]) -> frozenset[Any]:
    return frozenset(versions) | {_identity(scheme, version) for version in versions}


def _identity(scheme: str, version: str) -> Any:
    """Return what equal spellings of one version share: PEP 440's '1.0' and '1.0.0', dpkg's '0:1.0' and '1.0'."""
    parsed = parse(scheme, version) if scheme in _HASHABLE else None
    return version if parsed is None else parsed


def _without_local(scheme: str, version: str, events: tuple[Event, ...]) -> str:
    # PEP 440: a local label such as '+cu118' is ignored unless the specifier names one too.
    if scheme == "pypi" and not any("+" in boundary for _, boundary in events):
        return version.partition("+")[0]
    return version


def _without_rebuild(scheme: str, version: str, events: tuple[Event, ...]) -> str:
    # Debian: '+b1' is built anew from the source of the same version, for which advisories are issued.
    if scheme == "deb" and not any(_REBUILD.search(boundary) for _, boundary in events):
        return _REBUILD.sub("", version)
    return version


def _semver(version: str) -> Any:
    """Of univers what it compares by: comparing its wrapper says the same, in many more steps."""
    found = _SEMVER.fullmatch(version)
    return SemverVersion(found[1]).value if found else None


def _debian(version: str) -> Any:
    """As for SemVer."""
    return DebianVersion(version).value


def _pub(version: str) -> Any:
    """Order as Dart's pub_semver does: as SemVer, and by the build, of which none comes before any."""
    found = _PUB.fullmatch(version)
    if found is None:
        return None
    numbers = tuple(int(number or 0) for number in found.groups()[:3])
    return numbers, found[4] is None, _pub_parts(found[4]), _pub_parts(found[5])


def _pub_parts(text: str | None) -> tuple[tuple[bool, int, str], ...]:
    parts = text.split(".") if text else []
    return tuple((False, int(part), "") if part.isdigit() else (True, 0, part) for part in parts)


def _maven(version: str) -> Any:
    return MavenVersion(_MAVEN_RELEASE.sub("", version)) if _MAVEN.fullmatch(version) else None


def _alpine(version: str) -> Any:
    # univers knows only _p of apk's suffixes after a release; a pair of them keeps cvs < svn < git < hg < p.
    return AlpineLinuxVersion(_APK_SUFFIX.sub(lambda found: f"_p{_APK_SUFFIX_RANK[found[1]]}_p", version))


def _gem(version: str) -> Any:
    return RubygemsVersion(_GEM_PLATFORM.sub("", version))


def _composer(version: str) -> Any:
    """Order as Composer's VersionParser and PHP's version_compare do: dev, alpha, beta, RC, stable, patch."""
    found = _COMPOSER.fullmatch(version)
    if found is None:
        return None
    numbers = tuple(int(number or 0) for number in found.groups()[:4])
    label, label_numbers, dev = found[5], found[6], found[7]
    rank = _COMPOSER_RANK[label.lower()] if label else 0 if dev else 4
    return numbers, rank, tuple(map(int, re.findall(r"\d+", label_numbers or ""))), 0 if dev else 1


_READERS: dict[str, Callable[[str], Any]] = {
    "semver": _semver,
    "pypi": Pep440,
    "npm": _semver,
    "golang": _semver,
    "cargo": _semver,
    "hex": _semver,
    "pub": _pub,
    "swift": _semver,
    "github": _semver,
    "maven": _maven,
    "deb": _debian,
    "apk": _alpine,
    "rpm": RpmVersion,
    "gem": _gem,
    "nuget": NugetVersion,
    "composer": _composer,
}
_HASHABLE = frozenset({"semver", "pypi", "npm", "golang", "cargo", "hex", "pub", "composer", "deb", "rpm"})

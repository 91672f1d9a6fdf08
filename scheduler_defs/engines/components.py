"""One component of an SBOM, with what is needed to join it with advisories."""

from collections.abc import Mapping
from dataclasses import dataclass
from sys import intern
from typing import Any, TypeVar

from scheduler_defs.engines.purls import DISTRIBUTION_TYPES, Purl, generic_purl, purl_distro

Text = TypeVar("Text", str, str | None)
Source = tuple[str | None, str | None]
"""A source package's name and version, as far as they are known."""

NO_SOURCE: Source = (None, None)

_TRIVY = "aquasecurity:trivy:"


@dataclass(frozen=True, slots=True)
class Component:
    """One component; `identity` is its canonical purl, or a pkg:generic stand-in when it has none.

    `ecosystem` is the purl type and `package` the package_key; both, like `purl`, are None without a purl.
    `version` and `source_version` carry their epoch ('1:2.38'). `source_package` is what distributions
    issue advisories for, None where it is the package itself.
    """

    ref: str
    identity: str
    type: str
    name: str
    version: str | None
    purl: str | None = None
    package: str | None = None
    ecosystem: str | None = None
    distro: str | None = None
    source_package: str | None = None
    source_version: str | None = None


def component_of(member: dict[str, Any], ref: str, purl: Purl | None) -> Component:
    """Build a component from its CycloneDX form, validated before, its ref and its parsed purl."""
    notes: dict[str, str | None] = {
        note["name"].removeprefix(_TRIVY): note.get("value")
        for note in member.get("properties", ())
        if note.get("name", "").startswith(_TRIVY)
    }
    name, version = member["name"], member.get("version")
    return named_component(
        ref, member["type"], member.get("group"), name, version, purl, source_in_notes(notes)
    )


def named_component(
    ref: str,
    kind: str,
    group: str | None,
    name: str,
    version: str | None,
    purl: Purl | None,
    stated_source: Source = NO_SOURCE,
) -> Component:
    """Build a component; `stated_source` says what a distribution's package was built from, if its purl does not."""
    full_name, version = f"{group}/{name}" if group else name, version or None
    if purl is None:
        return Component(ref, generic_purl(group, name, version), intern(kind), full_name, version)
    source_package, source_version = _source_of(purl, stated_source)
    distro = purl_distro(purl)
    return Component(
        ref=_same(ref, purl.text),
        identity=purl.text,
        type=intern(kind),
        name=full_name,
        version=_with_epoch(_same(purl.version or version, version), purl.qualifiers.get("epoch")),
        purl=purl.text,
        package=_same(purl.package, full_name),
        ecosystem=intern(purl.type),
        distro=distro and intern(distro),
        source_package=source_package,
        source_version=source_version,
    )


def source_in_notes(notes: Mapping[str, str | None]) -> Source:
    """Read a source package from the properties Trivy notes: SrcName, SrcVersion, SrcRelease, SrcEpoch."""
    version = notes.get("SrcVersion")
    if version and (release := notes.get("SrcRelease")):
        version = f"{version}-{release}"
    return notes.get("SrcName"), _with_epoch(version, notes.get("SrcEpoch"))


def _same(text: Text, other: Text) -> Text:
    """Return the other text where it is equal, so that only one is kept."""
    return other if text == other else text


def _source_of(purl: Purl, stated: Source) -> Source:
    if upstream := purl.qualifiers.get("upstream"):
        if upstream.endswith(".src.rpm"):  # name-version-release; what it lacks of its version is the epoch
            return upstream.rsplit("-", 2)[0], None
        name, _, version = upstream.partition("@")
        return name, version or None
    return stated if purl.type in DISTRIBUTION_TYPES else NO_SOURCE


def _with_epoch(version: str | None, epoch: str | None) -> str | None:
    return f"{epoch}:{version}" if version and epoch and epoch != "0" and ":" not in version else version

"""One component of an SBOM, with what is needed to join it with advisories."""

from dataclasses import dataclass
from typing import Any

from scheduler_defs.engines.purls import DISTRIBUTION_TYPES, Purl, generic_purl, purl_distro

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
    group, name, version = member.get("group"), member["name"], member.get("version") or None
    full_name = f"{group}/{name}" if group else name
    if purl is None:
        return Component(ref, generic_purl(group, name, version), member["type"], full_name, version)
    source_package, source_version = _source_of(member, purl)
    return Component(
        ref=ref,
        identity=purl.text,
        type=member["type"],
        name=full_name,
        version=_with_epoch(purl.version or version, purl.qualifiers.get("epoch")),
        purl=purl.text,
        package=purl.package,
        ecosystem=purl.type,
        distro=purl_distro(purl),
        source_package=source_package,
        source_version=source_version,
    )


def _source_of(member: dict[str, Any], purl: Purl) -> tuple[str | None, str | None]:
    """Return a package's source name and version, from the purl's `upstream` or Trivy's properties."""
    if upstream := purl.qualifiers.get("upstream"):
        name, _, version = upstream.partition("@")
        return name, version or None
    if purl.type not in DISTRIBUTION_TYPES:
        return None, None
    notes: dict[str, str | None] = {
        note["name"]: note.get("value") for note in member.get("properties", ()) if "name" in note
    }
    source_version = notes.get(f"{_TRIVY}SrcVersion")
    if source_version and (release := notes.get(f"{_TRIVY}SrcRelease")):
        source_version = f"{source_version}-{release}"
    return notes.get(f"{_TRIVY}SrcName"), _with_epoch(source_version, notes.get(f"{_TRIVY}SrcEpoch"))


def _with_epoch(version: str | None, epoch: str | None) -> str | None:
    return f"{epoch}:{version}" if version and epoch and epoch != "0" and ":" not in version else version

"""Reader of CycloneDX JSON, versions 1.4 to 1.6 (ECMA-424): a validated document becomes an Sbom."""

from collections.abc import Iterable, Iterator
from typing import Any

from resources.errors import InvalidDocument
from scheduler_defs.engines.components import component_of
from scheduler_defs.engines.sbom import Collector, Edge, Sbom
from scheduler_defs.engines.schemas import SUPPORTED, validator_of
from scheduler_defs.engines.subjects import subject_of
from scheduler_defs.engines.validation import check_schema

_ROOT_POINTER = "/metadata/component"
_SYSTEM = "operating-system"


def validate(source: str, document: dict[str, Any]) -> None:
    """Hold a document to the schema of its version; raises InvalidDocument, for other versions too."""
    version = document.get("specVersion")
    if version not in SUPPORTED:
        raise InvalidDocument(
            source, "/specVersion", f"{version!r:.40} is not supported; supported are {', '.join(SUPPORTED)}"
        )
    check_schema(source, f"CycloneDX {version}", validator_of(version), document)


def read(source: str, document: dict[str, Any]) -> Sbom:
    """Read a validated document.

    Raises InvalidDocument for package URLs that do not parse, one bom-ref on two different components, and no
    components at all.
    """
    collector = Collector(source)
    collector.connect(_collect(collector, document))
    if not collector.has_components:
        reason = "holds no components; expected at least one to build a graph from"
        raise InvalidDocument(source, "/components", reason)
    collector.connect(_stated_edges(document))
    return collector.finish(
        spec_version=document["specVersion"],
        serial_number=document.get("serialNumber"),
        subject_path=_ROOT_POINTER,
        components_path="/components",
    )


def _collect(collector: Collector, document: dict[str, Any]) -> Iterator[Edge]:
    """Collect subject and components; yields the edges that nesting states."""
    metadata = document.get("metadata", {})
    _note_system(collector, metadata)
    described = metadata.get("component")
    if described:
        subject = subject_of(described, collector.purl(described.get("purl"), f"{_ROOT_POINTER}/purl"))
        root_ref = described.get("bom-ref") or _ROOT_POINTER
        _note_system(collector, described)
        collector.describe(subject, root_ref)
        yield from _flatten(collector, described.get("components"), f"{_ROOT_POINTER}/components", root_ref)
    yield from _flatten(collector, document.get("components"), "/components", None)


def _flatten(
    collector: Collector, members: Iterable[dict[str, Any]] | None, pointer: str, parent: str | None
) -> Iterator[Edge]:
    """Add components in document order, nested ones after their parent, without recursion."""
    pending = [_numbered(members, pointer, parent)]
    while pending:
        found = next(pending[-1], None)
        if found is None:
            pending.pop()
            continue
        member, place, holder = found
        ref = member.get("bom-ref") or place
        purl = collector.purl(member.get("purl"), f"{place}/purl")
        collector.add(component_of(member, ref, purl), f"{place}/bom-ref")
        if member["type"] == _SYSTEM:
            _note_system(collector, member)
        if holder is not None:
            yield holder, ref
        pending.append(_numbered(member.get("components"), f"{place}/components", ref))


def _note_system(collector: Collector, member: dict[str, Any]) -> None:
    """Note the operating system that a component is, or that Syft's properties tell."""
    notes = {one.get("name"): one.get("value") for one in member.get("properties", ())}
    if name := notes.get("syft:distro:id"):
        collector.note_system(name, notes.get("syft:distro:versionID"))
    elif member.get("type") == _SYSTEM:
        collector.note_system(member["name"], member.get("version"))


def _numbered(
    members: Iterable[dict[str, Any]] | None, pointer: str, parent: str | None
) -> Iterator[tuple[dict[str, Any], str, str | None]]:
    """Yield each member with its JSON pointer and parent."""
    for index, member in enumerate(members or ()):
        yield member, f"{pointer}/{index}", parent


def _stated_edges(document: dict[str, Any]) -> Iterator[Edge]:
    for entry in document.get("dependencies", ()):
        for target in entry.get("dependsOn", ()):
            yield entry["ref"], target

"""Reader of the vulnerabilities of CycloneDX JSON, versions 1.4 to 1.6 (ECMA-424), as VEX."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from urllib.parse import unquote

from packageurl import PackageURL

from scheduler_defs.engines.json_nodes import Node
from scheduler_defs.engines.schemas import SUPPORTED
from scheduler_defs.engines.subjects import ImageReference, named_subject
from scheduler_defs.engines.vex_statements import (
    Bom,
    Collector,
    Statement,
    VexDocument,
    VexStatus,
    image_of,
    speaking_of,
)

Boms = Callable[[str], Bom | None]

STATES: Mapping[str, VexStatus] = MappingProxyType(
    {
        "resolved": VexStatus.FIXED,
        "resolved_with_pedigree": VexStatus.FIXED,
        "exploitable": VexStatus.AFFECTED,
        "in_triage": VexStatus.UNDER_INVESTIGATION,
        "false_positive": VexStatus.NOT_AFFECTED,
        "not_affected": VexStatus.NOT_AFFECTED,
    }
)

JUSTIFICATIONS = (
    "code_not_present",
    "code_not_reachable",
    "requires_configuration",
    "requires_dependency",
    "requires_environment",
    "protected_by_compiler",
    "protected_at_runtime",
    "protected_at_perimeter",
    "protected_by_mitigating_control",
)

_BOM_LINK = re.compile(r"urn:cdx:([0-9a-f-]{36})/([0-9]+)(?:#(.+))?", re.IGNORECASE | re.DOTALL)


def read(document: Node, boms: Boms) -> VexDocument:
    """Read a document; `boms` gives what a BOM-Link's serial, a UUID in lower case, stands for.

    What the document describes limits all but what BOM-Links name to that image. Raises
    InvalidDocument for another version, and for metadata, components or vulnerabilities that cannot be read.
    """
    document.need("specVersion").one_of(SUPPORTED)
    metadata = document.get("metadata")
    timestamp = metadata.get("timestamp") if metadata else None
    issued = timestamp.time() if timestamp else None
    reader = _Reader(_serial(document), bom_of(document), boms)
    for vulnerability in document.need("vulnerabilities").elements():
        with reader.collector.going_on():
            reader.read(vulnerability, issued)
    return reader.collector.finish()


class _Reader:
    """Reads vulnerabilities, with what their refs may name."""

    def __init__(self, serial: str, own: Bom, boms: Boms) -> None:
        self.collector = Collector()
        self._serial, self._own, self._boms = serial, own, boms

    def read(self, vulnerability: Node, issued: datetime | None) -> None:
        analysis = vulnerability.get("analysis")
        if analysis is None or analysis.get("state") is None:
            return
        claim = _claim(vulnerability, analysis, issued)
        affects = vulnerability.need("affects")
        if not affects.elements():
            raise affects.error("is empty; expected at least one ref")
        for affected in affects.elements():
            with self.collector.going_on():
                self._read_affected(self._resolved(claim, affected.need("ref")), affected)

    def _read_affected(self, statement: Statement, affected: Node) -> None:
        versions = affected.items("versions")
        if not versions:
            self.collector.add(statement)
        for version in versions:
            with self.collector.going_on():
                self.collector.add(_of_version(statement, version))

    def _resolved(self, claim: Statement, ref: Node) -> Statement:
        """Return a claim about what a ref names."""
        text = ref.text()
        link = _BOM_LINK.fullmatch(text)
        if link is None:
            return _in_bom(claim, ref, self._own, self._own.image, (text,))
        serial = link[1].lower()
        bom = self._own if serial == self._serial else self._boms(serial)
        if bom is None:
            raise ref.error(f"{text!r:.160} links to a BOM that is not known here; ingest that SBOM first")
        if int(link[2]) != bom.version:
            raise ref.error(
                f"{text!r:.160} links to a version that is not known here; known is {bom.version}"
            )
        elements = (unquote(link[3]), link[3]) if link[3] else ()
        return _in_bom(claim, ref, bom, bom.image or self._own.image, elements)


def _in_bom(
    claim: Statement, ref: Node, bom: Bom, image: ImageReference | None, elements: tuple[str, ...]
) -> Statement:
    """Return a claim about an element of a BOM, which may be spelled in several ways; of no element, about all."""
    if bom.image is not None and (not elements or bom.root_ref in elements):
        return replace(claim, purl=None, image=bom.image)
    found = [bom.refs[one] for one in elements if one in bom.refs]
    found += [one for one in elements if one.startswith("pkg:")]
    if not found:
        raise ref.error(
            f"{ref.value!r:.160} names no component with a package URL and no container that is known; "
            "expected a bom-ref of this document, a BOM-Link to a known BOM, or a package URL"
        )
    return speaking_of(claim, replace(ref, value=found[0]).purl(), image)


def _claim(vulnerability: Node, analysis: Node, issued: datetime | None) -> Statement:
    """Return what a vulnerability's analysis says, of nothing as yet."""
    name = vulnerability.need("id").text()
    aliases = {one.need("id").text() for one in vulnerability.items("references")} - {name}
    status = STATES[analysis.need("state").one_of(tuple(STATES))]
    justification = analysis.get("justification")
    updated = analysis.get("lastUpdated")
    first = analysis.get("firstIssued") or vulnerability.get("updated")
    stated_at = updated.time() if updated else issued or (first.time() if first else None)
    if stated_at is None:
        raise analysis.error("has no lastUpdated, and neither vulnerability nor metadata has a time")
    return Statement(
        vulnerability=name,
        aliases=tuple(sorted(aliases)),
        purl=None,
        image=None,
        status=status,
        justification=justification.one_of(JUSTIFICATIONS) if justification else None,
        note=analysis.optional_text("detail") or "",
        stated_at=stated_at,
    )


def _of_version(statement: Statement, entry: Node) -> Statement:
    """Return a statement about one version.

    One that is called unaffected is not_affected, even where the analysis speaks of others that are affected.
    """
    if (versions := entry.get("range")) is not None:
        raise versions.error("is a range; expected single versions, or none to mean all")
    status = entry.get("status")
    called = status.one_of(("affected", "unaffected", "unknown")) if status else None
    harmless = statement.status in {VexStatus.NOT_AFFECTED, VexStatus.FIXED}
    if status and (called == "unknown" or (called == "affected" and harmless)):
        raise status.error(f"is {called!r}, where the analysis states {statement.status.value!r}")
    if called == "unaffected" and not harmless:
        statement = replace(statement, status=VexStatus.NOT_AFFECTED, justification=None)
    version = entry.need("version")
    if statement.purl is None:
        raise version.error("is a version of a whole image; expected a ref that names the image's version")
    parts = PackageURL.from_string(statement.purl).to_dict() | {"version": version.text()}
    purl = replace(version, value=PackageURL(**parts).to_string()).purl()
    return replace(statement, purl=purl.text)


def _serial(document: Node) -> str:
    return (document.optional_text("serialNumber") or "").lower().removeprefix("urn:uuid:")


def bom_of(document: Node, image: ImageReference | None = None) -> Bom:
    """Return what the bom-refs of a document name; `image` is what it describes, where that is known better.

    Raises InvalidDocument for metadata or components that cannot be read, and for one ref on two packages.
    """
    metadata = document.get("metadata")
    root = metadata.get("component") if metadata else None
    image = image or (_image(root) if root else None)
    refs: dict[str, str] = {}
    for component in _components([root] if root else [], document.items("components")):
        ref, purl = component.optional_text("bom-ref"), component.optional_text("purl")
        if ref and purl and refs.setdefault(ref, purl) != purl:
            reason = f"{ref!r} names both {refs[ref]} and {purl}; expected unique bom-refs"
            raise component.need("bom-ref").error(reason)
    version = document.value.get("version", 1)
    return Bom(image, refs, root.optional_text("bom-ref") if root and image else None, version)


def _image(root: Node) -> ImageReference:
    """Return the image that the inventory keeps an SBOM as; what is none states that it has no registry."""
    purl = None if (stated := root.get("purl")) is None else stated.purl()
    group, name = root.optional_text("group"), root.need("name").text()
    kind, version = root.optional_text("type") or "", root.optional_text("version")
    reference = named_subject(kind, group, name, version, purl).reference
    if kind != "container" and (purl is None or image_of(purl) is None):
        return replace(reference, registry=reference.registry or "")
    return reference


def _components(*lists: list[Node]) -> Iterator[Node]:
    """Yield components with those nested in them, without recursion."""
    pending = [component for one in lists for component in one]
    while pending:
        component = pending.pop()
        yield component
        pending += component.items("components")

"""Reader of CycloneDX JSON, versions 1.4 to 1.6 (ECMA-424): a validated document becomes an Sbom."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from resources.errors import InvalidDocument, InvalidInput
from scheduler_defs.engines.components import Component, component_of
from scheduler_defs.engines.digests import digest_of
from scheduler_defs.engines.documents import OnBytes, read_document
from scheduler_defs.engines.purls import Purl, generic_purl, parse_purl
from scheduler_defs.engines.schemas import SUPPORTED, validator_of
from scheduler_defs.engines.subjects import Subject, subject_of

SBOM_LIMIT = 256 << 20
ERRORS_SHOWN = 5

STAND_IN_ROOT = generic_purl(None, "unnamed", None)

_ROOT_POINTER = "/metadata/component"
_UTF8_MARK = b"\xef\xbb\xbf"
_MESSAGE_LENGTH = 160


@dataclass(frozen=True, slots=True)
class Sbom:
    """An SBOM as read.

    `subject` and `root_ref` are None when the document names no subject. `dependencies` are unique
    (dependent, dependency) pairs of refs; `unresolved` counts those dropped because a ref names nothing.
    `digest` covers root, components and edges by identity, whatever their order, refs or timestamps.
    """

    spec_version: str
    serial_number: str | None
    subject: Subject | None
    components: tuple[Component, ...]
    dependencies: tuple[tuple[str, str], ...]
    root_ref: str | None
    digest: str
    unresolved: int

    @property
    def root(self) -> str:
        """The subject's identity, or a stand-in when the document names no subject."""
        return self.subject.identity if self.subject else STAND_IN_ROOT

    @property
    def without_purl(self) -> int:
        """How many components have no package URL, so that no advisory can match them."""
        return sum(component.purl is None for component in self.components)

    def identities(self) -> dict[str, str]:
        """Map each ref, the root's included, to its identity."""
        found = {component.ref: component.identity for component in self.components}
        if self.root_ref is not None:
            found[self.root_ref] = self.root
        return found


def load_sbom(
    path: str | Path, on_bytes: OnBytes | None = None, limit: int = SBOM_LIMIT
) -> tuple[Sbom, bytes]:
    """Read an SBOM from a file, plain or gzip, with the unpacked document, of at most `limit` bytes.

    Raises what read_document and read_sbom raise.
    """
    raw = read_document(path, on_bytes, limit)
    return read_sbom(str(path), raw), raw


def read_sbom(source: str, raw: bytes) -> Sbom:
    """Read an SBOM from its JSON text; `source` is only named in messages.

    Raises InvalidDocument for malformed JSON, another format or version, schema violations (the first five),
    package URLs that do not parse, one bom-ref on two different components, and no components at all.
    """
    document = _validated(source, raw)
    return _Reader(source).read(document)


def _validated(source: str, raw: bytes) -> dict[str, Any]:
    if raw.lstrip()[:1] == b"<":
        raise InvalidDocument(source, "", "is XML; expected CycloneDX JSON")
    try:
        document = orjson.loads(raw.removeprefix(_UTF8_MARK))
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise InvalidDocument(source, "", f"is not JSON: {error.msg} at {place}") from error
    if not isinstance(document, dict):
        raise InvalidDocument(source, "", "holds no JSON object; expected a CycloneDX document")
    if document.get("bomFormat") != "CycloneDX":
        found = "an SPDX document" if "spdxVersion" in document else repr(document.get("bomFormat"))
        raise InvalidDocument(source, "/bomFormat", f"is {found[:_MESSAGE_LENGTH]}; expected 'CycloneDX'")
    version = document.get("specVersion")
    if version not in SUPPORTED:
        raise InvalidDocument(
            source, "/specVersion", f"{version!r:.40} is not supported; supported are {', '.join(SUPPORTED)}"
        )
    _check_schema(source, version, document)
    if b"\\u0000" in raw and (nul := _find_nul(document)) is not None:
        raise InvalidDocument(source, nul, "holds a NUL, which no database stores")
    return document


def _find_nul(document: dict[str, Any]) -> str | None:
    pending: list[tuple[list[str | int], Any]] = [([], document)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, str) and "\0" in value:
            return _pointer(path)
        if isinstance(value, dict | list):
            members = value.items() if isinstance(value, dict) else enumerate(value)
            pending += [([*path, key], member) for key, member in members]
    return None


def _check_schema(source: str, version: str, document: dict[str, Any]) -> None:
    errors = list(islice(validator_of(version).iter_errors(document), ERRORS_SHOWN + 1))
    if not errors:
        return
    found = [(_pointer(error.instance_path), _shortened(error.message)) for error in errors[:ERRORS_SHOWN]]
    reasons = [found[0][1], *(f"{path}: {message}" for path, message in found[1:])]
    if len(errors) > ERRORS_SHOWN:
        reasons.append("and more")
    raise InvalidDocument(source, found[0][0], f"breaks CycloneDX {version}: {'; '.join(reasons)}")


class _Reader:
    """Collects the parts of one validated document."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.identities: dict[str, str] = {}
        self.components: list[Component] = []
        self.nested: list[tuple[str, str]] = []

    def read(self, document: dict[str, Any]) -> Sbom:
        described = document.get("metadata", {}).get("component")
        subject, root_ref = None, None
        if described:
            subject = subject_of(described, self._purl(described, _ROOT_POINTER))
            root_ref = described.get("bom-ref") or _ROOT_POINTER
            self.identities[root_ref] = subject.identity
            self._flatten(described.get("components"), f"{_ROOT_POINTER}/components", root_ref)
        self._flatten(document.get("components"), "/components", None)
        if not self.components:
            reason = "holds no components; expected at least one to build a graph from"
            raise InvalidDocument(self.source, "/components", reason)
        stated = list(_stated_edges(document))
        kept = [edge for edge in stated if edge[0] in self.identities and edge[1] in self.identities]
        edges = tuple(sorted({*kept, *self.nested}))
        return Sbom(
            spec_version=document["specVersion"],
            serial_number=document.get("serialNumber"),
            subject=subject,
            components=tuple(self.components),
            dependencies=edges,
            root_ref=root_ref,
            digest=self._digest(subject, edges),
            unresolved=len(stated) - len(kept),
        )

    def _flatten(self, members: list[dict[str, Any]] | None, pointer: str, parent: str | None) -> None:
        """Add components in document order, nested ones after their parent, without recursion."""
        pending = _numbered(members, pointer, parent)
        while pending:
            member, place, holder = pending.pop()
            ref = member.get("bom-ref") or place
            self._add(component_of(member, ref, self._purl(member, place)), place)
            if holder is not None:
                self.nested.append((holder, ref))
            pending += _numbered(member.get("components"), f"{place}/components", ref)

    def _add(self, component: Component, place: str) -> None:
        earlier = self.identities.get(component.ref)
        if earlier is None:
            self.identities[component.ref] = component.identity
            self.components.append(component)
        elif earlier != component.identity:
            reason = f"{component.ref!r} names both {earlier} and {component.identity}; expected unique refs"
            raise InvalidDocument(self.source, f"{place}/bom-ref", reason)

    def _purl(self, member: dict[str, Any], place: str) -> Purl | None:
        text = member.get("purl")
        if not text:
            return None
        try:
            return parse_purl(text)
        except InvalidInput as error:
            raise InvalidDocument(self.source, f"{place}/purl", str(error)) from error

    def _digest(self, subject: Subject | None, edges: tuple[tuple[str, str], ...]) -> str:
        rows = {
            (one.identity, one.type, one.version or "", one.source_package or "", one.source_version or "")
            for one in self.components
        }
        pairs = {(self.identities[source], self.identities[target]) for source, target in edges}
        root = subject.identity if subject else STAND_IN_ROOT
        return digest_of({"root": root, "components": sorted(rows), "edges": sorted(pairs)})


def _numbered(
    members: list[dict[str, Any]] | None, pointer: str, parent: str | None
) -> list[tuple[dict[str, Any], str, str | None]]:
    """Return the members last first, each with its JSON pointer and parent, ready for a stack."""
    numbered = [(member, f"{pointer}/{index}", parent) for index, member in enumerate(members or ())]
    numbered.reverse()
    return numbered


def _stated_edges(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for entry in document.get("dependencies", ()):
        for target in entry.get("dependsOn", ()):
            yield entry["ref"], target


def _pointer(path: list[str | int]) -> str:
    """Write a path as a JSON pointer (RFC 6901)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def _shortened(message: str) -> str:
    return message if len(message) <= _MESSAGE_LENGTH else f"{message[:_MESSAGE_LENGTH]}…"

"""VEX: reads documents that state the impact of vulnerabilities, and finds what holds for a component."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from scheduler_defs.engines import cyclonedx_vex, openvex
from scheduler_defs.engines.components import NO_SOURCE, Source
from scheduler_defs.engines.json_nodes import Node
from scheduler_defs.engines.purls import DISTRIBUTION_TYPES, Purl, package_key, parse_purl
from scheduler_defs.engines.subjects import ImageReference
from scheduler_defs.engines.vex_statements import Bom, Statement, VexDocument, VexStatus, image_fits

FORMATS = "OpenVEX and CycloneDX JSON 1.4 to 1.6 with vulnerabilities"


def read_vex(source: str, document: Any, boms: Callable[[str], Bom | None]) -> VexDocument:
    """Read a parsed JSON document, OpenVEX or CycloneDX; `source` is only named in messages.

    boms gives what the serial of a BOM-Link stands for: a UUID in lower case, without urn:uuid:. What cannot
    be used is noted in the result, and the rest goes on. Raises InvalidDocument for another format, and when
    nothing of the document can be read.
    """
    root = Node(source, document)
    context = root.get("@context")
    if context is not None and isinstance(context.value, str) and context.value.startswith(openvex.CONTEXT):
        return openvex.read(root)
    kind = root.get("bomFormat")
    if kind is not None and kind.value == "CycloneDX":
        return cyclonedx_vex.read(root, boms)
    place = context or kind or root
    raise place.error(
        f"says neither @context {openvex.CONTEXT} nor bomFormat CycloneDX; supported are {FORMATS}"
    )


# Distributions name their record of a CVE after it: DEBIAN-CVE-2021-3711.
_NAMED_AFTER = re.compile(r"^[A-Z]+-(?=CVE-[0-9]+-[0-9]+$)")

# A package's type, vendor (of distributions' packages only) and name.
_Package = tuple[str, str, str]
_Key = tuple[_Package | None, str | None]
_HARM = {
    VexStatus.AFFECTED: 2,
    VexStatus.UNDER_INVESTIGATION: 1,
    VexStatus.FIXED: 0,
    VexStatus.NOT_AFFECTED: 0,
}
_SOURCE_ARCHITECTURES = frozenset({"source", "src"})


@dataclass(frozen=True, slots=True)
class _Entry:
    statement: Statement
    purl: Purl | None
    package: _Package | None
    tie: tuple[int, str]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A component of an image; `source` is the package that it was built from, of distributions only."""

    purl: Purl
    versions: tuple[str | None, ...]
    package: _Package
    source: _Package | None
    source_versions: tuple[str | None, ...]
    image: ImageReference


class Vex:
    """Statements, ready to be asked for."""

    def __init__(self, statements: Iterable[Statement]) -> None:
        """Index the statements; raises InvalidInput for a package URL that does not parse."""
        self._said: dict[str, dict[_Key, list[_Entry]]] = {}
        for statement in dict.fromkeys(statements):
            entry = _entry(statement)
            key = entry.package, _anchor(statement.image)
            for name in {one.casefold() for one in (statement.vulnerability, *statement.aliases)}:
                self._said.setdefault(name, {}).setdefault(key, []).append(entry)

    def names(self, vulnerability_ids: Iterable[str]) -> bool:
        """Return whether a statement is about one of an advisory's id and aliases."""
        return any(name.casefold() in self._said for name in vulnerability_ids)

    def said(
        self,
        vulnerability_ids: Iterable[str],
        purl: str,
        version: str | None,
        image: ImageReference,
        source: Source = NO_SOURCE,
    ) -> Statement | None:
        """Return the statement that holds for a component of an image under an advisory's id and aliases.

        Ids compare without regard to case. A stated version is the purl's or `version`; qualifiers and a subpath
        fit where they are stated alike. What is stated of the source package of a distribution's package holds for
        it too, by the source's version where it differs. The latest statement holds; of the same time the one
        limited to an image, then the one that names the component, or its source, then the one that tells of more
        harm. Raises InvalidInput for another purl.
        """
        said = [self._said[key] for name in vulnerability_ids if (key := name.casefold()) in self._said]
        if not said:
            return None
        asked = _asked(purl, version, source, image)
        keys = list(_keys(asked))
        entries = (entry for by_key in said for key in keys for entry in by_key.get(key, ()))
        fitting = ((rank, entry.statement) for entry in entries if (rank := _rank(entry, asked)))
        return max(fitting, key=itemgetter(0), default=(None, None))[1]


def names_of(advisory_id: str, aliases: Iterable[str], upstream: Iterable[str]) -> tuple[str, ...]:
    """Return the ids under which statements are about an advisory: its own, its aliases, and `upstream` of one CVE.

    Where an advisory bundles several vulnerabilities, a statement about one of them says nothing of the others.
    """
    upstream = tuple(upstream)
    bundled = {_NAMED_AFTER.sub("", one.upper()) for one in upstream}
    return (advisory_id, *aliases, *(upstream if len(bundled) == 1 else ()))


def _entry(statement: Statement) -> _Entry:
    purl = parse_purl(statement.purl) if statement.purl is not None else None
    tie = _HARM[statement.status], statement.digest
    return _Entry(statement, purl, _package(purl) if purl else None, tie)


def _asked(text: str, version: str | None, source: Source, image: ImageReference) -> _Asked:
    purl, (name, source_version) = parse_purl(text), source
    package, versions, built_from = _package(purl), (purl.version, version), None
    if purl.type in DISTRIBUTION_TYPES:
        built_from = (*package[:2], package_key(purl.type, None, name)) if name else package
    return _Asked(
        purl, versions, package, built_from, (source_version,) if source_version else versions, image
    )


def _keys(asked: _Asked) -> Iterator[_Key]:
    """Yield the keys under which what fits a component of an image may stand."""
    image = asked.image
    digest = image.digest.lower() if image.digest else image.repository
    for package in {asked.package, asked.source, None}:
        yield from ((package, anchor) for anchor in {digest, image.repository, None})


def _package(purl: Purl) -> _Package:
    vendor = (purl.namespace or "").lower() if purl.type in DISTRIBUTION_TYPES else ""
    return purl.type, vendor, purl.package


def _anchor(image: ImageReference | None) -> str | None:
    """Return the part of an image reference that an image must have to fit."""
    if image is None:
        return None
    return image.digest.lower() if image.digest else image.repository


def _rank(entry: _Entry, asked: _Asked) -> tuple[Any, ...] | None:
    """Return what tells which of several statements holds: the greatest; None where it is not about the component."""
    limit = entry.statement.image
    if limit is not None and not image_fits(limit, asked.image):
        return None
    closeness = 0 if entry.purl is None else _closeness(entry.purl, entry.package, asked)
    if closeness is None:
        return None
    return entry.statement.stated_at, limit is not None, closeness, *entry.tie


def _closeness(stated: Purl, package: _Package | None, asked: _Asked) -> int | None:
    """Return 2 where a package URL names the component, 1 where its source package, else None."""
    if package == asked.package and _fits(stated, stated.qualifiers, asked.versions, asked):
        return 2
    # One for an architecture, or that says what it was built from, is no source package.
    architecture = stated.qualifiers.get("arch", "source")
    if (
        package != asked.source
        or architecture not in _SOURCE_ARCHITECTURES
        or "upstream" in stated.qualifiers
    ):
        return None
    qualifiers = {name: value for name, value in stated.qualifiers.items() if name != "arch"}
    return 1 if _fits(stated, qualifiers, asked.source_versions, asked) else None


def _fits(
    stated: Purl, qualifiers: Mapping[str, str], versions: Collection[str | None], asked: _Asked
) -> bool:
    subpath = _subpath(stated)
    version, epoch = stated.version, stated.qualifiers.get("epoch")
    return (
        (version is None or version in versions or f"{epoch}:{version}" in versions)
        and qualifiers.items() <= asked.purl.qualifiers.items()
        and (not subpath or subpath == _subpath(asked.purl))
    )


def _subpath(purl: Purl) -> str:
    return purl.text.partition("#")[2]

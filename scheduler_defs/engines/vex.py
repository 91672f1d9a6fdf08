"""VEX: reads documents that state the impact of vulnerabilities, and finds what holds for a component."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scheduler_defs.engines import cyclonedx_vex, openvex
from scheduler_defs.engines.json_nodes import Node
from scheduler_defs.engines.purls import DISTRIBUTION_TYPES, Purl, parse_purl
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
_Rank = tuple[datetime, bool, bool, int, str]
_HARM = {
    VexStatus.AFFECTED: 2,
    VexStatus.UNDER_INVESTIGATION: 1,
    VexStatus.FIXED: 0,
    VexStatus.NOT_AFFECTED: 0,
}


@dataclass(frozen=True, slots=True)
class _Entry:
    statement: Statement
    purl: Purl | None
    rank: _Rank


class Vex:
    """Statements, ready to be asked for."""

    def __init__(self, statements: Iterable[Statement]) -> None:
        """Index the statements; raises InvalidInput for a package URL that does not parse."""
        self._said: dict[str, dict[_Key, list[_Entry]]] = {}
        for statement in dict.fromkeys(statements):
            entry = _entry(statement)
            key = (_package(entry.purl) if entry.purl else None, _anchor(statement.image))
            for name in {one.casefold() for one in (statement.vulnerability, *statement.aliases)}:
                self._said.setdefault(name, {}).setdefault(key, []).append(entry)

    def names(self, vulnerability_ids: Iterable[str]) -> bool:
        """Return whether a statement is about one of an advisory's id and aliases."""
        return any(name.casefold() in self._said for name in vulnerability_ids)

    def said(
        self, vulnerability_ids: Iterable[str], purl: str, version: str | None, image: ImageReference
    ) -> Statement | None:
        """Return the statement that holds for a component of an image under an advisory's id and aliases.

        Ids compare without regard to case. A stated version is the purl's or `version`; qualifiers and a subpath
        fit where they are stated alike. The latest statement holds; of the same time the one limited to an image,
        then the one that names a component, then the one that tells of more harm. Raises InvalidInput for another purl.
        """
        best: _Entry | None = None
        for name in vulnerability_ids:
            if (by_key := self._said.get(name.casefold())) is None:
                continue
            asked = parse_purl(purl)
            for key in _keys(asked, image):
                for entry in by_key.get(key, ()):
                    if (best is None or entry.rank > best.rank) and _fits(entry, asked, version, image):
                        best = entry
        return best.statement if best else None


def names_of(advisory_id: str, aliases: Iterable[str], upstream: Iterable[str]) -> tuple[str, ...]:
    """Return the ids under which statements are about an advisory: its own, its aliases, and `upstream` of one CVE.

    Where an advisory bundles several vulnerabilities, a statement about one of them says nothing of the others.
    """
    upstream = tuple(upstream)
    bundled = {_NAMED_AFTER.sub("", one.upper()) for one in upstream}
    return (advisory_id, *aliases, *(upstream if len(bundled) == 1 else ()))


def _entry(statement: Statement) -> _Entry:
    purl = parse_purl(statement.purl) if statement.purl is not None else None
    harm = _HARM[statement.status]
    rank = (statement.stated_at, statement.image is not None, purl is not None, harm, statement.digest)
    return _Entry(statement, purl, rank)


def _keys(purl: Purl, image: ImageReference) -> Iterator[_Key]:
    """Yield the keys under which what fits a component of an image may stand."""
    digest = image.digest.lower() if image.digest else image.repository
    for package in (_package(purl), None):
        yield from ((package, anchor) for anchor in {digest, image.repository, None})


def _package(purl: Purl) -> _Package:
    vendor = (purl.namespace or "").lower() if purl.type in DISTRIBUTION_TYPES else ""
    return purl.type, vendor, purl.package


def _anchor(image: ImageReference | None) -> str | None:
    """Return the part of an image reference that an image must have to fit."""
    if image is None:
        return None
    return image.digest.lower() if image.digest else image.repository


def _fits(entry: _Entry, purl: Purl, version: str | None, image: ImageReference) -> bool:
    stated, limit = entry.purl, entry.statement.image
    if limit is not None and not image_fits(limit, image):
        return False
    if stated is None:
        return True
    subpath = _subpath(stated)
    return (
        (stated.version is None or stated.version in (purl.version, version))
        and stated.qualifiers.items() <= purl.qualifiers.items()
        and (not subpath or subpath == _subpath(purl))
    )


def _subpath(purl: Purl) -> str:
    return purl.text.partition("#")[2]

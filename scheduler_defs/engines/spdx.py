"""Reader of SPDX JSON, versions 2.2 and 2.3: a validated document becomes an Sbom.

Packages are the components, files and snippets are none. The one package that the document describes is the
subject, and no component; a document that describes none or several has no subject.
"""

import re
from collections.abc import Iterator, Mapping, Set
from enum import Enum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import orjson
from jsonschema_rs import Draft202012Validator

from resources.errors import InvalidDocument
from scheduler_defs.engines.components import Source, named_component, source_in_notes
from scheduler_defs.engines.purls import Purl
from scheduler_defs.engines.sbom import Collector, Edge, Sbom
from scheduler_defs.engines.subjects import named_subject
from scheduler_defs.engines.validation import check_schema

SUPPORTED = ("SPDX-2.2", "SPDX-2.3")


class Needs(Enum):
    """Which element of a relationship depends on the other."""

    RELATED = "spdxElementId depends on relatedSpdxElement"
    ELEMENT = "relatedSpdxElement depends on spdxElementId"


# The relationships that say what a package consists of or needs, with their direction (SPDX 2.3, table 68).
# Of every other type, such as tools, tests, copies and patches, no edge is made.
DIRECTIONS: Mapping[str, Needs] = MappingProxyType(
    {
        "DEPENDS_ON": Needs.RELATED,
        "CONTAINS": Needs.RELATED,
        "DYNAMIC_LINK": Needs.RELATED,
        "STATIC_LINK": Needs.RELATED,
        "HAS_PREREQUISITE": Needs.RELATED,
        "DEPENDENCY_OF": Needs.ELEMENT,
        "RUNTIME_DEPENDENCY_OF": Needs.ELEMENT,
        "BUILD_DEPENDENCY_OF": Needs.ELEMENT,
        "DEV_DEPENDENCY_OF": Needs.ELEMENT,
        "OPTIONAL_DEPENDENCY_OF": Needs.ELEMENT,
        "PROVIDED_DEPENDENCY_OF": Needs.ELEMENT,
        "TEST_DEPENDENCY_OF": Needs.ELEMENT,
        "CONTAINED_BY": Needs.ELEMENT,
        "OPTIONAL_COMPONENT_OF": Needs.ELEMENT,
        "PACKAGE_OF": Needs.ELEMENT,
        "PREREQUISITE_FOR": Needs.ELEMENT,
    }
)

_DOCUMENT = "SPDXRef-DOCUMENT"
_NOTHING = frozenset({"NONE", "NOASSERTION"})
_PACKAGE_MANAGER = frozenset({"PACKAGE-MANAGER", "PACKAGE_MANAGER"})

# Purposes that CycloneDX knows as types; source, archive, install and other are taken for libraries.
_TYPES = frozenset(
    {"application", "framework", "library", "container", "operating-system", "device", "firmware", "file"}
)
_BUILT_FROM = re.compile(r"built package from: (\S+)(?: +(\S+))?\s*")
_DIGESTS = {"SHA256": "sha256", "SHA512": "sha512"}


def validate(source: str, document: dict[str, Any]) -> None:
    """Hold a document to the schema; raises InvalidDocument, for other versions of SPDX too."""
    version = document.get("spdxVersion")
    if version not in SUPPORTED:
        reason = f"{version!r:.40} is not supported; supported are {', '.join(SUPPORTED)}"
        raise InvalidDocument(source, "/spdxVersion", reason)
    check_schema(source, version, _validator(), document)


def read(source: str, document: dict[str, Any]) -> Sbom:
    """Read a validated document.

    Raises InvalidDocument for package URLs that do not parse, one SPDXID on two different elements, and no
    package besides the described one.
    """
    collector = Collector(source)
    subject_path = _describe(collector, document)
    for place, package in _packages(document):
        _add(collector, package, place)
    if not collector.has_components:
        others = "no packages besides the described one" if collector.subject else "no packages"
        reason = f"holds {others}; expected at least one to build a graph from"
        raise InvalidDocument(source, "/packages", reason)
    collector.connect(_edges(document, _ignored(collector, document)))
    return collector.finish(
        spec_version=document["spdxVersion"],
        serial_number=document.get("documentNamespace"),
        subject_path=subject_path,
        components_path="/packages",
    )


@cache
def _validator() -> Draft202012Validator:
    schema = orjson.loads(files(__package__).joinpath("spdx.schema.json").read_bytes())
    return Draft202012Validator(schema)


def _packages(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each package with its JSON pointer before it."""
    for index, package in enumerate(document.get("packages", ())):
        yield f"/packages/{index}", package


def _described(document: dict[str, Any]) -> set[str]:
    """Return the SPDXIDs of what the document says it describes."""
    found = set(document.get("documentDescribes", ()))
    for one in document.get("relationships", ()):
        ends = one["spdxElementId"], one["relatedSpdxElement"]
        if one["relationshipType"] == "DESCRIBES" and ends[0] == _DOCUMENT:
            found.add(ends[1])
        elif one["relationshipType"] == "DESCRIBED_BY" and ends[1] == _DOCUMENT:
            found.add(ends[0])
    return found


def _describe(collector: Collector, document: dict[str, Any]) -> str:
    """Make the one described package the subject; returns where it is, or would be, named."""
    described = _described(document)
    roots: dict[str, tuple[str, dict[str, Any]]] = {}
    for at, one in _packages(document):
        if one["SPDXID"] in described:
            roots.setdefault(one["SPDXID"], (at, one))
        if len(roots) > 1:
            break
    if len(roots) != 1:
        return "/documentDescribes"
    ((ref, (place, package)),) = roots.items()
    subject = named_subject(
        _type_of(package),
        None,
        package["name"],
        _version_of(package),
        _purl_of(collector, package, place),
        _digest_of(package),
    )
    collector.describe(subject, ref)
    return place


def _add(collector: Collector, package: dict[str, Any], place: str) -> None:
    _note_system(collector, package)
    component = named_component(
        package["SPDXID"],
        _type_of(package),
        None,
        package["name"],
        _version_of(package),
        _purl_of(collector, package, place),
        _source_of(package),
    )
    collector.add(component, f"{place}/SPDXID")


def _note_system(collector: Collector, package: dict[str, Any]) -> None:
    if _type_of(package) == "operating-system":
        collector.note_system(package["name"], _version_of(package))


def _type_of(package: dict[str, Any]) -> str:
    purpose: str = package.get("primaryPackagePurpose", "").lower().replace("_", "-")
    return purpose if purpose in _TYPES else "library"


def _version_of(package: dict[str, Any]) -> str | None:
    version: str | None = package.get("versionInfo")
    return None if version in _NOTHING else version


def _purl_of(collector: Collector, package: dict[str, Any], place: str) -> Purl | None:
    """Return a package's URL; of several one of its version, then the first in the order of their texts."""
    version = _version_of(package)
    found = [
        collector.purl(one["referenceLocator"], f"{place}/externalRefs/{index}/referenceLocator")
        for index, one in enumerate(package.get("externalRefs", ()))
        if one["referenceType"] == "purl" and one["referenceCategory"] in _PACKAGE_MANAGER
    ]
    return min(
        (purl for purl in found if purl),
        key=lambda purl: (not _is_of(purl, version), purl.text),
        default=None,
    )


def _is_of(purl: Purl, version: str | None) -> bool:
    return version is not None and version in (purl.version, f"{purl.qualifiers.get('epoch')}:{purl.version}")


def _digest_of(package: dict[str, Any]) -> str | None:
    stated = sorted((one["algorithm"], one["checksumValue"]) for one in package.get("checksums", ()))
    found = (f"{_DIGESTS[algorithm]}:{value}" for algorithm, value in stated if algorithm in _DIGESTS)
    return next(found, None)


def _source_of(package: dict[str, Any]) -> Source:
    """Return what a package was built from, as Trivy says it: in its source information, before that in notes."""
    if built := _BUILT_FROM.fullmatch(package.get("sourceInfo", "")):
        return built[1], built[2]
    texts = [
        *package.get("attributionTexts", ()),
        *(one["comment"] for one in package.get("annotations", ())),
    ]
    parts = (text.partition(": ") for text in texts)
    return source_in_notes({name: value for name, _, value in parts if value})


def _ignored(collector: Collector, document: dict[str, Any]) -> set[str]:
    """Return what no edge leads to or from: nothing, and the SPDXIDs of the document, its files and snippets.

    Raises InvalidDocument for one that is a package's too.
    """
    ignored = set(_NOTHING)
    for ref, place in _elsewhere(document):
        if collector.knows(ref):
            reason = f"{ref!r} names a package too; expected unique SPDXIDs"
            raise InvalidDocument(collector.source, place, reason)
        ignored.add(ref)
    return ignored


def _elsewhere(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the SPDXIDs of the document, its files and snippets, each with its JSON pointer."""
    yield _DOCUMENT, "/SPDXID"
    for kind in ("files", "snippets"):
        for index, element in enumerate(document.get(kind, ())):
            yield element["SPDXID"], f"/{kind}/{index}/SPDXID"


def _edges(document: dict[str, Any], ignored: Set[str]) -> Iterator[Edge]:
    """Yield (dependent, dependency) of each relationship but those with an end that is ignored."""
    for one in document.get("relationships", ()):
        ends = one["spdxElementId"], one["relatedSpdxElement"]
        needs = DIRECTIONS.get(one["relationshipType"])
        if needs is not None and ignored.isdisjoint(ends):
            yield ends if needs is Needs.RELATED else ends[::-1]

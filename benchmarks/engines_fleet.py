"""The fleet that the engines are measured on: container images and advisories, the same ones for the same seed.

Half of an image comes from one of a few base images, in one of its releases; the other half from a universe so large
that about 55 images hold a package of it. So 20 packages are held by about a tenth of 10,000 images, in half of them
by a version that is affected.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import orjson

BASES, RELEASES, VERSIONS = 20, 3, 6
IMAGES_OF_A_PACKAGE = 55
WITHOUT_VERSION = 0.005
NAMESPACES = 5
MOST_MARKED = 1000
MARKED_LABEL = {"marked": "yes"}
VECTORS = (
    "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N",
    "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N",
    "CVSS:3.1/AV:L/AC:H/PR:H/UI:N/S:U/C:L/I:N/A:N",
    None,
)
"""Critical, high, medium, low, and not rated."""
Part = tuple[int, int | None]
"""A package and which of its versions."""


class Fleet:
    """Images by number, and the advisories on their packages; ``findings`` is how many an image is to have, about."""

    def __init__(self, images: int, components: int, findings: float, seed: int) -> None:
        self.images, self.components, self.seed = images, components, seed
        self.half = components // 2
        self.packages = BASES * self.half + max(4 * self.half, images * self.half // IMAGES_OF_A_PACKAGE)
        share = min(1.0, 2 * findings / components)
        wanted = min(self.packages, max(20, round(self.packages * share)))
        self.advised: Sequence[int] = sorted(self._random("advised").sample(range(self.packages), wanted))

    @property
    def marked(self) -> int:
        """How many images hold the marked package, and carry its label; no other image holds it."""
        return min(MOST_MARKED, max(1, self.images // 10))

    def labels(self, number: int) -> dict[str, str]:
        """The labels of an image."""
        return MARKED_LABEL if self._is_marked(number) else {}

    def namespace(self, number: int) -> str:
        """The namespace of an image: one of five."""
        return f"team-{number % NAMESPACES}"

    def reference(self, number: int) -> str:
        """What an image is called."""
        return f"registry.example/fleet/image-{number:06d}:1"

    def document(self, number: int) -> bytes:
        """The SBOM of an image."""
        source = self._random(f"image {number}")
        own = range(BASES * self.half, self.packages)
        parts: list[Part] = list(self._bases[source.randrange(BASES * RELEASES)])
        for package in source.sample(own, self.components - len(parts)):
            unknown = source.random() < WITHOUT_VERSION
            parts.append((package, None if unknown else source.randrange(VERSIONS)))
        components = [_component(*part) for part in parts]
        if self._is_marked(number):
            components[-1] = _library("pkg:npm/marked", "marked", f"1.{number % VERSIONS}.0")
        return _sbom(f"image-{number}", components, source)

    def large(self, components: int) -> bytes:
        """The SBOM of one large image of npm packages."""
        found = [_library(f"pkg:npm/large-{n}", f"large-{n}", f"1.{n % 10}.0") for n in range(components)]
        return _sbom("large", found, self._random("large"))

    def advisories(self) -> Iterator[dict[str, Any]]:
        """An OSV record for each package that has one, and one for the marked package."""
        source = self._random("advisories")
        for package in self.advised:
            ecosystem, _, name, version = _names(package, source.randrange(1, VERSIONS))
            more = {"withdrawn": "2026-02-01T00:00:00Z"} if source.random() < 0.02 else {}
            yield _osv(advisory_of(package), ecosystem, name, version, source.choice(VECTORS)) | more
        yield self.marking(0)

    def marking(self, change: int) -> dict[str, Any]:
        """The record of the marked package as a change leaves it: each changes what is found in all its images.

        Two changes never lead back, so that findings which an incremental run left as they were do not look right.
        """
        fixed, vector = (("2.0.0", VECTORS[2]), ("3.0.0", VECTORS[1]), ("1.3.0", VECTORS[0]))[change % 3]
        return _osv("BENCH-marked", "npm", "marked", fixed, vector) | {"summary": f"Change {change}."}

    def _is_marked(self, number: int) -> bool:
        step = self.images // self.marked
        return number % step == 0 and number // step < self.marked

    def _random(self, purpose: str) -> random.Random:
        return random.Random(f"{self.seed} {purpose}")

    @cached_property
    def _bases(self) -> list[list[Part]]:
        source = self._random("bases")
        return [
            [(base * self.half + n, source.randrange(VERSIONS)) for n in range(self.half)]
            for base in range(BASES)
            for _ in range(RELEASES)
        ]


def advisory_of(package: int) -> str:
    """The id of the advisory on a package."""
    return f"BENCH-{package:06d}"


def _names(package: int, version: int | None) -> tuple[str, str, str, str]:
    """A package's ecosystem, purl without version, name as advisories have it, and one version: four kinds in ten."""
    number = 0 if version is None else version
    kind = package % 10
    if kind < 4:
        return "Debian:12", f"pkg:deb/debian/lib{package}", f"lib{package}", f"1.{number}.0-{number}"
    if kind < 7:
        return "npm", f"pkg:npm/pack-{package}", f"pack-{package}", f"1.{number}.0"
    if kind < 9:
        return "PyPI", f"pkg:pypi/dist-{package}", f"dist-{package}", f"1.{number}"
    return "Go", f"pkg:golang/example.org/mod{package}", f"example.org/mod{package}", f"v1.{number}.0"


def _component(package: int, version: int | None) -> dict[str, Any]:
    ecosystem, purl, name, text = _names(package, version)
    qualifiers = "?distro=debian-12" if ecosystem == "Debian:12" else ""
    return _library(purl, name, None if version is None else text, qualifiers)


def _library(purl: str, name: str, version: str | None, qualifiers: str = "") -> dict[str, Any]:
    full = purl + (f"@{version}" if version else "") + qualifiers
    stated = {"version": version} if version else {}
    return {"type": "library", "bom-ref": full, "name": name, "purl": full} | stated


def _sbom(name: str, components: Sequence[dict[str, Any]], source: random.Random) -> bytes:
    """A CycloneDX document; each component has one dependent, and most have one more dependency elsewhere."""
    refs = [one["bom-ref"] for one in components]
    depends: dict[str, list[str]] = {"root": refs[:10]} | {ref: [] for ref in refs}
    for index, ref in enumerate(refs[10:]):
        depends[refs[index // 3]].append(ref)
    for index, ref in enumerate(refs[:-1]):
        depends[ref].append(refs[source.randrange(index + 1, len(refs))])
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": name, "version": "1", "bom-ref": "root"}},
        "components": components,
        "dependencies": [{"ref": ref, "dependsOn": _unique(targets)} for ref, targets in depends.items()],
    }
    return orjson.dumps(document)


def _unique(refs: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(refs))


def _osv(identity: str, ecosystem: str, name: str, fixed: str, vector: str | None) -> dict[str, Any]:
    events = [{"introduced": "0"}, {"fixed": fixed}]
    return {
        "id": identity,
        "modified": "2026-01-01T00:00:00Z",
        "published": "2026-01-01T00:00:00Z",
        "summary": f"Something is wrong in {name}.",
        "severity": [{"type": "CVSS_V3", "score": vector}] if vector else [],
        "affected": [
            {
                "package": {"ecosystem": ecosystem, "name": name},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
    }

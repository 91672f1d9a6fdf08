"""The files that large ingests are measured on: archives of OSV records and a CycloneDX SBOM, the same for a seed."""

import io
import random
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

WORDS = [
    f"{first}{last}" for first in ("over", "under", "out", "mis") for last in ("flow", "run", "use", "read")
]
VECTOR = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
ECOSYSTEMS = ("npm", "PyPI", "Go", "Debian:12", "Maven", "crates.io")
LICENSES = ("MIT", "Apache-2.0", "BSD-3-Clause", "ISC")
PACKAGES = 50_000
LEAN = 223
"""Bytes of a lean component with its dependencies."""


def write_zip(path: Path, size: int, seed: int) -> int:
    """Writes a zip with a .json member for each record, `size` bytes unpacked; returns how many there are."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        count = 0
        for name, raw in _members("Z", size, seed):
            archive.writestr(name, raw)
            count += 1
    return count


def write_tar(path: Path, size: int, seed: int) -> int:
    """Writes a tar.gz in the same way."""
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        count = 0
        for name, raw in _members("T", size, seed):
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
            archive.members.clear()  # type: ignore[attr-defined]
            count += 1
    return count


def write_sbom(path: Path, size: int, seed: int) -> int:
    """Writes a CycloneDX document of about `size` bytes; returns its number of components."""
    source = random.Random(seed)
    components: list[dict[str, Any]] = []
    written = 0
    while written < size:
        components.append(_component(len(components), source))
        written += len(orjson.dumps(components[-1])) + 200  # of its dependencies
    _write_cyclonedx(path, components, source)
    return len(components)


def write_lean_sbom(path: Path, size: int, seed: int) -> int:
    """Writes one of as many components as there can be: they say what they are and what they need, no more."""
    source = random.Random(seed)
    components = [_lean_component(number, source) for number in range(size // LEAN)]
    _write_cyclonedx(path, components, source)
    return len(components)


def _write_cyclonedx(path: Path, components: list[dict[str, Any]], source: random.Random) -> None:
    refs = [one["bom-ref"] for one in components]
    depends = {ref: [refs[source.randrange(at + 1, len(refs))]] for at, ref in enumerate(refs[:-1])}
    image = {"type": "container", "name": "registry.example/large", "version": "1", "bom-ref": "root"}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": image},
        "components": components,
        "dependencies": [{"ref": "root", "dependsOn": refs[:10]}]
        + [{"ref": ref, "dependsOn": targets} for ref, targets in depends.items()],
    }
    path.write_bytes(orjson.dumps(document))


def _members(prefix: str, size: int, seed: int) -> Iterator[tuple[str, bytes]]:
    source, written, number = random.Random(seed), 0, 0
    while written < size:
        raw = orjson.dumps(_record(f"{prefix}-{number:07d}", source))
        yield f"{prefix}-{number:07d}.json", raw
        written += len(raw)
        number += 1


def _record(identity: str, source: random.Random) -> dict[str, Any]:
    """About 2.5 kB, as OSV's are on average."""
    ecosystem, package = source.choice(ECOSYSTEMS), source.randrange(PACKAGES)
    fixed = f"{source.randrange(1, 9)}.{source.randrange(20)}.{source.randrange(20)}"
    return {
        "schema_version": "1.6.0",
        "id": identity,
        "modified": "2026-01-01T00:00:00Z",
        "published": "2026-01-01T00:00:00Z",
        "aliases": [f"CVE-2026-{source.randrange(10**6)}"],
        "summary": " ".join(source.choices(WORDS, k=8)),
        "details": " ".join(source.choices(WORDS, k=150)),
        "severity": [{"type": "CVSS_V3", "score": VECTOR}],
        "affected": [
            {
                "package": {"ecosystem": ecosystem, "name": f"package-{package}"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}],
                "versions": [f"{major}.{minor}.0" for major in range(1, 6) for minor in range(8)],
            }
        ],
        "references": [{"type": "WEB", "url": f"https://example.com/{identity}"}],
    }


def _component(number: int, source: random.Random) -> dict[str, Any]:
    """About 1.9 kB with its dependencies, as those that scanners write of images."""
    purl = f"pkg:npm/%40scope/package-{number}@{source.randrange(9)}.{source.randrange(20)}.0"
    properties = [
        {"name": f"scanner:{word}:{at}", "value": f"/usr/lib/node_modules/package-{number}/{word}.json"}
        for at, word in enumerate(source.choices(WORDS, k=8))
    ]
    return {
        "type": "library",
        "bom-ref": f"{purl}?package-id={source.randrange(2**64):016x}",
        "name": f"package-{number}",
        "version": purl.rpartition("@")[2],
        "description": " ".join(source.choices(WORDS, k=20)),
        "licenses": [{"license": {"id": source.choice(LICENSES)}}],
        "hashes": [{"alg": "SHA-512", "content": f"{source.randrange(2**512):0128x}"}],
        "purl": purl,
        "externalReferences": [{"type": "website", "url": f"https://example.com/package-{number}"}],
        "properties": properties,
    }


def _lean_component(number: int, source: random.Random) -> dict[str, Any]:
    version = f"{source.randrange(9)}.{source.randrange(20)}.0"
    purl = f"pkg:npm/package-{number}@{version}"
    return {"type": "library", "bom-ref": purl, "name": f"package-{number}", "version": version, "purl": purl}

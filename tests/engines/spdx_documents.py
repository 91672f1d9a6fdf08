"""SPDX documents for tests, as generators write them."""

import orjson
import pytest

from resources.errors import InvalidDocument
from scheduler_defs.engines.sbom_formats import read_sbom

HEX = "ab" * 32
DOCUMENT = "SPDXRef-DOCUMENT"

# Table 68 of SPDX 2.3: which element depends on the other.
LEFT_NEEDS_RIGHT = ["DEPENDS_ON", "CONTAINS", "DYNAMIC_LINK", "STATIC_LINK", "HAS_PREREQUISITE"]
RIGHT_NEEDS_LEFT = [
    "DEPENDENCY_OF",
    "RUNTIME_DEPENDENCY_OF",
    "BUILD_DEPENDENCY_OF",
    "DEV_DEPENDENCY_OF",
    "OPTIONAL_DEPENDENCY_OF",
    "PROVIDED_DEPENDENCY_OF",
    "TEST_DEPENDENCY_OF",
    "CONTAINED_BY",
    "OPTIONAL_COMPONENT_OF",
    "PACKAGE_OF",
    "PREREQUISITE_FOR",
]


def reference(purl, category="PACKAGE-MANAGER"):
    return {"referenceCategory": category, "referenceType": "purl", "referenceLocator": purl}


def package(name, version="1.0", purl=True, **more):
    """A package as generators write it, without what is not read."""
    found = {"SPDXID": f"SPDXRef-{name}", "name": name, "versionInfo": version, "downloadLocation": "NONE"}
    if purl:
        found["externalRefs"] = [reference(f"pkg:pypi/{name}@{version}" if purl is True else purl)]
    return found | more


def relation(left, kind, right):
    return {"spdxElementId": left, "relationshipType": kind, "relatedSpdxElement": right}


def related(*triples):
    return [relation(f"SPDXRef-{left}", kind, f"SPDXRef-{right}") for left, kind, right in triples]


def document(*packages, version="SPDX-2.3", describes=(), relations=(), **more):
    found = {
        "spdxVersion": version,
        "SPDXID": DOCUMENT,
        "dataLicense": "CC0-1.0",
        "name": "test",
        "documentNamespace": "https://example.com/test",
        "creationInfo": {"created": "2026-01-01T00:00:00Z", "creators": ["Tool: hand"]},
        "packages": list(packages),
        "relationships": [*related(*(("DOCUMENT", "DESCRIBES", name) for name in describes)), *relations],
    }
    return found | more


def read(found):
    return read_sbom("test.json", orjson.dumps(found))


def refused(found):
    with pytest.raises(InvalidDocument) as caught:
        read(found)
    assert caught.value.source == "test.json"
    return caught.value


APP = package("app", "2", purl=False, primaryPackagePurpose="APPLICATION")
IMAGE = {"primaryPackagePurpose": "CONTAINER"}
CHECKSUMS = [{"algorithm": name, "checksumValue": HEX} for name in ("SHA1", "SHA512", "SHA256")]

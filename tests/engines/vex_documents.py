"""VEX documents for tests, in both formats."""

from datetime import UTC, datetime

import pytest

from resources.errors import InvalidDocument
from scheduler_defs.engines.subjects import ImageReference
from scheduler_defs.engines.vex import read_vex
from scheduler_defs.engines.vex_statements import Bom, Statement, VexStatus

SHA = f"sha256:{'ab' * 32}"
OTHER_SHA = f"sha256:{'cd' * 32}"
SHOP = ImageReference("ghcr.io", "acme/shop", None, SHA)
SHOP_PURL = f"pkg:oci/shop@{SHA}?repository_url=ghcr.io/acme/shop"
SERIAL = "3e671687-395b-41f5-a30f-a58921a69b79"
LINKED = "11111111-2222-3333-4444-555555555555"
NOON = datetime(2024, 1, 2, 12, tzinfo=UTC)


def no_boms(serial):
    raise AssertionError(f"nobody links to {serial}")


def read(document, boms=no_boms):
    return read_vex("test", document, boms)


def stated(document, boms=no_boms):
    """The statements of a document that can be used as a whole."""
    found = read(document, boms)
    assert found.unusable == ()
    return found.statements


def targets(statements):
    return [(one.purl, one.image) for one in statements]


def unusable(document, boms=no_boms):
    found = read(document, boms)
    assert {one.source for one in found.unusable} <= {"test"}
    return {one.path: one.reason for one in found.unusable}


def refused(document):
    with pytest.raises(InvalidDocument) as caught:
        read(document)
    assert caught.value.source == "test"
    return caught.value.path, caught.value.reason


def openvex(*statements, **more):
    found = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://acme.example/vex/1",
        "author": "Acme",
        "timestamp": "2024-01-02T14:00:00+02:00",
        "version": 1,
        "statements": list(statements),
    }
    return found | more


def said(*products, **more):
    """One statement of OpenVEX."""
    found = {
        "vulnerability": {"name": "CVE-2024-1"},
        "products": list(products) or [{"@id": "pkg:npm/left@1.0"}],
        "status": "fixed",
    }
    return found | more


def cyclonedx(*vulnerabilities, **more):
    found = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{SERIAL}",
        "version": 1,
        "metadata": {"timestamp": "2024-01-02T12:00:00Z"},
        "components": [
            {"type": "library", "bom-ref": "left", "name": "left", "purl": "pkg:npm/left@1.0"},
            {"type": "library", "bom-ref": "bare", "name": "bare"},
        ],
        "vulnerabilities": list(vulnerabilities),
    }
    return found | more


def analysed(*affects, state="not_affected", **more):
    """One vulnerability of CycloneDX; affects are refs or whole entries."""
    entries = [{"ref": one} if isinstance(one, str) else one for one in affects or ("left",)]
    return {"id": "CVE-2024-1", "analysis": {"state": state}, "affects": entries} | more


def rooted(root, *vulnerabilities, **more):
    metadata = {"timestamp": "2024-01-02T12:00:00Z", "component": root}
    return cyclonedx(*vulnerabilities, metadata=metadata, **more)


def statement(purl="pkg:npm/left", image=None, **more):
    fields = {
        "vulnerability": "CVE-2024-1",
        "aliases": (),
        "status": VexStatus.NOT_AFFECTED,
        "justification": None,
        "note": "",
        "stated_at": NOON,
    }
    return Statement(purl=purl, image=image, **fields | more)


def linked(serial):
    """The only BOM that is known from elsewhere."""
    if serial != LINKED:
        return None
    return Bom(SHOP, {"a": "pkg:npm/a@1", "pkg:npm/%40x/b@2": "pkg:npm/%40x/b@2", "root": SHOP_PURL}, "root")

"""VEX documents into the inventory."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from resources.database import Database
from resources.errors import InvalidDocument
from resources.inventory_records import VexRow
from resources.texts import storable
from scheduler_defs.engines.counted import OnBytes
from scheduler_defs.engines.cyclonedx_vex import bom_of
from scheduler_defs.engines.documents import read_document
from scheduler_defs.engines.json_nodes import Node
from scheduler_defs.engines.sbom_formats import parse_json
from scheduler_defs.engines.subjects import ImageReference
from scheduler_defs.engines.vex import FORMATS, read_vex
from scheduler_defs.engines.vex_statements import Bom, Statement, Unusable, VexDocument
from scheduler_defs.inputs.several import Several, ingest_each

VEX_LIMIT = 64 << 20
BATCH = 1000
NAME_LIMIT = 1000
SKEW = timedelta(days=1)
"""By which the clock of whoever states something may be ahead."""


@dataclass(frozen=True)
class IngestedVex:
    """What an ingestion did: the statements read, how many of them are new, and what could not be used."""

    statements: int
    new: int
    unusable: Sequence[Unusable]


def ingest_vex(
    database: Database,
    tenant_id: str,
    path: Path,
    actor: str,
    *,
    strict: bool = False,
    on_bytes: OnBytes | None = None,
) -> IngestedVex:
    """Reads an OpenVEX or CycloneDX VEX document (plain or gzip) and keeps what it states, in one transaction.

    What cannot be used is reported and left out; with ``strict`` it raises InvalidDocument, and nothing is kept.
    Raises InvalidInput, InvalidDocument, also for a document that states nothing usable, and NotFound for an
    unknown tenant.
    """
    with database.begin(tenant_id) as store:
        store.tenants.get(tenant_id)
    raw = read_document(path, on_bytes, VEX_LIMIT)
    document = _read(database, tenant_id, str(path), raw, strict)
    return _keep(database, tenant_id, document, path.name, actor)


def ingest_vex_documents(
    database: Database,
    tenant_id: str,
    path: Path,
    actor: str,
    *,
    strict: bool = False,
    on_bytes: OnBytes | None = None,
    on_documents: Callable[[int], None] | None = None,
) -> Several[IngestedVex]:
    """Keeps each VEX document of a directory or archive as ingest_vex does one, in a transaction of its own.

    What is wrong is left out, or refuses all with ``strict``: see ingest_each.
    """
    with database.begin(tenant_id) as store:
        store.tenants.get(tenant_id)

    def read(source: str, raw: bytes) -> VexDocument:
        return _read(database, tenant_id, source, raw, strict)

    def keep(source: str, raw: bytes) -> IngestedVex:
        name = storable(source.removeprefix(f"{path.parent}/"), NAME_LIMIT)
        return _keep(database, tenant_id, read(source, raw), name, actor)

    return ingest_each(
        path, VEX_LIMIT, read, keep, strict=strict, on_bytes=on_bytes, on_documents=on_documents
    )


def _read(database: Database, tenant_id: str, source: str, raw: bytes, strict: bool) -> VexDocument:
    document = read_vex(source, parse_json(source, raw, FORMATS), _boms(database, tenant_id))
    with database.begin(tenant_id) as store:
        document = _without_future(source, document, store.now() + SKEW)
    if document.unusable and (strict or not document.statements):
        first = document.unusable[0]
        raise InvalidDocument(first.source, first.path, first.reason)
    if not document.statements:
        raise InvalidDocument(source, "", "states nothing about any vulnerability")
    return document


def _keep(database: Database, tenant_id: str, document: VexDocument, name: str, actor: str) -> IngestedVex:
    rows = [_row(one) for one in document.statements]
    with database.begin(tenant_id) as store:
        now = store.now()
        new = sum(
            store.vex.add(tenant_id, rows[start : start + BATCH], name, actor, now)
            for start in range(0, len(rows), BATCH)
        )
        if new:
            store.audit.append(
                tenant_id=tenant_id,
                actor=actor,
                action="ingest",
                entity="vex",
                entity_id=name,
                new={"statements": len(rows), "new": new, "unusable": len(document.unusable)},
                now=now,
            )
            store.trigger_events.record("vex_ingested", store.now(), tenant_id)
    return IngestedVex(len(rows), new, document.unusable)


def _without_future(source: str, document: VexDocument, latest: datetime) -> VexDocument:
    """A statement of the future would override whatever is said until then."""
    early = [one for one in document.statements if one.stated_at > latest]
    told = [
        Unusable(source, "", f"states of {one.vulnerability} what holds from {one.stated_at.isoformat()} on")
        for one in early
    ]
    kept = tuple(one for one in document.statements if one.stated_at <= latest)
    return VexDocument(kept, (*document.unusable, *told))


def _boms(database: Database, tenant_id: str) -> Callable[[str], Bom | None]:
    """What a BOM-Link stands for: the SBOM of the tenant that has its serial number."""
    known: dict[str, Bom | None] = {}

    def find(serial: str) -> Bom | None:
        if serial not in known:
            with database.begin(tenant_id) as store:
                sbom = store.images.find_sbom_by_serial(tenant_id, f"urn:uuid:{serial}")
            known[serial] = None
            if sbom is not None:
                image = ImageReference(sbom.registry or None, sbom.repository, sbom.tag, sbom.digest)
                source, raw = f"SBOM {serial}", zlib.decompress(sbom.content)
                known[serial] = bom_of(Node(source, parse_json(source, raw, "an SBOM")), image)
        return known[serial]

    return find


def _row(statement: Statement) -> VexRow:
    return VexRow(
        vulnerability=statement.vulnerability,
        aliases=statement.aliases,
        purl=statement.purl,
        image=asdict(statement.image) if statement.image else None,
        status=str(statement.status),
        justification=statement.justification,
        note=statement.note,
        stated_at=statement.stated_at,
        digest=statement.digest,
    )

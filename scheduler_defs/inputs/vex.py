"""VEX documents into the inventory."""

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from resources.database import Database
from resources.errors import InvalidDocument
from resources.inventory_records import LeftOut, VexRow
from resources.texts import storable
from scheduler_defs.engines.counted import OnBytes
from scheduler_defs.engines.cyclonedx_vex import bom_of
from scheduler_defs.engines.documents import read_document
from scheduler_defs.engines.json_nodes import Node
from scheduler_defs.engines.malformed import Malformed
from scheduler_defs.engines.sbom_formats import parse_json
from scheduler_defs.engines.subjects import ImageReference
from scheduler_defs.engines.vex import FORMATS, read_vex
from scheduler_defs.engines.vex_statements import Bom, Statement, Unusable, VexDocument
from scheduler_defs.inputs.left_out import LeftOuts, kept_for_tenant, place_of
from scheduler_defs.inputs.several import ingest_each

VEX_LIMIT = 64 << 20
BATCH = 1000
NAME_LIMIT = 1000
SKEW = timedelta(days=1)
"""By which the clock of whoever states something may be ahead."""


@dataclass(frozen=True)
class IngestedVex:
    """What an ingestion did: documents read and left out, of those read the statements, and how many of these are new.

    ``unusable`` counts the parts of documents read that were left out, ``first`` is the first of all that was.
    """

    documents: int
    left_out: int
    statements: int
    new: int
    unusable: int
    first: Sequence[LeftOut]


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

    What cannot be used is left out and kept in the tenant's quarantine; with ``strict`` it raises InvalidDocument.
    Raises InvalidInput, InvalidDocument, also for a document that states nothing usable, and NotFound for an
    unknown tenant.
    """
    with database.begin(tenant_id) as store:
        store.tenants.get(tenant_id)
    raw = read_document(path, on_bytes, VEX_LIMIT)
    document = _read(database, tenant_id, str(path), raw, strict)
    with kept_for_tenant(database, tenant_id, "vex", path) as left_out:
        new = _keep(database, tenant_id, document, path.name, actor)
        _leave_out(left_out, document.unusable, None)
    return IngestedVex(1, 0, len(document.statements), new, left_out.number, left_out.first)


def ingest_vex_documents(
    database: Database,
    tenant_id: str,
    path: Path,
    actor: str,
    *,
    strict: bool = False,
    on_bytes: OnBytes | None = None,
    on_documents: Callable[[int], None] | None = None,
) -> IngestedVex:
    """Keeps each VEX document of a directory or archive as ingest_vex does one, in a transaction of its own.

    What is wrong is left out and kept in the tenant's quarantine, or refuses all with ``strict``: see ingest_each.
    """
    with database.begin(tenant_id) as store:
        store.tenants.get(tenant_id)

    def read(source: str, raw: bytes) -> VexDocument:
        return _read(database, tenant_id, source, raw, strict)

    counts: Counter[str] = Counter()

    def keep(source: str, line: int | None, raw: bytes) -> None:
        name = storable(place_of(source, line).removeprefix(f"{path.parent}/"), NAME_LIMIT)
        document = read(source, raw)
        counts["new"] += _keep(database, tenant_id, document, name, actor)
        counts["statements"] += len(document.statements)
        _leave_out(left_out, document.unusable, line)

    with kept_for_tenant(database, tenant_id, "vex", path) as left_out:
        kept, refused = ingest_each(
            path, VEX_LIMIT, read, keep, left_out, strict=strict, on_bytes=on_bytes, on_documents=on_documents
        )
    unusable = left_out.number - refused
    return IngestedVex(kept, refused, counts["statements"], counts["new"], unusable, left_out.first)


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


def _leave_out(left_out: LeftOuts, unusable: Sequence[Unusable], line: int | None) -> None:
    for one in unusable:
        left_out.add(Malformed(one.source, line, one.path, one.reason))


def _keep(database: Database, tenant_id: str, document: VexDocument, name: str, actor: str) -> int:
    """Keeps what a document states; returns how many of its statements are new."""
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
    return new


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

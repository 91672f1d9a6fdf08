"""What is measured of SBOMs and advisories done the ways that other products do it, with our readers and validation.

Row by row: a statement for each row, as importers through an object-relational mapper do it. Library: the SBOM becomes
the objects of cyclonedx-python-lib, by which its graph is read. That library's validation, which takes many times as
long, is left out in its favour.
"""

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, LiteralString
from uuid import UUID

from cyclonedx.model.bom import Bom
from psycopg.types.json import Jsonb

from benchmarks.engines_house import ACTOR, ROWS_TENANT
from resources.database import Database
from resources.inventory_records import AdvisoryRow
from resources.store import Store
from scheduler_defs.engines.components import Component
from scheduler_defs.engines.osv import read_advisory
from scheduler_defs.engines.sbom_formats import read_sbom
from scheduler_defs.engines.subjects import parse_image_reference
from scheduler_defs.inputs.advisories import rows_of

Row = tuple[Any, ...]
Stored = tuple[dict[str, AdvisoryRow], set[Row]]
"""Advisories by their ids, and the ranges of them."""
Edges = set[tuple[str, str]]
"""Package URLs of dependents and their dependencies."""

KEEP_COMPONENT: LiteralString = """
INSERT INTO inventory.component_versions (tenant_id, purl, type, package, name, version, source_version, distro)
VALUES (%(tenant)s, %(purl)s, %(type)s, %(package)s, %(name)s, %(version)s, %(source_version)s, %(distro)s)
ON CONFLICT (tenant_id, purl, package, version, source_version, distro) DO NOTHING"""
HOLD_COMPONENT: LiteralString = """
INSERT INTO inventory.image_components (tenant_id, component_id, image_id)
SELECT tenant_id, id, %(image)s FROM inventory.component_versions
WHERE tenant_id = %(tenant)s AND purl = %(purl)s AND package = %(package)s AND version IS NOT DISTINCT FROM %(version)s
    AND source_version IS NOT DISTINCT FROM %(source_version)s AND distro IS NOT DISTINCT FROM %(distro)s
ON CONFLICT DO NOTHING"""
HELD: LiteralString = """
SELECT i.repository, c.purl, c.type, c.package, c.name, c.version, c.source_version, c.distro
FROM inventory.images AS i
JOIN inventory.image_components AS ic ON ic.tenant_id = i.tenant_id AND ic.image_id = i.id
JOIN inventory.component_versions AS c ON c.tenant_id = ic.tenant_id AND c.id = ic.component_id
WHERE i.tenant_id = %(tenant)s AND i.repository = ANY(%(repositories)s)"""
KEEP_ADVISORY: LiteralString = """
INSERT INTO inventory.advisories (id, revision, modified, published, withdrawn, summary, aliases, severity, score,
    vector, digest)
VALUES (%(id)s, %(revision)s, %(modified)s, %(published)s, %(withdrawn)s, %(summary)s, %(aliases)s, %(severity)s,
    %(score)s, %(vector)s, %(digest)s)
ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, modified = excluded.modified,
    published = excluded.published, withdrawn = excluded.withdrawn, summary = excluded.summary,
    aliases = excluded.aliases, severity = excluded.severity, score = excluded.score, vector = excluded.vector,
    digest = excluded.digest"""
KEEP_RANGE: LiteralString = """
INSERT INTO inventory.advisory_ranges (advisory_id, revision_from, ordinal, type, package, distro, kind, events,
    versions)
VALUES (%(id)s, %(revision)s, %(ordinal)s, %(type)s, %(package)s, %(distro)s, %(kind)s, %(events)s, %(versions)s)
ON CONFLICT (advisory_id, revision_from, ordinal) DO NOTHING"""
RANGES: LiteralString = """
SELECT advisory_id, ordinal, type, package, distro, kind, events::text, versions::text
FROM inventory.advisory_ranges WHERE advisory_id = ANY(%(ids)s) AND revision_to IS NULL"""


def ingest_by_row(database: Database, name: str, namespace: str, raw: bytes) -> int:
    """Keeps an SBOM as what an image holds, two statements a component; returns how many components it has."""
    sbom, reference = read_sbom(name, raw), parse_image_reference(name)
    with database.begin(ROWS_TENANT) as store:
        now = store.now()
        image = store.images.upsert(
            tenant_id=ROWS_TENANT,
            registry=reference.registry or "",
            repository=reference.repository,
            digest=None,
            tag=reference.tag,
            namespace=namespace,
            labels={},
            now=now,
        )
        sbom_id = store.images.add_sbom(
            image,
            digest=sbom.digest,
            spec_version=sbom.spec_version,
            serial_number=sbom.serial_number,
            component_count=len(sbom.components),
            dependency_count=len(sbom.dependencies),
            content=zlib.compress(raw),
            actor=ACTOR,
            now=now,
        )
        for component in sbom.components:
            values = _values(component, image.id)
            store.connection.execute(KEEP_COMPONENT, values)
            store.connection.execute(HOLD_COMPONENT, values)
        store.images.set_sbom(image, sbom_id, now)
    return len(sbom.components)


def _values(component: Component, image: UUID) -> dict[str, Any]:
    return {
        "tenant": ROWS_TENANT,
        "image": image,
        "purl": component.identity,
        "type": component.ecosystem or "generic",
        "package": component.source_package or component.package or component.name,
        "name": component.name,
        "version": component.version,
        "source_version": component.source_version,
        "distro": component.distro,
    }


def held(database: Database, tenant: str, names: Sequence[str]) -> set[Row]:
    """The components that images hold, as rows with the repository of each and without ids."""
    repositories = [parse_image_reference(name).repository for name in names]
    with database.begin(tenant) as store:
        values = {"tenant": tenant, "repositories": repositories}
        return set(store.connection.execute(HELD, values).fetchall())


def advisories_by_row(store: Store, records: Sequence[bytes]) -> list[str]:
    """Keeps OSV records as a feed revision, a statement for each advisory and range; returns the advisories' ids."""
    revision = store.advisories.begin_revision(ACTOR, ACTOR, store.now())
    ids = []
    for record in records:
        advisory, ranges = rows_of(read_advisory(ACTOR, record))
        values = asdict(advisory) | {"aliases": list(advisory.aliases), "revision": revision}
        store.connection.execute(KEEP_ADVISORY, values)
        for ordinal, one in enumerate(ranges):
            more = {"ordinal": ordinal, "events": Jsonb(one.events), "versions": list(one.versions)}
            store.connection.execute(KEEP_RANGE, values | asdict(one) | more)
        ids.append(advisory.id)
    return ids


def stored_advisories(store: Store, ids: Sequence[str]) -> Stored:
    """What is kept of advisories now."""
    ranges = store.connection.execute(RANGES, {"ids": list(ids)}).fetchall()
    return store.advisories.get_many(ids), set(ranges)


def graph_by_library(raw: bytes, root: str) -> tuple[set[str], Edges]:
    """The nodes and edges of a CycloneDX document; what has no package URL is its subject, here called ``root``."""
    bom = Bom.from_json(json.loads(raw))  # type: ignore[attr-defined]
    subject = bom.metadata.component
    purls = {one.bom_ref.value: str(one.purl or root) for one in (subject, *bom.components)}
    edges = {
        (purls[dependent.ref.value], purls[dependency.ref.value])
        for dependent in bom.dependencies
        for dependency in dependent.dependencies
    }
    return set(purls.values()), edges

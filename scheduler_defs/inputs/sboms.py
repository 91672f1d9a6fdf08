"""SBOMs into the inventory."""

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from pathlib import Path

from resources.database import Database
from resources.errors import InvalidDocument, InvalidInput
from resources.inventory_records import LeftOut
from resources.records import Image
from resources.store import Store
from scheduler_defs.engines.components import Component
from scheduler_defs.engines.counted import OnBytes
from scheduler_defs.engines.sbom import Sbom
from scheduler_defs.engines.sbom_formats import SBOM_LIMIT, load_sbom, read_sbom
from scheduler_defs.engines.subjects import ImageReference, parse_image_reference
from scheduler_defs.inputs.component_rows import in_order, row_of
from scheduler_defs.inputs.left_out import kept_for_tenant
from scheduler_defs.inputs.several import ingest_each

BATCH = 1000
NAME_LIMIT = 2000
DIGEST = re.compile(r"[a-z0-9]+:[0-9a-f]{32,128}")


@dataclass(frozen=True)
class Placement:
    """Where an SBOM's image belongs; ``image`` overrides what the document names.

    None leaves namespace and labels as they are; a new image is in the namespace ``default``, without labels.
    """

    namespace: str | None = None
    image: str | None = None
    labels: Mapping[str, str] | None = None


@dataclass(frozen=True)
class IngestedSbom:
    """What an ingestion did: ``changed`` is False when the image had this content already.

    ``moved``: it is new, or has another tag, namespace or labels.
    """

    image: Image
    digest: str
    components: int
    dependencies: int
    unresolved: int
    without_purl: int
    changed: bool
    moved: bool


@dataclass(frozen=True)
class IngestedSboms:
    """What an ingestion of several did: images whose content was kept or known, SBOMs left out, the first of these."""

    kept: int
    unchanged: int
    left_out: int
    first: Sequence[LeftOut]


OnComponents = Callable[[int, int], None]


def ingest_sbom(
    database: Database,
    tenant_id: str,
    path: Path,
    placement: Placement,
    actor: str,
    on_bytes: OnBytes | None = None,
    on_components: OnComponents | None = None,
) -> IngestedSbom:
    """Reads, validates and keeps a CycloneDX or SPDX JSON file (plain or gzip) as what an image holds now.

    ``on_bytes`` gets bytes read, ``on_components`` (written, total). All in one transaction: an SBOM is there
    whole or not at all. Raises InvalidInput, InvalidDocument, NotFound for an unknown tenant.
    """
    with database.begin(tenant_id) as store:
        store.tenants.get(tenant_id)
    prepared = _prepare(str(path), *load_sbom(path, on_bytes), placement)
    with database.begin(tenant_id) as store:
        return _keep(store, tenant_id, prepared, placement, actor, on_components)


def ingest_sboms(
    database: Database,
    tenant_id: str,
    path: Path,
    placement: Placement,
    actor: str,
    *,
    strict: bool = False,
    on_bytes: OnBytes | None = None,
    on_documents: Callable[[int], None] | None = None,
) -> IngestedSboms:
    """Keeps each SBOM of a directory or archive as ingest_sbom does one, in a transaction of its own.

    What is wrong is left out and kept in the tenant's quarantine, or refuses all with ``strict``: see ingest_each.
    Raises InvalidInput also for a placement with an image.
    """
    if placement.image is not None:
        expected = "no image beside a directory or archive, whose SBOMs name their own"
        raise InvalidInput("image", placement.image, expected)
    with database.begin(tenant_id) as store:
        store.tenants.get(tenant_id)

    def prepare(source: str, raw: bytes) -> Prepared:
        return _prepare(source, read_sbom(source, raw), raw, placement)

    unchanged = 0

    def keep(source: str, _: int | None, raw: bytes) -> None:
        nonlocal unchanged
        prepared = prepare(source, raw)
        with database.begin(tenant_id) as store:
            done = _keep(store, tenant_id, prepared, placement, actor)
        unchanged += not done.changed

    with kept_for_tenant(database, tenant_id, "sbom", path) as left_out:
        kept, refused = ingest_each(
            path,
            SBOM_LIMIT,
            prepare,
            keep,
            left_out,
            strict=strict,
            on_bytes=on_bytes,
            on_documents=on_documents,
        )
    return IngestedSboms(kept - unchanged, unchanged, refused, left_out.first)


@dataclass(frozen=True)
class Prepared:
    """An SBOM that was read, ready to be written."""

    sbom: Sbom
    raw: bytes
    reference: ImageReference
    components: Sequence[Component]


def _prepare(source: str, sbom: Sbom, raw: bytes, placement: Placement) -> Prepared:
    return Prepared(sbom, raw, _reference(source, sbom, placement), in_order(source, sbom))


def _keep(
    store: Store,
    tenant_id: str,
    prepared: Prepared,
    placement: Placement,
    actor: str,
    on_components: OnComponents | None = None,
) -> IngestedSbom:
    now, sbom, components = store.now(), prepared.sbom, prepared.components
    image, moved = _place(store, tenant_id, prepared.reference, placement, actor, now)
    sbom_id = store.images.find_sbom(image, sbom.digest)
    changed = sbom_id is None or image.sbom_id != sbom_id
    if sbom_id is not None and sbom.serial_number is not None:
        store.images.renew_sbom(image, sbom_id, sbom.serial_number, zlib.compress(prepared.raw))
    if sbom_id is None:
        sbom_id = store.images.add_sbom(
            image,
            digest=sbom.digest,
            spec_version=sbom.spec_version,
            serial_number=sbom.serial_number,
            component_count=len(sbom.components),
            dependency_count=len(sbom.dependencies),
            content=zlib.compress(prepared.raw),
            actor=actor,
            now=now,
        )
    if changed:
        store.images.clear_components(image)
        for start in range(0, len(components), BATCH):
            rows = [row_of(component) for component in components[start : start + BATCH]]
            store.images.add_components(image, rows)
            if on_components:
                on_components(start + len(rows), len(components))
        store.images.set_sbom(image, sbom_id, now)
        store.audit.append(
            tenant_id=tenant_id,
            actor=actor,
            action="ingest",
            entity="sbom",
            entity_id=str(sbom_id),
            old=None if image.sbom_id is None else {"sbom": str(image.sbom_id)},
            new={"image": image.name, "digest": sbom.digest, "components": len(sbom.components)},
            now=now,
        )
    if changed or moved:
        store.trigger_events.record("sbom_ingested", store.now(), tenant_id)
    return IngestedSbom(
        image=image,
        digest=sbom.digest,
        components=len(sbom.components),
        dependencies=len(sbom.dependencies),
        unresolved=sbom.unresolved,
        without_purl=sbom.without_purl,
        changed=changed,
        moved=moved,
    )


def _place(
    store: Store, tenant_id: str, reference: ImageReference, placement: Placement, actor: str, now: datetime
) -> tuple[Image, bool]:
    """The image where it is to be, and whether it was elsewhere or nowhere before."""
    registry, repository = reference.registry or "", reference.repository
    before = store.images.find(tenant_id, registry, repository, reference.digest, reference.tag)
    image = store.images.upsert(
        tenant_id=tenant_id,
        registry=registry,
        repository=repository,
        digest=reference.digest,
        tag=reference.tag,
        namespace=placement.namespace,
        labels=placement.labels,
        now=now,
    )
    if image != before:
        store.audit.append(
            tenant_id=tenant_id,
            actor=actor,
            action="create" if before is None else "edit",
            entity="image",
            entity_id=str(image.id),
            old=None if before is None else _placed(before),
            new=_placed(image),
            now=now,
        )
    return image, image != before


def _placed(image: Image) -> dict[str, object]:
    return {"image": image.name, "namespace": image.namespace, "labels": dict(image.labels)}


def _reference(source: str, sbom: Sbom, placement: Placement) -> ImageReference:
    if placement.namespace == "":
        raise InvalidInput("namespace", placement.namespace, "a non-empty text")
    if placement.image is not None:
        named = parse_image_reference(placement.image)
        named = replace(named, digest=named.digest and named.digest.lower())
        is_long = len(placement.image.encode()) > NAME_LIMIT
        is_spaced = any(one.isspace() for one in placement.image)
        if is_long or is_spaced or not named.repository or not _is_storable(named.digest):
            raise InvalidInput("image", placement.image, "registry/repository:tag@sha256:…")
        return named
    if sbom.subject is None:
        raise InvalidDocument(
            source, sbom.subject_path, "names no image; say which with --image registry/repository:tag"
        )
    reference = sbom.subject.reference
    length = len("".join(filter(None, astuple(reference))).encode())
    if not reference.repository or length > NAME_LIMIT:
        expected = f"registry/repository:tag@digest of at most {NAME_LIMIT} bytes, or give --image"
        raise InvalidDocument(
            source, sbom.subject_path, f"names {sbom.subject.name[:80]!r}; expected {expected}"
        )
    if not _is_storable(reference.digest):
        reason = f"has the digest {reference.digest!r}; expected algorithm:hex, or give --image"
        raise InvalidDocument(source, sbom.subject_path, reason)
    return reference


def _is_storable(digest: str | None) -> bool:
    """As the digests of images in the schema: OCI's algorithm:hex."""
    return digest is None or DIGEST.fullmatch(digest) is not None

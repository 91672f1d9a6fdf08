"""Inventory: images, SBOMs, components and graphs."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from resources.errors import NotFound
from resources.ids import new_id
from resources.inventory_records import (
    CandidateRow,
    ComponentRow,
    GraphRow,
    Held,
    Holder,
    ImageView,
    KnownComponent,
    KnownSbom,
)
from resources.pages import Page, check_text
from resources.protocols.inventory.images import Images
from resources.records import Image, Json
from resources.repositories.base import Repository, columns_of, fields_of
from resources.repositories.inventory.filters import filters_of
from resources.selection import Selection

COMPONENT_KEY = ("purl", "package", "version", "source_version", "distro")


class ImageRepository(Repository, Images):
    """Images on PostgreSQL."""

    def upsert(
        self,
        *,
        tenant_id: str,
        registry: str,
        repository: str,
        digest: str | None,
        tag: str | None,
        namespace: str | None,
        labels: Json | None,
        now: datetime,
    ) -> Image:
        image = self._one(
            "images/upsert",
            Image,
            tenant_id=tenant_id,
            id=new_id(),
            registry=registry,
            repository=repository,
            digest=digest,
            tag=tag,
            namespace=namespace,
            labels=None if labels is None else Jsonb(labels),
            now=now,
        )
        if image is None:
            raise NotFound("image", repository)
        return image

    def find(
        self, tenant_id: str, registry: str, repository: str, digest: str | None, tag: str | None
    ) -> Image | None:
        return self._one(
            "images/find",
            Image,
            tenant_id=tenant_id,
            registry=registry,
            repository=repository,
            digest=digest,
            tag=tag,
        )

    def find_named(self, tenant_id: str, text: str, limit: int) -> list[Image]:
        check_text("image", text)
        return self._all("images/find_named", Image, tenant_id=tenant_id, text=text, limit=limit)

    def select(self, tenant_id: str, selection: Selection) -> list[Image]:
        return self._all("images/select", Image, tenant_id=tenant_id, **filters_of(selection))

    def count(self, tenant_id: str, selection: Selection) -> int:
        return int(self._scalar("images/count", tenant_id=tenant_id, **filters_of(selection)))

    def list_sboms(self, tenant_id: str, images: Iterable[UUID]) -> dict[UUID, UUID]:
        return dict(self._rows("images/list_sboms", tenant_id=tenant_id, images=list(images)))

    def find_sbom(self, image: Image, digest: str) -> UUID | None:
        found: UUID | None = self._scalar(
            "sboms/get_by_digest", tenant_id=image.tenant_id, image_id=image.id, digest=digest
        )
        return found

    def renew_sbom(self, image: Image, sbom_id: UUID, serial_number: str, content: bytes) -> None:
        self._execute(
            "sboms/renew",
            tenant_id=image.tenant_id,
            id=sbom_id,
            serial_number=serial_number,
            content=content,
        )

    def find_sbom_by_serial(self, tenant_id: str, serial_number: str) -> KnownSbom | None:
        return self._one(
            "sboms/find_by_serial", KnownSbom, tenant_id=tenant_id, serial_number=serial_number.lower()
        )

    def add_sbom(
        self,
        image: Image,
        *,
        digest: str,
        spec_version: str,
        serial_number: str | None,
        component_count: int,
        dependency_count: int,
        content: bytes,
        actor: str,
        now: datetime,
    ) -> UUID:
        sbom_id = new_id()
        self._execute(
            "sboms/insert",
            tenant_id=image.tenant_id,
            id=sbom_id,
            image_id=image.id,
            digest=digest,
            spec_version=spec_version,
            serial_number=serial_number,
            component_count=component_count,
            dependency_count=dependency_count,
            content=content,
            actor=actor,
            now=now,
        )
        return sbom_id

    def set_sbom(self, image: Image, sbom_id: UUID, now: datetime) -> None:
        self._execute("images/set_sbom", tenant_id=image.tenant_id, id=image.id, sbom_id=sbom_id, now=now)

    def unset_sbom(self, image: Image, now: datetime) -> None:
        if not self._execute("images/unset_sbom", tenant_id=image.tenant_id, id=image.id, now=now):
            raise NotFound("image", image.name)

    def get_sbom(self, tenant_id: str, sbom_id: UUID) -> tuple[bytes, str]:
        rows = self._rows("sboms/get_content", tenant_id=tenant_id, id=sbom_id)
        if not rows:
            raise NotFound("SBOM", sbom_id)
        return bytes(rows[0][0]), rows[0][1]

    def clear_components(self, image: Image) -> None:
        self._execute("components/clear_of_image", tenant_id=image.tenant_id, image_id=image.id)

    def add_components(self, image: Image, components: Sequence[ComponentRow]) -> None:
        columns = columns_of(components, *COMPONENT_KEY, "type", "name")
        self._execute(
            "components/insert_many",
            tenant_id=image.tenant_id,
            **{f"{name}s": values for name, values in columns.items()},
        )
        self._execute_anew(
            "components/insert_of_image",
            tenant_id=image.tenant_id,
            image_id=image.id,
            **{f"{name}s": columns[name] for name in COMPONENT_KEY},
        )

    def get_components(self, tenant_id: str, ids: Iterable[int]) -> dict[int, KnownComponent]:
        found = self._all("components/get_many", KnownComponent, tenant_id=tenant_id, ids=list(ids))
        return {component.id: component for component in found}

    def add_graph(self, tenant_id: str, graph: GraphRow, now: datetime) -> None:
        self._execute("graphs/insert", tenant_id=tenant_id, now=now, **fields_of(graph))

    def find_graph(self, image: Image) -> str | None:
        digest: str | None = self._scalar(
            "graph_jobs/last_digest", tenant_id=image.tenant_id, image_id=image.id, sbom_id=image.sbom_id
        )
        return digest

    def get_graph(self, tenant_id: str, digest: str) -> bytes:
        rows = self._rows("graphs/get_content", tenant_id=tenant_id, digest=digest)
        if not rows:
            raise NotFound("graph", digest)
        return bytes(rows[0][0])

    def graph_digests(self, tenant_id: str, prefix: str, limit: int) -> list[str]:
        rows = self._rows("graphs/list_digests", tenant_id=tenant_id, prefix=prefix, limit=limit)
        return [digest for (digest,) in rows]

    def list_candidates(
        self, tenant_id: str, selection: Selection, *, with_withdrawn: bool
    ) -> list[CandidateRow]:
        return self._all_anew(
            "impact/list_candidates",
            CandidateRow,
            tenant_id=tenant_id,
            advisories=list(selection.advisories) or None,
            since_revision=selection.since_revision,
            with_withdrawn=with_withdrawn,
        )

    def list_candidates_of(self, image: Image) -> list[CandidateRow]:
        return self._all(
            "impact/list_candidates_of_image", CandidateRow, tenant_id=image.tenant_id, image_id=image.id
        )

    def list_holders(self, tenant_id: str, components: Iterable[int], selection: Selection) -> list[Holder]:
        return self._all(
            "impact/list_holders",
            Holder,
            tenant_id=tenant_id,
            components=list(components),
            **filters_of(selection),
        )

    def list_held(
        self, tenant_id: str, components: Iterable[int], images: Iterable[UUID]
    ) -> dict[UUID, Held]:
        found = self._all_anew(
            "impact/list_held", Held, tenant_id=tenant_id, components=list(components), images=list(images)
        )
        return {one.image_id: one for one in found}

    def list(
        self, tenant_id: str, selection: Selection, *, cursor: str | None = None, limit: int = 100
    ) -> Page[ImageView]:
        return self._page(
            "images/list",
            ImageView,
            ("registry", "repository", "identity"),
            cursor=cursor,
            limit=limit,
            tenant_id=tenant_id,
            **filters_of(selection),
        )

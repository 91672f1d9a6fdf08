"""Inventory: images, SBOMs, components and graphs."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from resources.errors import NotFound
from resources.ids import new_id
from resources.inventory_records import AffectedImage, CandidateRow, ComponentRow, GraphRow, KnownComponent
from resources.records import Image, Json
from resources.repositories.base import Repository, columns_of, fields_of
from resources.selection import Selection

COMPONENT_KEY = ("purl", "package", "version", "source_version", "distro")


class ImageRepository(Repository):
    """Images of a tenant and what they hold."""

    def upsert(
        self,
        *,
        tenant_id: str,
        registry: str,
        repository: str,
        digest: str | None,
        tag: str | None,
        namespace: str,
        labels: Json,
        now: datetime,
    ) -> Image:
        """Adds an image, or brings its tag, namespace and labels up to date; one without a digest is its tag."""
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
            labels=Jsonb(labels),
            now=now,
        )
        if image is None:
            raise NotFound("image", repository)
        return image

    def select(self, tenant_id: str, selection: Selection) -> list[Image]:
        """The images with an SBOM that a selection names, by id."""
        return self._all(
            "images/select",
            Image,
            tenant_id=tenant_id,
            namespace=selection.namespace,
            repository_like=selection.repository_like,
            digest=selection.digest,
            labels=Jsonb(dict(selection.labels)),
        )

    def find_sbom(self, image: Image, digest: str) -> UUID | None:
        """The id of the image's SBOM with this digest of content."""
        found: UUID | None = self._scalar(
            "sboms/get_by_digest", tenant_id=image.tenant_id, image_id=image.id, digest=digest
        )
        return found

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
        """Keeps an SBOM of an image (``content`` compressed with zlib); returns its id."""
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
        """Makes an SBOM the one that holds; its components are to be replaced in the same transaction."""
        self._execute("images/set_sbom", tenant_id=image.tenant_id, id=image.id, sbom_id=sbom_id, now=now)

    def get_sbom(self, tenant_id: str, sbom_id: UUID) -> tuple[bytes, str]:
        """The document of an SBOM, compressed with zlib, and its digest; raises NotFound."""
        rows = self._rows("sboms/get_content", tenant_id=tenant_id, id=sbom_id)
        if not rows:
            raise NotFound("SBOM", sbom_id)
        return bytes(rows[0][0]), rows[0][1]

    def sbom_digests(self, tenant_id: str, sboms: Iterable[UUID]) -> dict[UUID, str]:
        """The digests of SBOMs by id."""
        rows = self._rows("sboms/list_digests", tenant_id=tenant_id, ids=list(sboms))
        return dict(rows)

    def clear_components(self, image: Image) -> None:
        """Forgets which components an image holds."""
        self._execute("components/clear_of_image", tenant_id=image.tenant_id, image_id=image.id)

    def add_components(self, image: Image, components: Sequence[ComponentRow]) -> None:
        """Adds components that are not known yet, and says that the image holds them all."""
        columns = columns_of(components, *COMPONENT_KEY, "type", "name")
        self._execute(
            "components/insert_many",
            tenant_id=image.tenant_id,
            **{f"{name}s": values for name, values in columns.items()},
        )
        self._execute(
            "components/insert_of_image",
            tenant_id=image.tenant_id,
            image_id=image.id,
            **{f"{name}s": columns[name] for name in COMPONENT_KEY},
        )

    def get_components(self, tenant_id: str, ids: Iterable[int]) -> dict[int, KnownComponent]:
        """Components by id."""
        found = self._all("components/get_many", KnownComponent, tenant_id=tenant_id, ids=list(ids))
        return {component.id: component for component in found}

    def add_graph(self, tenant_id: str, graph: GraphRow, now: datetime) -> None:
        """Keeps a graph; one with the same digest stays."""
        self._execute("graphs/insert", tenant_id=tenant_id, now=now, **fields_of(graph))

    def list_candidates(
        self, tenant_id: str, selection: Selection, *, with_withdrawn: bool
    ) -> list[CandidateRow]:
        """Components beside the advisory ranges of their packages, as a selection narrows the advisories.

        With ``since_revision`` both the ranges that began and those that ended after it count, so that what
        was withdrawn or narrowed is found too.
        """
        return self._all(
            "impact/list_candidates",
            CandidateRow,
            tenant_id=tenant_id,
            advisories=list(selection.advisories) or None,
            since_revision=selection.since_revision,
            with_withdrawn=with_withdrawn,
        )

    def list_affected(
        self, tenant_id: str, pairs: Sequence[tuple[int, str]], images: Iterable[UUID]
    ) -> list[AffectedImage]:
        """The images among some that hold the components of (component id, advisory id) pairs, sorted."""
        return self._all(
            "impact/list_affected_images",
            AffectedImage,
            tenant_id=tenant_id,
            components=[component_id for component_id, _ in pairs],
            advisories=[advisory_id for _, advisory_id in pairs],
            images=list(images),
        )

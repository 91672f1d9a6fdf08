"""What callers ask of the inventory's images, SBOMs, components and graphs."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

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
from resources.pages import Page
from resources.records import Image, Json
from resources.selection import Selection


class Images(Protocol):
    """Images of a tenant and what they hold."""

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
        """Adds an image, or brings its tag, namespace and labels up to date; one without a digest is its tag.

        None leaves namespace and labels as they are; a new image is in the namespace ``default``, without labels.
        """

    def find(
        self, tenant_id: str, registry: str, repository: str, digest: str | None, tag: str | None
    ) -> Image | None:
        """The image that `upsert` would bring up to date, locked until the transaction ends."""

    def find_named(self, tenant_id: str, text: str, limit: int) -> list[Image]:
        """The images with an SBOM that ``text`` names best, in the order of their names.

        Those called exactly so (``registry/repository:tag``, ``…@digest`` or both), else those called so without
        registry or tag, else those whose name and digest it is a part of.
        """

    def select(self, tenant_id: str, selection: Selection) -> list[Image]:
        """The images with an SBOM that a selection names, by id."""

    def find_sbom(self, image: Image, digest: str) -> UUID | None:
        """The id of the image's SBOM with this digest of content."""

    def renew_sbom(self, image: Image, sbom_id: UUID, serial_number: str, content: bytes) -> None:
        """Keeps a later document of the same content (compressed with zlib), if it is another."""

    def find_sbom_by_serial(self, tenant_id: str, serial_number: str) -> KnownSbom | None:
        """The SBOM ingested last under a serial number (urn:uuid:…), whatever the case of its letters."""

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

    def set_sbom(self, image: Image, sbom_id: UUID, now: datetime) -> None:
        """Makes an SBOM the one that holds; its components are to be replaced in the same transaction."""

    def unset_sbom(self, image: Image, now: datetime) -> None:
        """Takes its SBOM from an image; raises NotFound where it has none."""

    def get_sbom(self, tenant_id: str, sbom_id: UUID) -> tuple[bytes, str]:
        """The document of an SBOM, compressed with zlib, and its digest; raises NotFound."""

    def count(self, tenant_id: str, selection: Selection) -> int:
        """How many images ``select`` would give."""

    def list_sboms(self, tenant_id: str, images: Iterable[UUID]) -> dict[UUID, UUID]:
        """The SBOM that holds now for each of some images; those without one are left out."""

    def clear_components(self, image: Image) -> None:
        """Forgets which components an image holds."""

    def add_components(self, image: Image, components: Sequence[ComponentRow]) -> None:
        """Adds components that are not known yet, and says that the image holds them all."""

    def get_components(self, tenant_id: str, ids: Iterable[int]) -> dict[int, KnownComponent]:
        """Components by id."""

    def add_graph(self, tenant_id: str, graph: GraphRow, now: datetime) -> None:
        """Keeps a graph; one with the same digest stays."""

    def find_graph(self, image: Image) -> str | None:
        """The digest of the graph of the image's present SBOM; None until a graph run has built it."""

    def get_graph(self, tenant_id: str, digest: str) -> bytes:
        """A graph, compressed with zlib; raises NotFound."""

    def graph_digests(self, tenant_id: str, prefix: str, limit: int) -> list[str]:
        """The digests of graphs that begin with some hexadecimal digits, in order."""

    def list_candidates(
        self, tenant_id: str, selection: Selection, *, with_withdrawn: bool
    ) -> list[CandidateRow]:
        """Advisory ranges beside the components of their packages, as a selection narrows the advisories.

        With ``since_revision`` both the ranges that began and those that ended after it count, so that what
        was withdrawn or narrowed is found too.
        """

    def list_candidates_of(self, image: Image) -> list[CandidateRow]:
        """The ranges of all advisories that hold now, beside the components of one image."""

    def list_holders(self, tenant_id: str, components: Iterable[int], selection: Selection) -> list[Holder]:
        """The images of a selection that hold some components, by id, each with those it holds."""

    def list_held(
        self, tenant_id: str, components: Iterable[int], images: Iterable[UUID]
    ) -> dict[UUID, Held]:
        """Of each of some images that have an SBOM, those of some components that it holds."""

    def list(
        self, tenant_id: str, selection: Selection, *, cursor: str | None = None, limit: int = 100
    ) -> Page[ImageView]:
        """A page of the images that ``select`` would give, by name."""

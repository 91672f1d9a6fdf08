"""The stored graph that a person means, by its image or by its digest."""

import re
import shlex
from dataclasses import dataclass

from resources.errors import InvalidInput
from resources.records import Image
from resources.store import Store
from scheduler_defs.engines.graph import Graph
from scheduler_defs.graph_store import read_graph

DIGITS = re.compile(r"[0-9a-f]{8,64}")
ACCEPTED = (
    "registry/repository:tag, …@digest, or a part of them that one image with an SBOM has; "
    "or the digest of a graph, at least its first 8 digits"
)
SHOWN = 3


@dataclass(frozen=True)
class StoredGraph:
    """A graph, and the image it was found by."""

    graph: Graph
    image: Image | None = None

    @property
    def image_name(self) -> str | None:
        """The whole name of the image; None for a graph found by its digest."""
        return None if self.image is None else whole_name(self.image)


def find_graph(store: Store, tenant: str, text: str) -> StoredGraph:
    """The graph of an image's present SBOM, or the one whose digest begins with at least 8 digits.

    Digits that a graph begins with are that graph's, even when an image has them in its name. Raises
    InvalidInput for what names no graph, or several.
    """
    if DIGITS.fullmatch(digits := text.lower()):
        match store.images.graph_digests(tenant, digits, limit=2):
            case [digest]:
                return StoredGraph(read_graph(store, tenant, digest))
            case [_, *_]:
                raise InvalidInput("image", text, "more digits: several graphs begin so")
    image = _find_image(store, tenant, text)
    found = store.images.find_graph(image)
    if found is None:
        command = f"scheduler run start --kind graph --repository {shlex.quote(image.repository)}"
        raise InvalidInput(
            "image",
            text,
            f"an image whose present SBOM has a graph; build it with `{command} --tenant {shlex.quote(tenant)}`",
        )
    return StoredGraph(read_graph(store, tenant, found), image)


def whole_name(image: Image) -> str:
    """``registry/repository:tag@digest``, without what the image lacks."""
    return f"{image.name}@{image.digest}" if image.digest else image.name


def _find_image(store: Store, tenant: str, text: str) -> Image:
    images = store.images.find_named(tenant, text, limit=SHOWN + 1) if text else []
    if not images:
        raise InvalidInput("image", text, ACCEPTED)
    if len(images) > 1:
        names = [*map(whole_name, images[:SHOWN]), *("more" for _ in images[SHOWN:])]
        raise InvalidInput("image", text, f"what names one image, not {', '.join(names)}")
    return images[0]

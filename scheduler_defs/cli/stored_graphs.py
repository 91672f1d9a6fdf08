"""The stored graph that a person means, by its image or by its digest."""

import re
import shlex
from dataclasses import dataclass

from resources.errors import InvalidInput
from resources.records import Image
from resources.store import Store
from scheduler_defs.cli.named_images import ACCEPTED, find_image, whole_name
from scheduler_defs.engines.graph import Graph
from scheduler_defs.graph_store import read_graph

DIGITS = re.compile(r"[0-9a-f]{8,64}")
OR_DIGITS = f"{ACCEPTED}; or the digest of a graph, at least its first 8 digits"


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
    image = find_image(store, tenant, text, OR_DIGITS)
    found = store.images.find_graph(image)
    if found is None:
        command = f"scheduler run start --kind graph --repository {shlex.quote(image.repository)}"
        raise InvalidInput(
            "image",
            text,
            f"an image whose present SBOM has a graph; build it with `{command} --tenant {shlex.quote(tenant)}`",
        )
    return StoredGraph(read_graph(store, tenant, found), image)

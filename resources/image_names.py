"""How people are told images: by name, and by digest where the name is not enough."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

DIGITS = 12


class Named(Protocol):
    """An image, or a row that is about one."""

    @property
    def name(self) -> str:
        """``registry/repository:tag``."""

    @property
    def digest(self) -> str | None:
        """The image's digest, such as ``sha256:…``."""


class Identified(Named, Protocol):
    """An image with its id."""

    @property
    def id(self) -> UUID:
        """The image's id."""


def image_name(registry: str, repository: str, tag: str | None) -> str:
    """``registry/repository:tag``, without what is empty."""
    name = f"{registry}/{repository}" if registry else repository
    return f"{name}:{tag}" if tag else name


def distinct_names(images: Sequence[Named]) -> list[str]:
    """The name of each; its longer one where several of them have the name, as after a tag moved."""
    digests: dict[str, set[str | None]] = defaultdict(set)
    for one in images:
        digests[one.name].add(one.digest)
    return [longer_name(one) if len(digests[one.name]) > 1 else one.name for one in images]


def names_by_id(images: Sequence[Identified]) -> dict[UUID, str]:
    """The distinct name of each by its id."""
    return dict(zip((image.id for image in images), distinct_names(images), strict=True))


def longer_name(image: Named) -> str:
    """The name with the first digits of the digest, if the image has one."""
    if image.digest is None:
        return image.name
    algorithm, _, digits = image.digest.partition(":")
    return f"{image.name}@{algorithm}:{digits[:DIGITS]}"

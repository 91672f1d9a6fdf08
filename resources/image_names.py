"""How people are told images: by name, and by digest where the name is not enough."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

DIGITS = 12


class Named(Protocol):
    """An image."""

    @property
    def id(self) -> UUID:
        """The image's id."""

    @property
    def name(self) -> str:
        """``registry/repository:tag``."""

    @property
    def digest(self) -> str | None:
        """The image's digest, such as ``sha256:…``."""


def image_name(registry: str, repository: str, tag: str | None) -> str:
    """``registry/repository:tag``, without what is empty."""
    name = f"{registry}/{repository}" if registry else repository
    return f"{name}:{tag}" if tag else name


def names_by_id(images: Sequence[Named]) -> dict[UUID, str]:
    """The name of each by its id; its longer one where several of them have the name, as after a tag moved."""
    digests: dict[str, set[str | None]] = defaultdict(set)
    for one in images:
        digests[one.name].add(one.digest)
    return {one.id: longer_name(one) if len(digests[one.name]) > 1 else one.name for one in images}


def longer_name(image: Named) -> str:
    """The name with the first digits of the digest, if the image has one."""
    if image.digest is None:
        return image.name
    algorithm, _, digits = image.digest.partition(":")
    return f"{image.name}@{algorithm}:{digits[:DIGITS]}"

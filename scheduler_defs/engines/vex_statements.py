"""What a VEX document states, whatever its format: the impact of a vulnerability on components or images."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from resources.errors import InvalidDocument
from scheduler_defs.engines.digests import digest_of
from scheduler_defs.engines.purls import Purl
from scheduler_defs.engines.subjects import ImageReference, Subject, named_subject

_IMAGE_TYPES = frozenset({"oci", "docker"})


class VexStatus(StrEnum):
    """The statuses of VEX, as OpenVEX writes them."""

    NOT_AFFECTED = "not_affected"
    AFFECTED = "affected"
    FIXED = "fixed"
    UNDER_INVESTIGATION = "under_investigation"


@dataclass(frozen=True, slots=True)
class Statement:
    """What somebody states about one vulnerability at one time.

    `purl` is the canonical package URL of the component that is spoken of, in any version where it names none;
    None speaks of every component of `image`. `image` limits the statement to that image; None to no image.
    Never are both None. `aliases` are sorted and without `vulnerability`; `note` is free text, maybe empty.
    """

    vulnerability: str
    aliases: tuple[str, ...]
    purl: str | None
    image: ImageReference | None
    status: VexStatus
    justification: str | None
    note: str
    stated_at: datetime

    @property
    def digest(self) -> str:
        """The SHA-256 of all that is stated, whatever the document's format, order and layout."""
        image = self.image and [self.image.registry, self.image.repository, self.image.tag, self.image.digest]
        return digest_of(
            {
                "vulnerability": self.vulnerability,
                "aliases": self.aliases,
                "purl": self.purl,
                "image": image,
                "status": self.status.value,
                "justification": self.justification,
                "note": self.note,
                "stated_at": self.stated_at.astimezone(UTC).isoformat(),
            }
        )


@dataclass(frozen=True, slots=True)
class Unusable:
    """A part of a document that states nothing that can be used: its JSON pointer, and why."""

    source: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class VexDocument:
    """A document as read: each statement once, in the document's order, and what could not be used."""

    statements: tuple[Statement, ...]
    unusable: tuple[Unusable, ...]


@dataclass(frozen=True, slots=True)
class Bom:
    """What the refs of a CycloneDX document name: bom-ref to package URL, `root_ref` the image itself.

    `version` is the document's own, which tells it from others of its serial number.
    """

    image: ImageReference | None
    refs: Mapping[str, str]
    root_ref: str | None = None
    version: Any = 1


class Collector:
    """Collects the statements of one document, and what of it cannot be used."""

    def __init__(self) -> None:
        self._statements: dict[Statement, None] = {}
        self._unusable: list[Unusable] = []

    def add(self, statement: Statement) -> None:
        """Add a statement; the same one again counts once."""
        self._statements[statement] = None

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Note the InvalidDocument that ends the block as unusable, and go on after the block."""
        try:
            yield
        except InvalidDocument as error:
            self._unusable.append(Unusable(error.source, error.path, error.reason))

    def finish(self) -> VexDocument:
        """Build the document of what was collected."""
        return VexDocument(tuple(self._statements), tuple(self._unusable))


def speaking_of(claim: Statement, purl: Purl, image: ImageReference | None) -> Statement:
    """Return a claim about what a package URL names, limited to `image` if any.

    A pkg:oci or pkg:docker that names `image`, or any image where there is no limit, stands for all components
    of that image.
    """
    named = image_of(purl)
    if named is not None and (image is None or image_fits(named, image)):
        return replace(claim, purl=None, image=image or named)
    return replace(claim, purl=purl.text, image=image)


def image_of(purl: Purl) -> ImageReference | None:
    """Return the image that a pkg:oci or pkg:docker names, None for other package URLs."""
    if purl.type not in _IMAGE_TYPES:
        return None
    return image_reference(named_subject("container", purl.namespace, purl.name, None, purl))


def image_reference(subject: Subject) -> ImageReference:
    """Return the image that is described, its digest in lower case as the inventory keeps it."""
    digest = subject.digest.lower() if subject.digest else None
    return ImageReference(subject.registry, subject.repository, subject.tag, digest)


def image_fits(stated: ImageReference, image: ImageReference) -> bool:
    """Whether an image is the stated one: by digest where one is stated, else by every part that is stated.

    An empty registry is stated too: that of applications, which the inventory keeps beside images.
    """
    if stated.digest:
        return stated.digest.lower() == (image.digest or "").lower()
    return (
        stated.repository == image.repository
        and (stated.registry is None or stated.registry == (image.registry or ""))
        and (not stated.tag or stated.tag == image.tag)
    )

"""What an SBOM describes: an image reference taken apart into registry, repository, tag and digest."""

import re
from dataclasses import dataclass, replace
from typing import Any

from scheduler_defs.engines.purls import Purl, generic_purl

_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}")
_IMAGE_TYPES = frozenset({"oci", "docker"})
_DOCKER_HUB = "docker.io"
_OTHER_NAMES_OF_IT = frozenset({"index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})


@dataclass(frozen=True, slots=True)
class ImageReference:
    """The parts of an image reference."""

    registry: str | None
    repository: str
    tag: str | None
    digest: str | None

    def canonical(self) -> "ImageReference":
        """The reference with one name for Docker Hub, and one for what Docker publishes there.

        So index.docker.io/alpine is docker.io/library/alpine. Source: the normalized names of the distribution project;
        but what names no registry is left alone, since it may be an image that was only built here.
        """
        registry = _DOCKER_HUB if self.registry in _OTHER_NAMES_OF_IT else self.registry
        is_official = registry == _DOCKER_HUB and self.repository and "/" not in self.repository
        repository = f"library/{self.repository}" if is_official else self.repository
        return replace(self, registry=registry, repository=repository)


@dataclass(frozen=True, slots=True)
class Subject:
    """The thing an SBOM describes; `identity` is its canonical purl, or a pkg:generic stand-in for one."""

    name: str
    version: str | None
    purl: str | None
    registry: str | None
    repository: str
    digest: str | None
    tag: str | None
    identity: str

    @property
    def reference(self) -> ImageReference:
        """The image that the inventory keeps it as: a version is the tag, or the digest, where none is named.

        The digest is in lower case.
        """
        tag, digest = self.tag, self.digest
        if self.version and _DIGEST.fullmatch(self.version):
            digest = digest or self.version
        else:
            tag = tag or self.version
        return ImageReference(self.registry, self.repository, tag, digest.lower() if digest else None)


def parse_image_reference(text: str) -> ImageReference:
    """Take 'registry/repository:tag@digest' apart; every part but the repository may be absent.

    The first segment is a registry when it holds a dot or a colon or is 'localhost', as in the
    distribution project's reference grammar. Docker Hub has one name: see ImageReference.canonical.
    """
    return _as_written(text).canonical()


def canonical_text(text: str) -> str:
    """What somebody calls an image, or a part of it, with the one name of Docker Hub: see ImageReference.canonical."""
    registry, slash, rest = text.partition("/")
    if not slash or not rest or registry not in {_DOCKER_HUB, *_OTHER_NAMES_OF_IT}:
        return text
    return f"{_DOCKER_HUB}/{rest if '/' in rest else f'library/{rest}'}"


def _as_written(text: str) -> ImageReference:
    rest, _, digest = text.partition("@")
    first, slash, remainder = rest.partition("/")
    registry = first if slash and (first == "localhost" or "." in first or ":" in first) else None
    path = remainder if registry else rest
    head, colon, tag = path.rpartition(":")
    repository = head if colon else path
    return ImageReference(registry, repository, (tag or None) if colon else None, digest or None)


def subject_of(component: dict[str, Any], purl: Purl | None) -> Subject:
    """Build the subject from a CycloneDX metadata.component and its parsed purl; see named_subject."""
    return named_subject(
        component["type"], component.get("group"), component["name"], component.get("version"), purl
    )


def named_subject(
    kind: str, group: str | None, name: str, version: str | None, purl: Purl | None, digest: str | None = None
) -> Subject:
    """Build the subject from its CycloneDX type, its name and its parsed purl.

    Container images and pkg:oci or pkg:docker purls get registry, repository, tag and digest, which is `digest`
    where neither purl nor name nor version holds one. Of anything else the full name is the repository, but without
    a purl one that reads as an image reference is taken apart as that.
    """
    full_name = f"{group}/{name}" if group else name
    version = version or (purl.version if purl else None)
    is_image = kind == "container" or (purl is not None and purl.type in _IMAGE_TYPES)
    if is_image:
        parts = _image_of(full_name, version, purl)
    else:
        named = None if purl else _reference_in(full_name, version)
        parts = named or ImageReference(None, full_name, None, None)
    return Subject(
        name=full_name,
        version=version,
        purl=purl.text if purl else None,
        registry=parts.registry,
        repository=parts.repository,
        digest=parts.digest or (digest if is_image else None),
        tag=parts.tag,
        identity=purl.text if purl else generic_purl(group, name, version),
    )


def _reference_in(name: str, version: str | None) -> ImageReference | None:
    """Read a name that is an image reference; a tag without a registry, beside another version, is part of a name."""
    named = parse_image_reference(name)
    is_digest = named.digest is None or _DIGEST.fullmatch(named.digest)
    is_tag = named.registry or not named.tag or version in (None, named.tag)
    return named if named.repository and is_digest and is_tag else None


def _image_of(name: str, version: str | None, purl: Purl | None) -> ImageReference:
    named = _as_written(name)
    located = _location_of(purl) or named
    digest, tag = located.digest or named.digest, located.tag or named.tag
    if version and _DIGEST.fullmatch(version):
        digest = digest or version
    else:
        tag = tag or version
    registry, repository = located.registry or named.registry, located.repository or named.repository
    return ImageReference(registry, repository, tag, digest).canonical()


def _location_of(purl: Purl | None) -> ImageReference | None:
    """Read pkg:oci, whose repository_url names the repository, or pkg:docker, where it is the registry."""
    if purl is None or purl.type not in _IMAGE_TYPES:
        return None
    location = re.sub(r"^[a-z]+://", "", purl.qualifiers.get("repository_url", "")).strip("/")
    own_path = f"{purl.namespace}/{purl.name}" if purl.namespace else purl.name
    registry: str | None
    if purl.type == "docker":
        registry, repository = location or None, own_path
    elif "/" in location:
        located = _as_written(location)
        registry, repository = located.registry, located.repository
    else:
        registry, repository = location or None, own_path if location else ""
    is_digest = bool(purl.version and _DIGEST.fullmatch(purl.version))
    tag = purl.qualifiers.get("tag") or (None if is_digest else purl.version)
    return ImageReference(registry, repository, tag, purl.version if is_digest else None)

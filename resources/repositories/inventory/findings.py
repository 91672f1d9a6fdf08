"""Inventory: findings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from uuid import UUID

from resources.inventory_records import Decided, FindingKey, FindingView, OpenCount, OpenFinding
from resources.protocols.inventory.findings import Findings
from resources.records import Image, Run
from resources.repositories.base import Repository, json_of

AT_ONCE = 20_000
"""Findings of one statement: PostgreSQL takes 256 MB of JSON, and some messages are long."""


class FindingRepository(Repository, Findings):
    """Findings on PostgreSQL."""

    def list_open_of(self, tenant_id: str, images: Iterable[UUID]) -> list[OpenFinding]:
        return self._all_anew(
            "findings/list_open_of_images", OpenFinding, tenant_id=tenant_id, images=list(images)
        )

    def view_open_of(self, image: Image) -> list[FindingView]:
        return self._all(
            "findings/list_open_of_image", FindingView, tenant_id=image.tenant_id, image_id=image.id
        )

    def count_open_of(self, tenant_id: str, images: Iterable[UUID]) -> list[OpenCount]:
        return self._all_anew(
            "findings/count_open_of_images", OpenCount, tenant_id=tenant_id, images=list(images)
        )

    def digests_of(self, tenant_id: str, images: Iterable[UUID]) -> dict[UUID, str]:
        return dict(self._rows("findings/list_digests_of_images", tenant_id=tenant_id, images=list(images)))

    def write(self, run: Run, found: Mapping[UUID, Sequence[Decided]], now: datetime) -> None:
        every = ((image_id, one) for image_id, own in found.items() for one in own)
        for images, decided, of_images, of_decided in _parts(every):
            self._execute(
                "findings/upsert_many",
                tenant_id=run.tenant_id,
                run_id=run.id,
                now=now,
                images=images,
                decided=json_of(decided),
                of_images=_integers(of_images),
                of_decided=_integers(of_decided),
            )

    def close(self, run: Run, gone: Mapping[UUID, Iterable[FindingKey]], now: datetime) -> None:
        keys = [(image_id, *key) for image_id, own in gone.items() for key in own]
        if keys:
            images, policies, components, advisories = map(list, zip(*keys, strict=True))
            self._execute_anew(
                "findings/close_many",
                tenant_id=run.tenant_id,
                now=now,
                images=images,
                policies=policies,
                components=components,
                advisories=advisories,
            )

    def list_open(self, tenant_id: str, verdict: str | None = None, limit: int = 100) -> list[FindingView]:
        return self._all("findings/list_open", FindingView, tenant_id=tenant_id, verdict=verdict, limit=limit)


_Part = tuple[list[UUID], list[Decided], list[int], list[int]]


def _parts(found: Iterator[tuple[UUID, Decided]]) -> Iterator[_Part]:
    """Findings in parts that a statement takes: images and decisions once each, and pairs of their numbers from 1."""
    while part := list(islice(found, AT_ONCE)):
        images: dict[UUID, int] = {}
        numbers: dict[int, int] = {}
        decided: list[Decided] = []
        of_decided: list[int] = []
        for _, one in part:
            number = numbers.get(id(one))
            if number is None:
                decided.append(one)
                number = numbers[id(one)] = len(decided)
            of_decided.append(number)
        of_images = [images.setdefault(image_id, len(images) + 1) for image_id, _ in part]
        yield list(images), decided, of_images, of_decided


def _integers(numbers: Iterable[int]) -> str:
    """An array as PostgreSQL writes it: much faster than a parameter for each number."""
    return f"{{{','.join(map(str, numbers))}}}"

"""Inventory: findings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from resources.inventory_records import Decided, FindingKey, FindingView, OpenCount, OpenFinding, OpenLines
from resources.protocols.inventory.findings import Findings
from resources.records import Image, Run
from resources.repositories.base import Repository, json_of
from resources.repositories.inventory.filters import filters_of
from resources.selection import EVERYTHING, Selection

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

    def lines_of(self, tenant_id: str, images: Iterable[UUID]) -> dict[UUID, OpenLines]:
        found = self._all_anew(
            "findings/list_lines_of_images", OpenLines, tenant_id=tenant_id, images=list(images)
        )
        return {one.image_id: one for one in found}

    def write(self, run: Run, found: Mapping[UUID, Sequence[Decided]], now: datetime) -> None:
        for part in _parts(found):
            self._execute_anew(
                "findings/upsert_many",
                tenant_id=run.tenant_id,
                run_id=run.id,
                now=now,
                images=part.images,
                decided=json_of(part.decided),
                of_images=_integers(part.of_images),
                of_decided=_integers(part.of_decided),
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

    def close_of(self, image: Image, now: datetime) -> int:
        return self._execute("findings/close_of_image", tenant_id=image.tenant_id, image_id=image.id, now=now)

    def close_of_policy(self, tenant_id: str, policy_id: UUID, now: datetime) -> int:
        return self._execute("findings/close_of_policy", tenant_id=tenant_id, policy_id=policy_id, now=now)

    def list_open(
        self,
        tenant_id: str,
        verdict: str | None = None,
        selection: Selection = EVERYTHING,
        limit: int = 100,
    ) -> list[FindingView]:
        return self._all(
            "findings/list_open",
            FindingView,
            tenant_id=tenant_id,
            verdict=verdict,
            advisories=list(selection.advisories) or None,
            limit=limit,
            **filters_of(selection),
        )


@dataclass
class _Part:
    """Findings of one statement: images and decisions once each, and pairs of their numbers from 1."""

    images: list[UUID] = field(default_factory=list)
    decided: list[Decided] = field(default_factory=list)
    of_images: list[int] = field(default_factory=list)
    of_decided: list[int] = field(default_factory=list)
    _numbers: dict[int, int] = field(default_factory=dict)

    def add(self, image_id: UUID, found: Sequence[Decided]) -> None:
        self.images.append(image_id)
        self.of_images += [len(self.images)] * len(found)
        for one in found:
            number = self._numbers.get(id(one))
            if number is None:
                self.decided.append(one)
                number = self._numbers[id(one)] = len(self.decided)
            self.of_decided.append(number)


def _parts(found: Mapping[UUID, Sequence[Decided]]) -> Iterator[_Part]:
    part = _Part()
    for image_id, own in found.items():
        for start in range(0, len(own), AT_ONCE):
            piece = own[start : start + AT_ONCE]
            if len(part.of_images) + len(piece) > AT_ONCE:
                yield part
                part = _Part()
            part.add(image_id, piece)
    if part.images:
        yield part


def _integers(numbers: Iterable[int]) -> str:
    """An array as PostgreSQL writes it: much faster than a parameter for each number."""
    return f"{{{','.join(map(str, numbers))}}}"

"""What callers ask of the inventory's findings."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from resources.inventory_records import Decided, FindingKey, FindingView, OpenCount, OpenFinding, OpenLines
from resources.records import Image, Run
from resources.selection import EVERYTHING, Selection


class Findings(Protocol):
    """Findings of a tenant; one row per image, policy, component and advisory, closed when no longer seen.

    A run that finds what is open already writes nothing, so that full and incremental runs leave the same rows.
    """

    def list_open_of(self, tenant_id: str, images: Iterable[UUID]) -> list[OpenFinding]:
        """The open findings of images."""

    def view_open_of(self, image: Image) -> list[FindingView]:
        """The open findings of one image, by policy, component and advisory."""

    def count_open_of(self, tenant_id: str, images: Iterable[UUID]) -> list[OpenCount]:
        """How many open findings images have, by verdict, severity and match."""

    def lines_of(self, tenant_id: str, images: Iterable[UUID]) -> dict[UUID, OpenLines]:
        """The lines of the open findings of each of some images that has any."""

    def write(self, run: Run, found: Mapping[UUID, Sequence[Decided]], now: datetime) -> None:
        """Adds findings of images, or brings them up to date; the images' others stay as they are.

        The caller holds ``policy_jobs.lock``: the first findings of an image may be written by one transaction only.
        """

    def close(self, run: Run, gone: Mapping[UUID, Iterable[FindingKey]], now: datetime) -> None:
        """Closes open findings of images that a run did not see again."""

    def close_of(self, image: Image, now: datetime) -> int:
        """Closes the open findings of an image that is removed; returns how many."""

    def close_of_policy(self, tenant_id: str, policy_id: UUID, now: datetime) -> int:
        """Closes the open findings of a policy that is removed; returns how many."""

    def list_open(
        self,
        tenant_id: str,
        verdict: str | None = None,
        selection: Selection = EVERYTHING,
        limit: int = 100,
    ) -> list[FindingView]:
        """Open findings, worst first: of the selected images, and of advisories by their own ids."""

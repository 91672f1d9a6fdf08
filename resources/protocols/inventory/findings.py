"""What callers ask of the inventory's findings."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from resources.inventory_records import FindingRow, FindingView, OpenCount, OpenFinding
from resources.records import Run


class Findings(Protocol):
    """Findings of a tenant; one row per image, policy, component and advisory, closed when no longer seen."""

    def list_open_of(self, tenant_id: str, images: Iterable[UUID]) -> list[OpenFinding]:
        """The open findings of images."""

    def count_open_of(self, tenant_id: str, images: Iterable[UUID]) -> list[OpenCount]:
        """How many open findings images have, by verdict and severity."""

    def replace(
        self, run: Run, images: Iterable[UUID], findings: Sequence[FindingRow], now: datetime
    ) -> None:
        """Makes findings the open ones of evaluated images: writes what was found, closes what was not."""

    def list_open(self, tenant_id: str, verdict: str | None = None, limit: int = 100) -> list[FindingView]:
        """Open findings, worst first."""

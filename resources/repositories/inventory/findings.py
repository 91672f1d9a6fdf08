"""Inventory: findings."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from resources.ids import new_id
from resources.inventory_records import FindingRow, FindingView, OpenCount, OpenFinding
from resources.protocols.inventory.findings import Findings
from resources.records import Run
from resources.repositories.base import Repository, json_of

AT_ONCE = 20_000
"""Findings of one statement: PostgreSQL takes 256 MB of JSON, and some messages are long."""


class FindingRepository(Repository, Findings):
    """Findings on PostgreSQL."""

    def list_open_of(self, tenant_id: str, images: Iterable[UUID]) -> list[OpenFinding]:
        return self._all(
            "findings/list_open_of_images", OpenFinding, tenant_id=tenant_id, images=list(images)
        )

    def count_open_of(self, tenant_id: str, images: Iterable[UUID]) -> list[OpenCount]:
        return self._all("findings/count_open_of_images", OpenCount, tenant_id=tenant_id, images=list(images))

    def replace(
        self, run: Run, images: Iterable[UUID], findings: Sequence[FindingRow], now: datetime
    ) -> None:
        for start in range(0, len(findings), AT_ONCE):
            part = findings[start : start + AT_ONCE]
            self._execute(
                "findings/upsert_many",
                tenant_id=run.tenant_id,
                run_id=run.id,
                now=now,
                ids=[new_id() for _ in part],
                findings=json_of(part),
            )
        self._execute(
            "findings/close_unseen", tenant_id=run.tenant_id, run_id=run.id, images=list(images), now=now
        )

    def list_open(self, tenant_id: str, verdict: str | None = None, limit: int = 100) -> list[FindingView]:
        return self._all("findings/list_open", FindingView, tenant_id=tenant_id, verdict=verdict, limit=limit)

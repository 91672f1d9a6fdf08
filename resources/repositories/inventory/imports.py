"""Inventory: imports of advisories, EPSS and KEV, what they staged and what they left out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from resources.errors import StaleAttempt
from resources.inventory_records import AdvisoryImport, AdvisoryRow, LeftOut, Quarantined, RangeRow
from resources.pages import Page
from resources.protocols.inventory.imports import AdvisoryImports
from resources.repositories.base import Repository, json_of


class AdvisoryImportRepository(Repository, AdvisoryImports):
    """Imports of advisories, EPSS and KEV on PostgreSQL."""

    def hold(self, import_id: UUID) -> bool:
        held: bool = self._scalar("imports/hold", id=str(import_id))
        return held

    def hold_unfinished(self, source: str, fingerprint: str) -> AdvisoryImport | None:
        held = self._scalar("imports/hold_unfinished", source=source, fingerprint=fingerprint)
        # Read again: it may have ended after the first statement began and before it was held.
        return self._one("imports/find_unfinished", AdvisoryImport, id=held)

    def begin(
        self,
        import_id: UUID,
        source: str,
        fingerprint: str,
        actor: str,
        now: datetime,
        *,
        kind: str = "advisories",
    ) -> AdvisoryImport:
        begun = {"id": import_id, "kind": kind, "source": source, "fingerprint": fingerprint}
        return self._all("imports/insert", AdvisoryImport, **begun, actor=actor, now=now)[0]

    def advance(self, current: AdvisoryImport, now: datetime, *, read: int, left_out: int) -> AdvisoryImport:
        counts = {"records": current.records, "read": read, "left_out": left_out}
        advanced = self._one("imports/advance", AdvisoryImport, id=current.id, now=now, **counts)
        if advanced is None:
            raise _stale(current)
        return advanced

    def stage(self, import_id: UUID, batch: Sequence[tuple[AdvisoryRow, Sequence[RangeRow]]]) -> None:
        rows = [_staged(advisory, ranges) for advisory, ranges in batch]
        self._execute("imports/stage_many", import_id=import_id, advisories=json_of(rows))

    def quarantine(self, import_id: UUID, batch: Sequence[LeftOut], now: datetime) -> None:
        self._execute("imports/quarantine_many", import_id=import_id, left_out=json_of(batch), now=now)

    def count_changes(self, import_id: UUID) -> tuple[int, int, int]:
        ((added, changed, older),) = self._rows("imports/count_changes", import_id=import_id)
        return added, changed, older

    def renew(self, import_id: UUID) -> None:
        self._execute("imports/renew", import_id=import_id)

    def publish(self, import_id: UUID, revision: int) -> None:
        for query in ("imports/publish_advisories", "imports/end_ranges", "imports/begin_ranges"):
            self._execute(query, import_id=import_id, revision=revision)

    def finish(self, current: AdvisoryImport, revision: int | None, now: datetime) -> None:
        read = {"records": current.records, "revision": revision, "now": now}
        if not self._execute("imports/finish", id=current.id, **read):
            raise _stale(current)
        self._execute("imports/delete_staged", import_id=current.id)
        self._execute("imports/delete_earlier", id=current.id)

    def refuse(self, import_id: UUID) -> None:
        self._execute("imports/delete", id=import_id)

    def list_quarantine(
        self, *, import_id: UUID | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Quarantined]:
        return self._page(
            "imports/list_quarantine",
            Quarantined,
            ("import_id", "record"),
            cursor=cursor,
            limit=limit,
            import_id=import_id,
        )


def _staged(advisory: AdvisoryRow, ranges: Sequence[RangeRow]) -> dict[str, Any]:
    return {**vars(advisory), "ranges": [vars(one) for one in ranges]}


def _stale(current: AdvisoryImport) -> StaleAttempt:
    return StaleAttempt("advisory import", current.id, f"reading on from record {current.records}")

"""Inventory: VEX statements."""

from collections.abc import Sequence
from datetime import datetime

from psycopg.types.json import Jsonb

from resources.ids import new_id
from resources.inventory_records import VexRow, VexView
from resources.pages import Page
from resources.protocols.inventory.vex import Vex
from resources.repositories.base import Repository, columns_of


class VexRepository(Repository, Vex):
    """VEX statements on PostgreSQL."""

    def add(
        self, tenant_id: str, statements: Sequence[VexRow], source: str, actor: str, now: datetime
    ) -> int:
        columns = columns_of(
            statements,
            *("vulnerability", "purl", "image", "status", "justification", "note", "stated_at", "digest"),
        )
        return self._execute(
            "vex/insert_many",
            tenant_id=tenant_id,
            ids=[new_id() for _ in statements],
            vulnerabilities=columns["vulnerability"],
            aliases=[Jsonb(list(one.aliases)) for one in statements],
            purls=columns["purl"],
            images=columns["image"],
            statuses=columns["status"],
            justifications=columns["justification"],
            notes=columns["note"],
            stated=columns["stated_at"],
            digests=columns["digest"],
            source=source,
            actor=actor,
            now=now,
        )

    def list_all(self, tenant_id: str) -> list[VexRow]:
        return self._all("vex/list_all", VexRow, tenant_id=tenant_id)

    def count(self, tenant_id: str) -> int:
        return int(self._scalar("vex/count", tenant_id=tenant_id))

    def list(
        self, tenant_id: str, *, vulnerability: str | None = None, cursor: str | None = None, limit: int = 100
    ) -> Page[VexView]:
        return self._page(
            "vex/list_newest",
            VexView,
            ("stated_at", "id"),
            cursor=cursor,
            limit=limit,
            tenant_id=tenant_id,
            vulnerability=vulnerability,
        )

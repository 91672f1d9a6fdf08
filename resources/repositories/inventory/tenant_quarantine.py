"""Inventory: what imports of tenants left out."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from resources.inventory_records import LeftOut, Quarantined
from resources.pages import Page
from resources.protocols.inventory.tenant_quarantine import TenantQuarantine
from resources.repositories.base import Repository, json_of


class TenantQuarantineRepository(Repository, TenantQuarantine):
    """What imports of tenants left out on PostgreSQL."""

    def add(
        self,
        tenant_id: str,
        import_id: UUID,
        kind: str,
        source: str,
        batch: Sequence[LeftOut],
        now: datetime,
    ) -> None:
        self._execute(
            "tenant_quarantine/insert_many",
            tenant_id=tenant_id,
            import_id=import_id,
            kind=kind,
            source=source,
            left_out=json_of(batch),
            now=now,
        )

    def forget_earlier(self, tenant_id: str, import_id: UUID, kind: str, source: str) -> None:
        of_source = {"tenant_id": tenant_id, "kind": kind, "source": source}
        self._execute("tenant_quarantine/delete_earlier", import_id=import_id, **of_source)

    def refuse(self, tenant_id: str, import_id: UUID) -> None:
        self._execute("tenant_quarantine/delete", tenant_id=tenant_id, import_id=import_id)

    def list(self, tenant_id: str, *, cursor: str | None = None, limit: int = 50) -> Page[Quarantined]:
        return self._page(
            "tenant_quarantine/list",
            Quarantined,
            ("import_id", "record"),
            cursor=cursor,
            limit=limit,
            tenant_id=tenant_id,
        )

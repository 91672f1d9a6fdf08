"""Table tenants."""

from collections.abc import Sequence
from datetime import datetime

from resources.errors import AlreadyExists, NotFound
from resources.protocols.tenants import Tenants
from resources.records import Tenant
from resources.repositories.base import Repository


class TenantRepository(Repository, Tenants):
    """Tenants on PostgreSQL."""

    def create(
        self,
        tenant_id: str,
        display_name: str,
        actor: str,
        now: datetime,
        max_concurrent_runs: int | None = None,
    ) -> Tenant:
        tenant = self._one(
            "tenants/insert",
            Tenant,
            tenant_id=tenant_id,
            display_name=display_name,
            max_concurrent_runs=max_concurrent_runs,
            actor=actor,
            now=now,
        )
        if tenant is None:
            raise AlreadyExists("tenant", tenant_id)
        return tenant

    def get(self, tenant_id: str) -> Tenant:
        tenant = self._one("tenants/get", Tenant, tenant_id=tenant_id)
        if tenant is None:
            raise NotFound("tenant", tenant_id)
        return tenant

    def list(self) -> list[Tenant]:
        return self._all("tenants/list", Tenant)

    def lock_due(self, now: datetime, limit: int) -> Sequence[str]:
        return [row[0] for row in self._rows("tenants/lock_due", now=now, limit=limit)]

    def lock_waiting(self, now: datetime, limit: int) -> Sequence[str]:
        return [row[0] for row in self._rows("tenants/lock_waiting", now=now, limit=limit)]

    def lock_capacity(self, tenant_id: str) -> int | None:
        rows = self._rows("tenants/lock_capacity", tenant_id=tenant_id)
        if not rows:
            raise NotFound("tenant", tenant_id)
        limit: int | None = rows[0][0]
        return limit

    def mark_served(self, tenants: Sequence[str], now: datetime) -> None:
        self._execute("tenants/mark_served", tenants=list(tenants), now=now)

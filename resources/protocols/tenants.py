"""What callers ask of table tenants."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from resources.records import Tenant


class Tenants(Protocol):
    """Tenants; creating, locking and marking are the system's, reading is a tenant's own row."""

    def create(
        self,
        tenant_id: str,
        display_name: str,
        actor: str,
        now: datetime,
        max_concurrent_runs: int | None = None,
    ) -> Tenant:
        """Adds a tenant; raises AlreadyExists."""

    def get(self, tenant_id: str) -> Tenant:
        """One tenant; raises NotFound."""

    def list(self) -> list[Tenant]:
        """Every tenant this transaction may see, by id."""

    def lock_due(self, now: datetime, limit: int) -> Sequence[str]:
        """Locks up to ``limit`` tenants with something to fire; the longest unserved first."""

    def lock_waiting(self, now: datetime, limit: int) -> Sequence[str]:
        """Locks up to ``limit`` tenants with nothing to fire but pending runs, in the same order.

        A tenant at its limit of runs at once only when one of these is to stop for a newer fire.
        """

    def lock_capacity(self, tenant_id: str) -> int | None:
        """Locks a tenant; returns how many of its runs may be queued or running, None for no limit; raises NotFound."""

    def mark_served(self, tenants: Sequence[str], now: datetime) -> None:
        """Moves locked tenants to the end of the line."""

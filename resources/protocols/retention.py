"""What callers ask of everything that is past retention."""

from datetime import datetime, timedelta
from typing import Protocol

from resources.records import HeldLock, LogPartition, Pruned


class Retention(Protocol):
    """Deletes what is past retention, in batches; all of it is the system's.

    ``before`` is where retention ends, ``batch`` the most rows of a table that one call deletes.
    """

    def list_tenants(self, before: datetime) -> list[str]:
        """Tenants with a run that may be pruned."""

    def prune_runs(self, tenant_id: str, before: datetime, batch: int) -> Pruned:
        """Deletes the oldest runs that were planned and ended before a day (UTC), and what belongs to them.

        A run that a kept run retries stays, and so does one that somebody holds at this moment; a run with more
        work items than a batch goes once they are gone. Moves the tenant's ``ledger_since`` up to the day first.
        """

    def ledger_since(self, tenant_id: str) -> datetime | None:
        """Since which day the tenant's ledger is whole, None when nothing was ever pruned; raises NotFound."""

    def prune_launches(self, before: datetime, batch: int) -> int:
        """Deletes launches that ended before an instant and that no run names; returns how many."""

    def prune_workers(self, before: datetime, batch: int) -> int:
        """Deletes workers that ended before an instant and that no run names; returns how many."""

    def prune_notifications(self, before: datetime, batch: int) -> int:
        """Deletes what people were to be told before an instant, delivered or not; returns how many."""

    def prune_import(self, abandoned: datetime, before: datetime) -> int:
        """Deletes the import that was left unfinished before ``abandoned``, or finished before ``before``, the
        longest ago, with what it staged and left out; returns how many: 1 or 0."""

    def prune_tenant_quarantine(self, before: datetime, batch: int) -> int:
        """Deletes what imports of tenants left out before an instant; returns how many."""

    def prune_trigger_events(self, tenant_id: str, before: datetime, batch: int) -> int:
        """Deletes events of a tenant that were accounted for before an instant, at most a batch; returns how many."""

    def list_expired_partitions(self, before: datetime) -> list[LogPartition]:
        """Log partitions whose month ended before an instant, oldest first."""

    def limit_waiting(self, longest: timedelta) -> None:
        """Lets no statement of this transaction wait longer for a lock: psycopg.errors.LockNotAvailable."""

    def locks_held(self) -> list[HeldLock]:
        """The product's tables that this transaction has locked; log partitions as execution_logs_YYYYMM."""

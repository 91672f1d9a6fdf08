"""What is past retention, over several tables."""

from datetime import datetime, timedelta

from resources.errors import NotFound
from resources.protocols.retention import Retention
from resources.records import HeldLock, LogPartition, Pruned
from resources.repositories.base import Repository

MILLISECOND = timedelta(milliseconds=1)


class RetentionRepository(Repository, Retention):
    """Retention on PostgreSQL."""

    def list_tenants(self, before: datetime) -> list[str]:
        return [row[0] for row in self._rows("retention/list_tenants", before=before)]

    def prune_runs(self, tenant_id: str, before: datetime, batch: int) -> Pruned:
        locked = self._rows("retention/lock_runs", tenant_id=tenant_id, before=before, batch=batch)
        runs = {"tenant_id": tenant_id, "runs": [row[0] for row in locked]}
        pruned = Pruned(
            graph_jobs=self._execute("retention/delete_graph_jobs", **runs, batch=batch),
            policy_jobs=self._execute("retention/delete_policy_jobs", **runs, batch=batch),
            impact_snapshot_images=self._execute("retention/delete_snapshot_images", **runs, batch=batch),
            impact_snapshots=self._execute("retention/delete_snapshots", **runs),
            runs=self._execute("retention/delete_runs", **runs),
        )
        # Last: claims of the tenant wait for this row until the batch is committed.
        self._execute("retention/advance_ledger", tenant_id=tenant_id, before=before)
        return pruned

    def ledger_since(self, tenant_id: str) -> datetime | None:
        rows = self._rows("retention/ledger_since", tenant_id=tenant_id)
        if not rows:
            raise NotFound("tenant", tenant_id)
        since: datetime | None = rows[0][0]
        return since

    def prune_launches(self, before: datetime, batch: int) -> int:
        return self._execute("retention/delete_launches", before=before, batch=batch)

    def prune_workers(self, before: datetime, batch: int) -> int:
        return self._execute("retention/delete_workers", before=before, batch=batch)

    def prune_notifications(self, before: datetime, batch: int) -> int:
        return self._execute("retention/delete_notifications", before=before, batch=batch)

    def prune_import(self, abandoned: datetime, before: datetime) -> int:
        return self._execute("retention/delete_imports", abandoned=abandoned, before=before)

    def prune_tenant_quarantine(self, before: datetime, batch: int) -> int:
        return self._execute("retention/delete_tenant_quarantine", before=before, batch=batch)

    def prune_trigger_events(self, tenant_id: str, before: datetime, batch: int) -> int:
        return self._execute(
            "retention/delete_trigger_events", tenant_id=tenant_id, before=before, batch=batch
        )

    def list_expired_partitions(self, before: datetime) -> list[LogPartition]:
        return self._all("execution_logs/list_expired_partitions", LogPartition, before=before)

    def limit_waiting(self, longest: timedelta) -> None:
        self._execute("session/limit_waiting", milliseconds=longest // MILLISECOND)

    def locks_held(self) -> list[HeldLock]:
        return self._all("session/locks_held", HeldLock)

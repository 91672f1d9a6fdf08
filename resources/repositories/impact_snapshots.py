"""Tables impact_snapshots and impact_snapshot_images."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from resources.records import ImpactSnapshot, Run
from resources.repositories.base import Repository, fields_of

Reasons = Sequence[tuple[str, str]]


class ImpactSnapshotRepository(Repository):
    """What impact runs found; never changed once written."""

    def create(self, snapshot: ImpactSnapshot, reasons: Mapping[UUID, Reasons]) -> None:
        """Keeps a snapshot with its images, each with its (purl, advisory id) reasons."""
        self._execute("impact_snapshots/insert", **fields_of(snapshot))
        self._execute(
            "impact_snapshots/insert_images",
            tenant_id=snapshot.tenant_id,
            snapshot_id=snapshot.id,
            images=list(reasons),
            reasons=[Jsonb([list(reason) for reason in why]) for why in reasons.values()],
        )

    def get_of_run(self, tenant_id: str, run_id: UUID) -> ImpactSnapshot | None:
        """The snapshot of a run."""
        return self._one("impact_snapshots/get_of_run", ImpactSnapshot, tenant_id=tenant_id, run_id=run_id)

    def latest_of_schedule(self, run: Run) -> ImpactSnapshot | None:
        """The newest snapshot of the run's schedule other than the run's own."""
        return self._one(
            "impact_snapshots/latest_of_schedule",
            ImpactSnapshot,
            tenant_id=run.tenant_id,
            schedule_id=run.schedule_id,
            before_run=run.id,
        )

    def list_images(self, snapshot: ImpactSnapshot) -> dict[UUID, list[Any]]:
        """The affected images with their reasons."""
        rows = self._rows(
            "impact_snapshots/list_images", tenant_id=snapshot.tenant_id, snapshot_id=snapshot.id
        )
        return dict(rows)

"""What callers ask of tables impact_snapshots and impact_snapshot_images."""

import builtins
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from resources.pages import Page
from resources.records import AffectedBy, ImpactDiff, ImpactSnapshot, Run

Reasons = Sequence[tuple[str, str]]


class ImpactSnapshots(Protocol):
    """What impact runs found; never changed once written."""

    def create(
        self,
        snapshot: ImpactSnapshot,
        reasons: Mapping[UUID, Reasons],
        unknown: Mapping[UUID, Reasons] | None = None,
    ) -> None:
        """Keeps a snapshot with its images, each with the (purl, advisory id) pairs why it is, or may be, affected.

        Raises AlreadyExists when the run has one, NotFound without the run.
        """

    def get(self, tenant_id: str, snapshot_id: UUID) -> ImpactSnapshot:
        """One snapshot; raises NotFound."""

    def get_of_run(self, tenant_id: str, run_id: UUID) -> ImpactSnapshot | None:
        """The snapshot of a run."""

    def list(
        self,
        tenant_id: str,
        *,
        schedule_id: UUID | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[ImpactSnapshot]:
        """Snapshots, newest first."""

    def latest_of_schedule(self, tenant_id: str, schedule_id: UUID) -> ImpactSnapshot | None:
        """The newest snapshot of a schedule."""

    def latest_beside(self, run: Run) -> ImpactSnapshot | None:
        """The newest snapshot of the run's schedule other than the run's own."""

    def latest_completed(self, tenant_id: str, schedule_id: UUID) -> ImpactSnapshot | None:
        """The newest snapshot of a schedule whose run has completed."""

    def list_heard(self, tenant_id: str, schedule_id: UUID) -> builtins.list[UUID]:
        """The impact schedules whose completed runs the triggers of a schedule wait for."""

    def list_touched(self, tenant_id: str, snapshots: Iterable[UUID]) -> set[UUID]:
        """The images that are or may be affected by what these snapshots found."""

    def list_images(self, snapshot: ImpactSnapshot) -> dict[UUID, builtins.list[Any]]:
        """The affected images with their reasons, all of them."""

    def page_images(
        self, snapshot: ImpactSnapshot, *, cursor: str | None = None, limit: int = 100
    ) -> Page[AffectedBy]:
        """The images that are or may be affected, with why, by id."""

    def diff(self, tenant_id: str, earlier: UUID, later: UUID) -> ImpactDiff:
        """How the later snapshot's affected images differ from the earlier one's; raises NotFound for a missing one."""

"""Tables impact_snapshots and impact_snapshot_images."""

import builtins
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

import orjson
from psycopg.types.json import Json

from resources.errors import AlreadyExists, NotFound
from resources.pages import Page
from resources.protocols.impact_snapshots import ImpactSnapshots, Reasons
from resources.records import AffectedBy, ImpactDiff, ImpactSnapshot, Run
from resources.repositories.base import Repository, fields_of

AT_ONCE = 100_000
"""Reasons of one statement, or those of one image: PostgreSQL takes 1 GB, a reason has about 100 bytes."""


class ImpactSnapshotRepository(Repository, ImpactSnapshots):
    """ImpactSnapshots on PostgreSQL."""

    def create(
        self,
        snapshot: ImpactSnapshot,
        reasons: Mapping[UUID, Reasons],
        unknown: Mapping[UUID, Reasons] | None = None,
    ) -> None:
        if not self._scalar("impact_snapshots/insert", **fields_of(snapshot)):
            if self.get_of_run(snapshot.tenant_id, snapshot.run_id):
                raise AlreadyExists("impact snapshot of run", snapshot.run_id)
            raise NotFound("run", snapshot.run_id)
        for part in _parts(reasons, unknown or {}):
            self._execute(
                "impact_snapshots/insert_images",
                tenant_id=snapshot.tenant_id,
                snapshot_id=snapshot.id,
                images=Json(part, dumps=orjson.dumps),
            )

    def get(self, tenant_id: str, snapshot_id: UUID) -> ImpactSnapshot:
        found = self._one("impact_snapshots/get", ImpactSnapshot, tenant_id=tenant_id, id=snapshot_id)
        if found is None:
            raise NotFound("impact snapshot", snapshot_id)
        return found

    def get_of_run(self, tenant_id: str, run_id: UUID) -> ImpactSnapshot | None:
        return self._one("impact_snapshots/get_of_run", ImpactSnapshot, tenant_id=tenant_id, run_id=run_id)

    def list(
        self,
        tenant_id: str,
        *,
        schedule_id: UUID | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[ImpactSnapshot]:
        return self._page(
            "impact_snapshots/list",
            ImpactSnapshot,
            ["id"],
            cursor=cursor,
            limit=limit,
            tenant_id=tenant_id,
            schedule_id=schedule_id,
        )

    def latest_of_schedule(self, tenant_id: str, schedule_id: UUID) -> ImpactSnapshot | None:
        return self._latest(tenant_id, schedule_id, None)

    def latest_beside(self, run: Run) -> ImpactSnapshot | None:
        return self._latest(run.tenant_id, run.schedule_id, run.id)

    def latest_completed(self, tenant_id: str, schedule_id: UUID) -> ImpactSnapshot | None:
        return self._one(
            "impact_snapshots/latest_completed",
            ImpactSnapshot,
            tenant_id=tenant_id,
            schedule_id=schedule_id,
        )

    def list_heard(self, tenant_id: str, schedule_id: UUID) -> builtins.list[UUID]:
        rows = self._rows("impact_snapshots/list_heard", tenant_id=tenant_id, schedule_id=schedule_id)
        return [schedule for (schedule,) in rows]

    def list_touched(self, tenant_id: str, snapshots: Iterable[UUID]) -> set[UUID]:
        rows = self._rows(
            "impact_snapshots/list_touched", tenant_id=tenant_id, snapshots=builtins.list(snapshots)
        )
        return {image for (image,) in rows}

    def list_images(self, snapshot: ImpactSnapshot) -> dict[UUID, builtins.list[Any]]:
        rows = self._rows(
            "impact_snapshots/list_images", tenant_id=snapshot.tenant_id, snapshot_id=snapshot.id
        )
        return dict(rows)

    def page_images(
        self, snapshot: ImpactSnapshot, *, cursor: str | None = None, limit: int = 100
    ) -> Page[AffectedBy]:
        return self._page(
            "impact_snapshots/page_images",
            AffectedBy,
            ["image_id"],
            cursor=cursor,
            limit=limit,
            tenant_id=snapshot.tenant_id,
            snapshot_id=snapshot.id,
        )

    def diff(self, tenant_id: str, earlier: UUID, later: UUID) -> ImpactDiff:
        found = self._one(
            "impact_snapshots/diff", ImpactDiff, tenant_id=tenant_id, earlier=earlier, later=later
        )
        if found is None:
            self.get(tenant_id, earlier)
            raise NotFound("impact snapshot", later)
        return found

    def _latest(
        self, tenant_id: str, schedule_id: UUID | None, but_of_run: UUID | None
    ) -> ImpactSnapshot | None:
        return self._one(
            "impact_snapshots/latest_of_schedule",
            ImpactSnapshot,
            tenant_id=tenant_id,
            schedule_id=schedule_id,
            but_of_run=but_of_run,
        )


def _parts(
    reasons: Mapping[UUID, Reasons], unknown: Mapping[UUID, Reasons]
) -> Iterator[builtins.list[dict[str, Any]]]:
    part: builtins.list[dict[str, Any]] = []
    size = 0
    for image in dict.fromkeys([*reasons, *unknown]):
        why, may_be = reasons.get(image, ()), unknown.get(image, ())
        if part and size + len(why) + len(may_be) > AT_ONCE:
            yield part
            part, size = [], 0
        part.append({"image_id": image, "reasons": why, "unknown": may_be})
        size += len(why) + len(may_be)
    if part:
        yield part

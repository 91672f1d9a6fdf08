"""Impact runs: which of the selected images the selected advisories affect."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from resources.errors import InvalidInput
from resources.ids import new_id
from resources.inventory_records import AffectedImage
from resources.records import Image, ImpactSnapshot
from resources.selection import Selection
from resources.store import Store
from scheduler_defs.engines.impact import SnapshotRow, snapshot_digest
from scheduler_defs.ops.attempt import Attempt, Result
from scheduler_defs.ops.matching import match_components, versioned_purl

SHOWN = 50
Reasons = dict[UUID, list[tuple[str, str]]]


def find_impact(attempt: Attempt) -> Result:
    """Writes a snapshot of the affected images with the reasons of each; deltas are against the schedule's last.

    With ``since_revision`` the advisories are those a later feed revision touched, withdrawn ones included;
    with ``since_last`` those since the schedule's last completed run of the same selection; otherwise all that hold
    now, narrowed by ``advisories``. Versions of the selected images that cannot be compared are counted as unknown and
    never as safe. A snapshot that an earlier attempt of the run wrote stays.
    Raises InvalidInput for ``since_last`` without a schedule.
    """
    run = attempt.run
    with attempt.begin() as store:
        revision = store.advisories.latest_revision()
        images = {image.id: image for image in store.images.select(run.tenant_id, attempt.selection)}
    snapshot, reasons = _of_earlier_attempt(attempt) or _write(attempt, revision, images)
    with attempt.begin() as store:
        deltas = _deltas(store, attempt, snapshot)
    if snapshot.unknown:
        attempt.log(f"{snapshot.unknown} pairs cannot be compared and count as unknown", "warning")
    hits = [hit for why in reasons.values() for hit in why]
    stats = {
        "images": len(images),
        "affected_images": snapshot.total,
        "affected_components": len({purl for purl, _ in hits}),
        "advisories": len({advisory for _, advisory in hits}),
        "unknown": snapshot.unknown,
        "feed_revision": snapshot.feed_revision,
        "digest": snapshot.digest,
    }
    return Result(stats, deltas, _table(reasons, images))


def _of_earlier_attempt(attempt: Attempt) -> tuple[ImpactSnapshot, Reasons] | None:
    run = attempt.run
    if run.attempt == 1:
        return None
    with attempt.begin() as store:
        snapshot = store.impact_snapshots.get_of_run(run.tenant_id, run.id)
        found = (snapshot, store.impact_snapshots.list_images(snapshot)) if snapshot else None
    if found:
        attempt.log("an earlier attempt wrote the snapshot")
    return found


def _write(attempt: Attempt, revision: int, images: Mapping[UUID, Image]) -> tuple[ImpactSnapshot, Reasons]:
    run = attempt.run
    selection = _narrowed(attempt)
    matches = match_components(attempt, selection, with_withdrawn=False)
    with attempt.begin() as store:
        affected = store.images.list_affected(run.tenant_id, matches.affected, images)
        unknown = store.images.list_affected(run.tenant_id, matches.unknown, images)
        reasons = _reasons(affected)
        snapshot = ImpactSnapshot(
            tenant_id=run.tenant_id,
            id=new_id(),
            run_id=run.id,
            schedule_id=run.schedule_id,
            selector=attempt.selection.to_json() | selection.to_json(),
            feed_revision=revision,
            total=len(reasons),
            unknown=_pair_count(unknown),
            digest=snapshot_digest(_row(hit, images[hit.image_id]) for hit in affected),
            created_at=store.now(),
        )
        store.impact_snapshots.create(snapshot, reasons, _reasons(unknown))
    return snapshot, reasons


def _narrowed(attempt: Attempt) -> Selection:
    """The selection with ``since_last`` told as a feed revision; as no limit while no run has completed.

    Since 0, which is all that holds or ever held, where the last one was asked something else.
    """
    run, selection = attempt.run, attempt.selection
    if not selection.since_last:
        return selection
    if run.schedule_id is None:
        raise InvalidInput("selection.since_last", "true", "a run of a schedule")
    with attempt.begin() as store:
        last = store.impact_snapshots.latest_completed(run.tenant_id, run.schedule_id)
    since = None if last is None else last.feed_revision if _asked(last) == selection else 0
    said = "all: no run has completed" if since is None else f"changed since feed revision {since}"
    attempt.log(f"advisories considered: {said}")
    return replace(selection, since_last=False, since_revision=since)


def _asked(snapshot: ImpactSnapshot) -> Selection:
    return Selection.parse(
        {key: value for key, value in snapshot.selector.items() if key != "since_revision"}
    )


def _reasons(affected: list[AffectedImage]) -> Reasons:
    reasons: dict[UUID, set[tuple[str, str]]] = {}
    for hit in affected:
        why = reasons.setdefault(hit.image_id, set())
        why.add((versioned_purl(hit.purl, hit.version), hit.advisory_id))
    return {image_id: sorted(why) for image_id, why in reasons.items()}


def _row(hit: AffectedImage, image: Image) -> SnapshotRow:
    identity = image.digest or f"tag:{image.tag or ''}"
    purl = versioned_purl(hit.purl, hit.version)
    return image.registry, image.repository, identity, purl, hit.advisory_id


def _pair_count(hits: list[AffectedImage]) -> int:
    return len({(hit.component_id, hit.advisory_id) for hit in hits})


def _deltas(store: Store, attempt: Attempt, snapshot: ImpactSnapshot) -> dict[str, int]:
    before = store.impact_snapshots.latest_beside(attempt.run)
    if before is None or attempt.selection.since_last:
        return {"added": snapshot.total, "removed": 0}
    diff = store.impact_snapshots.diff(snapshot.tenant_id, before.id, snapshot.id)
    return {"added": len(diff.added), "removed": len(diff.removed)}


def _table(reasons: Reasons, images: Mapping[UUID, Image]) -> list[dict[str, str | int | float | None]]:
    """An image that the selection named in an earlier attempt, and no longer does, goes by its id."""
    names = {image_id: images[image_id].name if image_id in images else str(image_id) for image_id in reasons}
    worst = sorted(reasons.items(), key=lambda one: (-len(one[1]), names[one[0]]))
    return [
        {
            "image": names[image_id],
            "advisories": len({advisory for _, advisory in why}),
            "components": len({purl for purl, _ in why}),
            "most": ", ".join(purl for purl, _ in Counter(purl for purl, _ in why).most_common(3)),
        }
        for image_id, why in worst[:SHOWN]
    ]

"""Impact runs: which of the selected images the selected advisories affect."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from uuid import UUID

from resources.errors import InvalidInput
from resources.ids import new_id
from resources.image_names import names_by_id
from resources.inventory_records import Holder
from resources.records import ImpactSnapshot
from resources.selection import Selection
from resources.store import Store
from scheduler_defs.engines.impact import Pair, snapshot_digest
from scheduler_defs.engines.purls import versioned_purl
from scheduler_defs.ops.attempt import Attempt, Result
from scheduler_defs.ops.matching import match_components

SHOWN = 50
Why = list[tuple[str, str]]
"""Versioned purl and advisory."""
Reasons = dict[UUID, Why]


@dataclass(frozen=True)
class Found:
    """The selected images that hold a matched component, and by component why it is affected or may be."""

    images: Sequence[Holder]
    affected: Mapping[int, Why]
    unknown: Mapping[int, Why]

    @property
    def reasons(self) -> Reasons:
        """Why each image is affected; those that only may be are left out."""
        return _reasons(self.images, self.affected)

    @property
    def uncertain(self) -> Reasons:
        """Why each image may be affected."""
        return _reasons(self.images, self.unknown)

    @property
    def unknown_pairs(self) -> int:
        """How many distinct pairs of component and advisory cannot be compared."""
        held = set(chain.from_iterable(image.components for image in self.images))
        return sum(len(self.unknown.get(component, ())) for component in held)

    def digest(self, reasons: Reasons) -> str:
        """The digest of the affected images and why."""
        return snapshot_digest(
            {
                (image.registry, image.repository, image.digest or f"tag:{image.tag or ''}"): reasons[
                    image.id
                ]
                for image in self.images
                if image.id in reasons
            }
        )


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
        images = store.images.count(run.tenant_id, attempt.selection)
    written = _of_earlier_attempt(attempt) or _write(attempt, revision)
    snapshot, reasons = written.snapshot, written.reasons
    if snapshot.unknown:
        attempt.log(f"{snapshot.unknown} pairs cannot be compared and count as unknown", "warning")
    hits = {(purl, advisory) for why in reasons.values() for purl, advisory in why}
    stats = {
        "images": images,
        "affected_images": snapshot.total,
        "affected_components": len({purl for purl, _ in hits}),
        "advisories": len({advisory for _, advisory in hits}),
        "unknown": snapshot.unknown,
        "feed_revision": snapshot.feed_revision,
        "digest": snapshot.digest,
    }
    return Result(stats, written.deltas, _table(reasons, written.names))


def find_images(attempt: Attempt, selection: Selection) -> Found:
    """The selected images that the selected advisories affect, or may affect; stops between chunks when asked to."""
    tenant_id = attempt.run.tenant_id
    matches = match_components(attempt, selection, with_withdrawn=False)
    components = {component for component, _ in (*matches.affected, *matches.unknown)}
    if not components:
        return Found((), {}, {})
    with attempt.begin() as store:
        images = store.images.list_holders(tenant_id, components, selection)
        known = store.images.get_components(tenant_id, components)
    purls = {one.id: versioned_purl(one.purl, one.version) for one in known.values()}
    return Found(images, _by_component(matches.affected, purls), _by_component(matches.unknown, purls))


@dataclass(frozen=True)
class _Written:
    """A snapshot as it is kept, with the names of its images."""

    snapshot: ImpactSnapshot
    reasons: Reasons
    names: Mapping[UUID, str]
    deltas: Mapping[str, int]


def _of_earlier_attempt(attempt: Attempt) -> _Written | None:
    run = attempt.run
    if run.attempt == 1:
        return None
    with attempt.begin() as store:
        snapshot = store.impact_snapshots.get_of_run(run.tenant_id, run.id)
        if snapshot is None:
            return None
        reasons = store.impact_snapshots.list_images(snapshot)
        names = names_by_id(store.images.select(run.tenant_id, attempt.selection))
        deltas = _deltas(store, attempt, snapshot)
    attempt.log("an earlier attempt wrote the snapshot")
    return _Written(snapshot, reasons, names, deltas)


def _write(attempt: Attempt, revision: int) -> _Written:
    run = attempt.run
    selection = _narrowed(attempt)
    found = find_images(attempt, selection)
    reasons = found.reasons
    attempt.log(f"affected are {len(reasons)} images; writing why")
    with attempt.begin() as store:
        snapshot = ImpactSnapshot(
            tenant_id=run.tenant_id,
            id=new_id(),
            run_id=run.id,
            schedule_id=run.schedule_id,
            selector=attempt.selection.to_json() | selection.to_json(),
            feed_revision=revision,
            total=len(reasons),
            unknown=found.unknown_pairs,
            digest=found.digest(reasons),
            created_at=store.now(),
        )
        store.impact_snapshots.create(snapshot, reasons, found.uncertain)
        deltas = _deltas(store, attempt, snapshot)
    return _Written(snapshot, reasons, names_by_id(found.images), deltas)


def _narrowed(attempt: Attempt) -> Selection:
    """The selection with ``since_last`` told as a feed revision.

    It is 0, for all that holds or ever held, where none has completed or the last one was asked something else: what
    findings of before rest on may have ended since.
    """
    run, selection = attempt.run, attempt.selection
    if not selection.since_last:
        return selection
    if run.schedule_id is None:
        raise InvalidInput("selection.since_last", "true", "a run of a schedule")
    with attempt.begin() as store:
        last = store.impact_snapshots.latest_completed(run.tenant_id, run.schedule_id)
    since = last.feed_revision if last is not None and _asked(last) == selection else 0
    said = f"changed since feed revision {since}" if since else "all that ever held"
    attempt.log(f"advisories considered: {said}")
    return replace(selection, since_last=False, since_revision=since)


def _asked(snapshot: ImpactSnapshot) -> Selection:
    return Selection.parse(
        {key: value for key, value in snapshot.selector.items() if key != "since_revision"}
    )


def _by_component(pairs: Iterable[Pair], purls: Mapping[int, str]) -> dict[int, Why]:
    found: dict[int, Why] = {}
    for component, advisory in pairs:
        found.setdefault(component, []).append((purls[component], advisory))
    return found


def _reasons(images: Iterable[Holder], why: Mapping[int, Why]) -> Reasons:
    reasons = {
        image.id: sorted({reason for component in image.components for reason in why.get(component, ())})
        for image in images
    }
    return {image_id: own for image_id, own in reasons.items() if own}


def _deltas(store: Store, attempt: Attempt, snapshot: ImpactSnapshot) -> dict[str, int]:
    before = store.impact_snapshots.latest_beside(attempt.run)
    if before is None or attempt.selection.since_last or attempt.selection.ingested:
        return {"added": snapshot.total, "removed": 0}
    diff = store.impact_snapshots.diff(snapshot.tenant_id, before.id, snapshot.id)
    return {"added": len(diff.added), "removed": len(diff.removed)}


def _table(reasons: Reasons, names: Mapping[UUID, str]) -> list[dict[str, str | int | float | None]]:
    """An image that the selection named in an earlier attempt, and no longer does, goes by its id."""
    worst = sorted(
        ((names.get(image_id, str(image_id)), why) for image_id, why in reasons.items()),
        key=lambda one: (-len(one[1]), one[0]),
    )
    return [
        {
            "image": name,
            "advisories": len({advisory for _, advisory in why}),
            "components": len({purl for purl, _ in why}),
            "most": ", ".join(purl for purl, _ in Counter(purl for purl, _ in why).most_common(3)),
        }
        for name, why in worst[:SHOWN]
    ]

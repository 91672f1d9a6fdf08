"""A policy run's images, some at a time: judged by what is known, written in a transaction that checks it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from resources.ids import new_id
from resources.inventory_records import LastEvaluation, OpenCount
from resources.records import Evaluated, Image
from resources.states import PolicyMode
from resources.store import Store
from scheduler_defs.ops.attempt import Attempt
from scheduler_defs.ops.differences import judged_anew
from scheduler_defs.ops.evaluation import Basis, Evaluation, Stated
from scheduler_defs.ops.findings import Change, Findings
from scheduler_defs.ops.tally import SHOWN, Tally

CHUNK = 500
AT_ONCE = 50
"""Images whose open findings are in memory at once: some have thousands."""
Unchanged = Mapping[UUID, LastEvaluation]


class Outdated(Exception):
    """What an evaluation goes by no longer holds; nothing of the chunk is written."""


@dataclass(frozen=True)
class Chunk:
    """Some images, and what an evaluation says of those whose SBOM it knows: input digests, and findings in part."""

    images: Sequence[UUID]
    stated: Mapping[UUID, Stated]
    digests: Mapping[UUID, str]
    judged: Mapping[UUID, Findings]


class Judging:
    """The chunks of images, each judged when it is taken, or before that while there is time.

    In mode incremental an image is judged only when it is known to have changed.
    """

    def __init__(
        self, evaluation: Evaluation, images: Mapping[UUID, Image], left: Sequence[UUID], mode: PolicyMode
    ) -> None:
        self.evaluation, self._images, self._mode = evaluation, images, mode
        self._chunks = [left[start : start + CHUNK] for start in range(0, len(left), CHUNK)][::-1]
        self._ahead: Chunk | Exception | None = None

    def take(self) -> Chunk | None:
        """The next chunk; None after the last."""
        self.prepare()
        ahead, self._ahead = self._ahead, None
        if isinstance(ahead, Exception):
            raise ahead
        return ahead

    def prepare(self) -> None:
        """Judges the chunk that is taken next; what goes wrong is raised when it is, with the one before written."""
        if self._ahead is None and self._chunks:
            try:
                self._ahead = self._judged(self._chunks.pop())
            except Exception as error:
                self._ahead = error

    def findings(self, chunk: Chunk, image_id: UUID) -> Findings:
        """The findings of one image of a chunk."""
        known = chunk.judged.get(image_id)
        return known or self.evaluation.findings(self._images[image_id], chunk.stated[image_id])

    def _judged(self, images: Sequence[UUID]) -> Chunk:
        evaluation = self.evaluation
        known = [self._images[image_id] for image_id in images if image_id in evaluation.held]
        stated = {image.id: evaluation.stated(image) for image in known}
        digests = {image.id: evaluation.input_digest(image, stated[image.id]) for image in known}
        judged = known if self._mode is not PolicyMode.INCREMENTAL else []
        return Chunk(
            images,
            stated,
            digests,
            {image.id: evaluation.findings(image, stated[image.id]) for image in judged},
        )


def basis_of(store: Store, tenant_id: str) -> Basis:
    """What decides an evaluation of a tenant's images now."""
    return Basis(
        store.advisories.latest_revision(),
        store.policies.list(tenant_id),
        store.vex.count(tenant_id),
        store.exploits.latest_revision(),
    )


def write_chunk(attempt: Attempt, judging: Judging, chunk: Chunk, tally: Tally) -> None:
    """Writes what is found of a chunk's images with their items, without those that have no SBOM any more.

    While PostgreSQL writes, the next chunk is judged. Raises Outdated when the basis or an SBOM changed.
    """
    tenant_id, mode = attempt.run.tenant_id, attempt.run.mode or PolicyMode.FULL
    with attempt.begin() as store:
        if mode is not PolicyMode.SIMULATE:
            store.policy_jobs.lock(tenant_id)
            if not judging.evaluation.holds(basis_of(store, tenant_id), store.now()):
                raise Outdated
        now = store.now()
        sboms = store.images.list_sboms(tenant_id, chunk.images)
        if not judging.evaluation.knows(sboms):
            raise Outdated
        known = {image_id: chunk.digests[image_id] for image_id in sboms}
        unchanged, still_open = _unchanged(store, tenant_id, known if mode is PolicyMode.INCREMENTAL else {})
        fresh = {
            image_id: judging.findings(chunk, image_id) for image_id in sboms if image_id not in unchanged
        }
        changes = _changes(store, tenant_id, fresh)
        deltas = {
            image_id: tally.add(image_id, own, changes.get(image_id)) for image_id, own in fresh.items()
        }
        tally.add_unchanged(unchanged, still_open)
        if mode is PolicyMode.SIMULATE:
            tally.judged += judged_anew(changes, SHOWN - len(tally.judged))
        results = _results(unchanged, fresh, deltas)
        evaluated = [
            Evaluated(new_id(), image_id, sbom_id, known[image_id], *results[image_id])
            for image_id, sbom_id in sboms.items()
            if image_id not in tally.recorded
        ]

        def write() -> None:
            if mode is not PolicyMode.SIMULATE:
                _write_findings(attempt, store, changes, now)
            store.policy_jobs.record_many(attempt.run, mode, evaluated, now, store.now())

        _side_by_side(store, write, judging.prepare)


def _side_by_side(store: Store, write: Callable[[], None], judge: Callable[[], None]) -> None:
    """Judges while another thread waits for PostgreSQL; returns when both are done, a signal ends the wait."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="write") as aside:
        written = aside.submit(write)
        try:
            judge()
            written.result()
        except BaseException:
            if not written.done():
                store.cancel()
            raise


def _write_findings(attempt: Attempt, store: Store, changes: Mapping[UUID, Change], now: datetime) -> None:
    store.findings.write(attempt.run, {of: change.now for of, change in changes.items()}, now)
    store.findings.close(attempt.run, {of: change.gone for of, change in changes.items()}, now)


def _changes(store: Store, tenant_id: str, fresh: Mapping[UUID, Findings]) -> dict[UUID, Change]:
    """How the findings of images differ from the open ones, for those that differ in anything."""
    changes, images = {}, list(fresh)
    for start in range(0, len(images), AT_ONCE):
        part = images[start : start + AT_ONCE]
        kept = store.findings.lines_of(tenant_id, part)
        for image_id in part:
            found, was = fresh[image_id], kept.get(image_id)
            if was is None and found.decided:
                changes[image_id] = Change(found.decided, {}, found.deltas)
            elif was is not None and (lines := {one.line for one in found.decided}) != (
                known := set(was.lines)
            ):
                now = [one for one in found.decided if one.line not in known]
                changes[image_id] = Change.between(now, was.without(lines))
    return changes


def _results(
    unchanged: Unchanged, fresh: Mapping[UUID, Findings], deltas: Mapping[UUID, Mapping[str, int]]
) -> dict[UUID, tuple[str, dict[str, object]]]:
    results: dict[UUID, tuple[str, dict[str, object]]] = {
        image_id: (own.digest, {"findings": len(own.decided), "unchanged": False, "deltas": deltas[image_id]})
        for image_id, own in fresh.items()
    }
    for image_id, last in unchanged.items():
        results[image_id] = last.result_digest, {"findings": last.stats["findings"], "unchanged": True}
    return results


def _unchanged(
    store: Store, tenant_id: str, digests: Mapping[UUID, str]
) -> tuple[Unchanged, list[OpenCount]]:
    """Images whose last evaluation still holds, and the counts of their open findings.

    It does not where findings were closed since, as the image or a policy was removed.
    """
    if not digests:
        return {}, []
    last = store.policy_jobs.last_evaluations(tenant_id, digests)
    alike = {image_id: one for image_id, one in last.items() if one.input_digest == digests[image_id]}
    counts = store.findings.count_open_of(tenant_id, alike)
    left = Counter(dict.fromkeys(alike, 0))
    for one in counts:
        left[one.image_id] += one.count
    unchanged = {of: one for of, one in alike.items() if left[of] == one.stats.get("findings", 0)}
    return unchanged, [one for one in counts if one.image_id in unchanged]

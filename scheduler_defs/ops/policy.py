"""Policy runs: what the tenant's policies say of each selected image."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from resources.errors import InvalidInput
from resources.ids import new_id
from resources.inventory_records import LastEvaluation, OpenCount
from resources.records import Evaluated, Image, PolicyRevision
from resources.states import PolicyMode
from resources.store import Store
from scheduler_defs.edits.wanted_runs import check_simulated
from scheduler_defs.engines.policy import compile_policy
from scheduler_defs.ops.attempt import OVERLAP, Attempt, Result
from scheduler_defs.ops.differences import judged_anew, rows_of
from scheduler_defs.ops.evaluation import Basis, Evaluation, Findings
from scheduler_defs.ops.matching import gather_facts
from scheduler_defs.ops.tally import SHOWN, Change, Tally

CHUNK = 500
AT_ONCE = 50
"""Images whose open findings are in memory at once: some have thousands."""
Unchanged = Mapping[UUID, LastEvaluation]
NO_POLICY = UUID(int=0)
"""Of a draft whose name no policy has."""


def evaluate_policies(attempt: Attempt) -> Result:
    """Evaluates every policy of the tenant over the selected images and keeps the findings.

    Mode full evaluates every image, incremental only those whose input digest changed, simulate every image
    without writing findings, by the exceptions that hold when it begins or at the selection's ``as_of``, and by a
    draft where one is given. Of several runs at once each writes by the feed, EPSS, KEV, the policies, their
    exceptions, the VEX statements and the SBOMs of that moment. An attempt that resumes a run does what the one before
    it left, and counts what that did; one that resumes a simulation begins anew, since nothing was written.
    Raises InvalidInput when the tenant has no policy, and for ``impacted`` where no impact schedule is waited for.
    """
    run, mode = attempt.run, attempt.run.mode or PolicyMode.FULL
    check_simulated(mode, attempt.selection)
    with attempt.begin() as store:
        selected, snapshots = _selected(store, attempt)
        images = {image.id: image for image in selected}
        store.policy_jobs.cancel_open_of_run(run, store.now())  # listed by the release before this one
        tally, left, done = Tally(images, store.policy_jobs.list_of_run(run)), list(images), 0
        if mode is not PolicyMode.SIMULATE:
            left = [image_id for image_id in images if image_id not in tally.evaluated_before]
            tally.add_earlier(store.findings.count_open_of(run.tenant_id, tally.evaluated_before))
    if snapshots is not None:
        attempt.log(f"images considered: those of {len(snapshots)} impact snapshots", snapshots=snapshots)
    evaluation = _evaluation(attempt, {image_id: images[image_id].sbom_id for image_id in left})
    while chunk := left[done : done + CHUNK]:
        try:
            _evaluate_chunk(attempt, evaluation, chunk, tally)
        except _Outdated:
            attempt.log(
                "advisories, exploits, policies, VEX or SBOMs changed, or an exception ended;"
                " evaluating by what holds now"
            )
            with attempt.begin() as store:
                sboms = store.images.list_sboms(run.tenant_id, left[done:])
            evaluation = _evaluation(attempt, sboms)
            continue
        done += len(chunk)
        attempt.log(f"evaluated {done} of {len(left)} images")
    if not images:
        attempt.say_empty()
    result = tally.result(mode)
    if snapshots is not None:
        result = replace(result, stats={**result.stats, "snapshots": len(snapshots)})
    return _told(attempt, evaluation, tally, result) if mode is PolicyMode.SIMULATE else result


def _told(attempt: Attempt, evaluation: Evaluation, tally: Tally, result: Result) -> Result:
    """A simulation's result, with the first differences in the place of the images with most to do; says each."""
    tenant_id = attempt.run.tenant_id
    with attempt.begin() as store:
        rows = rows_of(store, tenant_id, tally.judged, tally.images, evaluation.basis.policies)
    for row in rows:
        attempt.log(f"{row['component']} in {row['image']}: {row['advisory']}", **row)
    return replace(result, table=rows)


def _selected(store: Store, attempt: Attempt) -> tuple[list[Image], list[str] | None]:
    """The images of the selection; of ``impacted`` those of the snapshots that the run takes, and which these are.

    What impact runs found before the schedule was created is none of its news.
    """
    run = attempt.run
    images = store.images.select(run.tenant_id, attempt.selection)
    if not attempt.selection.impacted:
        return images, None
    heard = run.schedule_id and store.impact_snapshots.list_heard(run.tenant_id, run.schedule_id)
    if not run.schedule_id or not heard:
        expected = "a run of a schedule that waits for run_completed:NAME of an impact schedule"
        raise InvalidInput("selection.impacted", "true", expected)
    asked_at = store.runs.last_completed_request(run)
    since = asked_at - OVERLAP if asked_at else store.schedules.get(run.tenant_id, run.schedule_id).created_at
    snapshots = store.runs.take_snapshots(run, heard, since)
    touched = store.impact_snapshots.list_touched(run.tenant_id, snapshots)
    return [image for image in images if image.id in touched], [str(one) for one in snapshots]


def _evaluation(attempt: Attempt, sboms: Mapping[UUID, UUID | None]) -> Evaluation:
    """Of images, by the SBOM of each: reads the basis before the facts, so that a change in between is seen as one."""
    tenant_id = attempt.run.tenant_id
    with attempt.begin() as store:
        basis, as_of = _basis(store, tenant_id), attempt.selection.as_of or store.now()
    if attempt.selection.draft is not None:
        basis = replace(basis, policies=_with_draft(basis.policies, attempt.selection.draft))
    if not basis.policies:
        raise InvalidInput("policy", "none", "at least one policy; add one with `scheduler policy apply`")
    facts = gather_facts(attempt)
    with attempt.begin() as store:
        held = store.images.list_held(tenant_id, facts.by_component, sboms)
    known = {image_id: one for image_id, one in held.items() if one.sbom_id == sboms[image_id]}
    return Evaluation(basis, facts, known, as_of)


def _with_draft(policies: Sequence[PolicyRevision], draft: str) -> list[PolicyRevision]:
    """The policies with a draft in the place of the one of its name, or beside them; nothing is written of it."""
    policy = compile_policy("the draft", draft)
    known = next((one for one in policies if one.name == policy.name), None)
    policy_id, revision = (known.policy_id, known.revision + 1) if known else (NO_POLICY, 1)
    drafted = PolicyRevision(policy_id, policy.name, revision, draft, policy.digest)
    return [one for one in policies if one.name != policy.name] + [drafted]


def _basis(store: Store, tenant_id: str) -> Basis:
    return Basis(
        store.advisories.latest_revision(),
        store.policies.list(tenant_id),
        store.vex.count(tenant_id),
        store.exploits.latest_revision(),
    )


class _Outdated(Exception):
    """What an evaluation goes by no longer holds; nothing of the chunk is written."""


def _evaluate_chunk(attempt: Attempt, evaluation: Evaluation, images: Sequence[UUID], tally: Tally) -> None:
    """Evaluates some images, without those that have no SBOM any more, and writes what it finds with their items.

    Raises _Outdated when the basis or an SBOM changed.
    """
    tenant_id, mode = attempt.run.tenant_id, attempt.run.mode or PolicyMode.FULL
    with attempt.begin() as store:
        if mode is not PolicyMode.SIMULATE:
            store.policy_jobs.lock(tenant_id)
            if not evaluation.holds(_basis(store, tenant_id), store.now()):
                raise _Outdated
        now = store.now()
        sboms = store.images.list_sboms(tenant_id, images)
        if not evaluation.knows(sboms):
            raise _Outdated
        stated = {image_id: evaluation.stated(tally.images[image_id]) for image_id in sboms}
        digests = {
            image_id: evaluation.input_digest(tally.images[image_id], own) for image_id, own in stated.items()
        }
        known = digests if mode is PolicyMode.INCREMENTAL else {}
        unchanged, still_open = _unchanged(store, tenant_id, known)
        fresh = {
            image_id: evaluation.findings(tally.images[image_id], own)
            for image_id, own in stated.items()
            if image_id not in unchanged
        }
        changes = _changes(store, tenant_id, fresh)
        deltas = {
            image_id: tally.add(image_id, found.decided, changes.get(image_id))
            for image_id, found in fresh.items()
        }
        if mode is PolicyMode.SIMULATE:
            tally.judged += judged_anew(changes, SHOWN - len(tally.judged))
        tally.add_unchanged(unchanged, still_open)
        if mode is not PolicyMode.SIMULATE:
            store.findings.write(attempt.run, {of: change.now for of, change in changes.items()}, now)
            store.findings.close(attempt.run, {of: change.gone for of, change in changes.items()}, now)
        results = _results(unchanged, fresh, deltas)
        evaluated = [
            Evaluated(new_id(), image_id, sbom_id, digests[image_id], *results[image_id])
            for image_id, sbom_id in sboms.items()
            if image_id not in tally.recorded
        ]
        store.policy_jobs.record_many(attempt.run, mode, evaluated, now, store.now())


def _changes(store: Store, tenant_id: str, fresh: Mapping[UUID, Findings]) -> dict[UUID, Change]:
    """How the findings of images differ from the open ones, for those that differ in anything."""
    changes, images = {}, list(fresh)
    for start in range(0, len(images), AT_ONCE):
        part = images[start : start + AT_ONCE]
        kept = store.findings.lines_of(tenant_id, part)
        for image_id in part:
            found, was = fresh[image_id].decided, kept.get(image_id)
            lines, known = {one.line for one in found}, set(was.lines) if was else set()
            if lines != known:
                now = [one for one in found if one.line not in known]
                changes[image_id] = Change(now, was.without(lines) if was else {})
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
    last = store.policy_jobs.last_evaluations(tenant_id, digests)
    alike = {image_id: one for image_id, one in last.items() if one.input_digest == digests[image_id]}
    counts = store.findings.count_open_of(tenant_id, alike)
    left = Counter(dict.fromkeys(alike, 0))
    for one in counts:
        left[one.image_id] += one.count
    unchanged = {of: one for of, one in alike.items() if left[of] == one.stats.get("findings", 0)}
    return unchanged, [one for one in counts if one.image_id in unchanged]

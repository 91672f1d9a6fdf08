"""Policy runs: what the tenant's policies say of each selected image."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from resources.errors import InvalidInput
from resources.records import Image, PolicyRevision
from resources.states import PolicyMode
from resources.store import Store
from scheduler_defs.edits.wanted_runs import check_simulated
from scheduler_defs.engines.policy import compile_policy
from scheduler_defs.ops.attempt import OVERLAP, Attempt, Result
from scheduler_defs.ops.differences import rows_of
from scheduler_defs.ops.evaluation import Evaluation
from scheduler_defs.ops.matching import gather_facts
from scheduler_defs.ops.policy_chunks import Judging, Outdated, basis_of, write_chunk
from scheduler_defs.ops.tally import Tally

SHOWN = 20
"""Of conditions that could not be evaluated, in the log."""
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
    mode = attempt.run.mode or PolicyMode.FULL
    check_simulated(mode, attempt.selection)
    tally, left, snapshots = _begin(attempt, mode)
    evaluation, failures = _evaluate(attempt, tally, left, mode)
    if not tally.images:
        attempt.say_empty()
    for failure in sorted(failures)[:SHOWN]:
        attempt.log(failure, "warning")
    if len(failures) > SHOWN:
        attempt.log(f"{len(failures) - SHOWN} more conditions could not be evaluated", "warning")
    result = tally.result(mode)
    if snapshots is not None:
        result = replace(result, stats={**result.stats, "snapshots": len(snapshots)})
    return _told(attempt, evaluation, tally, result) if mode is PolicyMode.SIMULATE else result


def _begin(attempt: Attempt, mode: PolicyMode) -> tuple[Tally, list[UUID], list[str] | None]:
    """What earlier attempts counted, the images that they left, and of ``impacted`` the snapshots that are taken."""
    run = attempt.run
    with attempt.begin() as store:
        selected, snapshots = _selected(store, attempt)
        images = {image.id: image for image in selected}
        store.policy_jobs.cancel_open_of_run(run, store.now())  # listed by the release before this one
        tally, left = Tally(images, store.policy_jobs.list_of_run(run)), list(images)
        if mode is not PolicyMode.SIMULATE:
            left = [image_id for image_id in images if image_id not in tally.evaluated_before]
            tally.add_earlier(store.findings.count_open_of(run.tenant_id, tally.evaluated_before))
    if snapshots is not None:
        attempt.log(f"images considered: those of {len(snapshots)} impact snapshots", snapshots=snapshots)
    return tally, left, snapshots


def _evaluate(
    attempt: Attempt, tally: Tally, left: Sequence[UUID], mode: PolicyMode
) -> tuple[Evaluation, set[str]]:
    """Evaluates images chunk by chunk, anew where something changed meanwhile.

    Returns the last evaluation, and which conditions could not be evaluated in any.
    """
    images, done, failures = tally.images, 0, set[str]()
    judging = Judging(_evaluation(attempt, {one: images[one].sbom_id for one in left}), images, left, mode)
    while chunk := judging.take():
        try:
            write_chunk(attempt, judging, chunk, tally)
        except Outdated:
            attempt.log(
                "advisories, exploits, policies, VEX or SBOMs changed, or an exception ended;"
                " evaluating by what holds now"
            )
            failures |= judging.evaluation.failures
            with attempt.begin() as store:
                sboms = store.images.list_sboms(attempt.run.tenant_id, left[done:])
            judging = Judging(_evaluation(attempt, sboms), images, left[done:], mode)
            continue
        done += len(chunk.images)
        attempt.log(f"looked at {done} of {len(left)} images")
    return judging.evaluation, failures | judging.evaluation.failures


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
        basis, as_of = basis_of(store, tenant_id), attempt.selection.as_of or store.now()
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

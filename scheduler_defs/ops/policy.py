"""Policy runs: what the tenant's policies say of each selected image."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from uuid import UUID

from resources.errors import InvalidInput
from resources.inventory_records import FindingRow, LastEvaluation, OpenCount, OpenFinding
from resources.records import Completion, Image, PolicyRevision, WorkItem
from resources.states import PolicyMode, WorkState
from resources.store import Store
from scheduler_defs.engines.digests import digest_of
from scheduler_defs.engines.impact import Pair
from scheduler_defs.engines.policy import ImageFact, Policy, compile_policy, input_digest
from scheduler_defs.engines.vex_statements import Statement
from scheduler_defs.ops.attempt import Attempt, Result
from scheduler_defs.ops.matching import Facts, gather_facts, image_fact, versioned_purl

CHUNK = 200
SHOWN = 50
OVERLAP = timedelta(minutes=10)
"""A snapshot is dated before it is committed: one from so long before a run began it may not have seen."""
Unchanged = Mapping[UUID, LastEvaluation]
Decided = list[tuple[PolicyRevision, str, str | None, str | None]]
NO_POLICY = UUID(int=0)
"""Of a draft whose name no policy has."""
ANY_IMAGE = ImageFact()
"""In place of the image where no policy asks of it."""


@dataclass(frozen=True)
class Basis:
    """What decides an evaluation beside the images; while it stays equal, so do the facts."""

    feed_revision: int
    policies: Sequence[PolicyRevision]
    vex_statements: int


class Evaluation:
    """Every policy over every distinct fact, decided once; images share the decisions.

    The exceptions of the policies are those that hold at ``as_of``.
    """

    def __init__(self, basis: Basis, facts: Facts, as_of: datetime) -> None:
        self.basis, self.facts = basis, facts
        self._policies: list[tuple[PolicyRevision, Policy]] = [
            (revision, compile_policy(f"policy {revision.name}", revision.document).at(as_of))
            for revision in basis.policies
        ]
        self._ends_at = min(
            (one.until for _, policy in self._policies for one in policy.exceptions), default=None
        )
        self._names = {revision.policy_id: revision.name for revision in basis.policies}
        self._asks_of_images = any(policy.asks_of_images for _, policy in self._policies)
        self._decided: dict[tuple[Pair, Statement | None, ImageFact], Decided] = {}

    def holds(self, basis: Basis, now: datetime) -> bool:
        """Whether it still says what an evaluation by this basis, now, would say."""
        return basis == self.basis and (self._ends_at is None or now < self._ends_at)

    def input_digest(self, image: Image, sbom_digest: str, pairs: Sequence[Pair]) -> str:
        """Digest of all that decides one image's findings."""
        return input_digest(
            sbom_digest,
            {self.facts.advisories[advisory_id].digest for _, advisory_id in pairs},
            [policy.digest for _, policy in self._policies],
            {stated.digest for pair in pairs if (stated := self.facts.stated(pair, image))},
            image_fact(image) if self._asks_of_images else None,
        )

    def result_digest(self, findings: Iterable[FindingRow]) -> str:
        """Digest of one image's findings under the names that mean the same in every database."""
        return digest_of(sorted(map(self._named, findings)))

    def findings(self, image: Image, pairs: Iterable[Pair]) -> list[FindingRow]:
        """The findings of one image."""
        seen = image_fact(image) if self._asks_of_images else ANY_IMAGE
        return [
            FindingRow(
                image_id=image.id,
                policy_id=revision.policy_id,
                component_id=pair[0],
                advisory_id=pair[1],
                policy_revision=revision.revision,
                match=self.facts.pairs[pair],
                severity=self.facts.advisories[pair[1]].severity,
                verdict=verdict,
                rule=rule,
                message=message,
            )
            for pair in pairs
            for revision, verdict, rule, message in self._decide(pair, self.facts.stated(pair, image), seen)
        ]

    def _decide(self, pair: Pair, stated: Statement | None, image: ImageFact) -> Decided:
        key = (pair, stated, image)
        if key not in self._decided:
            fact = self.facts.fact(pair, stated, image)
            decisions = [(revision, policy.decide(fact)) for revision, policy in self._policies]
            self._decided[key] = [
                (revision, str(decision.verdict), decision.rule, decision.message)
                for revision, decision in decisions
            ]
        return self._decided[key]

    def _named(self, one: FindingRow) -> tuple[str, ...]:
        component = self.facts.components[one.component_id]
        purl = versioned_purl(component.purl, component.version)
        return self._names[one.policy_id], purl, one.advisory_id, one.verdict, one.severity, one.rule or ""


def evaluate_policies(attempt: Attempt) -> Result:
    """Evaluates every policy of the tenant over the selected images and keeps the findings.

    Mode full evaluates every image, incremental only those whose input digest changed, simulate every image
    without writing findings, by the exceptions that hold when it begins, and by a draft where one is given. Of
    several runs at once each writes by the feed, the policies, their exceptions and the VEX statements of that moment.
    Raises InvalidInput when the tenant has no policy, and for ``impacted`` where no impact schedule is waited for.
    """
    run, mode = attempt.run, attempt.run.mode or PolicyMode.FULL
    with attempt.begin() as store:
        images = {image.id: image for image in _selected(store, attempt)}
        if run.attempt > 1:
            store.policy_jobs.requeue_of_run(run)
        store.policy_jobs.create_many(run, mode, list(images.values()), store.now())
        items = store.policy_jobs.list_of_run(run)
        sboms = store.images.sbom_digests(run.tenant_id, [item.sbom_id for item in items])
    evaluation, tally = _evaluation(attempt), Tally(images)
    left, done = sum(item.status is WorkState.PENDING for item in items), 0
    while done < left:
        evaluated = _evaluate_chunk(attempt, evaluation, sboms, mode, tally)
        if evaluated is None:
            attempt.log(
                "advisories, policies or VEX changed, or an exception ended; evaluating by what holds now"
            )
            evaluation = _evaluation(attempt)
            continue
        if not evaluated:
            break
        done += evaluated
        attempt.log(f"evaluated {done} of {left} images")
    if not items:
        level = "info" if attempt.selection.impacted else "warning"
        attempt.log("the selection names no image with an SBOM", level)
    return tally.result(mode)


def _selected(store: Store, attempt: Attempt) -> list[Image]:
    """The images of the selection; of ``impacted`` those found since the last completed run was asked for.

    All while none has completed. What two runs both look at is evaluated by the first and unchanged for the second.
    """
    run = attempt.run
    images = store.images.select(run.tenant_id, attempt.selection)
    if not attempt.selection.impacted:
        return images
    heard = run.schedule_id and store.impact_snapshots.list_heard(run.tenant_id, run.schedule_id)
    if not run.schedule_id or not heard:
        expected = "a run of a schedule that waits for run_completed:NAME of an impact schedule"
        raise InvalidInput("selection.impacted", "true", expected)
    asked_at = store.runs.last_completed_request(run)
    if asked_at is None:
        attempt.log("no run has completed yet: looking at every image that the selection names")
        return images
    touched = store.impact_snapshots.list_touched(run.tenant_id, heard, asked_at - OVERLAP)
    return [image for image in images if image.id in touched]


def _evaluation(attempt: Attempt) -> Evaluation:
    """Reads the basis before the facts, so that whatever changes in between is seen as a change."""
    with attempt.begin() as store:
        basis, as_of = _basis(store, attempt.run.tenant_id), store.now()
    if attempt.selection.draft is not None:
        basis = replace(basis, policies=_with_draft(basis.policies, attempt.selection.draft))
    if not basis.policies:
        raise InvalidInput("policy", "none", "at least one policy; add one with `scheduler policy apply`")
    return Evaluation(basis, gather_facts(attempt), as_of)


def _with_draft(policies: Sequence[PolicyRevision], draft: str) -> list[PolicyRevision]:
    """The policies with a draft in the place of the one of its name, or beside them; nothing is written of it."""
    policy = compile_policy("the draft", draft)
    known = next((one for one in policies if one.name == policy.name), None)
    policy_id, revision = (known.policy_id, known.revision + 1) if known else (NO_POLICY, 1)
    drafted = PolicyRevision(policy_id, policy.name, revision, draft, policy.digest)
    return [one for one in policies if one.name != policy.name] + [drafted]


def _basis(store: Store, tenant_id: str) -> Basis:
    return Basis(
        store.advisories.latest_revision(), store.policies.list(tenant_id), store.vex.count(tenant_id)
    )


def _evaluate_chunk(
    attempt: Attempt, evaluation: Evaluation, sboms: Mapping[UUID, str], mode: PolicyMode, tally: "Tally"
) -> int | None:
    """Evaluates the next images, returns how many; None, with nothing written, when the basis no longer holds."""
    tenant_id = attempt.run.tenant_id
    with attempt.begin() as store:
        if mode is not PolicyMode.SIMULATE:
            store.policy_jobs.lock(tenant_id)
            if not evaluation.holds(_basis(store, tenant_id), store.now()):
                return None
        now = store.now()
        claimed = store.policy_jobs.claim(attempt.run, attempt.worker_id, now, limit=CHUNK)
        items = _still_selected(store, attempt, claimed, tally, now)
        subjects = [item.image_id for item in items]
        pairs = _pairs_by_image(store, tenant_id, evaluation.facts, subjects)
        digests = {
            item.image_id: evaluation.input_digest(
                tally.images[item.image_id], sboms[item.sbom_id], pairs.get(item.image_id, [])
            )
            for item in items
        }
        unchanged = _unchanged(store, tenant_id, digests) if mode is PolicyMode.INCREMENTAL else {}
        fresh = {
            image_id: evaluation.findings(tally.images[image_id], pairs.get(image_id, []))
            for image_id in subjects
            if image_id not in unchanged
        }
        tally.add(fresh, store.findings.list_open_of(tenant_id, fresh))
        tally.add_unchanged(unchanged, store.findings.count_open_of(tenant_id, unchanged))
        if mode is not PolicyMode.SIMULATE:
            store.findings.replace(attempt.run, fresh, list(chain.from_iterable(fresh.values())), now)
        results = _results(evaluation, unchanged, fresh)
        done = [Completion(item, *results[item.image_id], digests[item.image_id]) for item in items]
        store.policy_jobs.complete_many(done, attempt.worker_id, store.now())
    return len(claimed)


def _still_selected(
    store: Store, attempt: Attempt, claimed: Sequence[WorkItem], tally: "Tally", now: datetime
) -> list[WorkItem]:
    """Items of images that the selection names; those an earlier attempt listed and it no longer does are cancelled.

    The facts are about selected images: without them the findings of another would look fixed.
    """
    for item in claimed:
        if item.image_id not in tally.images:
            store.policy_jobs.cancel(item, attempt.worker_id, now)
    return [item for item in claimed if item.image_id in tally.images]


def _results(
    evaluation: Evaluation, unchanged: Unchanged, fresh: Mapping[UUID, Sequence[FindingRow]]
) -> dict[UUID, tuple[str, dict[str, object]]]:
    results: dict[UUID, tuple[str, dict[str, object]]] = {
        image_id: (evaluation.result_digest(own), {"findings": len(own), "unchanged": False})
        for image_id, own in fresh.items()
    }
    for image_id, last in unchanged.items():
        results[image_id] = last.result_digest, {**last.stats, "unchanged": True}
    return results


def _unchanged(store: Store, tenant_id: str, digests: Mapping[UUID, str]) -> Unchanged:
    last = store.policy_jobs.last_evaluations(tenant_id, digests)
    return {image_id: one for image_id, one in last.items() if one.input_digest == digests[image_id]}


def _pairs_by_image(
    store: Store, tenant_id: str, facts: Facts, images: Sequence[UUID]
) -> dict[UUID, list[Pair]]:
    found: dict[UUID, list[Pair]] = {}
    for hit in store.images.list_affected(tenant_id, list(facts.pairs), images):
        found.setdefault(hit.image_id, []).append((hit.component_id, hit.advisory_id))
    return found


def _key(one: FindingRow | OpenFinding) -> tuple[UUID, UUID, int, str]:
    return one.image_id, one.policy_id, one.component_id, one.advisory_id


class Tally:
    """Counts over the chunks of one run."""

    def __init__(self, images: Mapping[UUID, Image]) -> None:
        self.images = images
        self.evaluated = self.unchanged = 0
        self.verdicts: Counter[str] = Counter()
        self.severities: Counter[str] = Counter()
        self.deltas: Counter[str] = Counter()
        self._by_image: dict[UUID, Counter[str]] = {}

    def add(self, fresh: Mapping[UUID, Sequence[FindingRow]], open_before: Iterable[OpenFinding]) -> None:
        """Counts evaluated images by their findings, and how those differ from the open ones."""
        self.evaluated += len(fresh)
        findings = list(chain.from_iterable(fresh.values()))
        before = {_key(one): (one.verdict, one.severity) for one in open_before}
        now = {_key(one): (one.verdict, one.severity) for one in findings}
        new = now.keys() - before.keys()
        self.deltas["new"] += len(new)
        self.deltas["fixed"] += len(before.keys() - now.keys())
        self.deltas["changed"] += sum(now[key] != before[key] for key in now.keys() & before.keys())
        for severity in ("critical", "high", "unknown"):
            self.deltas[f"new_{severity}"] += sum(now[key][1] == severity for key in new)
        for one in findings:
            self._count(one.image_id, one.verdict, one.severity, 1)

    def add_unchanged(self, unchanged: Unchanged, still_open: Iterable[OpenCount]) -> None:
        """Counts images left as they are by their open findings."""
        self.unchanged += len(unchanged)
        for one in still_open:
            self._count(one.image_id, one.verdict, one.severity, one.count)

    def _count(self, image_id: UUID, verdict: str, severity: str, count: int) -> None:
        self.verdicts[verdict] += count
        self.severities[severity] += count
        self._by_image.setdefault(image_id, Counter())[verdict] += count

    def result(self, mode: PolicyMode) -> Result:
        """Stats, deltas, and the images with most to do."""
        stats = {
            "mode": str(mode),
            "images": self.evaluated + self.unchanged,
            "evaluated": self.evaluated,
            "unchanged": self.unchanged,
            "findings": self.verdicts.total(),
            **{verdict: self.verdicts[verdict] for verdict in ("block", "warn", "ignore")},
            "severities": dict(sorted(self.severities.items())),
        }
        worst = sorted(
            self._by_image.items(), key=lambda one: (-one[1]["block"], -one[1]["warn"], str(one[0]))
        )
        table: list[dict[str, str | int | float | None]] = [
            {"image": self.images[image_id].name, **{v: counts[v] for v in ("block", "warn", "ignore")}}
            for image_id, counts in worst[:SHOWN]
        ]
        return Result(stats, dict(self.deltas), table)

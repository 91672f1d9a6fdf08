"""Policy runs: what the tenant's policies say of each selected image."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from resources.errors import InvalidInput
from resources.inventory_records import AdvisoryRow, FindingRow, KnownComponent
from resources.records import Image, PolicyRevision, WorkItem
from resources.selection import Selection
from resources.states import PolicyMode, WorkState
from resources.store import Store
from scheduler_defs.engines.digests import digest_of
from scheduler_defs.engines.policy import (
    AdvisoryFact,
    ComponentFact,
    Fact,
    Policy,
    compile_policy,
    input_digest,
)
from scheduler_defs.engines.purls import parse_purl
from scheduler_defs.engines.severity import Severity
from scheduler_defs.ops.attempt import Attempt, Result
from scheduler_defs.ops.matching import match_components

CHUNK = 200
SHOWN = 50
MatchText = Literal["affected", "unknown"]
Pair = tuple[int, str]


@dataclass(frozen=True)
class Facts:
    """What rules are evaluated over: the matched pairs, and what is known of their two sides."""

    pairs: dict[Pair, MatchText]
    components: dict[int, KnownComponent]
    advisories: dict[str, AdvisoryRow]

    def fact(self, pair: Pair) -> Fact:
        """One pair as rules see it."""
        component, advisory = self.components[pair[0]], self.advisories[pair[1]]
        purl = parse_purl(component.purl)
        return Fact(
            ComponentFact(component.purl, component.type, purl.namespace, purl.name, component.version),
            AdvisoryFact(
                id=advisory.id,
                aliases=tuple(advisory.aliases),
                severity=Severity(advisory.severity),
                score=advisory.score,
                withdrawn=advisory.withdrawn is not None,
                published=advisory.published,
                summary=advisory.summary,
            ),
            self.pairs[pair],
        )


class Evaluation:
    """Every policy over every distinct fact, decided once; images share the decisions."""

    def __init__(self, facts: Facts, revisions: Sequence[PolicyRevision]) -> None:
        self.facts = facts
        self.policies: list[tuple[PolicyRevision, Policy]] = [
            (revision, compile_policy(f"policy {revision.name}", revision.document)) for revision in revisions
        ]
        self._decided: dict[Pair, list[tuple[PolicyRevision, str, str | None, str | None]]] = {}

    def input_digest(self, sbom_digest: str, pairs: Iterable[Pair]) -> str:
        """Digest of all that decides one image's findings."""
        advisories = {self.facts.advisories[advisory_id].digest for _, advisory_id in pairs}
        return input_digest(sbom_digest, advisories, [policy.digest for _, policy in self.policies])

    def findings(self, image_id: UUID, pairs: Iterable[Pair]) -> list[FindingRow]:
        """The findings of one image."""
        return [
            FindingRow(
                image_id=image_id,
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
            for revision, verdict, rule, message in self._decide(pair)
        ]

    def _decide(self, pair: Pair) -> list[tuple[PolicyRevision, str, str | None, str | None]]:
        if pair not in self._decided:
            fact = self.facts.fact(pair)
            decisions = [(revision, policy.decide(fact)) for revision, policy in self.policies]
            self._decided[pair] = [
                (revision, str(decision.verdict), decision.rule, decision.message)
                for revision, decision in decisions
            ]
        return self._decided[pair]


def evaluate_policies(attempt: Attempt) -> Result:
    """Evaluates every policy of the tenant over the selected images and keeps the findings.

    Mode full evaluates every image, incremental only those whose input digest changed, simulate every image
    without writing findings. Raises InvalidInput when the tenant has no policy.
    """
    run, mode = attempt.run, attempt.run.mode or PolicyMode.FULL
    with attempt.begin() as store:
        images = {image.id: image for image in store.images.select(run.tenant_id, attempt.selection)}
        revisions = store.policies.list(run.tenant_id)
        sboms = store.images.sbom_digests(
            run.tenant_id, [image.sbom_id for image in images.values() if image.sbom_id]
        )
        store.policy_jobs.create_many(run, mode, list(images.values()), store.now())
        items = store.policy_jobs.list_of_run(run)
    if not revisions:
        raise InvalidInput("policy", "none", "at least one policy; add one with `scheduler policy apply`")
    evaluation = Evaluation(_facts(attempt), revisions)
    tally = Tally(images)
    pending = [item for item in items if item.status is WorkState.PENDING]
    for start in range(0, len(pending), CHUNK):
        _evaluate_chunk(attempt, evaluation, pending[start : start + CHUNK], images, sboms, mode, tally)
        attempt.log(f"evaluated {min(start + CHUNK, len(pending))} of {len(pending)} images")
    if not items:
        attempt.log("the selection names no image with an SBOM", "warning")
    return tally.result(mode)


def _facts(attempt: Attempt) -> Facts:
    matches = match_components(attempt, Selection(), with_withdrawn=True)
    pairs: dict[Pair, MatchText] = dict.fromkeys(matches.affected, "affected")
    pairs |= dict.fromkeys(matches.unknown, "unknown")
    with attempt.begin() as store:
        return Facts(
            pairs,
            store.images.get_components(attempt.run.tenant_id, {pair[0] for pair in pairs}),
            store.advisories.get_many({pair[1] for pair in pairs}),
        )


def _evaluate_chunk(
    attempt: Attempt,
    evaluation: Evaluation,
    items: Sequence[WorkItem],
    images: dict[UUID, Image],
    sboms: dict[UUID, str],
    mode: PolicyMode,
    tally: "Tally",
) -> None:
    tenant_id, subjects = attempt.run.tenant_id, [item.image_id for item in items]
    with attempt.begin() as store:
        now = store.now()
        taken = store.policy_jobs.start_many(items, attempt.worker_id, now)
        pairs = _pairs_by_image(store, tenant_id, evaluation.facts, subjects)
        digests = {
            item.image_id: evaluation.input_digest(sboms[item.sbom_id], pairs.get(item.image_id, []))
            for item in items
        }
        evaluated_before = store.policy_jobs.last_input_digests(tenant_id, subjects)
        unchanged = {
            image_id
            for image_id in subjects
            if mode is PolicyMode.INCREMENTAL and evaluated_before.get(image_id) == digests[image_id]
        }
        fresh = [image_id for image_id in subjects if image_id not in unchanged]
        findings = [
            row for image_id in fresh for row in evaluation.findings(image_id, pairs.get(image_id, []))
        ]
        before = store.findings.list_open_of(tenant_id, fresh)
        tally.add(fresh, len(unchanged), findings, {_key(one): (one.verdict, one.severity) for one in before})
        if mode is not PolicyMode.SIMULATE:
            store.findings.replace(attempt.run, fresh, findings, now)
        done = [
            (item.id, digests[item.image_id], *_result_of(item, findings, item.image_id in unchanged))
            for item in items
            if item.id in taken
        ]
        store.policy_jobs.complete_many(tenant_id, attempt.worker_id, done, store.now())


def _pairs_by_image(
    store: Store, tenant_id: str, facts: Facts, images: Sequence[UUID]
) -> dict[UUID, list[Pair]]:
    found: dict[UUID, list[Pair]] = {}
    for hit in store.images.list_affected(tenant_id, list(facts.pairs), images):
        found.setdefault(hit.image_id, []).append((hit.component_id, hit.advisory_id))
    return found


def _result_of(
    item: WorkItem, findings: Sequence[FindingRow], unchanged: bool
) -> tuple[str, dict[str, object]]:
    own = sorted(
        (str(one.policy_id), one.component_id, one.advisory_id, one.verdict, one.severity)
        for one in findings
        if one.image_id == item.image_id
    )
    return digest_of(own), {"findings": len(own), "unchanged": unchanged}


def _key(one: object) -> tuple[UUID, UUID, int, str]:
    return one.image_id, one.policy_id, one.component_id, one.advisory_id  # type: ignore[attr-defined]


class Tally:
    """Counts over the chunks of one run."""

    def __init__(self, images: dict[UUID, Image]) -> None:
        self._images = images
        self.evaluated = self.unchanged = 0
        self.verdicts: Counter[str] = Counter()
        self.severities: Counter[str] = Counter()
        self.deltas: Counter[str] = Counter()
        self._by_image: dict[UUID, Counter[str]] = {}

    def add(
        self,
        fresh: Sequence[UUID],
        unchanged: int,
        findings: Sequence[FindingRow],
        before: dict[tuple[UUID, UUID, int, str], tuple[str, str]],
    ) -> None:
        """Counts one chunk; ``before`` maps the open findings' keys to (verdict, severity)."""
        self.evaluated += len(fresh)
        self.unchanged += unchanged
        now = {_key(one): (one.verdict, one.severity) for one in findings}
        new = now.keys() - before.keys()
        self.deltas["new"] += len(new)
        self.deltas["fixed"] += len(before.keys() - now.keys())
        self.deltas["changed"] += sum(now[key] != before[key] for key in now.keys() & before.keys())
        self.deltas["new_critical"] += sum(now[key][1] == "critical" for key in new)
        self.deltas["new_high"] += sum(now[key][1] == "high" for key in new)
        for one in findings:
            self.verdicts[one.verdict] += 1
            self.severities[one.severity] += 1
            self._by_image.setdefault(one.image_id, Counter())[one.verdict] += 1

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
            {"image": self._images[image_id].name, **{v: counts[v] for v in ("block", "warn", "ignore")}}
            for image_id, counts in worst[:SHOWN]
        ]
        return Result(stats, dict(self.deltas), table)

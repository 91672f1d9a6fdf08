"""Every policy over every fact, decided once, and what that says of each image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from resources.inventory_records import Decided, Held
from resources.records import Image, PolicyRevision
from scheduler_defs.engines.asked import projection
from scheduler_defs.engines.digests import digest_of
from scheduler_defs.engines.exploits import EXPLOIT_FIELDS
from scheduler_defs.engines.impact import Pair
from scheduler_defs.engines.policy import Decision, Fact, ImageFact, compile_policy, input_digest
from scheduler_defs.engines.purls import versioned_purl
from scheduler_defs.engines.vex_statements import Statement
from scheduler_defs.ops.findings import Findings
from scheduler_defs.ops.matching import Facts, image_fact

ANY_IMAGE = ImageFact()
"""In place of the image where no policy asks of it."""
Named = tuple[str, ...]
Stated = Sequence[tuple[Pair, Statement | None]]
"""The matched pairs of an image, each with what VEX says of it there."""


@dataclass(frozen=True)
class Basis:
    """What decides an evaluation beside the images; while it stays equal, so do the facts."""

    feed_revision: int
    policies: Sequence[PolicyRevision]
    vex_statements: int
    exploits_revision: int


class Evaluation:
    """Every policy over every distinct fact, decided once; images share the decisions.

    The exceptions of the policies are those that hold at ``as_of``; the images hold what ``held`` says of each.
    """

    def __init__(self, basis: Basis, facts: Facts, held: Mapping[UUID, Held], as_of: datetime) -> None:
        self.basis, self.facts, self.held = basis, facts, held
        self._policies = [_Deciding(revision, as_of) for revision in basis.policies]
        self._ends_at = min(
            (one.until for deciding in self._policies for one in deciding.policy.exceptions), default=None
        )
        self._digests = [deciding.policy.digest for deciding in self._policies]
        self._asks_of_images = any(deciding.policy.asks_of_images for deciding in self._policies)
        self._asks_of_exploits = [
            name
            for name in EXPLOIT_FIELDS
            if any(deciding.policy.asks_of(name) for deciding in self._policies)
        ]
        self._decided: dict[tuple[Statement | None, ImageFact], dict[Pair, list[tuple[Named, Decided]]]] = {}

    def holds(self, basis: Basis, now: datetime) -> bool:
        """Whether it still says what an evaluation by this basis, now, would say."""
        return basis == self.basis and (self._ends_at is None or now < self._ends_at)

    def knows(self, sboms: Mapping[UUID, UUID]) -> bool:
        """Whether images hold what they held when it was made, by the SBOM of each now."""
        return all(
            image_id in self.held and self.held[image_id].sbom_id == sbom_id
            for image_id, sbom_id in sboms.items()
        )

    def stated(self, image: Image) -> Stated:
        """The matched pairs of one image, each with what VEX says of it there."""
        facts, components = self.facts, self.held[image.id].components
        return [
            (pair, facts.stated(pair, image))
            for component in components
            for pair in facts.by_component.get(component, ())
        ]

    def input_digest(self, image: Image, stated: Stated) -> str:
        """Digest of all that decides one image's findings."""
        return input_digest(
            self.held[image.id].sbom_digest,
            {self.facts.advisories[advisory_id].digest for (_, advisory_id), _ in stated},
            self._digests,
            {statement.digest for _, statement in stated if statement},
            image_fact(image) if self._asks_of_images else None,
            self.facts.exploits.told((advisory_id for (_, advisory_id), _ in stated), self._asks_of_exploits),
        )

    @property
    def failures(self) -> set[str]:
        """Which conditions could not be evaluated on some finding, and why."""
        return {
            f"policy {deciding.revision.name}: {failure}"
            for deciding in self._policies
            for decision in deciding.decided.values()
            for failure in decision.failures
        }

    def findings(self, image: Image, stated: Stated) -> Findings:
        """The findings of one image."""
        seen = image_fact(image) if self._asks_of_images else ANY_IMAGE
        plain = self._decided.setdefault((None, seen), {})
        found: list[tuple[Named, Decided]] = []
        for pair, statement in stated:
            known = self._decided.setdefault((statement, seen), {}) if statement else plain
            if pair not in known:
                known[pair] = self._decide(pair, statement, seen)
            found += known[pair]
        return Findings.of([one for _, one in found], digest_of(sorted(name for name, _ in found)))

    def _decide(self, pair: Pair, stated: Statement | None, image: ImageFact) -> list[tuple[Named, Decided]]:
        fact, severity = self.facts.fact(pair, stated, image), self.facts.advisories[pair[1]].severity
        component = self.facts.components[pair[0]]
        purl = versioned_purl(component.purl, component.version)
        decided: list[tuple[Named, Decided]] = []
        for policy in self._policies:
            revision, decision = policy.revision, policy.decide(fact)
            one = Decided(
                policy_id=revision.policy_id,
                component_id=pair[0],
                advisory_id=pair[1],
                policy_revision=revision.revision,
                match=self.facts.pairs[pair],
                severity=severity,
                verdict=str(decision.verdict),
                rule=decision.rule,
                message=decision.message,
            )
            named: Named = (revision.name, purl, pair[1], one.verdict, severity, one.rule or "")
            decided.append((named, one))
        return decided


class _Deciding:
    """A compiled policy that decides facts once which are alike in all that it asks of them."""

    def __init__(self, revision: PolicyRevision, as_of: datetime) -> None:
        self.revision = revision
        self.policy = compile_policy(f"policy {revision.name}", revision.document).at(as_of)
        self._seen = projection(self.policy.asks)
        self.decided: dict[Any, Decision] = {}

    def decide(self, fact: Fact) -> Decision:
        seen = self._seen(fact)
        if seen not in self.decided:
            self.decided[seen] = self.policy.decide(fact)
        return self.decided[seen]

"""Which components advisories affect: candidates from PostgreSQL, compared by the engine in chunks."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from resources.inventory_records import AdvisoryRow, CandidateRow, KnownComponent, VexRow
from resources.records import Image
from resources.selection import Selection
from scheduler_defs.advisory_names import by_own_ids
from scheduler_defs.engines.exploits import Exploits
from scheduler_defs.engines.impact import Candidate, Matches, Pair, match_in_chunks
from scheduler_defs.engines.policy import AdvisoryFact, ComponentFact, Fact, ImageFact, VexFact
from scheduler_defs.engines.purls import parse_purl
from scheduler_defs.engines.severity import Severity
from scheduler_defs.engines.subjects import ImageReference
from scheduler_defs.engines.versions import AffectedRange, RangeKind
from scheduler_defs.engines.vex import Vex, names_of
from scheduler_defs.engines.vex_statements import Statement, VexStatus
from scheduler_defs.ops.attempt import Attempt
from scheduler_defs.ops.exploits import exploits_of

MatchText = Literal["affected", "unknown"]


@dataclass(frozen=True)
class Facts:
    """What rules are evaluated over: the matched pairs, and what is known of their two sides."""

    pairs: dict[Pair, MatchText]
    components: dict[int, KnownComponent]
    advisories: dict[str, AdvisoryRow]
    vex: Vex
    exploits: Exploits
    _seen: dict[str, AdvisoryFact] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def by_component(self) -> dict[int, list[Pair]]:
        """The pairs of each matched component."""
        found: dict[int, list[Pair]] = {}
        for pair in self.pairs:
            found.setdefault(pair[0], []).append(pair)
        return found

    @cached_property
    def _names(self) -> dict[str, tuple[str, ...]]:
        """The advisories that some VEX statement names: what they are called there."""
        names = {one.id: vex_names(one) for one in self.advisories.values()}
        return {advisory_id: own for advisory_id, own in names.items() if self.vex.names(own)}

    def stated(self, pair: Pair, image: Image) -> Statement | None:
        """What VEX says of one pair in an image."""
        if pair[1] not in self._names:
            return None
        reference = ImageReference(image.registry or None, image.repository, image.tag, image.digest)
        return said_of(self.vex, self._names[pair[1]], self.components[pair[0]], reference)

    def fact(self, pair: Pair, stated: Statement | None, image: ImageFact) -> Fact:
        """One pair as rules see it."""
        return Fact(
            self._component(pair[0]),
            self._advisory(pair[1]),
            self.pairs[pair],
            VexFact(str(stated.status), stated.justification, stated.note) if stated else VexFact(),
            image,
            self.exploits.of(pair[1]),
        )

    def _component(self, component_id: int) -> ComponentFact:
        component = self.components[component_id]
        purl = parse_purl(component.purl)
        return ComponentFact(component.purl, component.type, purl.namespace, purl.name, component.version)

    def _advisory(self, advisory_id: str) -> AdvisoryFact:
        if advisory_id not in self._seen:
            advisory = self.advisories[advisory_id]
            self._seen[advisory_id] = AdvisoryFact(
                id=advisory.id,
                aliases=tuple(advisory.aliases),
                severity=Severity(advisory.severity),
                score=advisory.score,
                withdrawn=advisory.withdrawn is not None,
                published=advisory.published,
                summary=advisory.summary,
                upstream=tuple(advisory.upstream),
            )
        return self._seen[advisory_id]


def gather_facts(attempt: Attempt) -> Facts:
    """Matches all components of the tenant with all advisories, withdrawn ones included."""
    matches = match_components(attempt, Selection(), with_withdrawn=True)
    pairs: dict[Pair, MatchText] = dict.fromkeys(matches.affected, "affected")
    pairs |= dict.fromkeys(matches.unknown, "unknown")
    with attempt.begin() as store:
        advisories = store.advisories.get_many({pair[1] for pair in pairs})
        return Facts(
            pairs,
            store.images.get_components(attempt.run.tenant_id, {pair[0] for pair in pairs}),
            advisories,
            Vex(map(statement_of, store.vex.list_all(attempt.run.tenant_id))),
            exploits_of(store, advisories.values()),
        )


def image_fact(image: Image) -> ImageFact:
    """An image as rules see it."""
    labels = tuple(sorted((key, str(value)) for key, value in image.labels.items()))
    return ImageFact(image.registry, image.repository, image.tag, image.digest, image.namespace, labels)


def match_components(attempt: Attempt, selection: Selection, *, with_withdrawn: bool) -> Matches:
    """Matches each distinct component version of the tenant once; stops between two chunks when asked to."""
    with attempt.begin() as store:
        asked = by_own_ids(store, selection)
        rows = store.images.list_candidates(attempt.run.tenant_id, asked, with_withdrawn=with_withdrawn)
    total = sum(len(row.components) for row in rows)
    matches = Matches()
    for matches in match_in_chunks(map(candidate_of, rows)):
        if matches.evaluated < total:
            attempt.check()
        attempt.log(f"compared {matches.evaluated} of {total} candidates", "debug")
    return matches


def candidate_of(row: CandidateRow) -> Candidate:
    """A candidate as the engine compares it."""
    events = tuple((str(kind), str(version)) for kind, version in row.events)
    kind: RangeKind = "SEMVER" if row.kind == "SEMVER" else "ECOSYSTEM"
    affected = AffectedRange(row.type, row.package, kind, events, tuple(row.versions), row.distro)
    return Candidate(row.advisory_id, affected, row.components, row.held, row.vague)


def said_of(
    vex: Vex, names: Iterable[str], component: KnownComponent, image: ImageReference
) -> Statement | None:
    """What VEX says of a component of an image, under one of the names of an advisory."""
    source = component.package, component.source_version
    return vex.said(names, component.purl, component.version, image, source)


def vex_names(advisory: AdvisoryRow) -> tuple[str, ...]:
    """The ids under which VEX statements are about an advisory."""
    return names_of(advisory.id, advisory.aliases, advisory.upstream)


def statement_of(row: VexRow) -> Statement:
    """A kept VEX statement as the engine reads it."""
    return Statement(
        vulnerability=row.vulnerability,
        aliases=tuple(row.aliases),
        purl=row.purl,
        image=ImageReference(**row.image) if row.image else None,
        status=VexStatus(row.status),
        justification=row.justification,
        note=row.note,
        stated_at=row.stated_at,
    )

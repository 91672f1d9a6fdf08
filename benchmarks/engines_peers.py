"""The same work done the ways that other products do it, on the same rows and with the same comparison of versions.

Per-image re-scan: each image's SBOM is read again and its components held against the advisories, which a scanner has
in memory. Per-image SQL in batches of 25: a statement for each image finds what may be affected, 25 images in a
transaction. One query per advisory: a statement for each changed advisory finds the images that hold its package.

What costs only once is done beforehand, in the peers' favour: the advisories in memory, the compiled policies.
"""

import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from benchmarks.engines_house import TENANT
from resources.database import Database
from resources.inventory_records import AdvisoryRow, Decided, KnownComponent
from resources.records import Image, PolicyRevision, Run
from resources.store import Store
from scheduler_defs.engines.components import Component
from scheduler_defs.engines.impact import Candidate, Matches, Pair, affected_components
from scheduler_defs.engines.policy import AdvisoryFact, ComponentFact, Decision, Fact, Policy, compile_policy
from scheduler_defs.engines.purls import parse_purl
from scheduler_defs.engines.sbom_formats import read_sbom
from scheduler_defs.engines.severity import Severity
from scheduler_defs.engines.versions import AffectedRange, Match, match
from scheduler_defs.ops.matching import MatchText

BATCH = 25
Hit = tuple[UUID, str, str]
"""An image, the purl of a component of it, and the advisory that affects that."""

RANGES: LiteralString = """
SELECT g.advisory_id, g.type, g.package, g.distro, g.kind, g.events, g.versions
FROM inventory.advisory_ranges AS g WHERE g.revision_to IS NULL"""
OF_COMPONENTS: LiteralString = """
SELECT ic.image_id, c.id, c.purl, c.type, c.package, c.name, c.version, coalesce(c.source_version, c.version),
    g.advisory_id, g.type, g.package, g.distro, g.kind, g.events, g.versions
FROM inventory.image_components AS ic
JOIN inventory.component_versions AS c ON c.tenant_id = ic.tenant_id AND c.id = ic.component_id
JOIN inventory.advisory_ranges AS g ON g.type = c.type AND g.package = c.package
    AND (g.distro IS NULL OR g.distro = c.distro)
JOIN inventory.advisories AS a ON a.id = g.advisory_id
WHERE ic.tenant_id = %(tenant)s AND g.revision_to IS NULL"""
OF_IMAGE: LiteralString = OF_COMPONENTS + " AND ic.image_id = %(image)s"
OF_IMAGE_AMONG: LiteralString = OF_IMAGE + " AND g.advisory_id = ANY(%(advisories)s) AND a.withdrawn IS NULL"
OF_ADVISORY: LiteralString = OF_COMPONENTS + " AND g.advisory_id = %(advisory)s AND a.withdrawn IS NULL"
OF_ADVISORY_IN: LiteralString = (
    OF_ADVISORY
    + """ AND EXISTS (
    SELECT FROM inventory.images AS i
    WHERE i.tenant_id = ic.tenant_id AND i.id = ic.image_id AND i.namespace = %(namespace)s)"""
)
BY_PURL: LiteralString = """
SELECT id, purl, type, package, name, version FROM inventory.component_versions
WHERE tenant_id = %(tenant)s AND purl = ANY(%(purls)s)"""


@dataclass(frozen=True)
class Known:
    """The advisories as a scanner holds them: their ranges by type and package, and their rows."""

    ranges: Mapping[tuple[str, str], Sequence[tuple[str, AffectedRange]]]
    advisories: Mapping[str, AdvisoryRow]

    def without_withdrawn(self, wanted: Collection[str]) -> "Known":
        """Only some advisories, and of those only what holds."""
        ids = {one for one in wanted if self.advisories[one].withdrawn is None}
        kept = {key: [one for one in found if one[0] in ids] for key, found in self.ranges.items()}
        return Known({key: found for key, found in kept.items() if found}, self.advisories)


@dataclass(frozen=True)
class Compiled:
    """The tenant's policies, compiled once."""

    policies: Sequence[tuple[PolicyRevision, Policy]]

    def findings(
        self,
        pairs: Mapping[Pair, MatchText],
        components: Mapping[int, KnownComponent],
        advisories: Mapping[str, AdvisoryRow],
    ) -> list[Decided]:
        """What they say of the matched pairs of one image."""
        return [
            _finding(pair, revision, policy.decide(fact), fact)
            for pair, matched in pairs.items()
            for fact in [_fact(components[pair[0]], advisories[pair[1]], matched)]
            for revision, policy in self.policies
        ]


def _fact(component: KnownComponent, advisory: AdvisoryRow, matched: MatchText) -> Fact:
    """One pair as rules see it; the fleet has no VEX, and its policy does not ask of the image."""
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
            upstream=tuple(advisory.upstream),
        ),
        matched,
    )


def _finding(pair: Pair, revision: PolicyRevision, said: Decision, fact: Fact) -> Decided:
    return Decided(
        policy_id=revision.policy_id,
        component_id=pair[0],
        advisory_id=pair[1],
        policy_revision=revision.revision,
        match=fact.match,
        severity=str(fact.advisory.severity),
        verdict=str(said.verdict),
        rule=said.rule,
        message=said.message,
    )


def learn(database: Database) -> Known:
    """Reads all advisories into memory."""
    ranges: dict[tuple[str, str], list[tuple[str, AffectedRange]]] = {}
    with database.begin(TENANT) as store:
        for advisory_id, *values in store.connection.execute(RANGES):
            one = _range(*values)
            ranges.setdefault((one.purl_type, one.package), []).append((advisory_id, one))
        ids = {advisory_id for found in ranges.values() for advisory_id, _ in found}
        return Known(ranges, store.advisories.get_many(ids))


def compiled(database: Database) -> Compiled:
    """Compiles the policies that hold now."""
    with database.begin(TENANT) as store:
        listed, now = store.policies.list(TENANT), store.now()
    return Compiled([(one, compile_policy(one.name, one.document).at(now)) for one in listed])


def rescan_impact(database: Database, images: Iterable[Image], known: Known) -> set[Hit]:
    """The affected images, each found by reading its SBOM again."""
    hits: set[Hit] = set()
    for image in images:
        with database.begin(TENANT) as store:
            found = _scan(store, image, known)
        hits |= {
            (image.id, purl, advisory)
            for (purl, advisory), matched in found.items()
            if matched is Match.AFFECTED
        }
    return hits


def batched_impact(database: Database, images: Sequence[Image], advisories: Sequence[str]) -> set[Hit]:
    """The affected images by a statement each, 25 in a transaction."""
    hits: set[Hit] = set()
    for batch in _batches(images):
        with database.begin(TENANT) as store:
            for image in batch:
                rows = _rows(store, OF_IMAGE_AMONG, image=image.id, advisories=list(advisories))
                hits |= _hits(rows)
    return hits


def impact_by_advisory(
    database: Database, advisories: Iterable[str], namespace: str | None = None, *, kept: bool = False
) -> set[Hit]:
    """The affected images, of a namespace or all, by a statement for each advisory; ``kept`` writes each image too."""
    hits: set[Hit] = set()
    statement = OF_ADVISORY_IN if namespace else OF_ADVISORY
    with database.begin(TENANT) as store:
        for advisory in advisories:
            hits |= _hits(_rows(store, statement, advisory=advisory, namespace=namespace))
        if kept:
            _keep(store, hits)
    return hits


def _keep(store: Store, hits: Iterable[Hit]) -> None:
    """Writes the affected images with their reasons, a statement each, to a table that goes with the transaction."""
    reasons: dict[UUID, list[tuple[str, str]]] = {}
    for image, purl, advisory in hits:
        reasons.setdefault(image, []).append((purl, advisory))
    store.connection.execute(
        "CREATE TEMPORARY TABLE kept (image uuid PRIMARY KEY, reasons jsonb) ON COMMIT DROP"
    )
    for image, why in reasons.items():
        store.connection.execute("INSERT INTO kept VALUES (%s, %s)", [image, Jsonb(why)])


def rescan_policy(
    database: Database, run: Run, images: Iterable[Image], known: Known, policies: Compiled
) -> None:
    """Writes the findings of images, each found by reading its SBOM again, one transaction an image."""
    for image in images:
        with database.begin(TENANT) as store:
            found = _scan(store, image, known)
            rows = store.connection.execute(
                BY_PURL, {"tenant": TENANT, "purls": [purl for purl, _ in found]}
            ).fetchall()
            components = {row[0]: KnownComponent(*row) for row in rows}
            by_purl = {one.purl: one.id for one in components.values()}
            pairs = {(by_purl[purl], advisory): _text(matched) for (purl, advisory), matched in found.items()}
            findings = policies.findings(pairs, components, known.advisories)
            store.findings.write(run, {image.id: findings}, store.now())


def batched_policy(database: Database, run: Run, images: Sequence[Image], policies: Compiled) -> None:
    """Writes the findings of images, found by a statement each, 25 in a transaction."""
    for batch in _batches(images):
        with database.begin(TENANT) as store:
            findings: dict[UUID, list[Decided]] = {}
            for image in batch:
                rows = _rows(store, OF_IMAGE, image=image.id)
                pairs = _pairs(affected_components(map(_candidate, rows)))
                components = {row[1]: KnownComponent(*row[1:7]) for row in rows}
                advisories = store.advisories.get_many({advisory for _, advisory in pairs})
                findings[image.id] = policies.findings(pairs, components, advisories)
            store.findings.write(run, findings, store.now())


def _scan(store: Store, image: Image, known: Known) -> dict[tuple[str, str], Match]:
    """What affects one image, or cannot be compared, by purl and advisory."""
    assert image.sbom_id is not None
    content, _ = store.images.get_sbom(TENANT, image.sbom_id)
    found: dict[tuple[str, str], Match] = {}
    for component in read_sbom(image.name, zlib.decompress(content)).components:
        for advisory, one in known.ranges.get(_key(component), ()):
            if one.distro not in (None, component.distro):
                continue
            outcome = match(one, component.source_version or component.version)
            key = component.identity, advisory
            if outcome is not Match.NOT_AFFECTED and found.get(key) is not Match.AFFECTED:
                found[key] = outcome
    return found


def _key(component: Component) -> tuple[str, str]:
    package = component.source_package or component.package or component.name
    return component.ecosystem or "generic", package


def _rows(store: Store, statement: LiteralString, **values: Any) -> list[tuple[Any, ...]]:
    return store.connection.execute(statement, {"tenant": TENANT} | values).fetchall()


def _hits(rows: Sequence[tuple[Any, ...]]) -> set[Hit]:
    affected = set(affected_components(map(_candidate, rows)).affected)
    return {(row[0], row[2], row[8]) for row in rows if (row[1], row[8]) in affected}


def _candidate(row: tuple[Any, ...]) -> Candidate:
    return Candidate(row[8], _range(*row[9:]), (row[1],), (row[7],))


def _range(
    kind: str, package: str, distro: str | None, how: str, events: Any, versions: Any
) -> AffectedRange:
    pairs = tuple((str(event), str(version)) for event, version in events)
    return AffectedRange(
        kind, package, "SEMVER" if how == "SEMVER" else "ECOSYSTEM", pairs, tuple(versions), distro
    )


def _pairs(matches: Matches) -> dict[Pair, MatchText]:
    pairs: dict[Pair, MatchText] = dict.fromkeys(matches.affected, "affected")
    return pairs | dict.fromkeys(matches.unknown, "unknown")


def _text(matched: Match) -> MatchText:
    return "affected" if matched is Match.AFFECTED else "unknown"


def _batches(images: Sequence[Image]) -> Iterator[Sequence[Image]]:
    for start in range(0, len(images), BATCH):
        yield images[start : start + BATCH]

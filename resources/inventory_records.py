"""What the engines read from and write to schema inventory, row by row.

What they read by the thousand is a named tuple: a frozen dataclass takes several times as long to make.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from resources.image_names import image_name


@dataclass(frozen=True)
class ComponentRow:
    """A component of an image; of a distribution's package ``package`` is the source package and ``name`` its own."""

    purl: str
    type: str
    package: str
    name: str
    version: str | None
    source_version: str | None
    distro: str | None


class KnownComponent(NamedTuple):
    """A component as it is kept; of a distribution's package ``package`` is the source package."""

    id: int
    purl: str
    type: str
    package: str
    name: str
    version: str | None
    source_version: str | None = None


@dataclass(frozen=True)
class RangeRow:
    """An affected range of an advisory; ``events`` are (kind, version) pairs."""

    type: str
    package: str
    distro: str | None
    kind: str
    events: Sequence[tuple[str, str]]
    versions: Sequence[str]


@dataclass(frozen=True)
class AdvisoryRow:
    """An advisory; ``score`` is 0.0 where it is not known, ``upstream`` names the vulnerabilities it is about."""

    id: str
    modified: datetime
    published: datetime | None
    withdrawn: datetime | None
    summary: str
    aliases: Sequence[str]
    upstream: Sequence[str]
    severity: str
    score: float
    vector: str | None
    digest: str


@dataclass(frozen=True)
class AdvisoryImport:
    """An import of advisories, EPSS or KEV: ``records`` were read so far, ``malformed`` of them left out."""

    id: UUID
    kind: str
    source: str
    fingerprint: str
    records: int
    malformed: int
    revision: int | None
    started_at: datetime
    started_by: str
    touched_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class LeftOut:
    """What an import cannot use: which it is from 1, where it stands, the path inside it, and why.

    ``record`` counts what the source holds; of imports of tenants, what they left out.
    """

    record: int
    file: str
    line: int | None
    path: str
    reason: str


@dataclass(frozen=True)
class Quarantined(LeftOut):
    """What an import left out, as it is kept; ``kind`` is advisories, epss, kev, sbom or vex."""

    kind: str
    import_id: UUID
    at: datetime


class CandidateRow(NamedTuple):
    """An advisory range beside components of its package, not yet compared; ``held`` is the version of each.

    Of an rpm package that is the source's version or its own, whichever of the two the range names.
    ``vague``: of the components the distribution is known less precisely than the range names it.
    """

    advisory_id: str
    type: str
    package: str
    distro: str | None
    kind: str
    events: list[Any]
    versions: list[str]
    components: list[int]
    held: list[str | None]
    vague: bool


class Holder(NamedTuple):
    """An image as people and digests name it, and which of the components asked for it holds, by id."""

    id: UUID
    registry: str
    repository: str
    digest: str | None
    tag: str | None
    components: Sequence[int]

    @property
    def name(self) -> str:
        """``registry/repository:tag``."""
        return image_name(self.registry, self.repository, self.tag)


class Held(NamedTuple):
    """The SBOM that holds for an image, and which of the components asked for it names, by id."""

    image_id: UUID
    sbom_id: UUID
    sbom_digest: str
    components: Sequence[int]


@dataclass(frozen=True)
class GraphRow:
    """A dependency graph; ``content`` is canonical JSON compressed with zlib."""

    digest: str
    root: str
    node_count: int
    edge_count: int
    max_depth: int
    content: bytes


FindingKey = tuple[UUID, int, str]
"""Policy, component and advisory: with the image what tells findings apart."""


@dataclass(frozen=True)
class Decided:
    """What a policy says of a component under an advisory, in one image or in many."""

    policy_id: UUID
    component_id: int
    advisory_id: str
    policy_revision: int
    match: str
    severity: str
    verdict: str
    rule: str | None
    message: str | None

    @property
    def key(self) -> FindingKey:
        """What tells it apart within an image."""
        return self.policy_id, self.component_id, self.advisory_id

    @property
    def line(self) -> str:
        """All of it in one text, the same as the statement makes that lists open findings."""
        return self._line

    @cached_property
    def _line(self) -> str:  # orjson leaves out what begins with an underscore
        values = (self.policy_id, self.component_id, self.policy_revision, self.match)
        texts = (self.severity, self.verdict, self.advisory_id, self.rule, self.message)
        return "\x1f".join("\x1e" if value is None else str(value) for value in (*values, *texts))


class OpenLines(NamedTuple):
    """The open findings of an image as an earlier run left them: their lines, and the advisory of each."""

    image_id: UUID
    lines: Sequence[str]
    advisories: Sequence[str]

    def without(self, lines: Container[str]) -> dict[FindingKey, "Was"]:
        """Those with another line, by key."""
        found = {}
        for line, advisory_id in zip(self.lines, self.advisories, strict=True):
            if line not in lines:
                policy, component, _, _, severity, verdict, _ = line.split("\x1f", 6)
                found[UUID(policy), int(component), advisory_id] = Was(severity, verdict)
        return found


@dataclass(frozen=True)
class Was:
    """How an open finding was judged."""

    severity: str
    verdict: str


@dataclass(frozen=True)
class OpenFinding(Decided):
    """An open finding of an image as an earlier run left it."""

    image_id: UUID


@dataclass(frozen=True)
class OpenCount:
    """How many open findings of one verdict, severity and match an image has."""

    image_id: UUID
    verdict: str
    severity: str
    match: str
    count: int


class LastEvaluation(NamedTuple):
    """What an image was last evaluated at, and with which result."""

    image_id: UUID
    input_digest: str
    result_digest: str
    stats: dict[str, Any]


@dataclass(frozen=True)
class FindingView:
    """An open finding for people to read; ``digest`` is the image's, ``message`` what the rule says of it."""

    image_id: UUID
    registry: str
    repository: str
    tag: str | None
    digest: str | None
    purl: str
    version: str | None
    advisory_id: str
    severity: str
    verdict: str
    match: str
    policy: str
    rule: str | None
    message: str | None
    first_seen_at: datetime


@dataclass(frozen=True)
class ImageView:
    """An image with an SBOM for people to read; ``identity`` is its digest, or without one its tag."""

    id: UUID
    registry: str
    repository: str
    digest: str | None
    tag: str | None
    identity: str
    namespace: str
    labels: Mapping[str, str]
    components: int
    changed_at: datetime

    @property
    def name(self) -> str:
        """``registry/repository:tag``."""
        return image_name(self.registry, self.repository, self.tag)


@dataclass(frozen=True)
class KnownSbom:
    """An SBOM with the image that it is of; ``content`` is the document compressed with zlib."""

    registry: str
    repository: str
    tag: str | None
    digest: str | None
    content: bytes


@dataclass(frozen=True)
class VexRow:
    """What is stated about a vulnerability: in a component, everywhere or in ``image``; without a purl in all of it."""

    vulnerability: str
    aliases: Sequence[str]
    purl: str | None
    image: dict[str, Any] | None
    status: str
    justification: str | None
    note: str
    stated_at: datetime
    digest: str


@dataclass(frozen=True)
class VexView:
    """A VEX statement for people to read."""

    id: UUID
    vulnerability: str
    aliases: Sequence[str]
    purl: str | None
    image: dict[str, Any] | None
    status: str
    justification: str | None
    note: str
    stated_at: datetime
    source: str
    ingested_at: datetime
    ingested_by: str


@dataclass(frozen=True)
class ScoreRow:
    """What EPSS says of a CVE: the probability that it is exploited, and the share of CVEs below it, 0 to 1 each."""

    cve: str
    score: float
    percentile: float


@dataclass(frozen=True)
class ListedRow:
    """What KEV says of a CVE: since when it is listed, and whether ransomware uses it."""

    cve: str
    added: date
    ransomware: bool


@dataclass(frozen=True)
class ExploitDocument:
    """A document of EPSS or KEV: ``kind`` is epss or kev, ``entries`` how many CVEs it speaks of."""

    kind: str
    dated_at: datetime
    version: str
    entries: int
    digest: str
    source: str

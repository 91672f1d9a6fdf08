"""What the engines read from and write to schema inventory, row by row."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class ComponentRow:
    """A component of an image."""

    purl: str
    type: str
    package: str
    name: str
    version: str | None
    source_version: str | None
    distro: str | None


@dataclass(frozen=True)
class KnownComponent:
    """A component as it is kept."""

    id: int
    purl: str
    type: str
    package: str
    name: str
    version: str | None


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
    """An advisory; ``score`` is 0.0 where it is not known."""

    id: str
    modified: datetime
    published: datetime | None
    withdrawn: datetime | None
    summary: str
    aliases: Sequence[str]
    severity: str
    score: float
    vector: str | None
    digest: str


@dataclass(frozen=True)
class CandidateRow:
    """A component beside an advisory range of its package, not yet compared."""

    component_id: int
    version: str | None
    advisory_id: str
    type: str
    package: str
    distro: str | None
    kind: str
    events: list[Any]
    versions: list[str]


@dataclass(frozen=True)
class AffectedImage:
    """An image that holds a matched component."""

    image_id: UUID
    component_id: int
    purl: str
    version: str | None
    advisory_id: str


@dataclass(frozen=True)
class GraphRow:
    """A dependency graph; ``content`` is canonical JSON compressed with zlib."""

    digest: str
    root: str
    node_count: int
    edge_count: int
    max_depth: int
    content: bytes


@dataclass(frozen=True)
class FindingRow:
    """What a policy says of a component under an advisory in an image."""

    image_id: UUID
    policy_id: UUID
    component_id: int
    advisory_id: str
    policy_revision: int
    match: str
    severity: str
    verdict: str
    rule: str | None
    message: str | None


@dataclass(frozen=True)
class OpenFinding:
    """An open finding as an earlier run left it."""

    image_id: UUID
    policy_id: UUID
    component_id: int
    advisory_id: str
    severity: str
    verdict: str


@dataclass(frozen=True)
class OpenCount:
    """How many open findings of one verdict and severity an image has."""

    image_id: UUID
    verdict: str
    severity: str
    count: int


@dataclass(frozen=True)
class LastEvaluation:
    """What an image was last evaluated at, and with which result."""

    image_id: UUID
    input_digest: str
    result_digest: str
    stats: dict[str, Any]


@dataclass(frozen=True)
class FindingView:
    """An open finding for people to read."""

    registry: str
    repository: str
    tag: str | None
    purl: str
    version: str | None
    advisory_id: str
    severity: str
    verdict: str
    match: str
    policy: str
    rule: str | None
    first_seen_at: datetime


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

"""Rows of what runs work on and find: items, images, snapshots and policies."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from resources.image_names import image_name
from resources.records.base import Json
from resources.states import WorkState


@dataclass(frozen=True)
class WorkItem:
    """A row of graph_jobs or policy_jobs; only those of policy_jobs have an input digest."""

    tenant_id: str
    id: UUID
    run_id: UUID
    kind: str
    image_id: UUID
    sbom_id: UUID
    status: WorkState
    attempts: int
    lease_owner: str | None
    lease_expires_at: datetime | None
    result_digest: str | None
    stats: Json
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    input_digest: str | None = None


@dataclass(frozen=True)
class Completion:
    """The result of a work item, as it was claimed; those of policy_jobs name the digest of their input."""

    item: WorkItem
    result_digest: str
    stats: Json
    input_digest: str | None = None


@dataclass(frozen=True)
class Evaluated:
    """What a policy run found of an image, by the SBOM that held then."""

    id: UUID
    image_id: UUID
    sbom_id: UUID
    input_digest: str
    result_digest: str
    stats: Json


@dataclass(frozen=True)
class ImpactSnapshot:
    """Which images a run found affected."""

    tenant_id: str
    id: UUID
    run_id: UUID
    schedule_id: UUID | None
    selector: Json
    feed_revision: int
    total: int
    unknown: int
    digest: str
    created_at: datetime


@dataclass(frozen=True)
class AffectedBy:
    """An image of a snapshot: why it is affected, and may be where versions cannot be compared.

    Both are [purl, advisory id] pairs, sorted.
    """

    image_id: UUID
    reasons: list[list[str]]
    unknown: list[list[str]]


@dataclass(frozen=True)
class ImpactDiff:
    """How the images of two snapshots differ, by id; changed ones are affected in both, for other reasons."""

    earlier_id: UUID
    later_id: UUID
    added: list[UUID]
    removed: list[UUID]
    changed: list[UUID]
    unchanged: int


@dataclass(frozen=True)
class Image:
    """A container image and the SBOM that holds for it now."""

    tenant_id: str
    id: UUID
    registry: str
    repository: str
    digest: str | None
    tag: str | None
    namespace: str
    labels: Json
    sbom_id: UUID | None

    @property
    def name(self) -> str:
        """``registry/repository:tag``."""
        return image_name(self.registry, self.repository, self.tag)


@dataclass(frozen=True)
class PolicyRevision:
    """A document of a policy."""

    policy_id: UUID
    name: str
    revision: int
    document: str
    digest: str

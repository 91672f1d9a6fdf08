"""What callers ask of table audit."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from resources.pages import Page
from resources.records import AuditEntry, Json

ENTITIES = (
    "calendar",
    "exploits",
    "feed",
    "image",
    "lock",
    "policy",
    "run",
    "sbom",
    "schedule",
    "tenant",
    "vex",
    "worker",
)
"""What edits are of."""


@dataclass(frozen=True)
class AuditFilter:
    """Which edits to list; None leaves a field open, ``until`` is exclusive."""

    entity: str | None = None
    entity_id: str | None = None
    actor: str | None = None
    action: str | None = None
    correlation_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING = AuditFilter()


class Audit(Protocol):
    """Who changed what; append-only, written in the transaction of the change."""

    def append(
        self,
        *,
        tenant_id: str | None,
        actor: str,
        action: str,
        entity: str,
        entity_id: str,
        now: datetime,
        old: Json | None = None,
        new: Json | None = None,
        correlation_id: UUID | None = None,
    ) -> None:
        """Records an edit: ``old`` is None for a creation, ``new`` for a removal.

        ``tenant_id`` is None for what belongs to no tenant. The entries of one transaction share its
        correlation id, unless another one is given.
        """

    def get(self, tenant_id: str, entry_id: UUID) -> AuditEntry:
        """One edit of a tenant; raises NotFound."""

    def list(
        self,
        tenant_id: str,
        wanted: AuditFilter = EVERYTHING,
        *,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[AuditEntry]:
        """Edits of a tenant, newest first."""

    def list_of_no_tenant(
        self, wanted: AuditFilter = EVERYTHING, *, cursor: str | None = None, limit: int = 100
    ) -> Page[AuditEntry]:
        """Edits of what belongs to no tenant, newest first; as a tenant, none."""

    def list_all(
        self, wanted: AuditFilter = EVERYTHING, *, cursor: str | None = None, limit: int = 100
    ) -> Page[AuditEntry]:
        """Edits of every tenant and of none, newest first; as a tenant, its own."""

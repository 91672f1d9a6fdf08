"""Table audit."""

from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from resources.ids import new_id
from resources.records import AuditEntry, Json
from resources.repositories.base import Repository


class AuditRepository(Repository):
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
        """Records an edit: ``old`` is None for a creation, ``new`` for a removal."""
        self._execute(
            "audit/append",
            id=new_id(),
            tenant_id=tenant_id,
            at=now,
            actor=actor,
            action=action,
            entity=entity,
            entity_id=entity_id,
            old=None if old is None else Jsonb(old),
            new=None if new is None else Jsonb(new),
            correlation_id=correlation_id or new_id(),
        )

    def list(
        self, tenant_id: str, entity: str | None = None, entity_id: str | None = None, limit: int = 100
    ) -> list[AuditEntry]:
        """Edits of a tenant, newest first."""
        return self._all(
            "audit/list", AuditEntry, tenant_id=tenant_id, entity=entity, entity_id=entity_id, limit=limit
        )

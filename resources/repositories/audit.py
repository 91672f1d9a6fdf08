"""Table audit."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from resources.errors import InvalidInput, NotFound
from resources.ids import new_id
from resources.pages import Page
from resources.protocols.audit import EVERYTHING, Audit, AuditFilter
from resources.records import AuditEntry, Json
from resources.repositories.base import Repository, fields_of

LONGEST = 500


class AuditRepository(Repository, Audit):
    """Audit on PostgreSQL."""

    def __init__(self, connection: Connection[TupleRow], correlation_id: UUID) -> None:
        super().__init__(connection)
        self._correlation_id = correlation_id

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
        said = {"actor": actor, "action": action, "entity": entity, "entity_id": entity_id}
        for field, text in said.items():
            if len(text) > LONGEST:
                raise InvalidInput(field, text, f"at most {LONGEST} characters")
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
            correlation_id=correlation_id or self._correlation_id,
        )

    def get(self, tenant_id: str, entry_id: UUID) -> AuditEntry:
        entry = self._one("audit/get", AuditEntry, tenant_id=tenant_id, id=entry_id)
        if entry is None:
            raise NotFound("audit entry", entry_id)
        return entry

    def list(
        self,
        tenant_id: str,
        wanted: AuditFilter = EVERYTHING,
        *,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[AuditEntry]:
        return self._newest("audit/list", cursor, limit, tenant_id=tenant_id, **fields_of(wanted))

    def list_of_no_tenant(
        self, wanted: AuditFilter = EVERYTHING, *, cursor: str | None = None, limit: int = 100
    ) -> Page[AuditEntry]:
        return self._newest("audit/list_of_no_tenant", cursor, limit, **fields_of(wanted))

    def list_all(
        self, wanted: AuditFilter = EVERYTHING, *, cursor: str | None = None, limit: int = 100
    ) -> Page[AuditEntry]:
        return self._newest("audit/list_all", cursor, limit, **fields_of(wanted))

    def _newest(self, query: str, cursor: str | None, limit: int, **filters: Any) -> Page[AuditEntry]:
        return self._page(query, AuditEntry, ("at", "id"), cursor=cursor, limit=limit, **filters)

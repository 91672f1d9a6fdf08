"""Tables audit_seals and audit_unsealed."""

from collections.abc import Sequence
from uuid import UUID

from resources.protocols.audit_seals import AuditSeals
from resources.records import AuditLink, AuditSeal, ChainHead, UnsealedEntry
from resources.repositories.base import Repository, columns_of

SEAL = ("chain", "tenant_id", "seq", "audit_id", "previous_hash", "hash", "sealed_at")


class AuditSealRepository(Repository, AuditSeals):
    """Audit seals on PostgreSQL."""

    def list_waiting(self) -> list[str]:
        return [chain for (chain,) in self._rows("audit_seals/list_waiting")]

    def try_lock(self, chain: str) -> bool:
        return bool(self._scalar("audit_seals/try_lock", chain=chain))

    def take_unsealed(self, chain: str, limit: int) -> list[UnsealedEntry]:
        return self._all("audit_seals/take_unsealed", UnsealedEntry, chain=chain, limit=limit)

    def append_many(self, seals: Sequence[AuditSeal]) -> None:
        self._execute("audit_seals/append_many", **columns_of(seals, *SEAL))

    def head(self, chain: str) -> ChainHead | None:
        return self._one("audit_seals/head", ChainHead, chain=chain)

    def list_chains(self) -> list[str]:
        return [chain for (chain,) in self._rows("audit_seals/list_chains")]

    def list_links(self, chain: str, after: int, limit: int) -> list[AuditLink]:
        return self._all("audit_seals/list_links", AuditLink, chain=chain, after=after, limit=limit)

    def count_unsealed(self, chain: str) -> int:
        return int(self._scalar("audit_seals/count_unsealed", chain=chain))

    def find_stray(self, chain: str) -> UUID | None:
        found: UUID | None = self._scalar("audit_seals/find_stray", chain=chain)
        return found

    def find_lost(self, chain: str) -> UUID | None:
        found: UUID | None = self._scalar("audit_seals/find_lost", chain=chain)
        return found

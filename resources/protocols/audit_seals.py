"""What callers ask of tables audit_seals and audit_unsealed."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from resources.records import AuditLink, AuditSeal, ChainHead, UnsealedEntry


class AuditSeals(Protocol):
    """The chains over audit entries, and the entries that wait to be sealed; a tenant may only read its chain.

    A chain is a tenant's id, or SYSTEM_CHAIN for the entries of no tenant.
    """

    def list_waiting(self) -> list[str]:
        """Chains with entries to seal, the longest waiting first."""

    def try_lock(self, chain: str) -> bool:
        """Whether this transaction may append to a chain until it ends; False while another one does."""

    def take_unsealed(self, chain: str, limit: int) -> list[UnsealedEntry]:
        """Takes the next entries off the queue, which this transaction must then seal."""

    def append_many(self, seals: Sequence[AuditSeal]) -> None:
        """Appends links."""

    def head(self, chain: str) -> ChainHead | None:
        """The last link of a chain; None for a chain without any."""

    def list_chains(self) -> list[str]:
        """Every chain that has a link or an entry, sealed or not."""

    def list_links(self, chain: str, after: int, limit: int) -> list[AuditLink]:
        """The links after seq ``after``, in order, each with its entry."""

    def count_unsealed(self, chain: str) -> int:
        """How many entries of a chain wait for their seals."""

    def find_stray(self, chain: str) -> UUID | None:
        """The first entry that is neither sealed nor queued: it came by a way around the queue, or lost its seal."""

    def find_lost(self, chain: str) -> UUID | None:
        """The first entry that was queued and is gone."""

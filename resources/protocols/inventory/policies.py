"""What callers ask of the inventory's policies and their revisions."""

from datetime import datetime
from typing import Protocol

from resources.records import PolicyRevision


class Policies(Protocol):
    """Policies of a tenant; a document is never rewritten, an edit is a new revision."""

    def apply(
        self, tenant_id: str, name: str, document: str, digest: str, actor: str, now: datetime
    ) -> tuple[PolicyRevision, PolicyRevision | None]:
        """Writes a document as a new revision unless it is the current one; returns (current, the one before).

        Of a policy that was removed there is none before, and it is back.
        """

    def get_revision(self, tenant_id: str, name: str, revision: int) -> PolicyRevision:
        """One revision of a policy, also of one that was removed; raises NotFound."""

    def remove(self, tenant_id: str, name: str, now: datetime) -> PolicyRevision:
        """Takes a policy out, its revisions stay; returns the last one, raises NotFound."""

    def list(self, tenant_id: str) -> list[PolicyRevision]:
        """The policies of a tenant at their current revisions, by name; without those that were removed."""

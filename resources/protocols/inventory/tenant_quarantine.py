"""What callers ask of what imports of tenants left out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from resources.inventory_records import LeftOut, Quarantined
from resources.pages import Page


class TenantQuarantine(Protocol):
    """What imports of SBOMs and VEX could not use, of each source what the last import of it left out.

    ``kind`` is sbom or vex, ``source`` what was imported.
    """

    def add(
        self,
        tenant_id: str,
        import_id: UUID,
        kind: str,
        source: str,
        batch: Sequence[LeftOut],
        now: datetime,
    ) -> None:
        """Keeps what an import could not use."""

    def forget_earlier(self, tenant_id: str, import_id: UUID, kind: str, source: str) -> None:
        """Deletes what all other imports of a source left out."""

    def refuse(self, tenant_id: str, import_id: UUID) -> None:
        """Deletes what an import left out."""

    def list(self, tenant_id: str, *, cursor: str | None = None, limit: int = 50) -> Page[Quarantined]:
        """What was left out, the newest import first, in its order. Raises InvalidInput."""

"""What callers ask of imports of advisories, EPSS and KEV: what is staged, what was left out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from resources.inventory_records import AdvisoryImport, AdvisoryRow, LeftOut, Quarantined, RangeRow
from resources.pages import Page


class AdvisoryImports(Protocol):
    """Imports that are read batch by batch and published at once; all of it is the system's."""

    def hold(self, import_id: UUID) -> bool:
        """Whether this transaction holds an import to its end, or just came to; no other does then."""

    def hold_unfinished(self, source: str, fingerprint: str) -> AdvisoryImport | None:
        """Holds an unfinished import of advisories of the same files, None where another holds it or none is."""

    def begin(
        self,
        import_id: UUID,
        source: str,
        fingerprint: str,
        actor: str,
        now: datetime,
        *,
        kind: str = "advisories",
    ) -> AdvisoryImport:
        """Begins an import of advisories, epss or kev with nothing read."""

    def advance(self, current: AdvisoryImport, now: datetime, *, read: int, left_out: int) -> AdvisoryImport:
        """Counts a batch as read; returns the import as it is then. Raises StaleAttempt when it is not as given."""

    def stage(self, import_id: UUID, batch: Sequence[tuple[AdvisoryRow, Sequence[RangeRow]]]) -> None:
        """Keeps advisories, each once, for the publication, in place of what was staged of them but what is newer."""

    def quarantine(self, import_id: UUID, batch: Sequence[LeftOut], now: datetime) -> None:
        """Keeps what could not be used."""

    def count_changes(self, import_id: UUID) -> tuple[int, int, int]:
        """How many staged advisories are new; of those not as they are known how many replace them, and are older."""

    def renew(self, import_id: UUID) -> None:
        """Notes when the staged ones were modified that are as they are known."""

    def publish(self, import_id: UUID, revision: int) -> None:
        """Writes the new and changed ones under a feed revision; ranges they had before end with it."""

    def finish(self, current: AdvisoryImport, revision: int | None, now: datetime) -> None:
        """Ends an import: nothing stays staged, and earlier finished ones of its source go.

        Of EPSS and KEV those of its kind go. Raises StaleAttempt when it is not as given.
        """

    def refuse(self, import_id: UUID) -> None:
        """Deletes an unfinished import with all it staged and left out."""

    def list_quarantine(
        self, *, import_id: UUID | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Quarantined]:
        """What was left out, the newest import first, in the order of its records. Raises InvalidInput."""

"""What callers ask of the inventory's advisories, their ranges and feed revisions."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from resources.inventory_records import AdvisoryRow, RangeRow


class Advisories(Protocol):
    """Advisories of all feeds: global, written by the system, read by every tenant."""

    def lock_feed(self) -> None:
        """Waits until no other import runs; held to the end of the transaction."""

    def latest_revision(self) -> int:
        """The newest complete feed revision, 0 before the first."""

    def begin_revision(self, source: str, actor: str, now: datetime) -> int:
        """Begins a feed revision; others see it with the commit."""

    def count_revision(self, revision: int, *, added: int, changed: int, unchanged: int) -> None:
        """Says what a revision changed."""

    def digests(self, ids: Iterable[str]) -> dict[str, str]:
        """The digests of known advisories among some ids."""

    def write(self, revision: int, batch: Sequence[tuple[AdvisoryRow, Sequence[RangeRow]]]) -> None:
        """Writes new and changed advisories; ranges they had before end with this revision.

        What the same revision wrote of them earlier is replaced.
        """

    def get_many(self, ids: Iterable[str]) -> dict[str, AdvisoryRow]:
        """Advisories by id; unknown ids are left out."""

    def of_names(self, names: Iterable[str]) -> dict[str, set[str]]:
        """The ids of the advisories that have a name as their id, as an alias or as what is upstream, by that name.

        Names that none has are left out.
        """

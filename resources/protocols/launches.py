"""What callers ask of table launches."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from resources.records import Launch, Offer
from resources.states import JobKind


class Launches(Protocol):
    """Launches; all of it is the system's."""

    def create_many(self, kinds: Mapping[UUID, JobKind], owner: str, now: datetime) -> None:
        """Writes launches to offer."""

    def get(self, launch_id: UUID) -> Launch:
        """One launch; raises NotFound."""

    def offer(self, owner: str, now: datetime, lease: timedelta, limit: int) -> list[Offer]:
        """Takes this owner's unacknowledged launches, none again before ``lease`` has passed."""

    def acknowledge(self, launch_id: UUID, dagster_run_id: str, now: datetime) -> None:
        """offered → acknowledged; raises NotFound, or IllegalTransition when a Dagster run took it or it has ended."""

    def finish(self, launch_id: UUID, dagster_run_id: str, now: datetime) -> None:
        """acknowledged → finished.

        Raises NotFound, StaleAttempt when another Dagster run took it, IllegalTransition when none did or it has ended.
        """

    def list_open(
        self, owner: str, before: datetime, limit: int, after_id: UUID | None = None
    ) -> Sequence[Launch]:
        """Launches that Dagster should know by now, by id: offered before an instant, or acknowledged."""

    def see_owner(self, owner: str, now: datetime) -> None:
        """Says that an owner's daemon claims; writes at most every few seconds."""

    def list_orphaned(self, now: datetime, silent_for: timedelta, limit: int = 100) -> Sequence[Launch]:
        """Launches nobody opened, older than ``silent_for``, whose owner's daemon was silent at least as long."""

    def bury(self, launch_id: UUID, now: datetime) -> None:
        """offered or acknowledged → dead; raises NotFound, or IllegalTransition when it has ended."""

"""What callers ask of table notifications."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from resources.pages import Page
from resources.records import Notification
from resources.states import NotificationKind


class Notifications(Protocol):
    """What people are to be told: written with what happened, delivered at least once afterwards."""

    def append(
        self, tenant_id: str, kind: NotificationKind, subject: str, message: str, now: datetime
    ) -> None:
        """Adds one; its delivery may begin at once."""

    def list(self, tenant_id: str, *, cursor: str | None = None, limit: int = 100) -> Page[Notification]:
        """Those of a tenant, newest first."""

    def take_due(self, now: datetime, until: datetime, limit: int) -> Sequence[Notification]:
        """Begins the delivery of at most ``limit`` that are due, each by one caller; the system's.

        What is not settled ``until`` then is due again.
        """

    def deliver(self, taken: Notification, now: datetime) -> bool:
        """Says that one was delivered; False when a later delivery of it began. The system's."""

    def fail(self, taken: Notification, error: str, again: datetime | None, now: datetime) -> bool:
        """Says that a delivery failed, and when to try again; None gives it up. False as for ``deliver``."""

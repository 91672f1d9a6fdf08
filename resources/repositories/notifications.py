"""Table notifications."""

from collections.abc import Sequence
from datetime import datetime

from resources.ids import new_id
from resources.pages import Page
from resources.protocols.notifications import Notifications
from resources.records import Notification
from resources.repositories.base import Repository
from resources.states import NotificationKind


class NotificationRepository(Repository, Notifications):
    """Notifications on PostgreSQL."""

    def append(
        self, tenant_id: str, kind: NotificationKind, subject: str, message: str, now: datetime
    ) -> None:
        self._execute(
            "notifications/append",
            tenant_id=tenant_id,
            id=new_id(),
            kind=kind,
            subject=subject,
            message=message,
            now=now,
        )

    def list(self, tenant_id: str, *, cursor: str | None = None, limit: int = 100) -> Page[Notification]:
        return self._page(
            "notifications/list",
            Notification,
            ("created_at", "id"),
            cursor=cursor,
            limit=limit,
            tenant_id=tenant_id,
        )

    def take_due(self, now: datetime, until: datetime, limit: int) -> Sequence[Notification]:
        return self._all("notifications/take_due", Notification, now=now, until=until, limit=limit)

    def deliver(self, taken: Notification, now: datetime) -> bool:
        return self._settle("notifications/deliver", taken, now=now)

    def fail(self, taken: Notification, error: str, again: datetime | None, now: datetime) -> bool:
        return self._settle("notifications/fail", taken, error=error, again=again, now=now)

    def _settle(self, query: str, taken: Notification, **said: object) -> bool:
        guard = {"tenant_id": taken.tenant_id, "id": taken.id, "attempts": taken.attempts}
        return self._execute(query, **guard, **said) == 1

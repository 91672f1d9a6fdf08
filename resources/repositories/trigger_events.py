"""Table trigger_events."""

from collections.abc import Sequence
from datetime import datetime

from resources.protocols.trigger_events import TriggerEvents
from resources.records import Advance, Trigger, WaitingEvent
from resources.repositories.base import Repository


class TriggerEventRepository(Repository, TriggerEvents):
    """Events on PostgreSQL."""

    def record(self, event: str, now: datetime, tenant_id: str | None = None) -> int:
        return self._execute("trigger_events/record", event=event, now=now, of_tenant=tenant_id)

    def list_waiting(self, triggers: Sequence[Trigger], limit: int) -> Sequence[WaitingEvent]:
        return self._all(
            "trigger_events/list_waiting",
            WaitingEvent,
            tenants=[trigger.tenant_id for trigger in triggers],
            triggers=[trigger.id for trigger in triggers],
            limit=limit,
        )

    def handle_many(self, advances: Sequence[Advance], now: datetime) -> None:
        self._execute(
            "trigger_events/handle_many",
            tenants=[one.tenant_id for one in advances],
            triggers=[one.trigger_id for one in advances],
            before=[one.next_fire_at for one in advances],
            now=now,
        )

"""What callers ask of table trigger_events: what triggers of kind event fire by."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from resources.records import Advance, Trigger, WaitingEvent


class TriggerEvents(Protocol):
    """Events; each row is an occurrence of its trigger."""

    def record(self, event: str, now: datetime, tenant_id: str | None = None) -> int:
        """Makes active triggers that wait for an event due; returns how many. None: of all tenants, for the system."""

    def list_waiting(self, triggers: Sequence[Trigger], limit: int) -> Sequence[WaitingEvent]:
        """Events not accounted for yet, the oldest ``limit`` of each trigger."""

    def handle_many(self, advances: Sequence[Advance], now: datetime) -> None:
        """Marks what is before the next occurrence of triggers as accounted for; the caller holds them locked."""

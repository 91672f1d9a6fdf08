"""What triggers go by beside their rows: calendars and events."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from resources.errors import InvalidInput
from resources.records import Advance, Trigger
from resources.states import TriggerKind
from resources.store import Store
from scheduler_defs.timing.calendars import Calendar, calendar_of
from scheduler_defs.timing.fires import ROWS_A_TRIGGER
from scheduler_defs.timing.triggers import Calendars, Events

MOST_EVENTS = ROWS_A_TRIGGER + 1
"""What a tick handles of a trigger, and the one it goes on with."""
ALL_EVENTS = 1_000_000


def read_calendars(store: Store, triggers: Iterable[Trigger]) -> Calendars:
    """The calendars that triggers name, as they are now; without those that make no sense, which only SQL can write."""
    wanted = sorted({(trigger.tenant_id, name) for trigger in triggers for name in trigger.calendars})
    found: dict[tuple[str, str], Calendar] = {}
    for row in store.calendars.read_of(wanted) if wanted else ():
        try:
            found[row.tenant_id, row.name] = calendar_of(row)
        except InvalidInput:
            continue
    return found


def read_events(store: Store, triggers: Iterable[Trigger], limit: int = MOST_EVENTS) -> Events:
    """When the events happened that locked triggers have not accounted for, the oldest ``limit`` of each."""
    waiting = [trigger for trigger in triggers if trigger.kind is TriggerKind.EVENT]
    found: dict[tuple[str, UUID], list[datetime]] = {}
    for event in store.trigger_events.list_waiting(waiting, limit) if waiting else ():
        found.setdefault((event.tenant_id, event.trigger_id), []).append(event.at)
    return found


def advance(store: Store, advances: Sequence[Advance], events: Events, now: datetime) -> None:
    """Moves triggers on, and marks the events that they accounted for."""
    store.triggers.advance_many(advances, now)
    done = [one for one in advances if (one.tenant_id, one.trigger_id) in events]
    if done:
        store.trigger_events.handle_many(done, now)

"""Looks ahead, before or after an edit."""

from resources.errors import InvalidInput
from resources.store import Store
from scheduler_defs.timing.preview import UpcomingFire, upcoming

MOST = 1000


def preview_fires(store: Store, tenant_id: str, name: str, count: int = 10) -> list[UpcomingFire]:
    """The next occurrences of a schedule over all its triggers, also while it is paused.

    Raises NotFound, InvalidInput for a count outside 1 to 1000.
    """
    if not 1 <= count <= MOST:
        raise InvalidInput("count", count, f"1 to {MOST}")
    schedule = store.schedules.get_by_name(tenant_id, name)
    triggers = store.triggers.list_of_schedule(tenant_id, schedule.id)
    return upcoming(schedule, triggers, store.now(), count)

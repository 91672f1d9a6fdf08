"""Who waits for the completion of a schedule's runs: triggers of other schedules, by its name."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from resources.records import Run, Schedule
from resources.store import Store
from scheduler_defs.edits.contents import content_of
from scheduler_defs.edits.plans import instant_of
from scheduler_defs.edits.versions import keep_version
from scheduler_defs.timing.rules import RUN_COMPLETED


def lock_listeners(store: Store, tenant_id: str, name: str) -> list[Schedule]:
    """Locks a schedule that is to get another name together with its listeners, and returns these.

    Together, since whoever locks several schedules does so in the order of their ids.
    """
    locked = store.schedules.lock_with_listeners(tenant_id, name, f"{RUN_COMPLETED}{name}")
    return [schedule for schedule in locked if schedule.name != name]


def follow_name(
    store: Store, listeners: Sequence[Schedule], old: str, new: str, actor: str, now: datetime
) -> None:
    """Lets the triggers of locked listeners wait for a schedule by its new name; what they heard already stays."""
    for schedule in listeners:
        triggers = store.triggers.list_of_schedule(schedule.tenant_id, schedule.id)
        waiting = [trigger for trigger in triggers if trigger.event == f"{RUN_COMPLETED}{old}"]
        if not waiting:
            continue
        instant = instant_of(store, schedule, triggers, now)
        version = store.schedules.advance_version(schedule, actor, instant)
        for trigger in waiting:
            store.triggers.update(replace(trigger, event=f"{RUN_COMPLETED}{new}"), version, instant)
        after = store.schedules.get(schedule.tenant_id, schedule.id)
        left = store.triggers.list_of_schedule(schedule.tenant_id, schedule.id)
        keep_version(store, after, left, "edit", actor, instant, content_of(schedule, triggers))


def tell_listeners(store: Store, run: Run) -> None:
    """Records that a run of a schedule has completed, under the name that the schedule has by now.

    Recording waits for an edit of the listeners; when that gave the schedule another name, they are told by it.
    """
    told = None
    while run.schedule_id and (name := store.schedules.get(run.tenant_id, run.schedule_id).name) != told:
        store.trigger_events.record(f"{RUN_COMPLETED}{name}", store.now(), run.tenant_id)
        told = name

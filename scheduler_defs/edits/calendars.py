"""Edits of calendars: the change, its version and the audit, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NoReturn, TypedDict

from resources.errors import IllegalTransition, InvalidInput, VersionConflict
from resources.records import CalendarRow, Json
from resources.states import CalendarMode, OnExcluded
from resources.store import Store
from scheduler_defs.edits.plans import due_anew
from scheduler_defs.edits.surroundings import read_calendars
from scheduler_defs.edits.wanted_schedules import check_name
from scheduler_defs.timing.calendar_entries import parse_entries
from scheduler_defs.timing.wall_clock import zone

SAID = ("name", "description", "mode", "timezone", "on_excluded", "entries")


@dataclass(frozen=True)
class NewCalendar:
    """What somebody asks for when creating a calendar; ``entries`` as docs/timing.md has them."""

    name: str
    entries: Sequence[Json]
    mode: CalendarMode = CalendarMode.EXCLUDE
    on_excluded: OnExcluded = OnExcluded.SKIP
    timezone: str = "UTC"
    description: str = ""


class CalendarChanges(TypedDict, total=False):
    """What an edit changes of a calendar; what is left out stays. The name stays: triggers say it."""

    description: str
    mode: CalendarMode
    timezone: str
    on_excluded: OnExcluded
    entries: Sequence[Json]


def create_calendar(
    store: Store, tenant_id: str, wanted: NewCalendar, actor: str, now: datetime | None = None
) -> CalendarRow:
    """Adds a calendar; one of a name used before goes on with its versions, none of them older than the one before.

    Raises InvalidInput naming the field, NotFound for an unknown tenant, AlreadyExists for a name in use.
    """
    store.tenants.get(tenant_id)
    now = now or store.now()
    check_name(wanted.name)
    calendar = CalendarRow(
        tenant_id=tenant_id,
        name=wanted.name,
        description=wanted.description,
        mode=wanted.mode,
        timezone=wanted.timezone,
        on_excluded=wanted.on_excluded,
        entries=wanted.entries,
        created_at=now,
        created_by=actor,
        updated_at=now,
        updated_by=actor,
    )
    made = store.calendars.upsert(_checked(calendar), None)
    _keep(store, made, "create", actor, made.updated_at, None)
    return made


def edit_calendar(
    store: Store,
    tenant_id: str,
    name: str,
    changes: CalendarChanges,
    actor: str,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> CalendarRow:
    """Changes fields of a calendar; what changes nothing writes nothing. ``version`` is the one it was made from.

    Triggers that use it keep their next occurrence, which is due by the new calendar from now on, and not before. The
    version is never older than the one before, also where the server's clock was set back.

    Raises NotFound, InvalidInput naming the field, VersionConflict.
    """
    calendar = store.calendars.lock(tenant_id, name)
    now = now or store.now()
    edited_at = max(now, calendar.updated_at)
    fields: dict[str, Any] = {**changes}
    for field in fields.keys() - CalendarChanges.__annotations__.keys():
        raise InvalidInput(field, fields[field], "a field of a calendar that can be edited")
    if version is not None and version != calendar.version:
        _refuse_stale(store, calendar, version, fields)
    wanted = _checked(replace(calendar, **fields))
    if wanted == calendar:
        return calendar
    after = store.calendars.upsert(replace(wanted, updated_at=edited_at, updated_by=actor), calendar.version)
    _keep(store, after, "edit", actor, edited_at, content_of(calendar))
    triggers = store.triggers.lock_of_calendar(tenant_id, name)
    calendars = read_calendars(store, triggers)
    store.triggers.delay_many([due_anew(one, calendars, edited_at) for one in triggers], now)
    return after


def delete_calendar(store: Store, tenant_id: str, name: str, actor: str, now: datetime | None = None) -> None:
    """Deletes a calendar that no trigger uses; its history stays, its name is free again.

    Raises NotFound, IllegalTransition naming the schedules that use it.
    """
    calendar = store.calendars.lock(tenant_id, name)
    now = max(now or store.now(), calendar.updated_at)
    refuse_used(store, tenant_id, name)
    version = store.calendars.delete(calendar, actor, now)
    store.calendars.add_version(tenant_id, name, version, None, actor, now)
    _audit(store, calendar, "delete", actor, now, content_of(calendar), None)


def refuse_used(store: Store, tenant_id: str, name: str) -> None:
    """Raises IllegalTransition while a living trigger of a living schedule uses a calendar, which is locked."""
    users = store.calendars.list_users(tenant_id, name)
    if users:
        raise IllegalTransition("calendar", name, f"used by {', '.join(map(repr, users))}", "deleted")


def content_of(calendar: CalendarRow) -> dict[str, Any]:
    """What a calendar says, as JSON: for calendar_versions and the audit."""
    return {name: getattr(calendar, name) for name in SAID}


def _checked(calendar: CalendarRow) -> CalendarRow:
    """The calendar with its entries in the form they are kept; raises InvalidInput."""
    zone(calendar.timezone)
    entries = [entry.to_json() for entry in parse_entries(calendar.entries)]
    if calendar.mode is CalendarMode.INCLUDE and not entries:
        expected = "at least one: without entries an include calendar excludes every time"
        raise InvalidInput("entries", "none", expected)
    return replace(calendar, entries=entries)


def _keep(store: Store, after: CalendarRow, action: str, actor: str, now: datetime, old: Json | None) -> None:
    content = content_of(after)
    store.calendars.add_version(after.tenant_id, after.name, after.version, content, actor, now)
    _audit(store, after, action, actor, now, old, content)


def _audit(
    store: Store,
    calendar: CalendarRow,
    action: str,
    actor: str,
    now: datetime,
    old: Json | None,
    new: Json | None,
) -> None:
    store.audit.append(
        tenant_id=calendar.tenant_id,
        actor=actor,
        action=action,
        entity="calendar",
        entity_id=calendar.name,
        old=old,
        new=new,
        now=now,
    )


def _refuse_stale(store: Store, calendar: CalendarRow, version: int, changes: Json) -> NoReturn:
    read = store.calendars.get_version(calendar.tenant_id, calendar.name, version).content or {}
    yours, theirs = {**read, **changes}, content_of(calendar)
    raise VersionConflict(
        "calendar",
        calendar.name,
        version,
        calendar.version,
        changed_by=calendar.updated_by,
        changed_at=calendar.updated_at,
        differences={
            name: (yours.get(name), theirs[name]) for name in SAID if yours.get(name) != theirs[name]
        },
    )

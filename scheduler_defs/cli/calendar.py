"""`scheduler calendar`: the times that triggers leave out."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import click

from resources.errors import InvalidInput
from resources.records import CalendarRow
from resources.states import CalendarMode, OnExcluded
from scheduler_defs.cli.calendar_options import AskedEntries, entry_options, treatment_options
from scheduler_defs.cli.context import actor_option, begin, json_option, page_options, tenant_option
from scheduler_defs.cli.options import Moment
from scheduler_defs.cli.output import fields_of, json_line, note_next, print_fields, print_json, print_table
from scheduler_defs.edits.calendars import (
    CalendarChanges,
    NewCalendar,
    create_calendar,
    delete_calendar,
    edit_calendar,
)
from scheduler_defs.timing.calendars import (
    Calendar,
    calendar_of,
    end_of_exclusion,
    excluded,
    exclusions,
)
from scheduler_defs.timing.rules import utc
from scheduler_defs.timing.wall_clock import zone

MOST_DAYS = 366


@click.group()
def calendar() -> None:
    """Create, edit, show and try out calendars, which leave times out."""


@calendar.command()
@click.argument("name")
@tenant_option
@treatment_options(defaults=True)
@entry_options
@actor_option
def create(name: str, tenant: str, actor: str, exclude: bool, asked: AskedEntries, **wanted: Any) -> None:
    """Create a calendar of the dates, days and times given."""
    if not asked.given:
        raise InvalidInput(
            "entries", "none", "at least one of --date, --days, --window, --from, --to, --file"
        )
    new = NewCalendar(name, asked.entries(), mode=_mode(exclude), **wanted)
    with begin(tenant) as store:
        made = create_calendar(store, tenant, new, actor)
    click.echo(f"calendar {made.name} created")


@calendar.command()
@click.argument("name")
@tenant_option
@click.option("--version", type=int, help="Refuse the edit unless the calendar is at this version.")
@treatment_options(defaults=False)
@entry_options
@actor_option
def edit(
    name: str,
    tenant: str,
    actor: str,
    version: int | None,
    exclude: bool | None,
    asked: AskedEntries,
    **wanted: Any,
) -> None:
    """Change what is given and keep the rest; dates, days and times replace all entries."""
    wanted |= {"mode": None if exclude is None else _mode(exclude)}
    wanted |= {"entries": asked.entries() if asked.given else None}
    given = {field: value for field, value in wanted.items() if value is not None}
    changes: CalendarChanges = given  # type: ignore[assignment]
    with begin(tenant) as store:
        after = edit_calendar(store, tenant, name, changes, actor, version=version)
    click.echo(f"calendar {after.name} is at version {after.version}")


@calendar.command("list")
@tenant_option
@page_options(100)
@json_option
def list_calendars(tenant: str, limit: int, cursor: str | None, as_json: bool) -> None:
    """List calendars by name."""
    with begin(tenant) as store:
        page = store.calendars.list(tenant, cursor=cursor, limit=limit)
    if as_json:
        print_json(page.items)
    else:
        print_table([_summary(one) for one in page.items], wraps={"name"}, empty="no calendars")
    note_next(page)


@calendar.command()
@click.argument("name")
@tenant_option
@json_option
def show(name: str, tenant: str, as_json: bool) -> None:
    """Show a calendar, its entries and the schedules that use it."""
    with begin(tenant) as store:
        found = store.calendars.get(tenant, name)
        users = store.calendars.list_users(tenant, name, limit=100)
    if as_json:
        print_json(fields_of(found) | {"used_by": users})
        return
    print_fields(
        {key: value for key, value in fields_of(found).items() if key != "entries"}
        | {"used_by": ", ".join(users)}
    )
    click.echo()
    print_table([{"entry": json_line(one)} for one in found.entries], wraps={"entry"}, empty="no entries")


@calendar.command()
@click.argument("name")
@tenant_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@actor_option
def delete(name: str, tenant: str, yes: bool, actor: str) -> None:
    """Delete a calendar that no trigger uses; its history stays, its name is free again."""
    with begin(tenant) as store:
        store.calendars.get(tenant, name)
    if not yes:
        click.confirm(f"Delete calendar {name} of tenant {tenant}?", abort=True, err=True)
    with begin(tenant) as store:
        delete_calendar(store, tenant, name, actor)
    click.echo(f"calendar {name} deleted")


@calendar.command()
@click.argument("name")
@click.argument("times", metavar="[AT]...", nargs=-1, type=Moment())
@tenant_option
@click.option(
    "--days-ahead",
    type=click.IntRange(1, MOST_DAYS),
    metavar="N",
    help="Also list what is excluded in the next N days.",
)
@json_option
def check(
    name: str, times: Sequence[datetime | str], tenant: str, days_ahead: int | None, as_json: bool
) -> None:
    """Say whether times are excluded, and until when; AT is now, or ISO 8601, by default in the calendar's zone."""
    with begin(tenant) as store:
        found = calendar_of(store.calendars.get(tenant, name))
        now = store.now()
    asked = times or (() if days_ahead else ("now",))
    answers = [_answer(found, now if isinstance(at, str) else _instant(found, at)) for at in asked]
    ahead = [] if days_ahead is None else list(_ahead(found, now, days_ahead))
    if as_json:
        print_json({"answers": answers} | ({} if days_ahead is None else {"excluded": ahead}))
        return
    if answers:
        print_table([_local(found, one) for one in answers], empty="no times")
    if answers and days_ahead is not None:
        click.echo()
    if days_ahead is not None:
        print_table([_local(found, one) for one in ahead], empty=f"nothing is excluded in {days_ahead} days")


def _mode(exclude: bool) -> CalendarMode:
    return CalendarMode.EXCLUDE if exclude else CalendarMode.INCLUDE


def _summary(one: CalendarRow) -> dict[str, Any]:
    then = "moves to its end" if one.on_excluded is OnExcluded.MOVE else "skips"
    return {
        "name": one.name,
        "mode": one.mode,
        "excluded": then,
        "timezone": one.timezone,
        "entries": len(one.entries),
        "version": one.version,
    }


def _answer(found: Calendar, at: datetime) -> dict[str, Any]:
    shut = excluded(found, at)
    return {"at": at, "excluded": shut, "until": end_of_exclusion(found, at) if shut else None}


def _ahead(found: Calendar, now: datetime, days: int) -> Iterator[dict[str, Any]]:
    for begin_at, end in exclusions(found, now, now + timedelta(days=days)):
        yield {"from": begin_at, "until": end}


def _instant(found: Calendar, at: datetime) -> datetime:
    """A typed time in UTC; without an offset what the calendar's clock shows, refused where that is unsure."""
    where = zone(found.timezone)
    if at.tzinfo is None:
        at = at.replace(tzinfo=where)
        if at.utcoffset() != at.replace(fold=1).utcoffset():
            expected = f"a time with its offset: in {found.timezone} the clocks change then"
            raise InvalidInput("at", at.replace(tzinfo=None).isoformat(), expected)
    try:
        return utc("at", at.astimezone(where))
    except OverflowError:
        raise InvalidInput("at", at.isoformat(), "a time between the years 1 and 9999") from None


def _local(found: Calendar, row: dict[str, Any]) -> dict[str, Any]:
    """A row for people: times as the calendar's clock shows them."""
    where = zone(found.timezone)
    return {
        key: value.astimezone(where).isoformat(timespec="seconds") if isinstance(value, datetime) else value
        for key, value in row.items()
    }

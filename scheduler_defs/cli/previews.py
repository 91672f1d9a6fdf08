"""`scheduler schedule preview` and `diff`: when schedules will fire, before it happens or is edited."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TextIO

import click

from resources.errors import InvalidInput
from resources.records import Trigger
from scheduler_defs.cli.context import begin, json_option, tenant_option
from scheduler_defs.cli.options import Duration
from scheduler_defs.cli.output import print_json, print_table
from scheduler_defs.cli.terms import terms_options
from scheduler_defs.cli.triggers import AskedTimes, local, trigger_options
from scheduler_defs.cli.wanted_files import read_wanted
from scheduler_defs.edits.previews import MOST, diff_fires, preview_fires
from scheduler_defs.edits.terms import TriggerTerms
from scheduler_defs.edits.words import describe
from scheduler_defs.timing.jitter import offset_of
from scheduler_defs.timing.preview import UpcomingFire
from scheduler_defs.timing.wall_clock import zone


@click.command()
@click.argument("name")
@tenant_option
@click.option("--count", type=click.IntRange(1, MOST), default=10, show_default=True, help="How many.")
@json_option
def preview(name: str, tenant: str, count: int, as_json: bool) -> None:
    """Show when a schedule will fire next, in UTC and local time, and what will be skipped and why."""
    with begin(tenant) as store:
        fires = preview_fires(store, tenant, name, count)
    _print(fires, as_json, "nothing will fire")


@click.command()
@click.argument("name")
@click.argument("file", type=click.File(), required=False)
@tenant_option
@click.option("--horizon", type=Duration(), default="7d", show_default=True, help="How far ahead to compare.")
@trigger_options
@terms_options
@json_option
def diff(
    name: str,
    file: TextIO | None,
    tenant: str,
    horizon: timedelta,
    times: AskedTimes,
    terms: TriggerTerms,
    as_json: bool,
    **limits: Any,
) -> None:
    """Show which fires a schedule would gain and lose by an edit; nothing is changed.

    The edit is given by the options of `schedule edit`, or by FILE (- for standard input): JSON as
    `schedule show --json` prints it.
    """
    for option, value in limits.items():
        if value is not None:
            raise InvalidInput(
                option, value, "nothing here: which fires a limit or condition skips is seen only then"
            )
    with begin(tenant) as store:
        now = store.now()
        triggers = store.triggers.list_of_schedule(tenant, store.schedules.get_by_name(tenant, name).id)
        wanted = _wanted(file, times, terms, now, triggers)
        found = diff_fires(store, tenant, name, horizon, now=now, **wanted)
    sides = {"gained": found.gained, "lost": found.lost}
    if as_json:
        print_json({side: [_row(fire) for fire in fires] for side, fires in sides.items()})
        return
    rows = [
        {"": "+" if side == "gained" else "-"} | _row(fire) for side, fires in sides.items() for fire in fires
    ]
    rows.sort(key=lambda row: row["at"])
    print_table(_told(rows), wraps={"trigger"}, empty="no fire changes")
    click.echo(
        f"gained {len(found.gained)}, lost {len(found.lost)} until {found.until.isoformat(timespec='seconds')}"
    )


def _wanted(
    file: TextIO | None, times: AskedTimes, terms: TriggerTerms, now: datetime, triggers: Sequence[Trigger]
) -> Mapping[str, Any]:
    clock, bounds = times.clock(), times.bounds(now)
    rules = [] if clock else times.rules(now, triggers)
    given = bool(rules or terms or clock or bounds != (None, None))
    if file is None:
        if not given:
            raise InvalidInput("edit", "nothing", "FILE, or an option such as --cron or --calendar")
        bounded = None if bounds == (None, None) else bounds
        return {"rules": rules, "terms": terms, "clock": clock, "bounds": bounded}
    if given:
        raise InvalidInput("edit", file.name, "FILE or options, not both")
    try:
        document = json.load(file)
    except ValueError as error:
        raise InvalidInput("file", file.name, f"JSON ({error})") from None
    return read_wanted(document)


def _print(fires: Sequence[UpcomingFire], as_json: bool, empty: str) -> None:
    rows = [_row(fire) for fire in fires]
    if as_json:
        print_json([row | {"trigger_id": fire.trigger.id} for row, fire in zip(rows, fires, strict=True)])
        return
    print_table(_told(rows), wraps={"trigger", "skipped"}, empty=empty)
    if any(fire.paused for fire in fires):
        click.echo("paused ones fire only once they are resumed", err=True)


def _told(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without what a local time says anyway, and without what is so of none; planned for what was moved."""
    told = [row | {"planned_for": row["planned_for"] if _moved(row) else None} for row in rows]
    optional = ("planned_for", "jitter", "skipped", "paused")
    silent = {"offset", *(name for name in optional if not any(row[name] for row in told))}
    return [
        {name.replace("_", " "): value for name, value in row.items() if name not in silent} for row in told
    ]


def _moved(row: Mapping[str, Any]) -> bool:
    """Whether a calendar moved the fire; jitter alone moves none."""
    moved: bool = row["at"] - row["jitter"] != row["planned_for"]
    return moved


def _row(fire: UpcomingFire) -> dict[str, Any]:
    at = fire.due.at.astimezone(zone(fire.trigger.timezone or "UTC"))
    return {
        "at": fire.due.at,
        "local": local(fire.due.at, fire.trigger),
        "offset": at.strftime("%z"),
        "planned_for": fire.scheduled_for,
        "jitter": offset_of(fire.trigger.id, fire.trigger.jitter),
        "trigger": describe(fire.trigger),
        "skipped": fire.due.reason,
        "paused": fire.paused,
    }

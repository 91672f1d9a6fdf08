"""`scheduler schedule`: what runs when."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import click

from resources.records import Schedule, Trigger
from resources.states import JobKind
from scheduler_defs.cli.context import actor_option, begin, json_option, page_options, tenant_option
from scheduler_defs.cli.following import announce, check_timeout, timeout_option
from scheduler_defs.cli.options import Member, read_labels
from scheduler_defs.cli.output import fields_of, note_next, print_fields, print_json, print_table
from scheduler_defs.cli.previews import diff, preview
from scheduler_defs.cli.run import run_rows
from scheduler_defs.cli.schedule_edits import create, edit, remove, restore
from scheduler_defs.cli.triggers import trigger_rows
from scheduler_defs.edits.schedules import (
    delete_schedule,
    pause_schedule,
    resume_schedule,
    trigger_schedule,
)
from scheduler_defs.edits.words import describe

PAGE = 500
LAST_RUNS = 5


@click.group()
def schedule() -> None:
    """Create, edit, show, pause and trigger schedules."""


@schedule.command("list")
@tenant_option
@click.option("--kind", type=Member(JobKind), help="Only of this kind.")
@click.option("--enabled/--paused", default=None, help="Only those that fire, or only those that do not.")
@click.option("--name-prefix", metavar="TEXT", help="Only names that begin so.")
@click.option(
    "--label", "labels", multiple=True, metavar="K=V", help="Only schedules so labelled; repeatable."
)
@click.option("--deleted", is_flag=True, help="Deleted ones too.")
@page_options(100)
@json_option
def list_schedules(
    tenant: str,
    labels: Sequence[str],
    deleted: bool,
    limit: int,
    cursor: str | None,
    as_json: bool,
    **filters: Any,
) -> None:
    """List schedules by name."""
    filters |= {"labels": read_labels("labels", labels), "include_deleted": deleted}
    with begin(tenant) as store:
        page = store.schedules.list(tenant, cursor=cursor, limit=limit, **filters)
        triggers = {one.id: store.triggers.list_of_schedule(tenant, one.id) for one in page.items}
    if as_json:
        print_json([fields_of(one) | {"triggers": triggers[one.id]} for one in page.items])
    else:
        print_table(_rows(page.items, triggers), wraps={"name", "triggers"}, empty="no schedules")
    note_next(page)


@schedule.command()
@click.argument("name")
@tenant_option
@json_option
def show(name: str, tenant: str, as_json: bool) -> None:
    """Show a schedule, its triggers and its last runs."""
    with begin(tenant) as store:
        found = store.schedules.get_by_name(tenant, name)
        triggers = store.triggers.list_of_schedule(tenant, found.id)
        runs = store.runs.get_by_schedule(tenant, found.id, LAST_RUNS)
    if as_json:
        print_json(fields_of(found) | {"triggers": triggers, "runs": runs})
        return
    print_fields(fields_of(found))
    click.echo()
    print_table(trigger_rows(triggers), wraps={"trigger"}, empty="no triggers")
    click.echo()
    print_table(run_rows(runs), wraps={"schedule"}, empty="no runs yet")


@schedule.command()
@click.argument("name")
@tenant_option
@click.option("--reason", default="", help="Shown beside the schedule.")
@actor_option
def pause(name: str, tenant: str, reason: str, actor: str) -> None:
    """Stop a schedule from firing."""
    with begin(tenant) as store:
        after = pause_schedule(store, tenant, name, reason, actor)
    if reason and after.paused_reason != reason:
        click.echo("it was paused already and keeps its reason: resume it first for another", err=True)
    click.echo(f"schedule {name} is paused" + (f": {after.paused_reason}" if after.paused_reason else ""))


@schedule.command()
@click.argument("name")
@tenant_option
@actor_option
def resume(name: str, tenant: str, actor: str) -> None:
    """Let a schedule fire again, from now on."""
    with begin(tenant) as store:
        after = resume_schedule(store, tenant, name, actor)
        triggers = store.triggers.list_of_schedule(tenant, after.id)
    click.echo(f"schedule {name} is active")
    print_table(trigger_rows(triggers), wraps={"trigger"}, empty="no triggers")


@schedule.command()
@click.argument("name")
@tenant_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@actor_option
def delete(name: str, tenant: str, yes: bool, actor: str) -> None:
    """Delete a schedule; its runs stay, its name is free again."""
    with begin(tenant) as store:
        store.schedules.get_by_name(tenant, name)
    if not yes:
        click.confirm(f"Delete schedule {name} of tenant {tenant}?", abort=True, err=True)
    with begin(tenant) as store:
        delete_schedule(store, tenant, name, actor)
    click.echo(f"schedule {name} deleted")


@schedule.command()
@click.argument("name")
@tenant_option
@click.option(
    "--wait", is_flag=True, help="Wait until the run has ended; exit with 0 only when it completed."
)
@timeout_option
@actor_option
def trigger(name: str, tenant: str, wait: bool, timeout: timedelta | None, actor: str) -> None:
    """Ask for a run of a schedule now; prints the run's id."""
    check_timeout(timeout, wait, "--wait")
    with begin(tenant) as store:
        run_id = trigger_schedule(store, tenant, name, actor)
    announce(tenant, run_id, wait, timeout)


for command in (create, edit, restore, remove, preview, diff):
    schedule.add_command(command)


def _rows(schedules: Sequence[Schedule], triggers: Mapping[UUID, list[Trigger]]) -> list[dict[str, Any]]:
    return [
        {
            "name": one.name,
            "kind": one.kind if one.mode is None else f"{one.kind} {one.mode}",
            "state": "deleted" if one.deleted_at else "active" if one.enabled else "paused",
            "next fire": min((t.next_due_at for t in triggers[one.id] if t.next_due_at), default=None),
            "triggers": ", ".join(map(describe, triggers[one.id])),
        }
        for one in schedules
    ]

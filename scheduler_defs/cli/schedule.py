"""`scheduler schedule`: what runs when."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import click

from resources.records import Schedule, Trigger
from resources.states import CatchUp, JobKind, Overlap, PolicyMode
from resources.store import Store
from scheduler_defs.cli.context import actor_option, begin, json_option, tenant_option
from scheduler_defs.cli.following import announce, timeout_option
from scheduler_defs.cli.options import Duration, Member, selection_options
from scheduler_defs.cli.output import fields_of, print_fields, print_json, print_table
from scheduler_defs.cli.run import run_rows
from scheduler_defs.cli.triggers import AskedTimes, describe, local_moment, trigger_options
from scheduler_defs.edits.schedules import (
    NewSchedule,
    create_schedule,
    delete_schedule,
    pause_schedule,
    resume_schedule,
    trigger_schedule,
)

PAGE = 500
LAST_RUNS = 5


@click.group()
def schedule() -> None:
    """Create, show, pause and trigger schedules."""


@schedule.command()
@click.argument("name")
@tenant_option
@click.option("--kind", type=Member(JobKind), required=True, help="What its runs do.")
@click.option("--mode", type=Member(PolicyMode), help="Of policy runs; full by default.")
@trigger_options
@selection_options
@click.option("--description", default="", help="For people.")
@click.option("--priority", type=int, default=0, show_default=True, help="-100 to 100; higher starts first.")
@click.option(
    "--overlap",
    type=Member(Overlap),
    default=Overlap.SKIP,
    show_default=True,
    help="What a fire does while an earlier run is still open.",
)
@click.option(
    "--catch-up",
    type=Member(CatchUp),
    default=CatchUp.LATEST,
    show_default=True,
    help="Which missed fires happen after downtime.",
)
@click.option(
    "--catch-up-window", type=Duration(), default="1d", show_default=True, help="How old those may be."
)
@click.option(
    "--misfire-grace", type=Duration(), default="1m", show_default=True, help="A fire this late is on time."
)
@actor_option
def create(tenant: str, actor: str, times: AskedTimes, catch_up_window: timedelta, **wanted: Any) -> None:
    """Create a schedule that fires by --cron, --every or --once; at least one is needed."""
    with begin(tenant) as store:
        now = store.now()
        starts_at, ends_at = times.bounds(now)
        new = NewSchedule(
            rules=times.rules(now),
            starts_at=starts_at,
            ends_at=ends_at,
            catch_up_window=catch_up_window,
            **wanted,
        )
        made = create_schedule(store, tenant, new, actor, now)
        triggers = store.triggers.list_of_schedule(tenant, made.id)
    click.echo(f"schedule {made.name} created")
    print_table(_trigger_rows(triggers), wraps={"trigger"}, empty="no triggers")


@schedule.command("list")
@tenant_option
@click.option("--kind", type=Member(JobKind), help="Only of this kind.")
@click.option("--enabled/--paused", default=None, help="Only those that fire, or only those that do not.")
@json_option
def list_schedules(tenant: str, kind: JobKind | None, enabled: bool | None, as_json: bool) -> None:
    """List schedules by name."""
    with begin(tenant) as store:
        schedules = list(_pages(store, tenant, kind, enabled))
        triggers = {one.id: store.triggers.list_of_schedule(tenant, one.id) for one in schedules}
    if as_json:
        print_json([fields_of(one) | {"triggers": triggers[one.id]} for one in schedules])
        return
    rows = [
        {
            "name": one.name,
            "kind": one.kind if one.mode is None else f"{one.kind} {one.mode}",
            "state": "active" if one.enabled else "paused",
            "next fire": min((t.next_fire_at for t in triggers[one.id] if t.next_fire_at), default=None),
            "triggers": ", ".join(map(describe, triggers[one.id])),
        }
        for one in schedules
    ]
    print_table(rows, wraps={"name", "triggers"}, empty="no schedules")


@schedule.command()
@click.argument("name")
@tenant_option
@json_option
def show(name: str, tenant: str, as_json: bool) -> None:
    """Show a schedule, its triggers and its last runs."""
    with begin(tenant) as store:
        found = store.schedules.get_by_name(tenant, name)
        triggers = store.triggers.list_of_schedule(tenant, found.id)
        runs = store.runs.list(tenant, schedule_id=found.id, limit=LAST_RUNS)
    if as_json:
        print_json(fields_of(found) | {"triggers": triggers, "runs": runs})
        return
    print_fields(fields_of(found))
    click.echo()
    print_table(_trigger_rows(triggers), wraps={"trigger"}, empty="no triggers")
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
    print_table(_trigger_rows(triggers), wraps={"trigger"}, empty="no triggers")


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
    with begin(tenant) as store:
        run_id = trigger_schedule(store, tenant, name, actor)
    announce(tenant, run_id, wait, timeout)


def _pages(store: Store, tenant: str, kind: JobKind | None, enabled: bool | None) -> Iterator[Schedule]:
    after = None
    while page := store.schedules.list(tenant, kind, enabled, after, PAGE):
        yield from page
        after = page[-1].name


def _trigger_rows(triggers: list[Trigger]) -> list[dict[str, Any]]:
    return [
        {
            "trigger": describe(one),
            "next fire": local_moment(one.next_fire_at, one),
            "last fire": local_moment(one.last_fire_at, one),
            "fires": one.fire_count,
            "missed": one.misfire_count,
        }
        for one in triggers
    ]

"""The commands of `scheduler schedule` that write schedules and their triggers."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import click

from resources.errors import InvalidInput
from resources.selection import Selection
from resources.states import JobKind, PolicyMode
from scheduler_defs.cli.context import actor_option, begin, tenant_option
from scheduler_defs.cli.failure_options import failure_options
from scheduler_defs.cli.options import Member, read_labels, selection_options, treatment_options
from scheduler_defs.cli.output import print_table
from scheduler_defs.cli.terms import terms_options
from scheduler_defs.cli.triggers import (
    AskedTimes,
    find_trigger,
    trigger_options,
    trigger_rows,
    warn_of_unknown_schedules,
)
from scheduler_defs.edits.schedules import (
    NewSchedule,
    ScheduleChanges,
    create_schedule,
    edit_schedule,
    restore_schedule,
)
from scheduler_defs.edits.terms import TriggerTerms, hold_terms
from scheduler_defs.edits.triggers import remove_trigger
from scheduler_defs.edits.words import describe

EMPTY: dict[str, Any] = {
    **{"labels": {}, "selection": Selection(), "starts_at": None, "ends_at": None},
    **{"max_runs_per_hour": None, "only_if": None, "run_timeout": None, "pause_after_failures": None},
}
NO_TERMS: dict[str, Any] = {"jitter": timedelta(), "calendars": [], "max_fires": None}
CLEARABLE = [name.replace("_", "-") for name in (*EMPTY, *NO_TERMS)]


@click.command()
@click.argument("name")
@tenant_option
@click.option("--kind", type=Member(JobKind), required=True, help="What its runs do.")
@click.option("--mode", type=Member(PolicyMode), help="Of policy runs; full by default.")
@trigger_options
@selection_options
@treatment_options(defaults=True)
@terms_options
@failure_options
@actor_option
def create(tenant: str, actor: str, times: AskedTimes, schedule_labels: Sequence[str], **wanted: Any) -> None:
    """Create a schedule that fires by --cron, --every, --once or --on; at least one is needed."""
    labels = read_labels("labels", schedule_labels)
    with begin(tenant) as store:
        now = store.now()
        starts_at, ends_at = times.bounds(now)
        rules = times.rules(now)
        new = NewSchedule(rules=rules, labels=labels, starts_at=starts_at, ends_at=ends_at, **wanted)
        made = create_schedule(store, tenant, new, actor, now)
        warn_of_unknown_schedules(store, tenant, times)
        triggers = store.triggers.list_of_schedule(tenant, made.id)
    click.echo(f"schedule {made.name} created")
    print_table(trigger_rows(triggers), wraps={"trigger"}, empty="no triggers")


@click.command()
@click.argument("name")
@tenant_option
@click.option("--version", type=int, help="Refuse the edit unless the schedule is at this version.")
@click.option("--rename", metavar="NAME", help="Its new name.")
@click.option("--mode", type=Member(PolicyMode), help="Of policy runs.")
@trigger_options
@selection_options
@treatment_options(defaults=False)
@terms_options
@failure_options
@click.option(
    "--clear",
    type=click.Choice(CLEARABLE),
    metavar="FIELD",
    multiple=True,
    help=f"Take a field away: {', '.join(CLEARABLE)}; repeatable.",
)
@actor_option
def edit(
    name: str,
    tenant: str,
    actor: str,
    version: int | None,
    rename: str | None,
    times: AskedTimes,
    selection: Selection,
    schedule_labels: Sequence[str],
    terms: TriggerTerms,
    clear: Sequence[str],
    **wanted: Any,
) -> None:
    """Change what is given and keep the rest; times, labels or image options replace all of theirs.

    What is not said of a --cron is taken from the cron triggers it replaces: time zone, --dst-gap, --dst-overlap and
    --day-match. Without a --cron or another rule, these options change the cron triggers that are there.
    """
    fields = {option.replace("-", "_") for option in clear}
    given_terms: Any = {**terms, **_cleared(fields & NO_TERMS.keys(), NO_TERMS, terms)}
    with begin(tenant) as store:
        hold_terms(store, tenant, given_terms)
        found = store.schedules.lock(
            tenant, name
        )  # an instant read before the wait for another edit would be stale
        now = store.now()
        starts_at, ends_at = times.bounds(now)
        wanted |= {"name": rename, "starts_at": starts_at, "ends_at": ends_at}
        wanted |= {"labels": read_labels("labels", schedule_labels) or None}
        wanted |= {"selection": selection if selection != Selection() else None}
        given = {field: value for field, value in wanted.items() if value is not None}
        cleared = _cleared(fields & EMPTY.keys(), EMPTY, given)
        changes: ScheduleChanges = given | cleared  # type: ignore[assignment]
        clock = times.clock()
        rules = [] if clock else times.rules(now, store.triggers.list_of_schedule(tenant, found.id))
        if not changes and not rules and not given_terms and not clock:
            raise click.UsageError("nothing is asked for; give at least one option that changes something")
        after = edit_schedule(
            store,
            tenant,
            name,
            changes,
            actor,
            version=version,
            rules=rules,
            terms=given_terms,
            clock=clock,
            now=now,
        )
        warn_of_unknown_schedules(store, tenant, times)
        triggers = store.triggers.list_of_schedule(tenant, after.id)
    click.echo(f"schedule {after.name} is at version {after.version}")
    print_table(trigger_rows(triggers), wraps={"trigger"}, empty="no triggers")


@click.command()
@click.argument("name")
@tenant_option
@actor_option
def restore(name: str, tenant: str, actor: str) -> None:
    """Bring back a deleted schedule; it fires from now on."""
    with begin(tenant) as store:
        after = restore_schedule(store, tenant, name, actor)
        triggers = store.triggers.list_of_schedule(tenant, after.id)
    click.echo(f"schedule {name} restored" + ("" if after.enabled else ", paused as it was"))
    print_table(trigger_rows(triggers), wraps={"trigger"}, empty="no triggers")


@click.command("remove-trigger")
@click.argument("name")
@click.argument("trigger_id", metavar="TRIGGER")
@tenant_option
@actor_option
def remove(name: str, trigger_id: str, tenant: str, actor: str) -> None:
    """Take a trigger from a schedule, by its id or how that ends; its runs stay."""
    with begin(tenant) as store:
        found = store.schedules.get_by_name(tenant, name)
        trigger = find_trigger(store.triggers.list_of_schedule(tenant, found.id), trigger_id)
        remove_trigger(store, tenant, name, trigger.id, actor)
    click.echo(f"trigger {describe(trigger)} removed from schedule {name}")


def _cleared(fields: set[str], empty: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    for field in sorted(fields & given.keys()):
        raise InvalidInput("clear", field.replace("_", "-"), "a field that no other option gives a value")
    return {field: empty[field] for field in fields}

"""`scheduler run`: the ledger, and runs by hand."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import click

from resources.records import LogLine, Run
from resources.selection import Selection
from resources.states import JobKind, LogLevel, PolicyMode, RunState, TriggerKind
from resources.store import Store
from resources.texts import moment
from scheduler_defs.cli.context import actor_option, begin, json_option, page_options, tenant_option
from scheduler_defs.cli.following import announce, check_timeout, follow, timeout_option
from scheduler_defs.cli.options import (
    Member,
    as_of_option,
    at_instant,
    grep_option,
    level_option,
    period_of,
    period_options,
    selection_options,
)
from scheduler_defs.cli.output import (
    fields_of,
    json_line,
    log_text,
    note_next,
    print_fields,
    print_json,
    print_table,
    short,
)
from scheduler_defs.edits.runs import cancel_run, request_run, retry_run


@click.group()
def run() -> None:
    """Start, list, follow and cancel runs."""


@run.command()
@tenant_option
@click.option("--kind", type=Member(JobKind), required=True, help="What the run does.")
@click.option("--mode", type=Member(PolicyMode), help="Of a policy run; full by default.")
@selection_options
@as_of_option
@click.option("--priority", type=int, default=0, show_default=True, help="-100 to 100; higher starts first.")
@click.option(
    "--wait", is_flag=True, help="Wait until the run has ended; exit with 0 only when it completed."
)
@timeout_option
@actor_option
def start(
    tenant: str,
    kind: JobKind,
    mode: PolicyMode | None,
    selection: Selection,
    as_of: str | None,
    priority: int,
    wait: bool,
    timeout: timedelta | None,
    actor: str,
) -> None:
    """Ask for a run now; prints its id."""
    check_timeout(timeout, wait, "--wait")
    wanted = at_instant(selection, as_of)
    with begin(tenant) as store:
        run_id = request_run(store, tenant, kind, actor, selection=wanted, mode=mode, priority=priority)
    announce(tenant, run_id, wait, timeout)


@run.command("list")
@tenant_option
@click.option(
    "--state", "states", type=Member(RunState), multiple=True, help="Only in this state; repeatable."
)
@click.option("--kind", type=Member(JobKind), help="Only of this kind.")
@click.option("--trigger", type=Member(TriggerKind), help="Only runs that exist for this reason.")
@click.option("--schedule", metavar="NAME", help="Only runs of this schedule.")
@period_options("runs planned")
@page_options(20)
@json_option
def list_runs(
    tenant: str,
    states: tuple[RunState, ...],
    kind: JobKind | None,
    trigger: TriggerKind | None,
    schedule: str | None,
    since: datetime | timedelta | None,
    until: datetime | timedelta | None,
    cursor: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List runs by their planned instants, newest first."""
    with begin(tenant) as store:
        now = store.now()
        first, end = period_of(now, since, until)
        page = store.runs.list(
            tenant,
            states=states,
            kind=kind,
            trigger_kind=trigger,
            schedule_id=None if schedule is None else store.schedules.get_by_name(tenant, schedule).id,
            since=first,
            until=end,
            cursor=cursor,
            limit=limit,
        )
    if as_json:
        print_json(page.items)
    else:
        print_table(run_rows(page.items), wraps={"schedule"}, empty="no runs")
    note_next(page, since=first, until=end)


@run.command()
@tenant_option
@period_options("runs planned")
@json_option
def counts(
    tenant: str, since: datetime | timedelta | None, until: datetime | timedelta | None, as_json: bool
) -> None:
    """Count runs by state."""
    with begin(tenant) as store:
        now = store.now()
        found = store.runs.count_by_state(tenant, *period_of(now, since, until))
    if as_json:
        print_json(found)
    else:
        print_fields({str(state): count for state, count in found.items()})


@run.command()
@click.argument("run_id", metavar="ID")
@tenant_option
@click.option("--wait", is_flag=True, help="Wait until the new run has ended.")
@timeout_option
@actor_option
def retry(run_id: str, tenant: str, wait: bool, timeout: timedelta | None, actor: str) -> None:
    """Do once more what a failed or cancelled run was to do; prints the new run's id."""
    check_timeout(timeout, wait, "--wait")
    with begin(tenant) as store:
        new = retry_run(store, store.runs.find(tenant, run_id), actor)
    announce(tenant, new, wait, timeout)


@run.command()
@click.argument("run_id", metavar="ID")
@tenant_option
@json_option
def show(run_id: str, tenant: str, as_json: bool) -> None:
    """Show a run, by its id or how it begins or ends."""
    with begin(tenant) as store:
        found = store.runs.find(tenant, run_id)
    if as_json:
        print_json(found)
    else:
        print_fields(fields_of(found))


@run.command()
@click.argument("run_id", metavar="ID")
@tenant_option
@click.option("--follow", "following", is_flag=True, help="Go on until the run has ended.")
@timeout_option
@level_option
@grep_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def logs(
    run_id: str,
    tenant: str,
    following: bool,
    timeout: timedelta | None,
    level: LogLevel | None,
    text: str | None,
    as_json: bool,
) -> None:
    """Print what a run said; with --follow exits with 0 only when it completed."""
    check_timeout(timeout, following, "--follow")
    with begin(tenant) as store:
        found = store.runs.find(tenant, run_id)
    last = (0, 0)

    def print_new(store: Store, _: Run) -> None:
        nonlocal last
        while lines := store.execution_logs.tail(tenant, found.id, last, level=level, text=text).items:
            for line in lines:
                click.echo(json_line(fields_of(line)) if as_json else _log_text(line))
            last = (lines[-1].attempt, lines[-1].line)

    if following:
        follow(tenant, found.id, timeout, print_new)
        return
    with begin(tenant) as store:
        print_new(store, found)
    if last == (0, 0):
        click.echo("no lines", err=True)


@run.command()
@click.argument("run_id", metavar="ID")
@tenant_option
@click.option("--reason", default="", help="Kept with the run.")
@actor_option
def cancel(run_id: str, tenant: str, reason: str, actor: str) -> None:
    """Cancel a run that waits, or ask a running one to stop."""
    with begin(tenant) as store:
        found = store.runs.find(tenant, run_id)
        state = cancel_run(store, found, actor, reason)
    cancelled = state is RunState.CANCELLED
    click.echo(f"run {found.id} " + ("cancelled" if cancelled else "is running and was asked to stop"))


def run_rows(runs: Iterable[Run]) -> list[dict[str, Any]]:
    """Runs as table rows; the id is its last group, which `run show` understands."""
    return [
        {
            "id": short(one.id),
            "schedule": one.schedule_name,
            "kind": one.kind,
            "trigger": one.trigger_kind,
            "state": one.state,
            "scheduled for": one.scheduled_for,
            "took": one.finished_at - one.started_at if one.finished_at and one.started_at else None,
        }
        for one in runs
    ]


def _log_text(line: LogLine) -> str:
    attempt = f"attempt {line.attempt}  " if line.attempt > 1 else ""
    return f"{moment(line.at)}  {line.level:<7}  {attempt}{log_text(line)}"

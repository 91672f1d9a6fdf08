"""`scheduler demo`: the product in one go, judged by what the ledger says."""

import time
from datetime import datetime

import click

from resources.database import Database
from resources.errors import InvalidInput, SchedulerError
from resources.records import Run
from resources.settings import SchedulerSettings
from resources.states import JobKind, RunState, TriggerKind
from scheduler_defs.cli.first_tenant import (
    SCHEDULES,
    TENANT,
    ensure_schedules,
    load_first_tenant,
    silent_schedules,
)
from scheduler_defs.cli.ledger import print_ledger
from scheduler_defs.cli.stack import Stack, running_stack

POLL_SECONDS = 0.25
SCHEDULED = {TriggerKind.CRON, TriggerKind.INTERVAL, TriggerKind.ONCE}
EXPECTED = {
    JobKind.GRAPH: ("nodes", "edges"),
    JobKind.IMPACT: ("affected_images",),
    JobKind.POLICY: ("findings",),
}
"""The counts that must not be zero, by kind."""


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0: a free one.")
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=240, show_default=True, help="Seconds to wait."
)
def demo(port: int, timeout: float) -> None:
    """Wait until a scheduled run of each kind completes, print them and stop; exit code 1 if one is missing."""
    settings = SchedulerSettings.load()
    with running_stack(settings, port) as stack, Database(settings) as database:
        click.echo(f"Dagster UI at {stack.url}, its log in {stack.log}", err=True)
        if silent := silent_schedules(database):
            names = ", ".join(one.name for one in silent)
            raise InvalidInput("schedules", names, f"some that fire, but {'; '.join(map(str, silent))}")
        with database.begin_system() as store:
            since = store.now()
        load_first_tenant(database)
        ensure_schedules(database)
        done = await_runs(stack, database, since, timeout)
        print_ledger(list(done.values()))
        if wrong := _what_is_wrong(done, timeout):
            raise SchedulerError("; ".join(wrong))


def await_runs(stack: Stack, database: Database, since: datetime, timeout: float) -> dict[JobKind, Run]:
    """The first run of each kind that the demo's schedules fired and that completed since; fewer when time is over."""
    done: dict[JobKind, Run] = {}
    give_up_at = time.monotonic() + timeout
    while len(done) < len(EXPECTED) and time.monotonic() < give_up_at:
        stack.require_alive()
        with database.begin(TENANT) as store:
            for run in store.runs.list_finished_since(TENANT, since):
                fired = run.schedule_name in SCHEDULES and run.trigger_kind in SCHEDULED
                if fired and run.state is RunState.COMPLETED:
                    done.setdefault(run.kind, run)
        time.sleep(POLL_SECONDS)
    return done


def _what_is_wrong(done: dict[JobKind, Run], timeout: float) -> list[str]:
    missing = [
        f"no scheduled {kind} run completed within {timeout:g} s" for kind in EXPECTED if kind not in done
    ]
    empty = [
        f"the {kind} run found no {name}"
        for kind, names in EXPECTED.items()
        for name in names
        if kind in done and not done[kind].stats.get(name)
    ]
    return missing + empty

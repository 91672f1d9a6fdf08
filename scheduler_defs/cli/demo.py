"""`scheduler demo`: the product in one go, judged by what the ledger says."""

import time
from datetime import datetime

import click

from resources.database import Database
from resources.errors import SchedulerError
from resources.records import Run
from resources.settings import SchedulerSettings
from resources.states import JobKind, RunState, TriggerKind
from scheduler_defs.cli.first_tenant import TENANT, fire_schedules, load_first_tenant
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
        with database.begin_system() as store:
            since = store.now()
        load_first_tenant(database)
        fire_schedules(database)
        done = _wait(stack, database, since, timeout)
        print_ledger(list(done.values()))
        if wrong := _what_is_wrong(done, timeout):
            raise SchedulerError("; ".join(wrong))


def _wait(stack: Stack, database: Database, since: datetime, timeout: float) -> dict[JobKind, Run]:
    """The first scheduled run of each kind that completed since; fewer when the time is over."""
    done: dict[JobKind, Run] = {}
    give_up_at = time.monotonic() + timeout
    while len(done) < len(EXPECTED) and time.monotonic() < give_up_at:
        stack.require_alive()
        with database.begin(TENANT) as store:
            for run in store.runs.list_finished_since(TENANT, since):
                if run.state is RunState.COMPLETED and run.trigger_kind in SCHEDULED:
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

"""`scheduler up`: everything on one machine, in the foreground."""

import time

import click

from resources.database import Database
from resources.settings import SchedulerSettings
from scheduler_defs.cli.first_tenant import (
    TENANT,
    ensure_schedules,
    load_first_tenant,
    silent_schedules,
    trigger_waiting,
)
from scheduler_defs.cli.ledger import ledger_line
from scheduler_defs.cli.stack import Stack, running_stack, wait_until_served

POLL_SECONDS = 1.0
DEFAULT_PORT = 3000


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0: a free one."
)
@click.option("--first-tenant/--no-first-tenant", default=True, help="Load the examples as tenant `demo`.")
def up(port: int, first_tenant: bool) -> None:
    """Start PostgreSQL, the daemon and the web interface; Ctrl-C stops what this started, the data stays."""
    settings = SchedulerSettings.load()
    try:
        with running_stack(settings, port) as stack, Database(settings) as database:
            click.echo(f"data        {settings.data_directory if settings.dsn is None else 'SCHEDULER_DSN'}")
            click.echo(f"Dagster log {stack.log}")
            if first_tenant:
                for one in load_first_tenant(database):
                    click.echo(f"ingested    {one.image.name}: {one.components} components")
                ensure_schedules(database)
                trigger_waiting(database)
                for silent in silent_schedules(database):
                    click.echo(f"left alone  {silent}")
            wait_until_served(stack)
            what = "all but PostgreSQL, which ran before" if stack.leaves_server else "everything"
            click.echo(f"\nDagster UI  {stack.url}\n            Ctrl-C stops {what}; the data stays\n")
            _report(stack, database, first_tenant)
    except KeyboardInterrupt:
        click.echo("stopped; the data stays")


def _report(stack: Stack, database: Database, first_tenant: bool) -> None:
    """Prints a line for each run of the first tenant that ends, until Dagster does."""
    with database.begin_system() as store:
        since = store.now()
    while True:
        stack.require_alive()
        if first_tenant:
            with database.begin(TENANT) as store:
                for run in store.runs.list_finished_since(TENANT, since):
                    click.echo(ledger_line(run))
                    since = run.finished_at or since
        time.sleep(POLL_SECONDS)

"""`scheduler db`: the schema of the database, and its upkeep."""

from datetime import datetime, timedelta

import click
from sqlalchemy.exc import DBAPIError

from resources import migrations
from resources.errors import InvalidInput
from resources.server_rights import warn_of_login
from resources.settings import SchedulerSettings
from scheduler_defs.cli.context import begin, json_option, open_database, tenant_option
from scheduler_defs.cli.grant import grant_command
from scheduler_defs.cli.options import Instant, instant_of
from scheduler_defs.cli.output import fields_of, print_fields, print_json, print_table

NOT_CURRENT = 3


@click.group()
def db() -> None:
    """Create, check, document and maintain the database."""


db.add_command(grant_command)


@db.command()
def upgrade() -> None:
    """Create what is missing: roles, schemas, tables; does nothing on a current database."""
    try:
        after = migrations.upgrade(SchedulerSettings.load())
    except DBAPIError as error:
        raise error.orig or error from None
    click.echo(f"schema is at {after.current}")


@db.command()
@json_option
@click.pass_context
def status(context: click.Context, as_json: bool) -> None:
    """Compare the schema with this code's; exits with 0 when it is current and 3 when it is not."""
    settings = SchedulerSettings.load()
    found = migrations.status(settings)
    if warning := warn_of_login(settings.conninfo()):
        click.echo(f"warning: {warning}", err=True)
    if as_json:
        print_json(fields_of(found) | {"up_to_date": found.up_to_date})
    else:
        lists = {"pending": ", ".join(found.pending), "edited": ", ".join(found.edited)}
        print_fields({"up to date": found.up_to_date, "applied": found.current, "newest": found.head} | lists)
    if not found.up_to_date:
        context.exit(NOT_CURRENT)


@db.command()
@json_option
def maintain(as_json: bool) -> None:
    """Do the upkeep that maintenance_job does each hour: log partitions, retention, summaries."""
    from scheduler_defs.ops.upkeep import STEPS

    database = open_database()
    with database.begin_system() as store:
        now = store.now()
    steps = [run_step(database, now, lambda text: click.echo(text, err=True)) for run_step in STEPS]
    for step in steps:
        for left in step.left:
            click.echo(f"{step.name} left something: {left}", err=True)
    if as_json:
        print_json(
            [fields_of(step) | {"locks": sorted(map(fields_of, step.locks), key=str)} for step in steps]
        )
        return
    rows = [(step.name, what, number) for step in steps for what, number in step.done.items()]
    print_table([dict(zip(("step", "what", "number"), row, strict=True)) for row in rows], empty="no steps")


@db.command("rebuild-summaries")
@tenant_option
@click.option("--since", type=Instant(), required=True, help="The first day (UTC).")
@click.option("--until", type=Instant(), help="The last day (UTC); today by default.")
def rebuild_summaries(tenant: str, since: datetime | timedelta, until: datetime | timedelta | None) -> None:
    """Compute the summaries of whole days (UTC) anew from the runs that ended in them."""
    from scheduler_defs.ops import upkeep

    with begin(tenant) as store:
        now = store.now()
    first, last = instant_of(now, "since", since), instant_of(now, "until", until) or now
    if first is None or first > now:
        raise InvalidInput("since", str(first), "a day that has begun")
    if last.date() < first.date():
        raise InvalidInput("until", last.isoformat(), f"the day of since or a later one, {first:%Y-%m-%d}")
    rebuilt = upkeep.rebuild_summaries(
        open_database(), tenant, first, last, lambda text: click.echo(text, err=True)
    )
    click.echo(f"{rebuilt} day{'s' * (rebuilt != 1)} of schedules rebuilt")


@db.command()
@click.option(
    "--fingerprint", is_flag=True, help="Print a digest of each part instead, for `scheduler verify`."
)
def document(fingerprint: bool) -> None:
    """Print the schema's documentation in Markdown, read from the database's catalog."""
    from resources import catalog

    settings = SchedulerSettings.load()
    if not fingerprint:
        click.echo(catalog.render(settings), nl=False)
        return
    for part, digest in catalog.fingerprint(settings).items():
        click.echo(f"{digest} {part}")

"""`scheduler db`: the schema of the database."""

import click
from sqlalchemy.exc import DBAPIError

from resources import migrations
from resources.settings import SchedulerSettings
from scheduler_defs.cli.context import json_option
from scheduler_defs.cli.output import fields_of, print_fields, print_json

NOT_CURRENT = 3


@click.group()
def db() -> None:
    """Create, check and document the database's schema."""


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
    found = migrations.status(SchedulerSettings.load())
    if as_json:
        print_json(fields_of(found) | {"up_to_date": found.up_to_date})
    else:
        lists = {"pending": ", ".join(found.pending), "edited": ", ".join(found.edited)}
        print_fields({"up to date": found.up_to_date, "applied": found.current, "newest": found.head} | lists)
    if not found.up_to_date:
        context.exit(NOT_CURRENT)


@db.command()
def document() -> None:
    """Print the schema's documentation in Markdown, read from the database's catalog."""
    from resources import catalog

    click.echo(catalog.render(SchedulerSettings.load()), nl=False)

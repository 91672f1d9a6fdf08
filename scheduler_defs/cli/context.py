"""What every command shares: its database, the tenant it speaks for and who asks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from resources.database import Database
from resources.errors import InvalidInput
from resources.pages import MOST_A_PAGE, check_text
from resources.settings import SchedulerSettings
from resources.store import Store
from scheduler_defs.edits.actors import default_actor

Command = TypeVar("Command", bound=Callable[..., Any])


def not_empty(value: str) -> str:
    """Raises InvalidInput for a tenant without a name."""
    if not value:
        raise InvalidInput("tenant", value, "the id of a tenant; `scheduler tenant list` shows them")
    return value


def _named(actor: str) -> str:
    if not actor.strip():
        raise InvalidInput("actor", actor, "a name")
    check_text("actor", actor)
    return actor


tenant_option = click.option(
    "--tenant",
    envvar="SCHEDULER_TENANT",
    show_envvar=True,
    required=True,
    metavar="ID",
    callback=lambda _, __, value: not_empty(value),
    help="Whose rows.",
)
actor_option = click.option(
    "--actor",
    default=default_actor,
    metavar="NAME",
    callback=lambda _, __, value: _named(value),
    help="Who edits; by default SCHEDULER_ACTOR, else you.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def limit_option(default: int) -> Callable[[Command], Command]:
    """The option --limit."""
    return click.option(
        "--limit",
        type=click.IntRange(1, 100_000),
        default=default,
        show_default=True,
        help="At most so many.",
    )


def page_options(default: int) -> Callable[[Command], Command]:
    """The options --limit, here of one page, and --cursor."""

    def add(command: Command) -> Command:
        limit = click.IntRange(1, MOST_A_PAGE)
        cursor = click.option(
            "--cursor", metavar="TEXT", help="Go on where a list with the same options ended."
        )
        return click.option(
            "--limit", type=limit, default=default, show_default=True, help="At most so many."
        )(cursor(command))

    return add


def open_database() -> Database:
    """The command's database, by the settings of the environment; closed when the command ends."""
    root = click.get_current_context().find_root()
    if root.obj is None:
        root.obj = root.with_resource(Database(SchedulerSettings.load()))
    database: Database = root.obj
    return database


@contextmanager
def begin(tenant: str) -> Iterator[Store]:
    """One transaction as a tenant; raises NotFound when there is none of this name."""
    with open_database().begin(tenant) as store:
        store.tenants.get(tenant)
        yield store

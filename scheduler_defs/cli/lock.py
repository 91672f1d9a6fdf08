"""`scheduler lock`: who holds which distributed lock."""

import click

from scheduler_defs.cli.context import actor_option, json_option, open_database, page_options
from scheduler_defs.cli.output import fields_of, note_next, print_json, print_table
from scheduler_defs.edits.locks import release_lock


@click.group()
def lock() -> None:
    """List distributed locks, and free one by force."""


@lock.command("list")
@click.option("--held", is_flag=True, help="Only those held now.")
@page_options(100)
@json_option
def list_locks(held: bool, limit: int, cursor: str | None, as_json: bool) -> None:
    """List locks by key; with --held each page is of its own instant, and --cursor is not taken."""
    if held and cursor:
        raise click.UsageError("--cursor does not go with --held: who holds a lock changes; raise --limit")
    with open_database().begin_system() as store:
        page = store.locks.list(held_at=store.now() if held else None, cursor=cursor, limit=limit)
    if as_json:
        print_json(page.items)
    else:
        print_table([fields_of(one) for one in page.items], wraps={"key", "holder"}, empty="no locks")
    if not held:
        note_next(page)


@lock.command()
@click.argument("key")
@click.option("--force", is_flag=True, required=True, help="Needed: its holder does not know until it looks.")
@actor_option
def release(key: str, force: bool, actor: str) -> None:
    """Take a lock from its holder, whose next renewal fails."""
    with open_database().begin_system() as store:
        held = release_lock(store, key, actor)
    click.echo(f"lock {key} was held by {held.holder} under token {held.fencing_token}; it is free")

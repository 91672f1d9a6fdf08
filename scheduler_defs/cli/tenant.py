"""`scheduler tenant`: create and list tenants."""

import click

from scheduler_defs.cli.context import actor_option, json_option, open_database
from scheduler_defs.cli.output import print_json, print_table


@click.group()
def tenant() -> None:
    """Create and list tenants."""


@tenant.command()
@click.argument("tenant_id", metavar="ID")
@click.option("--name", default="", help="Shown to people; by default the id.")
@click.option(
    "--max-concurrent-runs", type=click.IntRange(1, 2**31 - 1), help="Most runs at once; no limit by default."
)
@actor_option
def create(tenant_id: str, name: str, max_concurrent_runs: int | None, actor: str) -> None:
    """Create a tenant with the default policy."""
    from scheduler_defs.edits.tenants import create_tenant

    with open_database().begin_system() as store:
        made = create_tenant(store, tenant_id, actor, name, max_concurrent_runs)
    click.echo(f"tenant {made.tenant_id} created")


@tenant.command("list")
@json_option
def list_tenants(as_json: bool) -> None:
    """List every tenant."""
    with open_database().begin_system() as store:
        tenants = store.tenants.list()
    if as_json:
        print_json(tenants)
        return
    rows = [
        {
            "id": one.tenant_id,
            "name": one.display_name,
            "max runs": one.max_concurrent_runs,
            "created": one.created_at,
            "by": one.created_by,
        }
        for one in tenants
    ]
    print_table(rows, wraps={"id", "name", "by"}, empty="no tenants; `scheduler tenant create ID` makes one")

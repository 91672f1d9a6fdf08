"""`scheduler image`: the images that SBOMs were ingested for."""

import click

from resources.selection import Selection
from scheduler_defs.cli.context import actor_option, begin, json_option, page_options, tenant_option
from scheduler_defs.cli.named_images import find_image, whole_name
from scheduler_defs.cli.options import image_options
from scheduler_defs.cli.output import note_next, print_json, print_table, printable
from scheduler_defs.edits.images import remove_image


@click.group()
def image() -> None:
    """List images, and remove those that are gone."""


@image.command("list")
@tenant_option
@image_options
@page_options(50)
@json_option
def list_images(tenant: str, selection: Selection, limit: int, cursor: str | None, as_json: bool) -> None:
    """List images by name, with how many components the SBOM of each has; `scheduler ingest sbom` adds some."""
    with begin(tenant) as store:
        page = store.images.list(tenant, selection, cursor=cursor, limit=limit)
    if as_json:
        print_json(page.items)
    else:
        rows = [
            {
                "image": one.name,
                "digest": one.digest,
                "namespace": one.namespace,
                "labels": one.labels,
                "components": one.components,
                "changed": one.changed_at,
            }
            for one in page.items
        ]
        print_table(rows, wraps={"image", "digest", "namespace", "labels"}, empty="no images")
    note_next(page)


@image.command()
@click.argument("name")
@tenant_option
@actor_option
def remove(name: str, tenant: str, actor: str) -> None:
    """Remove an image: runs leave it out, and its findings are closed.

    NAME is registry/repository:tag, ...@digest, or a part of them that only one image has. What runs found of it
    stays in their snapshots and items; ingesting an SBOM brings it back.
    """
    with begin(tenant) as store:
        found = find_image(store, tenant, name)
        closed = remove_image(store, found, actor)
    findings = f"{closed} open finding{'' if closed == 1 else 's'}"
    click.echo(f"image {printable(whole_name(found))} is removed; {findings} closed")

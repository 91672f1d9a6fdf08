"""`scheduler vex`: what is stated about vulnerabilities."""

from collections.abc import Mapping
from typing import Any

import click

from scheduler_defs.cli.context import begin, json_option, page_options, tenant_option
from scheduler_defs.cli.output import note_next, print_json, print_table


@click.group()
def vex() -> None:
    """List what is stated about vulnerabilities."""


@vex.command("list")
@tenant_option
@click.option("--vulnerability", metavar="ID", help="Only of this vulnerability, by any of its ids.")
@page_options(50)
@json_option
def list_statements(
    tenant: str, vulnerability: str | None, limit: int, cursor: str | None, as_json: bool
) -> None:
    """List VEX statements, those stated last first; `scheduler ingest vex` brings them in."""
    with begin(tenant) as store:
        page = store.vex.list(tenant, vulnerability=vulnerability, cursor=cursor, limit=limit)
    if as_json:
        print_json(page.items)
    else:
        rows = [
            {
                "stated": one.stated_at,
                "vulnerability": one.vulnerability,
                "status": one.status,
                "component": one.purl or "all",
                "image": _name(one.image) if one.image else "all",
                "why": one.justification or one.note,
                "source": one.source,
            }
            for one in page.items
        ]
        print_table(rows, wraps={"component", "image", "why", "source"}, empty="no statements")
    note_next(page)


def _name(image: Mapping[str, Any]) -> str:
    name = "/".join(filter(None, (image.get("registry"), image["repository"])))
    tag, digest = image.get("tag"), image.get("digest")
    return name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")

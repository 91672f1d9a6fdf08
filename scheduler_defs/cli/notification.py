"""`scheduler notification`: what people are to be told."""

import click

from scheduler_defs.cli.context import begin, json_option, page_options, tenant_option
from scheduler_defs.cli.output import note_next, print_json, print_table


@click.group()
def notification() -> None:
    """List what people were told, or are to be told."""


@notification.command("list")
@tenant_option
@page_options(50)
@json_option
def list_notifications(tenant: str, limit: int, cursor: str | None, as_json: bool) -> None:
    """List notifications, newest first; the sensor notify posts them to SCHEDULER_NOTIFY_URL."""
    with begin(tenant) as store:
        page = store.notifications.list(tenant, cursor=cursor, limit=limit)
    if as_json:
        print_json(page.items)
    else:
        rows = [
            {
                "at": one.created_at,
                "kind": one.kind,
                "subject": one.subject,
                "message": one.message,
                "delivered": one.delivered_at or ("given up" if one.given_up_at else "not yet"),
                "attempts": one.attempts,
                "error": one.error,
            }
            for one in page.items
        ]
        print_table(rows, wraps={"subject", "message", "error"}, empty="no notifications")
    note_next(page)

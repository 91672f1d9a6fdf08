"""`scheduler audit fires`: whether each planned occurrence has its row in the ledger."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import click

from resources.errors import InvalidInput, NotFound
from resources.store import Store
from scheduler_defs.auditing.matching import Window
from scheduler_defs.auditing.report import FireReport, as_json, finding_rows, lateness_of, numbers
from scheduler_defs.cli.context import json_option, not_empty, open_database
from scheduler_defs.cli.options import Duration, Instant, instant_of
from scheduler_defs.cli.output import print_json, print_table
from scheduler_defs.fire_audits import audit_fires

NOT_WHOLE = 1
SHOWN = 50
"""So many faults are printed; --json has up to a thousand."""


class Ago(Instant):
    """An Instant that may also be written as `1h ago`."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime | timedelta:
        """Reads the text; what was read before passes."""
        text = value.strip().removesuffix("ago").strip() if isinstance(value, str) else value
        return super().convert(text, param, ctx)


@click.command("fires")
@click.option(
    "--tenant",
    envvar="SCHEDULER_TENANT",
    show_envvar=True,
    metavar="ID",
    callback=lambda _, __, value: value if value is None else not_empty(value),
    help="Of one tenant.",
)
@click.option("--all", "everybody", is_flag=True, help="Of every tenant.")
@click.option("--schedule", metavar="NAME", help="Only of schedules of this name.")
@click.option("--from", "begin", type=Ago(), default="-1h", show_default=True, help="After this time.")
@click.option("--to", "end", type=Ago(), default="now", show_default=True, help="Up to this time.")
@click.option(
    "--late-after",
    type=Duration(),
    default="60s",
    show_default=True,
    help="A row later than this after it was due is late; one not there by then is missing.",
)
@json_option
@click.pass_context
def fires(
    context: click.Context,
    tenant: str | None,
    everybody: bool,
    schedule: str | None,
    begin: datetime | timedelta,
    end: datetime | timedelta,
    late_after: timedelta,
    as_json: bool,
) -> None:
    """Compute from the history what should have fired, and compare it with the ledger.

    A time is ISO 8601, UTC without an offset, now, or how long ago: 1h, -1h, "1h ago". Exits with 1 when an
    occurrence is missing or a row is extra.
    """
    rooms, tenants, now = _scope(context, tenant, everybody)
    after, until = instant_of(now, "from", begin), instant_of(now, "to", end)
    if after is None or until is None or after > until:
        expected = f"a time not after --to, {until.isoformat() if until else end}"
        raise InvalidInput("--from", after.isoformat() if after else begin, expected)
    if schedule is not None:
        _require_schedule(rooms, tenants, schedule)
    report = audit_fires(rooms, tenants, Window(after, until, now, late_after), schedule)
    _show(report, after, until, as_json)
    if not report.is_whole:
        context.exit(NOT_WHOLE)


def _scope(
    context: click.Context, tenant: str | None, everybody: bool
) -> tuple[Callable[[], AbstractContextManager[Store]], Sequence[str], datetime]:
    """How to begin a transaction, whose schedules, and what time it is."""
    database = open_database()
    with database.begin_system() as store:
        now = store.now()
        if everybody:
            return database.begin_system, [one.tenant_id for one in store.tenants.list()], now
        if tenant is None:
            (wanting,) = (one for one in context.command.params if one.name == "tenant")
            raise click.MissingParameter("Or give --all.", context, wanting)
        store.tenants.get(tenant)
    return lambda: database.begin(tenant), [tenant], now


def _require_schedule(
    rooms: Callable[[], AbstractContextManager[Store]], tenants: Sequence[str], name: str
) -> None:
    """Raises NotFound, or InvalidInput for all tenants, when there never was a schedule of this name."""
    with rooms() as store:
        if any(store.fire_audit.list_schedules(tenant, name, limit=1).items for tenant in tenants):
            return
    if len(tenants) == 1:
        raise NotFound("schedule", name)
    raise InvalidInput("schedule", name, "the name of a schedule of any tenant, deleted ones too")


def _show(report: FireReport, after: datetime, until: datetime, in_json: bool) -> None:
    if in_json:
        print_json({"from": after, "to": until, **as_json(report)})
        return
    faults = [*finding_rows(report)]
    print_table(faults[:SHOWN], wraps={"note", "trigger", "run"}, empty="no faults")
    kept = sum(row["count"] for row in faults[:SHOWN])
    if (more := sum(report.total.faults.values()) - kept) > 0:
        click.echo(f"and {more} more; --json has up to 1000")
    click.echo()
    print_table([*_schedule_rows(report)], wraps={"schedule", "note"}, empty="nothing was to fire")
    click.echo(report.summary())


def _schedule_rows(report: FireReport) -> Iterator[Mapping[str, Any]]:
    for one in report.schedules:
        lateness = lateness_of(one.tally.lateness)
        yield {
            "tenant": one.tenant_id,
            "schedule": one.name,
            **numbers(one.tally),
            "p95": f"{lateness['p95']:.3g}s",
            "note": one.unreadable or "",
        }

"""`scheduler audit`: who changed what, and whether the record is still what was written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from resources.audit_chain import SYSTEM_CHAIN
from resources.pages import Page
from resources.protocols.audit import ENTITIES, AuditFilter
from resources.records import AuditEntry, ChainHead
from scheduler_defs.cli.audit_fires import fires
from scheduler_defs.cli.chains import ChainReport, check_chain, read_heads
from scheduler_defs.cli.context import begin, json_option, not_empty, open_database, page_options
from scheduler_defs.cli.options import period_of, period_options
from scheduler_defs.cli.output import json_line, note_next, print_json, print_table

BROKEN = 1


@dataclass(frozen=True)
class Scope:
    """Whose chains: a tenant's, the one of no tenant, or with None all of them."""

    chain: str | None


def _not_empty(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    return value if value is None else not_empty(value)


def scope_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --tenant, --system and --all and passes them on as `scope`."""

    @wraps(command)
    def with_scope(tenant: str | None, system: bool, everybody: bool, **options: Any) -> Any:
        context = click.get_current_context()
        named = context.get_parameter_source("tenant") is ParameterSource.COMMANDLINE
        if named + system + everybody > 1:
            raise click.UsageError("give only one of --tenant ID, --system and --all")
        if tenant is None and not system and not everybody:
            (wanting,) = (one for one in context.command.params if one.name == "tenant")
            raise click.MissingParameter("Or give --system or --all.", context, wanting)
        chain = None if everybody else SYSTEM_CHAIN if system else tenant
        return command(scope=Scope(chain), **options)

    for option in (
        click.option("--all", "everybody", is_flag=True, help="Of every tenant and of none."),
        click.option("--system", is_flag=True, help="Of no tenant, such as advisory feeds."),
        click.option(
            "--tenant",
            envvar="SCHEDULER_TENANT",
            show_envvar=True,
            metavar="ID",
            callback=_not_empty,
            help="Of one tenant.",
        ),
    ):
        with_scope = option(with_scope)
    return with_scope


@click.group()
def audit() -> None:
    """List edits, check that their record was not rewritten, and that what should have fired did."""


audit.add_command(fires)


@audit.command("list")
@scope_options
@click.option(
    "--entity", type=click.Choice(ENTITIES), help="Only edits of schedules, of runs, of policies, …"
)
@click.option("--entity-id", metavar="ID", help="Only edits of this one.")
@click.option("--actor", metavar="NAME", help="Only edits by this one.")
@click.option("--action", metavar="VERB", help="Only such edits: create, pause, cancel, …")
@click.option("--correlation-id", type=click.UUID, help="Only edits of one request.")
@period_options("edits made")
@page_options(50)
@json_option
def list_edits(
    scope: Scope,
    since: datetime | timedelta | None,
    until: datetime | timedelta | None,
    cursor: str | None,
    limit: int,
    as_json: bool,
    **fields: Any,
) -> None:
    """List edits, newest first; --json has their old and new values and correlation ids."""
    with open_database().begin_system() as store:
        now = store.now()
    first, end = period_of(now, since, until)
    wanted = AuditFilter(since=first, until=end, **fields)
    page = _page(scope, wanted, cursor, limit)
    if as_json:
        print_json(page.items)
    else:
        print_table(_rows(page.items, scope), wraps={"actor", "entity id"}, empty="no edits")
    note_next(page, since=wanted.since, until=wanted.until)


@audit.command()
@scope_options
@json_option
def head(scope: Scope, as_json: bool) -> None:
    """Print the last link of each chain; keep it elsewhere for `verify --head`.

    With --json one object a line.
    """
    with open_database().begin_system() as store:
        found = [store.audit_seals.head(chain) for chain in _chains(scope, [])]
    heads = [{"chain": one.chain, "seq": one.seq, "hash": one.hash.hex()} for one in found if one]
    if as_json:
        for one in heads:
            click.echo(json_line(one))
        return
    print_table(heads, wraps={"hash"}, empty="no entry is sealed yet")


@audit.command()
@scope_options
@click.option(
    "--head", "head_file", type=click.Path(path_type=Path), help="A file of exported heads: finds a cut tail."
)
@json_option
@click.pass_context
def verify(context: click.Context, scope: Scope, head_file: Path | None, as_json: bool) -> None:
    """Follow each chain and name its first broken entry; exits with 1 when there is one."""
    heads = read_heads(head_file) if head_file else []
    database = open_database()
    reports = [check_chain(database, chain, heads) for chain in _chains(scope, heads)]
    if as_json:
        print_json([_plain(one) for one in reports])
    else:
        print_table([_row(one) for one in reports], wraps={"result"}, empty="nothing was recorded yet")
    if any(one.fault for one in reports):
        context.exit(BROKEN)


def _page(scope: Scope, wanted: AuditFilter, cursor: str | None, limit: int) -> Page[AuditEntry]:
    if scope.chain:
        with begin(scope.chain) as store:
            return store.audit.list(scope.chain, wanted, cursor=cursor, limit=limit)
    with open_database().begin_system() as store:
        lists = store.audit.list_all if scope.chain is None else store.audit.list_of_no_tenant
        return lists(wanted, cursor=cursor, limit=limit)


def _rows(entries: Sequence[AuditEntry], scope: Scope) -> list[dict[str, Any]]:
    return [
        {"at": one.at}
        | ({"tenant": one.tenant_id} if scope.chain is None else {})
        | {"actor": one.actor, "action": one.action, "entity": one.entity, "entity id": one.entity_id}
        for one in entries
    ]


def _chains(scope: Scope, heads: list[ChainHead]) -> list[str]:
    """The chains of a scope; those of exported heads too, which may be gone."""
    with open_database().begin_system() as store:
        if scope.chain is None:
            return sorted({*store.audit_seals.list_chains(), *(head.chain for head in heads)})
        if scope.chain:
            store.tenants.get(scope.chain)
    return [scope.chain]


def _plain(report: ChainReport) -> dict[str, Any]:
    fault = report.fault
    return {
        "chain": report.chain,
        "sealed": report.sealed,
        "unsealed": report.unsealed,
        "heads": report.heads,
        "intact": fault is None,
        "fault": fault and {"seq": fault.seq, "audit_id": fault.audit_id, "what": fault.what},
    }


def _row(report: ChainReport) -> dict[str, Any]:
    return {
        "chain": report.chain or "(system)",
        "sealed": report.sealed,
        "unsealed": report.unsealed,
        "heads": report.heads,
        "result": f"BROKEN at {report.fault}" if report.fault else "intact",
    }

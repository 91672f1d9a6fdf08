"""`scheduler db grant`: prepare an external server, or say what it needs and does not have."""

from itertools import groupby

import click
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from resources.embedded_bootstrap import DAGSTER_DATABASE, LOGIN
from resources.errors import InvalidInput, InvalidSettings
from resources.server_rights import Requirement, grant, list_requirements, place_of, same_database
from resources.settings import SchedulerSettings, ensure_server
from scheduler_defs.cli.context import json_option
from scheduler_defs.cli.output import print_json, print_table, printable

MISSING = 1


@click.command("grant")
@click.option("--login", metavar="ROLE", help="The product's login; by default the user of SCHEDULER_DSN.")
@click.option(
    "--dsn",
    envvar="SCHEDULER_ADMIN_DSN",
    show_envvar=True,
    metavar="DSN",
    help="The product's database, as an administrator; by default SCHEDULER_DSN.",
)
@click.option(
    "--dagster-database",
    show_default=f"that of SCHEDULER_DAGSTER_DSN, else {DAGSTER_DATABASE}",
    metavar="NAME",
    help="Dagster's own database on this server; '' when it is on another.",
)
@click.option("--check", "--dry-run", "check", is_flag=True, help="Change nothing, only look.")
@json_option
@click.pass_context
def grant_command(
    context: click.Context,
    login: str | None,
    dsn: str | None,
    dagster_database: str | None,
    check: bool,
    as_json: bool,
) -> None:
    """Prepare a server for the product's login: roles, memberships, schemas, rights.

    Prints what is needed and whether it is there; for what is missing the SQL that an administrator must run.
    Exits with 0 when nothing is missing and 1 when something is. Logins and databases it never makes.
    """
    settings = SchedulerSettings.load()
    conninfo, login = _conninfo(settings, dsn), login or _login(settings, dsn)
    if dsn is not None:
        _refuse_another(settings, conninfo)
    if dagster_database is None:
        dagster_database = _dagster_database(settings, conninfo)
    of = conninfo, login, dagster_database or None
    refused = [] if check else grant(*of)
    found = list_requirements(*of)
    if as_json:
        print_json(found)
    else:
        _print(found)
    for refusal in refused:
        click.echo(f"refused: {printable(refusal.remedy)}: {printable(refusal.reason)}", err=True)
    if not all(one.met for one in found):
        context.exit(MISSING)


def _conninfo(settings: SchedulerSettings, dsn: str | None) -> str:
    if dsn is None:
        ensure_server(settings)
        return settings.admin_conninfo()
    try:
        return SchedulerSettings(persistence="postgres", dsn=SecretStr(dsn)).conninfo()
    except InvalidSettings as error:
        raise InvalidInput("dsn", "***", error.expected) from None


def _refuse_another(settings: SchedulerSettings, conninfo: str) -> None:
    """Raises InvalidInput when the administrator's database is not the product's."""
    if settings.dsn is None or same_database(conninfo, settings.direct_conninfo()):
        return
    expected = f"the database of SCHEDULER_DSN ({_where(settings.direct_conninfo())}), as an administrator"
    raise InvalidInput("dsn", _where(conninfo), expected)


def _dagster_database(settings: SchedulerSettings, conninfo: str) -> str:
    """The name of Dagster's database; '' when SCHEDULER_DAGSTER_DSN leads to another server, which is said."""
    if settings.dagster_dsn is None:
        return DAGSTER_DATABASE
    *server, name = place_of(settings.dagster_conninfo())
    if server in (
        [*place_of(one)[:2]] for one in (conninfo, settings.direct_conninfo(), settings.conninfo())
    ):
        return name
    where = printable(_where(settings.dagster_conninfo()))
    click.echo(f"SCHEDULER_DAGSTER_DSN leads to another server ({where}): not looked at", err=True)
    return ""


def _where(conninfo: str) -> str:
    parts = conninfo_to_dict(conninfo)
    return " ".join(f"{name}={parts[name]}" for name in ("host", "port", "dbname") if name in parts)


def _login(settings: SchedulerSettings, dsn: str | None) -> str:
    if settings.dsn is None and dsn is None:
        return LOGIN
    user = conninfo_to_dict(settings.conninfo()).get("user") if settings.dsn else None
    if not user:
        raise InvalidInput("login", None, "the name of the product's login: --login scheduler_app")
    return str(user)


def _print(found: list[Requirement]) -> None:
    rows = [{"requirement": one.what, "state": "have" if one.met else "missing"} for one in found]
    print_table(rows, wraps={"requirement"}, empty="")
    missing = [one for one in found if not one.met]
    for database, group in groupby(missing, key=lambda one: one.database):
        click.echo(f"\n-- what is missing; let an administrator run in database {printable(database)}:")
        for remedy in dict.fromkeys(one.remedy for one in group):
            click.echo(f"{printable(remedy)};")

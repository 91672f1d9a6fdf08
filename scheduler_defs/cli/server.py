"""`scheduler server`: start, stop and look at the embedded PostgreSQL."""

import click

from resources.embedded import EmbeddedServer
from resources.errors import InvalidSettings, ServerUnavailable
from resources.settings import SchedulerSettings, ensure_server

NOT_RUNNING = 3  # as in the Linux Standard Base's `status` action


@click.group()
def server() -> None:
    """Start, stop and look at the embedded PostgreSQL."""


@server.command()
def start() -> None:
    """Start the embedded PostgreSQL; does nothing when it runs."""
    embedded = _ours(SchedulerSettings.load())
    embedded.start()
    _show(embedded)


@server.command()
@click.option(
    "--mode",
    type=click.Choice(["smart", "fast", "immediate"]),
    default="fast",
    show_default=True,
    help="smart waits for clients, fast ends them, immediate also skips the checkpoint.",
)
def stop(mode: str) -> None:
    """Stop the embedded PostgreSQL and wait until it is gone."""
    stopped = _ours(SchedulerSettings.load()).stop(mode)
    click.echo("stopped" if stopped else "was not running")


@server.command()
@click.pass_context
def status(context: click.Context) -> None:
    """Show the server; exits with 0 when it runs and 3 when it does not."""
    settings = SchedulerSettings.load()
    running = (
        _show(settings.embedded_server()) if settings.persistence == "embedded" else _show_external(settings)
    )
    if not running:
        context.exit(NOT_RUNNING)


def _ours(settings: SchedulerSettings) -> EmbeddedServer:
    if settings.persistence != "embedded":
        raise InvalidSettings(
            "SCHEDULER_PERSISTENCE",
            settings.persistence,
            "embedded, because the server of SCHEDULER_DSN is not ours to start or stop",
        )
    return settings.embedded_server()


def _show(embedded: EmbeddedServer) -> bool:
    found = embedded.status()
    lines = {"state": "running" if found.running else "not running"}
    if found.running:
        lines["pid"] = str(found.pid)
        lines["version"] = f"PostgreSQL {found.version}"
        lines["started"] = f"{found.started_at:%Y-%m-%d %H:%M:%S %Z}"
    lines["data"] = str(found.data_directory)
    lines["socket"] = str(found.socket_directory)
    for name, size in found.databases.items():
        lines[f"database {name}"] = f"{size / 1e6:.1f} MB"
    for label, value in lines.items():
        click.echo(f"{label:<19} {value}")
    return found.running


def _show_external(settings: SchedulerSettings) -> bool:
    try:
        ensure_server(settings)
    except ServerUnavailable as error:
        click.echo(f"{'state':<19} not reachable\n{'reason':<19} {error}")
        return False
    click.echo(f"{'state':<19} reachable")
    return True

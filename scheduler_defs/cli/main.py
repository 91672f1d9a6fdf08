"""`scheduler`: the command of this product; loads a sub-command only when it is asked for."""

import io
import os
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import Any

import click
import psycopg

from resources.errors import SchedulerError
from scheduler_defs.cli.output import one_line

INTERRUPTED = 130  # 128 + SIGINT, as shells have it
BAD_INPUT = 2

OF_THE_COMMAND = ("SCHEDULER_ACTOR", "SCHEDULER_ADMIN_DSN", "SCHEDULER_DEBUG", "SCHEDULER_TENANT")
"""Variables that are no settings."""

COMMANDS = {
    "up": "Start PostgreSQL, the daemon and the web interface.",
    "demo": "Show the product on example data.",
    "tenant": "Create and list tenants.",
    "schedule": "Create, edit, show, pause and trigger schedules.",
    "calendar": "Create, edit, show and try out calendars, which leave times out.",
    "run": "Start, list, follow and cancel runs.",
    "log": "Search what runs said.",
    "ingest": "Bring in SBOMs, advisories, VEX, EPSS and KEV.",
    "image": "List images, and remove those that are gone.",
    "policy": "Apply, try, show and remove policies.",
    "vex": "List what is stated about vulnerabilities.",
    "finding": "List what policies found.",
    "impact": "Show which images runs found affected.",
    "graph": "Show dependency graphs, why a component is in an image, what changed, and what is vulnerable.",
    "lock": "List distributed locks, and free one by force.",
    "worker": "List the processes that carry runs, and let one finish.",
    "notification": "List what people were told, or are to be told.",
    "audit": "List edits, check that their record was not rewritten, and that what should have fired did.",
    "verify": "Check the whole product on the configured database, and write a report.",
    "db": "Create, check, document and maintain the database.",
    "server": "Start, stop and look at the embedded PostgreSQL.",
}
"""Each command and its summary; `x` is the attribute `x` of scheduler_defs.cli.x."""


class SchedulerGroup(click.Group):
    """The root of the commands: imports them lazily and turns errors into one line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of COMMANDS."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the module of a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"scheduler_defs.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(self, *args: Any, **extra: Any) -> Any:
        """Runs a command and exits; a product error prints `Error: …` and gives its exit code."""
        run = super().main
        sys.exit(_exit_code(lambda: run(*args, **extra | {"standalone_mode": False})))


def _exit_code(run: Callable[[], Any]) -> int:
    try:
        _print_anything()
        code = run()
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort) as error:
        interrupted = isinstance(error, KeyboardInterrupt) or isinstance(error.__context__, KeyboardInterrupt)
        return _refuse("interrupted" if interrupted else "aborted", INTERRUPTED if interrupted else 1)
    except SchedulerError as error:
        return _refuse(str(error), error.exit_code)
    except psycopg.OperationalError as error:
        return _refuse(f"PostgreSQL: {error.diag.message_primary or error}", BAD_INPUT)
    except psycopg.Error as error:
        reason = error.diag.message_primary or error
        return _refuse(f"PostgreSQL refused a statement: {reason}; see `scheduler db status`", 1)
    except UnicodeEncodeError as error:
        return _refuse(f"{error.object!r} is not valid; expected text in UTF-8", BAD_INPUT)
    except OSError as error:
        _drop_output()
        return 1 if isinstance(error, BrokenPipeError) else _refuse(str(error), 1)
    return code if isinstance(code, int) else 0


def _print_anything() -> None:
    """Escapes characters the terminal's encoding lacks; a closed stdout takes everything, as /dev/null."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Discards output that cannot be written, on which the interpreter would fail again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refuse(message: str, code: int) -> int:
    if os.environ.get("SCHEDULER_DEBUG"):
        traceback.print_exc()
    click.echo(f"Error: {one_line(message)}", err=True)
    return code


@click.group(
    cls=SchedulerGroup,
    name="scheduler",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="SCHEDULER_TENANT and SCHEDULER_ACTOR stand in for --tenant and --actor; "
    "SCHEDULER_DEBUG=1 shows the traceback of an error.",
)
@click.version_option(package_name="dagster-db-scheduler", prog_name="scheduler")
def main() -> None:
    """Database-driven schedules for Dagster."""
    from resources.settings import warn_of_unknown_variables

    for warning in warn_of_unknown_variables(os.environ, OF_THE_COMMAND):
        click.echo(f"warning: {warning}", err=True)


if __name__ == "__main__":
    main()

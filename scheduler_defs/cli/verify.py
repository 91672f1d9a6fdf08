"""`scheduler verify`: whether the whole product works on the configured database, and a report of it."""

from pathlib import Path

import click

from resources.errors import InvalidInput
from resources.settings import SchedulerSettings
from scheduler_defs.cli.context import json_option
from scheduler_defs.cli.output import one_line, print_json, print_table

FAILED = 1


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the report goes; by default `reports` in SCHEDULER_DATA_DIRECTORY.",
)
@json_option
@click.pass_context
def verify(context: click.Context, output: Path | None, as_json: bool) -> None:
    """Check the whole product on the configured database, and write a report.

    Schema, repositories, transitions, triggers, locks, claims, a real job of each kind, and tenancy.

    Works in transactions that are rolled back and in scratch tenants that are removed, and leaves nothing behind but
    its report. Exits with 1 when a check fails, with 2 when the database cannot be reached or is not migrated.
    """
    settings = SchedulerSettings.load()
    directory = _writable(output or settings.data_directory / "reports")
    from scheduler_defs.verification.report import write_report
    from scheduler_defs.verification.verify import verify as run_all

    report = run_all(
        settings,
        lambda check: click.echo(f"{check.outcome:<7}  {check.name} ({check.seconds:.2f} s)", err=True),
    )
    for tenant in report.removed:
        click.echo(f"removed what a killed verification had left: {tenant}", err=True)
    paths = write_report(report, directory)
    if as_json:
        print_json(report.to_json())
    else:
        rows = [
            {
                "check": check.name,
                "outcome": check.outcome,
                "seconds": f"{check.seconds:.2f}",
                "detail": one_line(check.detail),
            }
            for check in report.checks
        ]
        print_table(rows, wraps={"detail"}, empty="no checks")
    for path in paths:
        click.echo(str(path), err=as_json)
    click.echo(report.summary, err=as_json)
    if report.failed:
        context.exit(FAILED)


def _writable(directory: Path) -> Path:
    """The directory, made if need be; raises InvalidInput for what cannot be one."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(
            "output", str(directory), f"a directory that can be made ({error.strerror})"
        ) from None
    return directory

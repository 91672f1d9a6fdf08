"""Runs as rows of the ledger for people to read."""

from collections.abc import Sequence

import click

from resources.records import Run
from resources.texts import moment
from scheduler_defs.cli.output import short

COUNTS = ("nodes", "edges", "affected_images", "advisories", "findings", "block", "warn")


def ledger_row(run: Run) -> dict[str, str]:
    """One run: what, by which schedule and trigger, when, and with what result."""
    return {
        "run": short(run.id),
        "kind": run.kind,
        "schedule": run.schedule_name or "",
        "trigger": run.trigger_kind,
        "scheduled for": moment(run.scheduled_for),
        "started": moment(run.started_at),
        "finished": moment(run.finished_at),
        "state": run.state,
        "result": result_of(run),
    }


def print_ledger(runs: Sequence[Run]) -> None:
    """Prints runs as one table, a line each however wide."""
    rows = [ledger_row(run) for run in runs]
    lines = [list(rows[0]) if rows else [], *(list(row.values()) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def ledger_line(run: Run) -> str:
    """One run in one line."""
    what = f"{run.schedule_name or 'manual'} ({run.trigger_kind})"
    return f"{moment(run.finished_at)}  {run.state:<9}  {short(run.id)}  {what:<30}  {result_of(run)}"


def result_of(run: Run) -> str:
    """A run's counts, or why there are none."""
    if run.error or run.reason:
        return run.error or run.reason or ""
    return ", ".join(f"{name.replace('_', ' ')} {run.stats[name]}" for name in COUNTS if name in run.stats)

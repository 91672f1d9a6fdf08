"""Waiting for a run by asking the database each second."""

from collections.abc import Callable
from datetime import timedelta
from time import monotonic, sleep
from uuid import UUID

import click

from resources.errors import InvalidInput
from resources.records import Run
from resources.states import TERMINAL, JobKind, PolicyMode, RunState
from resources.store import Store
from resources.texts import duration
from scheduler_defs.cli.context import begin
from scheduler_defs.cli.options import Duration
from scheduler_defs.cli.output import cell

POLL_SECONDS = 1.0
NOT_COMPLETED = 1
TIMED_OUT = 124  # as timeout(1)

timeout_option = click.option(
    "--timeout", type=Duration(), help=f"Stop waiting after it, with exit code {TIMED_OUT}; the run goes on."
)


def check_timeout(timeout: timedelta | None, waits: bool, flag: str) -> None:
    """Raises InvalidInput for a timeout of no waiting."""
    if timeout is not None and not waits:
        raise InvalidInput("timeout", timeout, f"nothing without {flag}")


def announce(tenant: str, run_id: UUID, wait: bool, timeout: timedelta | None) -> None:
    """Prints a requested run's id, and how to follow it or, with ``wait``, its states until it ends."""
    click.echo(run_id)
    if not wait:
        click.echo(f"follow it with: scheduler run logs {run_id} --follow --tenant {tenant}", err=True)
        return
    states: list[RunState] = []

    def show_state(_: Store, run: Run) -> None:
        if states[-1:] != [run.state]:
            states.append(run.state)
            click.echo(run.state, err=True)

    follow(tenant, run_id, timeout, show_state)


def follow(
    tenant: str, run_id: UUID, timeout: timedelta | None, on_poll: Callable[[Store, Run], None]
) -> None:
    """Calls ``on_poll`` in a transaction a second until the run has ended; exits with 0 only when it completed."""
    deadline = None if timeout is None else monotonic() + timeout.total_seconds()
    try:
        run = _poll(tenant, run_id, on_poll)
        while run.state not in TERMINAL:
            if deadline is not None and monotonic() >= deadline:
                click.echo(f"stopped waiting after {duration(timeout)}: the run is {run.state}", err=True)
                raise click.exceptions.Exit(TIMED_OUT)
            sleep(POLL_SECONDS)
            run = _poll(tenant, run_id, on_poll)
    except KeyboardInterrupt:
        click.echo("\nstopped waiting; the run goes on", err=True)
        raise
    _conclude(run)


def _poll(tenant: str, run_id: UUID, on_poll: Callable[[Store, Run], None]) -> Run:
    with begin(tenant) as store:
        run = store.runs.get(tenant, run_id)
        on_poll(store, run)
    return run


def _conclude(run: Run) -> None:
    took = f" in {duration(run.finished_at - run.started_at)}" if run.started_at and run.finished_at else ""
    click.echo(f"run {run.id} {run.state}{took}", err=True)
    for detail in (run.error, run.reason):
        if detail:
            click.echo(cell(detail), err=True)
    if run.state is not RunState.COMPLETED:
        raise click.exceptions.Exit(NOT_COMPLETED)
    if "images" in run.stats:
        click.echo(_what_was_found(run), err=True)


def _what_was_found(run: Run) -> str:
    """The counts that matter most, and the command that shows more."""
    counts, tenant = run.stats, f"--tenant {run.tenant_id}"
    if not counts["images"]:
        return "no image was looked at"
    if run.kind is JobKind.IMPACT:
        found = f"{counts['affected_images']} of {counts['images']} images are affected"
        return f"{found}; see scheduler impact show {run.id} {tenant}"
    if run.kind is JobKind.POLICY:
        verdicts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in ("block", "warn", "ignore"))
        more = f"run logs {run.id}" if run.mode is PolicyMode.SIMULATE else "finding list"
        return f"{verdicts} in {counts['images']} images; see scheduler {more} {tenant}"
    return f"{counts['images']} images have a graph; see scheduler graph show IMAGE {tenant}"

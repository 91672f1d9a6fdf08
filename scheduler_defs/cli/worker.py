"""`scheduler worker`: the processes that carry runs."""

from datetime import datetime
from typing import Any

import click

from resources.records import Worker
from resources.states import WorkerState
from resources.texts import duration, moment
from scheduler_defs.cli.context import actor_option, json_option, open_database, page_options
from scheduler_defs.cli.options import Member
from scheduler_defs.cli.output import (
    fields_of,
    note_next,
    print_json,
    print_table,
    short,
)
from scheduler_defs.edits.workers import drain_worker


@click.group()
def worker() -> None:
    """List the processes that carry runs, and let one finish."""


@worker.command("list")
@click.option("--status", type=Member(WorkerState), help="Only those that stand there.")
@click.option("--host", metavar="NAME", help="Only those of a machine.")
@page_options(20)
@json_option
def list_workers(
    status: WorkerState | None, host: str | None, limit: int, cursor: str | None, as_json: bool
) -> None:
    """List workers, newest first, with how many runs each carries and when it was last heard."""
    with open_database().begin_system() as store:
        page = store.workers.list(status=status, host=host, cursor=cursor, limit=limit)
        carried = store.workers.count_running([one.id for one in page.items])
        now = store.now()
    if as_json:
        print_json(
            [
                {**fields_of(one), "runs": carried.get(one.id, 0), "silent_for": now - one.last_heartbeat_at}
                for one in page.items
            ]
        )
    else:
        rows = [_row(one, carried.get(one.id, 0), now) for one in page.items]
        print_table(rows, wraps={"host", "kinds", "last heartbeat"}, empty="no workers")
    note_next(page)


@worker.command()
@click.argument("worker_id", metavar="ID")
@actor_option
def drain(worker_id: str, actor: str) -> None:
    """Let a worker, named by its id or how that begins or ends, finish what it carries and take nothing more."""
    with open_database().begin_system() as store:
        found = store.workers.find(worker_id)
        drain_worker(store, found, actor)
        carried = store.workers.count_running([found.id]).get(found.id, 0)
    click.echo(
        f"worker {found.id} (pid {found.pid} on {found.host}) drains: "
        f"it finishes what it carries now ({carried} run{'' if carried == 1 else 's'}) and takes nothing more"
    )


def _row(one: Worker, carried: int, now: datetime) -> dict[str, Any]:
    return {
        "id": short(one.id),
        "host": one.host,
        "pid": one.pid,
        "status": one.status,
        "kinds": ", ".join(one.kinds),
        "runs": carried,
        "version": one.version,
        "last heartbeat": f"{moment(one.last_heartbeat_at)} ({duration(now - one.last_heartbeat_at)} ago)",
        "dagster run": one.dagster_run_id and one.dagster_run_id[:8],
    }

"""`scheduler log`: what runs said, across runs."""

from datetime import UTC, datetime, timedelta

import click

from resources.records import LogHit
from resources.states import LogLevel
from resources.texts import moment
from scheduler_defs.cli.context import begin, json_option, page_options, tenant_option
from scheduler_defs.cli.options import Instant, grep_option, level_option, period_of
from scheduler_defs.cli.output import log_text, note_next, print_json, print_table, short

PAGE = 1000
WINDOW = timedelta(days=7)


@click.group()
def log() -> None:
    """Search what runs said."""


@log.command()
@tenant_option
@click.option("--run", "run_text", metavar="ID", help="Only of this run, by its id or how it begins or ends.")
@click.option("--schedule", metavar="NAME", help="Only of runs of this schedule.")
@level_option
@grep_option
@click.option("--since", type=Instant(), help="Not before; a week before --until by default.")
@click.option("--until", type=Instant(), help="Before; now by default.")
@page_options(100)
@json_option
def search(
    tenant: str,
    run_text: str | None,
    schedule: str | None,
    level: LogLevel | None,
    text: str | None,
    since: datetime | timedelta | None,
    until: datetime | timedelta | None,
    limit: int,
    cursor: str | None,
    as_json: bool,
) -> None:
    """Search the lines of a period, newest first."""
    with begin(tenant) as store:
        now = store.now()
        first, last = period_of(now, since, until)
        end = last or now
        start = first or _week_before(end)
        run_id = None if run_text is None else store.runs.find(tenant, run_text).id
        schedule_id = None if schedule is None else store.schedules.get_by_name(tenant, schedule).id
        page = store.execution_logs.search(
            *(tenant, start, end),
            run_id=run_id,
            schedule_id=schedule_id,
            level=level,
            text=text,
            cursor=cursor,
            limit=limit,
        )
    if as_json:
        print_json(page.items)
    else:
        print_table([_row(one) for one in page.items], wraps={"message"}, empty="no lines")
    note_next(page, since=start, until=end)


def _week_before(end: datetime) -> datetime:
    return (
        end - WINDOW if end > datetime.min.replace(tzinfo=UTC) + WINDOW else datetime.min.replace(tzinfo=UTC)
    )


def _row(hit: LogHit) -> dict[str, str]:
    return {"at": moment(hit.at), "run": short(hit.run_id), "level": hit.level, "message": log_text(hit)}

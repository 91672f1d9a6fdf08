"""What commands print: tables and fields for people, JSON for machines; times in UTC, ISO 8601."""

import dataclasses
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from resources.pages import Page
from resources.records import LogHit, LogLine
from resources.texts import NOTHING, duration, moment

PIPE_WIDTH = 10_000


def print_json(value: Any) -> None:
    """Prints records, lists and mappings; times with microseconds in UTC, durations in seconds."""
    click.echo(json.dumps(value, default=_plain, indent=2, ensure_ascii=False))


def json_line(value: Any) -> str:
    """A value as JSON in one line."""
    return json.dumps(value, default=_plain, ensure_ascii=False)


def print_table(rows: Sequence[Mapping[str, Any]], *, wraps: Iterable[str] = (), empty: str) -> None:
    """Prints rows under their keys; only columns in ``wraps`` break lines. Without rows says ``empty`` on stderr."""
    if not rows:
        click.echo(empty, err=True)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in rows[0]:
        table.add_column(Text(name.upper()), no_wrap=name not in wraps, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(value)) for value in row.values()))
    _console().print(table)


def print_fields(fields: Mapping[str, Any]) -> None:
    """Prints one field a line."""
    width = max(map(len, fields))
    for name, value in fields.items():
        click.echo(f"{name.replace('_', ' '):<{width}}  {cell(value)}")


def note_limit(rows: Sequence[object], limit: int) -> None:
    """Says on stderr that there may be more rows than were asked for."""
    if len(rows) == limit:
        click.echo(f"these are {limit}; there may be more, see --limit", err=True)


def note_next(page: Page[Any], **bounds: datetime | None) -> None:
    """Says on stderr which options read the next page, if there is one; a relative bound stays what it meant here."""
    if page.next_cursor:
        fixed = "".join(f"--{name} {at.isoformat()} " for name, at in bounds.items() if at)
        click.echo(f"there are more: {fixed}--cursor {page.next_cursor}", err=True)


def fields_of(record: Any) -> dict[str, Any]:
    """A record's fields by name."""
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


def cell(value: Any) -> str:
    """A value as people read it, without characters that could steer the terminal."""
    match value:
        case None | "":
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case datetime():
            return moment(value)
        case timedelta():
            return duration(value)
        case Mapping():
            return printable(json_line(dict(value))) if value else NOTHING
        case _:
            return printable(str(value))


def log_text(line: LogLine | LogHit) -> str:
    """What a line says, its fields as JSON: the text in which --grep looks."""
    return printable(line.message + (f"  {json_line(dict(line.fields))}" if line.fields else ""))


def short(row_id: UUID) -> str:
    """The last group of an id; the first ones tell the time and are alike for rows of one minute."""
    return str(row_id).rpartition("-")[2]


def one_line(text: str) -> str:
    """A message without line breaks."""
    return printable(" ".join(line.strip() for line in text.splitlines() if line.strip()))


def printable(text: str) -> str:
    """Text with control characters escaped, line breaks kept: what comes from documents could steer the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def _console() -> Console:
    console = Console(highlight=False, markup=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPE_WIDTH
    return console


def terminal_on_stderr() -> Console | None:
    """A console on stderr; None where nobody watches."""
    console = Console(file=sys.stderr)
    return console if console.is_terminal else None


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat()
        case timedelta():
            return value.total_seconds()
        case UUID():
            return str(value)
        case Mapping():
            return dict(value)
        case _:
            return fields_of(value)

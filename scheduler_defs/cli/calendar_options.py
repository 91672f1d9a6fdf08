"""The options that say what a calendar holds, and the entries they mean."""

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any

import click

from resources.errors import InvalidDocument
from resources.states import OnExcluded
from scheduler_defs.cli.options import Member
from scheduler_defs.timing.calendar_entries import expand_days

LIMIT = 1 << 20


@dataclass(frozen=True)
class AskedEntries:
    """Entries as they were typed."""

    dates: tuple[str, ...]
    days: str | None
    window: str | None
    first: str | None
    last: str | None
    file: Path | None

    def entries(self) -> list[Any]:
        """An entry for each --date, one of --days, --from and --to, those of --file; --window narrows all but these.

        They are not checked yet. Raises InvalidInput for days, InvalidDocument for a file that cannot be read.
        """
        narrowed = {} if self.window is None else {"window": self.window}
        found: list[Any] = [{"date": one} | narrowed for one in self.dates]
        one: dict[str, Any] = {
            key: text for key, text in (("from", self.first), ("to", self.last)) if text is not None
        }
        if self.days is not None:
            one["weekdays"] = expand_days("days", self.days)
        if one or (narrowed and not self.dates):
            found.append(one | narrowed)
        return found if self.file is None else [*found, *_read(self.file)]

    @property
    def given(self) -> bool:
        """Whether any of them was typed."""
        return any(getattr(self, field.name) not in ((), None) for field in fields(self))


def entry_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that make entries and passes them on as `asked`."""

    @wraps(command)
    def with_entries(**options: Any) -> Any:
        asked = AskedEntries(**{field.name: options.pop(field.name) for field in fields(AskedEntries)})
        return command(asked=asked, **options)

    for option in (
        click.option(
            "--file", type=click.Path(path_type=Path), help="A JSON list of entries, beside the options."
        ),
        click.option("--to", "last", metavar="DATE", help="Up to this day."),
        click.option("--from", "first", metavar="DATE", help="From this day on."),
        click.option(
            "--window",
            metavar="HH:MM-HH:MM",
            help="Only this time of these days; one past midnight belongs to the day it begins on.",
        ),
        click.option("--days", metavar="DAYS", help="Days of the week: mon-fri, or sat,sun."),
        click.option("--date", "dates", multiple=True, metavar="DATE", help="A day; repeatable."),
    ):
        with_entries = option(with_entries)
    return with_entries


def treatment_options(defaults: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds the options that say what entries mean; without ``defaults`` those not given are None."""

    def default(value: Any) -> dict[str, Any]:
        return {"default": value, "show_default": True} if defaults else {"default": None}

    options = (
        click.option(
            "--exclude/--include",
            "exclude",
            help="Whether the entries are the times left out, or the only ones left.",
            **default(True),
        ),
        click.option(
            "--on-excluded",
            type=Member(OnExcluded),
            help="An excluded occurrence does not fire, or fires when the excluded time ends.",
            **default(OnExcluded.SKIP),
        ),
        click.option("--timezone", metavar="TZ", help="Whose clock the entries mean.", **default("UTC")),
        click.option("--description", help="For people.", **default("")),
    )

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def _read(file: Path) -> list[Any]:
    from scheduler_defs.engines.documents import read_document

    try:
        found = json.loads(read_document(file, limit=LIMIT))
    except (ValueError, RecursionError) as error:
        raise InvalidDocument(str(file), "", f"is not JSON: {error}") from None
    if not isinstance(found, list):
        raise InvalidDocument(str(file), "", "is not a list of entries")
    return found

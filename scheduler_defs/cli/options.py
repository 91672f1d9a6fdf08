"""Types of option values, and the options that select images."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from functools import wraps
from typing import Any, TypeVar

import click

from resources.errors import InvalidInput
from resources.selection import Selection

Enum = TypeVar("Enum", bound=StrEnum)
NOW = "now"

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


class Member(click.Choice[Enum]):
    """A member of a StrEnum, by its value."""

    def normalize_choice(self, choice: object, ctx: click.Context | None) -> str:
        """The value, not the name as click has it."""
        return str(choice)


class Duration(click.ParamType[timedelta]):
    """Days, hours, minutes and seconds: 90s, 10m, 1h30m, 2d."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Reads the text; defaults that are durations pass."""
        if isinstance(value, timedelta):
            return value
        found = _DURATION.fullmatch(value.strip())
        if not found or not found[0]:
            self.fail(f"{value!r} is not a duration; expected such as 90s, 10m, 1h30m or 2d", param, ctx)
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        try:
            return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        except OverflowError:
            self.fail(f"{value!r} is too long", param, ctx)


class Moment(click.ParamType["datetime | str"]):
    """`now`, or an ISO 8601 time; without an offset it stays naive."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime | str:
        """Reads the text."""
        if value == NOW:
            return NOW
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"{value!r} is not a time; expected now, or such as 2026-03-01T09:00:00+01:00", param, ctx
            )


def read_labels(option: str, texts: Iterable[str]) -> dict[str, str]:
    """KEY=VALUE texts as a mapping; raises InvalidInput naming the option."""
    labels: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise InvalidInput(option, text, "KEY=VALUE, such as tier=prod")
        if key in labels:
            raise InvalidInput(option, text, f"each key once; {key!r} is given twice")
        labels[key] = value
    return labels


label_option = click.option("--label", "labels", multiple=True, metavar="K=V", help="A label; repeatable.")


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that narrow a run and passes them on as `selection`."""
    names = ("namespace", "repository", "digest", "labels", "advisories", "since_revision")

    @wraps(command)
    def with_selection(**options: Any) -> Any:
        asked = {name: options.pop(name) for name in names}
        asked["labels"] = read_labels("selection.labels", asked["labels"])
        return command(selection=Selection.parse(asked), **options)

    for option in (
        click.option(
            "--since-revision",
            type=click.IntRange(0, 2**63 - 1),
            help="Impact: only advisories newer than a feed revision.",
        ),
        click.option(
            "--advisory", "advisories", multiple=True, metavar="ID", help="Impact: only these; repeatable."
        ),
        click.option(
            "--label", "labels", multiple=True, metavar="K=V", help="Only images so labelled; repeatable."
        ),
        click.option("--digest", metavar="DIGEST", help="Only the image of this digest."),
        click.option("--repository", metavar="GLOB", help="Only images of repositories like this (* and ?)."),
        click.option("--namespace", metavar="NAME", help="Only images of a namespace."),
    ):
        with_selection = option(with_selection)
    return with_selection

"""Types of option values, and the options that select images."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import wraps
from typing import Any, TypeVar

import click

from resources.errors import InvalidInput
from resources.pages import check_text
from resources.selection import FLAGS, Selection
from resources.states import CatchUp, LogLevel, Overlap

Command = TypeVar("Command", bound=Callable[..., Any])
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


class Instant(click.ParamType["datetime | timedelta"]):
    """An ISO 8601 time, in UTC without an offset; or now, or how long ago: 1h, 2d."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime | timedelta:
        """Reads the text; what was read before passes."""
        if isinstance(value, datetime | timedelta):
            return value
        if value == NOW:
            return timedelta()
        ago = value.strip().removeprefix("-")
        if ago and _DURATION.fullmatch(ago):
            return Duration().convert(ago, param, ctx)
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            expected = "now, an ISO time such as 2026-03-01T09:00, or how long ago, such as 1h"
            self.fail(f"{value!r} is not a time; expected {expected}", param, ctx)
        return at if at.tzinfo else at.replace(tzinfo=UTC)


def period_of(
    now: datetime, since: datetime | timedelta | None, until: datetime | timedelta | None
) -> tuple[datetime | None, datetime | None]:
    """What --since and --until mean now; raises InvalidInput when the latter is not later."""
    first, end = instant_of(now, "since", since), instant_of(now, "until", until)
    if first and end and first >= end:
        raise InvalidInput("until", end.isoformat(), f"later than since, {first.isoformat()}")
    return first, end


def instant_of(now: datetime, option: str, instant: datetime | timedelta | None) -> datetime | None:
    """What an Instant means now; raises InvalidInput naming the option."""
    if instant is None:
        return None
    try:
        return (now - instant if isinstance(instant, timedelta) else instant).astimezone(UTC)
    except OverflowError:
        raise InvalidInput(option, str(instant), "a time of the years 1 to 9999") from None


def period_options(what: str) -> Callable[[Command], Command]:
    """The options --since and --until; ``what`` they bound, such as runs planned."""

    def add(command: Command) -> Command:
        for name, when in (("--until", "before then"), ("--since", "then or later")):
            help_text = f"Only {what} {when}: an ISO time, UTC without an offset, now, or how long ago."
            command = click.option(name, type=Instant(), help=help_text)(command)
        return command

    return add


def read_labels(option: str, texts: Iterable[str]) -> dict[str, str]:
    """KEY=VALUE texts as a mapping; raises InvalidInput naming the option."""
    labels: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise InvalidInput(option, text, "KEY=VALUE, such as tier=prod")
        if key in labels:
            raise InvalidInput(option, text, f"each key once; {key!r} is given twice")
        check_text(option, text)
        labels[key] = value
    return labels


level_option = click.option("--level", type=Member(LogLevel), help="Only lines that matter at least as much.")
grep_option = click.option(
    "--grep", "text", metavar="TEXT", help="Only lines with this text in them, in capitals or not."
)
label_option = click.option("--label", "labels", multiple=True, metavar="K=V", help="A label; repeatable.")


def treatment_options(defaults: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds the options that say how fires are treated; without ``defaults`` those not given are None."""

    def default(value: Any) -> dict[str, Any]:
        plain = str(value) if isinstance(value, StrEnum) else value
        return {"default": plain, "show_default": True} if defaults else {}

    options = (
        click.option("--description", help="For people.", **default("")),
        click.option("--priority", type=int, help="-100 to 100; higher starts first.", **default(0)),
        click.option(
            "--overlap",
            type=Member(Overlap),
            help="What a fire does while an earlier run is still open.",
            show_default="skip; with --on buffer_one" if defaults else None,
        ),
        click.option(
            "--catch-up",
            type=Member(CatchUp),
            help="Which missed fires happen after downtime.",
            **default(CatchUp.LATEST),
        ),
        click.option(
            "--catch-up-window",
            type=Duration(),
            help="How old those may be.",
            show_default="1d; with nothing but --on 365d" if defaults else None,
        ),
        click.option(
            "--misfire-grace", type=Duration(), help="A fire this late is on time.", **default("1m")
        ),
        click.option(
            "--schedule-label",
            "schedule_labels",
            multiple=True,
            metavar="K=V",
            help="A label of the schedule itself; repeatable.",
        ),
    )

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


as_of_option = click.option(
    "--as-of",
    metavar="TIME",
    help="Simulation: exceptions hold as of this instant, such as 2024-05-01T00:00Z; now by default.",
)


def at_instant(selection: Selection, text: str | None) -> Selection:
    """The selection as of what --as-of says; raises InvalidInput for a time without an offset."""
    return Selection.parse(selection.to_json() | {"as_of": text})


def _advisory_option(which: str) -> Callable[[Any], Any]:
    help = f"{which}, by any of their ids, such as a CVE; repeatable."
    return click.option("--advisory", "advisories", multiple=True, metavar="ID", help=help)


_OF_IMAGES = (
    click.option(
        "--label", "labels", multiple=True, metavar="K=V", help="Only images so labelled; repeatable."
    ),
    click.option("--digest", metavar="DIGEST", help="Only the image of this digest."),
    click.option(
        "--repository",
        metavar="GLOB",
        help="Only images of repositories like this (* and ?), also with the registry that `image list` shows.",
    ),
    click.option("--namespace", metavar="NAME", help="Only images of a namespace."),
)
_INGESTED_SINCE = click.option(
    "--ingested-since",
    metavar="TIME",
    help="By hand: only images with another SBOM or place since, such as 2024-05-01T00:00Z.",
)
_OF_RUNS = (
    _INGESTED_SINCE,
    click.option(
        "--ingested",
        is_flag=True,
        help="Of a schedule: only images with another SBOM or place since its last completed run.",
    ),
    click.option(
        "--impacted",
        is_flag=True,
        help="Policy of a schedule: only images that the impact runs it waits for found.",
    ),
    click.option(
        "--since-last",
        is_flag=True,
        help="Impact of a schedule: only advisories that changed since its last completed run.",
    ),
    click.option(
        "--since-revision",
        type=click.IntRange(0, 2**63 - 1),
        help="Impact: only advisories newer than a feed revision.",
    ),
    _advisory_option("Impact: only these"),
)


def image_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say which images and passes them on as `selection`."""
    return _selecting(command, ("namespace", "repository", "digest", "labels"), _OF_IMAGES)


def finding_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say of which images and advisories and passes them on as `selection`."""
    names = ("namespace", "repository", "digest", "labels", "advisories")
    return _selecting(command, names, (_advisory_option("Only of these"), *_OF_IMAGES))


def simulation_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that narrow a simulation by hand and passes them on as `selection`."""
    names = ("namespace", "repository", "digest", "labels", "ingested_since")
    return _selecting(command, names, (_INGESTED_SINCE, *_OF_IMAGES))


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that narrow a run and passes them on as `selection`."""
    of_runs = ("advisories", "since_revision", "ingested_since", *FLAGS)
    return _selecting(
        command, ("namespace", "repository", "digest", "labels", *of_runs), (*_OF_RUNS, *_OF_IMAGES)
    )


def _selecting(
    command: Callable[..., Any], names: Iterable[str], options: Iterable[Callable[[Any], Any]]
) -> Callable[..., Any]:
    @wraps(command)
    def with_selection(**given: Any) -> Any:
        asked = {name: given.pop(name) for name in names}
        asked["labels"] = read_labels("selection.labels", asked["labels"])
        chosen = Selection.parse(asked)
        chosen.check_names()
        return command(selection=chosen, **given)

    for option in options:
        with_selection = option(with_selection)
    return with_selection

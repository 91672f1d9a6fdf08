"""The options for what holds for the triggers of a schedule beside their rules, and for its limits."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import wraps
from typing import Any

import click

from resources.errors import InvalidInput
from scheduler_defs.cli.options import Duration
from scheduler_defs.edits.terms import TriggerTerms
from scheduler_defs.timing.gates import CONDITIONS

OLDER_THAN = "report_older_than_days"


def terms_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --jitter, --calendar and --max-fires, passed on as `terms`, and --max-runs-per-hour and --only-if."""

    @wraps(command)
    def with_terms(
        jitter: timedelta | None,
        calendars: Sequence[str],
        max_fires: int | None,
        only_if: Sequence[str],
        **options: Any,
    ) -> Any:
        terms: TriggerTerms = {}
        if jitter is not None:
            terms["jitter"] = jitter
        if calendars:
            terms["calendars"] = [*calendars]
        if max_fires is not None:
            terms["max_fires"] = max_fires
        return command(terms=terms, only_if=read_conditions(only_if) or None, **options)

    for option in (
        click.option(
            "--only-if",
            multiple=True,
            metavar="CONDITION",
            help=f"Skip a fire unless this holds: {', '.join(CONDITIONS)} (the first with =DAYS); repeatable.",
        ),
        click.option("--max-runs-per-hour", type=int, help="Skip fires beyond so many within 60 minutes."),
        click.option("--max-fires", type=int, help="Each trigger ends with so many fires."),
        click.option(
            "--calendar",
            "calendars",
            multiple=True,
            metavar="NAME",
            help="Skips or moves fires; repeatable, asked in this order.",
        ),
        click.option(
            "--jitter", type=Duration(), help="Fire later by a part of this, always the same for a trigger."
        ),
    ):
        with_terms = option(with_terms)
    return with_terms


def read_conditions(texts: Sequence[str]) -> dict[str, Any]:
    """Conditions as typed, NAME or NAME=NUMBER; raises InvalidInput."""
    conditions: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if name in conditions:
            raise InvalidInput("only_if", text, f"each condition once; {name!r} is given twice")
        if name == OLDER_THAN and not equals:
            raise InvalidInput("only_if", text, f"{OLDER_THAN}=DAYS, such as {OLDER_THAN}=7")
        try:
            conditions[name] = float(value) if equals else True
        except ValueError:
            raise InvalidInput("only_if", text, "a number after '='") from None
    return conditions

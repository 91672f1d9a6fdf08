"""The options for what follows a failed attempt."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from scheduler_defs.cli.options import Duration

OPTIONS = {
    "max_attempts": (int, "How many attempts of a run may fail, the last of which fails the run [3]."),
    "backoff_base": (Duration(), "How long a run waits after its first failed attempt [30s]."),
    "backoff_factor": (float, "How many times as long after each further one [2]."),
    "backoff_cap": (Duration(), "But no longer than this [1h]."),
    "backoff_jitter": (float, "Up to this share of the wait is taken off, 0 to 1 [0.1]."),
    "run_timeout": (Duration(), "End an attempt that takes longer; without it none is ended."),
    "pause_after_failures": (int, "Pause the schedule when so many of its runs failed in a row."),
}


def failure_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options and passes on those that were given."""

    @wraps(command)
    def with_failure_policy(**options: Any) -> Any:
        given = {name: value for name in OPTIONS if (value := options.pop(name)) is not None}
        return command(**given, **options)

    for name, (kind, text) in reversed(OPTIONS.items()):
        with_failure_policy = click.option(f"--{name.replace('_', '-')}", type=kind, help=text)(
            with_failure_policy
        )
    return with_failure_policy

"""What may be said of a schedule."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from resources.errors import InvalidInput
from resources.pages import check_text
from resources.records import Schedule
from scheduler_defs.edits.wanted_runs import check_priority
from scheduler_defs.timing.catch_up import refuse_past
from scheduler_defs.timing.rules import Rule, storable_instant, validate

LONGEST = timedelta(days=36500)


def check_rules(rules: Sequence[Rule], now: datetime) -> None:
    """Raises InvalidInput unless there are rules, and each can fire."""
    if not rules:
        raise InvalidInput("triggers", "none", "at least one of cron, interval or once")
    for rule in rules:
        validate(rule)
        refuse_past(rule, now)


def check_schedule(schedule: Schedule) -> None:
    """Raises InvalidInput for a field that the table would refuse."""
    check_priority(schedule.priority)
    for name, bound in (("starts_at", schedule.starts_at), ("ends_at", schedule.ends_at)):
        if bound is not None:
            storable_instant(name, bound)
    if schedule.starts_at and schedule.ends_at and schedule.ends_at <= schedule.starts_at:
        raise InvalidInput("ends_at", schedule.ends_at, f"after starts_at {schedule.starts_at}")
    _check_name(schedule.name)
    _check_labels(schedule.labels)
    for name in ("catch_up_window", "misfire_grace"):
        if not timedelta() <= getattr(schedule, name) <= LONGEST:
            raise InvalidInput(name, getattr(schedule, name), "0 seconds to 36500 days")


def _check_name(name: str) -> None:
    allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
    ends = bool(name) and name[0] in allowed and name[-1] in allowed
    if not ends or len(name) > 128 or set(name) - allowed - set(" ._-"):
        raise InvalidInput(
            "name",
            name,
            "1 to 128 letters, digits, spaces, '.', '_' or '-', beginning and ending with a letter or digit",
        )


def _check_labels(labels: Mapping[str, Any]) -> None:
    for key, value in labels.items():
        check_text("labels", f"{key}={value}")
        if not (isinstance(value, str) and 1 <= len(key) <= 63 and len(value) <= 255):
            raise InvalidInput("labels", f"{key}={value}", "keys of 1 to 63 characters, texts of at most 255")

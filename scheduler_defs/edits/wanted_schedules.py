"""What may be said of a schedule."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from resources.errors import InvalidInput
from resources.pages import check_text
from resources.records import Schedule
from resources.selection import Selection
from resources.texts import duration
from scheduler_defs.edits.wanted_runs import check_priority
from scheduler_defs.timing.catch_up import refuse_past
from scheduler_defs.timing.gates import CONDITIONS
from scheduler_defs.timing.rules import RUN_COMPLETED, EventRule, Rule, storable_instant, validate

LONGEST = timedelta(days=36500)
FAILURE_POLICY: Mapping[str, tuple[Any, Any, str]] = {
    "max_attempts": (1, 100, " attempts"),
    "backoff_base": (timedelta(), timedelta(days=7), ""),
    "backoff_factor": (1, 100, ""),
    "backoff_cap": (timedelta(), timedelta(days=7), ""),
    "backoff_jitter": (0, 1, ", a share of the wait"),
    "run_timeout": (timedelta(seconds=1), timedelta(days=365), ""),
    "pause_after_failures": (1, 1000, " failures in a row"),
}
"""The least and the most of each field, as the table has it."""


def check_rules(rules: Sequence[Rule], now: datetime) -> None:
    """Raises InvalidInput unless there are rules, and each can fire."""
    if not rules:
        raise InvalidInput("triggers", "none", "at least one of cron, interval, once or event")
    for rule in rules:
        validate(rule)
        refuse_past(rule, now)


def refuse_itself(name: str, rules: Sequence[Rule]) -> None:
    """Raises InvalidInput for a rule by which a schedule would fire itself for ever."""
    itself = EventRule(f"{RUN_COMPLETED}{name}")
    if itself in rules:
        raise InvalidInput("event", itself.event, "the completion of another schedule's runs")


def check_schedule(schedule: Schedule) -> None:
    """Raises InvalidInput for a field that the table would refuse."""
    check_priority(schedule.priority)
    for name, bound in (("starts_at", schedule.starts_at), ("ends_at", schedule.ends_at)):
        if bound is not None:
            storable_instant(name, bound)
    if schedule.starts_at and schedule.ends_at and schedule.ends_at <= schedule.starts_at:
        raise InvalidInput("ends_at", schedule.ends_at, f"after starts_at {schedule.starts_at}")
    if schedule.max_runs_per_hour is not None and schedule.max_runs_per_hour < 1:
        raise InvalidInput("max_runs_per_hour", schedule.max_runs_per_hour, "1 or more")
    _check_failure_policy(schedule)
    _check_conditions(schedule.only_if)
    check_name(schedule.name)
    _check_labels(schedule.labels)
    for name in ("catch_up_window", "misfire_grace"):
        if not timedelta() <= getattr(schedule, name) <= LONGEST:
            raise InvalidInput(name, getattr(schedule, name), "0 seconds to 36500 days")


def _check_failure_policy(schedule: Schedule) -> None:
    for name, (least, most, unit) in FAILURE_POLICY.items():
        value = getattr(schedule, name)
        if value is not None and not least <= value <= most:
            raise InvalidInput(name, value, f"{_told(least)} to {_told(most)}{unit}")


def _told(bound: Any) -> str:
    return duration(bound) if isinstance(bound, timedelta) else str(bound)


def check_name(name: str) -> None:
    """Raises InvalidInput unless a schedule, or a calendar, may have the name."""
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


def _check_conditions(only_if: Mapping[str, Any] | None) -> None:
    if only_if is None:
        return
    if not only_if:
        raise InvalidInput("only_if", "{}", f"one or more of {', '.join(CONDITIONS)}")
    for name, value in only_if.items():
        if name not in CONDITIONS:
            raise InvalidInput("only_if", name, f"one of {', '.join(CONDITIONS)}")
        if name != "report_older_than_days":
            if value is not True:
                raise InvalidInput(f"only_if.{name}", value, "true")
        elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST.days:
            raise InvalidInput(f"only_if.{name}", value, f"days, above 0 and at most {LONGEST.days}")


def refuse_unheard(selection: Selection, rules: Sequence[Rule]) -> None:
    """Raises InvalidInput for triggers that wait for news of which a run by this selection would look at nothing.

    ``impacted`` goes with the completion of runs alone, ``ingested`` also with times and new SBOMs.
    """
    events = [rule.event if isinstance(rule, EventRule) else "" for rule in rules]
    others = [event for event in events if not event.startswith(RUN_COMPLETED)]
    if selection.impacted and others:
        expected = f"triggers that wait for {RUN_COMPLETED}NAME of an impact schedule, and none else"
        raise InvalidInput("selection.impacted", "true", expected)
    if selection.ingested and any(event not in ("", "sbom_ingested") for event in others):
        expected = f"times, and triggers that wait for sbom_ingested or {RUN_COMPLETED}NAME, and none else"
        raise InvalidInput("selection.ingested", "true", expected)

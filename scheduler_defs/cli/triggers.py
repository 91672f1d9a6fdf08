"""The options that say when a schedule fires, and the rules they mean."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

import click

from resources.errors import InvalidInput, NotFound
from resources.records import Trigger
from resources.states import DayMatch, DstGap, DstOverlap
from scheduler_defs.cli.options import NOW, Duration, Member, Moment
from scheduler_defs.cli.output import duration, moment, short
from scheduler_defs.timing.rules import (
    EVENTS,
    RUN_COMPLETED,
    CronRule,
    EventRule,
    IntervalRule,
    OnceRule,
    Rule,
    storable_instant,
)
from scheduler_defs.timing.wall_clock import zone


@dataclass(frozen=True)
class AskedTimes:
    """When a schedule shall fire, as it was typed; times may be naive or `now`."""

    cron: tuple[str, ...]
    timezone: str | None
    dst_gap: DstGap | None
    dst_overlap: DstOverlap | None
    day_match: DayMatch | None
    every: tuple[timedelta, ...]
    once: tuple[datetime | str, ...]
    on: tuple[str, ...]
    starts_at: datetime | str | None
    ends_at: datetime | str | None

    def rules(self, now: datetime) -> list[Rule]:
        """The rules; intervals are anchored at ``now``. Raises InvalidInput naming the option."""
        of_cron = {"dst_gap": self.dst_gap, "dst_overlap": self.dst_overlap, "day_match": self.day_match}
        for option, value in of_cron.items():
            if value is not None and not self.cron:
                raise InvalidInput(option, str(value), "nothing without --cron")
        if not self.cron and self.timezone and not self.once and not self.starts_at and not self.ends_at:
            raise InvalidInput(
                "timezone", self.timezone, "nothing without --cron or a time without an offset"
            )
        return [
            *(self._cron(text) for text in self.cron),
            *(IntervalRule(every, now) for every in self.every),
            *(OnceRule(self.instant("once", at, now)) for at in self.once),
            *(EventRule(event) for event in self.on),
        ]

    def _cron(self, text: str) -> CronRule:
        days = self.day_match or DayMatch.OR
        return CronRule(text, self.timezone or "UTC", self.dst_gap, self.dst_overlap, days)

    def bounds(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """``starts_at`` and ``ends_at`` as instants; raises InvalidInput."""
        starts_at = None if self.starts_at is None else self.instant("starts_at", self.starts_at, now)
        ends_at = None if self.ends_at is None else self.instant("ends_at", self.ends_at, now)
        return starts_at, ends_at

    def instant(self, option: str, at: datetime | str, now: datetime) -> datetime:
        """A typed time in UTC; one without an offset is taken in --timezone, and refused without it."""
        if isinstance(at, str):
            return now
        if at.tzinfo is None and self.timezone:
            at = at.replace(tzinfo=zone(self.timezone))
            if at.utcoffset() != at.replace(fold=1).utcoffset():
                expected = f"a time with its offset: in {self.timezone} the clocks change then"
                raise InvalidInput(option, at.replace(tzinfo=None).isoformat(), expected)
        if at.tzinfo is None:
            expected = (
                "a time with its UTC offset, such as 2026-03-01T09:00:00+00:00, or --timezone beside it"
            )
            raise InvalidInput(option, at.isoformat(), expected)
        return storable_instant(option, at)


def trigger_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say when, and passes them on as `times`."""

    @wraps(command)
    def with_times(now: bool, **options: Any) -> Any:
        asked = {field.name: options.pop(field.name) for field in fields(AskedTimes)}
        asked["once"] += (NOW,) if now else ()
        return command(times=AskedTimes(**asked), **options)

    for option in (
        click.option("--ends-at", type=Moment(), help="Nothing fires after it."),
        click.option("--starts-at", type=Moment(), help="Nothing fires before it."),
        click.option(
            "--dst-overlap", type=Member(DstOverlap), help="Which of the two instants of a repeated hour."
        ),
        click.option(
            "--dst-gap", type=Member(DstGap), help="What a time in the hour that spring skips does."
        ),
        click.option(
            "--day-match",
            type=Member(DayMatch),
            help="Of a cron that restricts day of month and day of week: either (or), the default, or both (and).",
        ),
        click.option(
            "--timezone",
            metavar="TZ",
            help="Of --cron and of times without an offset; default UTC for --cron.",
        ),
        click.option("--now", is_flag=True, help="The same as --once now."),
        click.option(
            "--once", multiple=True, type=Moment(), help="Fires one time: ISO 8601, or now; repeatable."
        ),
        click.option(
            "--every",
            multiple=True,
            type=Duration(),
            help="Fires at once and then every 10m, 90s, 2h, 1d; repeatable.",
        ),
        click.option(
            "--on",
            multiple=True,
            metavar="EVENT",
            help=f"Fires when it happens: {', '.join(EVENTS)} or {RUN_COMPLETED}SCHEDULE; repeatable.",
        ),
        click.option(
            "--cron",
            multiple=True,
            metavar="EXPR",
            help="Fires by cron: 5 fields, 6 with seconds first; repeatable.",
        ),
    ):
        with_times = option(with_times)
    return with_times


def describe(trigger: Trigger) -> str:
    """When a trigger fires, in words."""
    return ", ".join([_rhythm(trigger), *_terms(trigger)])


def _rhythm(trigger: Trigger) -> str:
    if trigger.cron is not None:
        days = " with both days" if trigger.day_match is DayMatch.AND else ""
        return f"cron {trigger.cron} in {trigger.timezone}{days}"
    if trigger.every is not None:
        return f"every {duration(trigger.every)}"
    return f"once at {moment(trigger.at)}" if trigger.at is not None else f"on {trigger.event}"


def _terms(trigger: Trigger) -> Iterator[str]:
    if trigger.jitter:
        yield f"jitter {duration(trigger.jitter)}"
    if trigger.calendars:
        yield f"calendars {' '.join(trigger.calendars)}"
    if trigger.max_fires is not None:
        yield f"at most {trigger.max_fires} fires"


def trigger_rows(triggers: Iterable[Trigger]) -> list[dict[str, Any]]:
    """Triggers as table rows; the id is its last group, which `schedule remove-trigger` understands."""
    return [
        {
            "id": short(one.id),
            "trigger": describe(one),
            "next fire": local_moment(one.next_due_at, one),
            "last fire": local_moment(one.last_fire_at, one),
            "fires": one.fire_count,
            "missed": one.misfire_count,
        }
        for one in triggers
    ]


def find_trigger(triggers: Iterable[Trigger], text: str) -> Trigger:
    """The one trigger whose id is the text, or ends with it; raises NotFound, InvalidInput when several do."""
    found = [one for one in triggers if text and str(one.id).endswith(text.lower())]
    if not found:
        raise NotFound("trigger", text)
    if len(found) > 1:
        raise InvalidInput("trigger", text, "more digits: several triggers match")
    return found[0]


def local_moment(value: datetime | None, trigger: Trigger) -> str:
    """An instant in UTC and, where the trigger has another zone, below it in that one."""
    if value is None or trigger.timezone in {None, "UTC"}:
        return moment(value)
    return f"{moment(value)}\n{local(value, trigger)}"


def local(value: datetime, trigger: Trigger) -> str:
    """An instant in the trigger's time zone, UTC where it has none."""
    return value.astimezone(zone(trigger.timezone or "UTC")).isoformat(timespec="seconds")

"""The options that say when a schedule fires, and the rules they mean."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

import click

from resources.errors import InvalidInput, NotFound
from resources.records import Trigger
from resources.states import DayMatch, DstGap, DstOverlap
from resources.store import Store
from resources.texts import moment
from scheduler_defs.cli.options import NOW, Duration, Member, Moment
from scheduler_defs.cli.output import short
from scheduler_defs.edits.terms import CronClock
from scheduler_defs.edits.words import describe
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

CLOCK = ("timezone", "dst_gap", "dst_overlap", "day_match")


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

    def rules(self, now: datetime, replaced: Sequence[Trigger] = ()) -> list[Rule]:
        """The rules; intervals are anchored at ``now``. Raises InvalidInput naming the option.

        What is not said of --cron is as with the cron triggers among those ``replaced``, which must agree in it.
        """
        of_cron = {"dst_gap": self.dst_gap, "dst_overlap": self.dst_overlap, "day_match": self.day_match}
        for option, value in of_cron.items():
            if value is not None and not self.cron:
                raise InvalidInput(option, str(value), "nothing without --cron")
        if (
            not self.cron
            and self.timezone is not None
            and not self.once
            and not self.starts_at
            and not self.ends_at
        ):
            raise InvalidInput(
                "timezone", self.timezone, "nothing without --cron or a time without an offset"
            )
        clock = self._clock(replaced) if self.cron else {}
        return [
            *(_cron(text, clock) for text in self.cron),
            *(IntervalRule(every, now) for every in self.every),
            *(OnceRule(self.instant("once", at, now)) for at in self.once),
            *(EventRule(event) for event in self.on),
        ]

    def _clock(self, replaced: Sequence[Trigger]) -> CronClock:
        clock: dict[str, Any] = {}
        for option in CLOCK:
            theirs = {getattr(one, option) for one in replaced if one.cron is not None}
            if (value := getattr(self, option)) is None and len(theirs) > 1:
                found = ", ".join(sorted(one or "by default" for one in theirs))
                expected = (
                    f"one of them, by --{option.replace('_', '-')}: the schedule's cron triggers differ in it"
                )
                raise InvalidInput(option, found, expected)
            if value is not None or any(theirs):
                clock[option] = value if value is not None else theirs.pop()
        return clock  # type: ignore[return-value]

    def clock(self) -> CronClock:
        """What shall become of the cron triggers that stay: the options that are for --cron, given without rules.

        A time zone is not for them where a time without an offset is given.
        """
        if self.cron or self.every or self.once or self.on:
            return {}
        naive = any(isinstance(at, datetime) and at.tzinfo is None for at in (self.starts_at, self.ends_at))
        return {  # type: ignore[return-value]
            option: getattr(self, option)
            for option in CLOCK
            if getattr(self, option) is not None and not (naive and option == "timezone")
        }

    def bounds(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """``starts_at`` and ``ends_at`` as instants; raises InvalidInput."""
        starts_at = None if self.starts_at is None else self.instant("starts_at", self.starts_at, now)
        ends_at = None if self.ends_at is None else self.instant("ends_at", self.ends_at, now)
        return starts_at, ends_at

    def instant(self, option: str, at: datetime | str, now: datetime) -> datetime:
        """A typed time in UTC; one without an offset is taken in --timezone, and refused without it."""
        if isinstance(at, str):
            return now
        if at.tzinfo is None and self.timezone is not None:
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


def _known(_: click.Context, __: click.Parameter, timezone: str | None) -> str | None:
    return timezone if timezone is None else zone(timezone).key


def _cron(text: str, clock: CronClock) -> CronRule:
    return CronRule(
        text,
        clock.get("timezone", "UTC"),
        clock.get("dst_gap"),
        clock.get("dst_overlap"),
        clock.get("day_match", DayMatch.OR),
    )


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
            callback=_known,
            help="Of --cron and of times without an offset; --cron is in UTC, or that of the cron it replaces.",
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


def warn_of_unknown_schedules(store: Store, tenant: str, times: AskedTimes) -> None:
    """Says on stderr which schedules that --on waits for do not exist; they may come later."""
    for event in times.on:
        name = event.removeprefix(RUN_COMPLETED)
        if name == event:
            continue
        try:
            store.schedules.get_by_name(tenant, name)
        except NotFound:
            click.echo(f"warning: --on {event} waits: there is no schedule {name!r} yet", err=True)


def trigger_rows(triggers: Iterable[Trigger]) -> list[dict[str, Any]]:
    """Triggers as table rows; the id is its last group, which `schedule remove-trigger` understands."""
    return [
        {
            "id": short(one.id),
            "trigger": describe(one),
            "next fire": local_moment(one.next_due_at, one),
            "last fire": local_moment(one.last_fire_at, one),
            "fires": one.fire_count,
            "skips": one.misfire_count,
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

"""A random world: tenants with limits, calendars, and schedules of every kind."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from resources.states import CalendarMode, CatchUp, DayMatch, DstGap, DstOverlap, JobKind, OnExcluded, Overlap
from scheduler_defs.edits.calendars import NewCalendar, create_calendar
from scheduler_defs.edits.schedules import NewSchedule, create_schedule
from scheduler_defs.edits.tenants import create_tenant
from scheduler_defs.edits.terms import TriggerTerms
from scheduler_defs.timing.rules import CronRule, IntervalRule, OnceRule, Rule

START = datetime(2026, 3, 28, 12, tzinfo=UTC)
"""Clocks change in Europe on 29 March, in Sydney, Chatham and on Lord Howe Island on 4 April, in Chile on 5 April."""
SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)
ZONES = (
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Pacific/Chatham",
    "America/Santiago",
    "Asia/Kolkata",
)
CRONS = (
    "*/10 * * * *",
    "*/15 * * * *",
    "*/20 6-20 * * mon-fri",
    "5,35 * * * *",
    "0 * * * *",
    "@hourly",
    "0 */2 * * *",
    "30 1 * * *",
    "15 2 * * *",
    "0 30 2 * * *",
    "45 23 L * *",
    "0 12 */2 * fri",
)
INTERVALS = (5, 10, 15, 30, 45, 60, 90, 240)
CALENDARS = ("nights", "office", "freeze")


@dataclass(frozen=True)
class Size:
    """How large a world is, and when it has fired enough."""

    tenants: int
    schedules: int
    fires: int


def random_rule(random: Random, now: datetime) -> Rule:
    kind = random.choices(("cron", "interval", "once"), (6, 6, 1))[0]
    if kind == "once":
        return OnceRule(now + random.choice((-30 * SECOND, timedelta(), HOUR, random.randrange(200) * HOUR)))
    if kind == "interval":
        anchor = now + random.choice((timedelta(), random.randrange(-3600, 3600) * SECOND))
        return IntervalRule(random.choice(INTERVALS) * MINUTE, anchor)
    return CronRule(
        random.choice(CRONS),
        random.choice(ZONES),
        random.choice((None, *DstGap)),
        random.choice((None, *DstOverlap)),
        random.choice((*DayMatch,)),
    )


def random_terms(random: Random) -> TriggerTerms:
    return {
        "jitter": random.choice((timedelta(), timedelta(), 30 * SECOND, 10 * MINUTE, 3 * HOUR)),
        "calendars": random.sample(CALENDARS, random.choice((0, 0, 0, 0, 0, 1, 2))),
        "max_fires": random.choice((None,) * 9 + (3, 30)),
    }


def random_calendar(random: Random, name: str, now: datetime) -> NewCalendar:
    moves, zone = random.choice((*OnExcluded,)), random.choice(ZONES)
    if name == "office":
        days = {"weekdays": ["mon", "tue", "wed", "thu", "fri"], "window": "06:00-20:00"}
        return NewCalendar(name, [days], CalendarMode.INCLUDE, moves, zone)
    if name == "nights":
        window = random.choice(("22:00-06:00", "01:30-03:30", "12:00-13:00"))
        return NewCalendar(name, [{"window": window}], CalendarMode.EXCLUDE, moves, zone)
    first = (now + random.randrange(1, 6) * DAY).date()
    entry = {"from": str(first), "to": str(first + random.randrange(2) * DAY)}
    return NewCalendar(name, [entry], CalendarMode.EXCLUDE, moves, zone)


def random_schedule(random: Random, name: str, now: datetime) -> NewSchedule:
    conditions = ({"report_older_than_days": 0.05}, {"feed_changed": True}, {"policy_revision_changed": True})
    return NewSchedule(
        name,
        random.choice((*JobKind,)),
        [random_rule(random, now) for _ in range(random.choice((1, 1, 2, 3)))],
        priority=random.choice((0, 0, 10, -10)),
        overlap=random.choice((*Overlap, *(Overlap.ALLOW, Overlap.SKIP, Overlap.CANCEL_RUNNING) * 4)),
        catch_up=random.choice((*CatchUp, CatchUp.ALL, CatchUp.ALL)),
        catch_up_window=random.choice((timedelta(), 2 * HOUR, DAY, DAY)),
        misfire_grace=random.choice((MINUTE, HOUR, HOUR, 3 * HOUR)),
        starts_at=now + random.randrange(1, 48) * HOUR if random.random() < 0.1 else None,
        ends_at=now + random.randrange(60, 240) * HOUR if random.random() < 0.1 else None,
        max_runs_per_hour=random.choice((None,) * 10 + (2, 5)),
        only_if=random.choice((None,) * 20 + conditions),
        terms=random_terms(random),
    )


def create_world(store, random: Random, size: Size) -> dict[str, list[str]]:
    """Creates everything at START; returns the names of schedules by tenant."""
    names = {
        f"t{number:02}": [f"s{place}" for place in range(size.schedules)] for number in range(size.tenants)
    }
    for tenant, schedules in names.items():
        create_tenant(store, tenant, "sim", max_concurrent_runs=random.choice((None, 8, 12, 40)))
        for calendar in CALENDARS:
            create_calendar(store, tenant, random_calendar(random, calendar, START), "sim")
        for name in schedules:
            create_schedule(store, tenant, random_schedule(random, name, START), "sim")
    return names

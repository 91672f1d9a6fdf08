"""When triggers fire, by the code that fires and by the auditor's evaluator, which shares none of it.

The cases are drawn from a seed, so that each verification tries the same ones; half of them lie around a change of
clocks.
"""

import random
from datetime import UTC, datetime, timedelta
from itertools import islice

from resources.errors import InvalidInput
from resources.states import DayMatch, DstGap, DstOverlap, TriggerKind
from scheduler_defs.auditing.evaluator import AuditedRule, occurrences
from scheduler_defs.timing.rules import CronRule, IntervalRule, OnceRule, Rule, fires, validate
from scheduler_defs.verification.check import Bench, Failed, Named

SEED = 20260314
CRONS, INTERVALS = 300, 200
FIRES_A_CASE = 12
YEAR = timedelta(days=366)
ZONES = (
    *("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Asia/Kathmandu"),
    *("America/Sao_Paulo", "Pacific/Apia", "Africa/Casablanca", "Europe/London", "America/St_Johns"),
)
CHANGES = tuple(
    datetime(2026, month, day, tzinfo=UTC)
    for month, day in ((2, 15), (3, 7), (3, 22), (3, 28), (4, 4), (10, 3), (10, 24), (10, 31))
)
"""Shortly before clocks change somewhere."""


def check_crons(bench: Bench) -> str:
    """Cron expressions in time zones, with each rule for gaps and overlaps."""
    draw, checked = random.Random(SEED), 0
    while checked < CRONS:
        expression, zone, days = _expression(draw), draw.choice(ZONES), draw.choice([*DayMatch])
        gap, overlap = draw.choice([None, *DstGap]), draw.choice([None, *DstOverlap])
        rule = CronRule(expression, zone, gap, overlap, days)
        after = _instant(draw)
        try:
            validate(rule)
        except InvalidInput:
            continue
        audited = AuditedRule(TriggerKind.CRON, expression, zone, gap, overlap, days)
        _compare(rule, audited, after, after + YEAR)
        checked += 1
    return f"{checked} cases in {len(ZONES)} time zones agree"


def check_intervals(bench: Bench) -> str:
    """Intervals before and after their anchors, and single instants."""
    draw = random.Random(SEED)
    for _ in range(INTERVALS):
        anchor, after = _instant(draw), _instant(draw)
        every = timedelta(seconds=draw.choice([1, 60, 3600, 86_400]) * draw.randint(1, 90))
        _compare(
            IntervalRule(every, anchor),
            AuditedRule(TriggerKind.INTERVAL, every=every, anchor=anchor),
            after,
            after + YEAR,
        )
        _compare(OnceRule(anchor), AuditedRule(TriggerKind.ONCE, at=anchor), after, after + YEAR)
    return f"{2 * INTERVALS} cases agree"


def _compare(rule: Rule, audited: AuditedRule, after: datetime, until: datetime) -> None:
    fired = fires(rule, after, until, FIRES_A_CASE)
    expected = [*islice(occurrences(audited, after, until), FIRES_A_CASE)]
    if fired == expected:
        return
    first = next((one for one in zip(fired, expected, strict=False) if one[0] != one[1]), None)
    where = (
        f"{first[0].isoformat()} and {first[1].isoformat()}"
        if first
        else f"{len(fired)} and {len(expected)} fires"
    )
    raise Failed(f"{rule} after {after.isoformat()}: firing and auditing differ: {where}")


def _instant(draw: random.Random) -> datetime:
    """Half of them within two days after one of CHANGES."""
    start, span = (
        (draw.choice(CHANGES), 2) if draw.random() < 0.5 else (datetime(2025, 1, 1, tzinfo=UTC), 730)
    )
    return start + timedelta(seconds=draw.randrange(span * 86_400))


def _expression(draw: random.Random) -> str:
    fields = [
        _field(draw, 0, 59, ("*/7", "*/15", "*")),
        _field(draw, 0, 23, ("*", "*/2", "1-3", "22-2")),
        _field(draw, 1, 28, ("*", "*", "*", "L", "15W", "1-7")),
        _field(draw, 1, 12, ("*", "*", "*", "*/3", "MAR,OCT")),
        _field(draw, 0, 6, ("*", "*", "*", "MON-FRI", "L5", "5#2", "SUN")),
    ]
    if draw.random() < 0.15:
        fields.insert(0, _field(draw, 0, 59, ("*/20", "0")))
    return " ".join(fields)


def _field(draw: random.Random, least: int, most: int, others: tuple[str, ...]) -> str:
    return draw.choice([*others, str(draw.randint(least, most)), f"{least},{draw.randint(least + 1, most)}"])


CHECKS: tuple[Named, ...] = (
    ("triggers: cron", check_crons),
    ("triggers: interval and once", check_intervals),
)

"""Days that break schedulers, with instants worked out by hand, for what fires and for the auditor."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice

import pytest

from resources.states import DayMatch, DstGap, DstOverlap, TriggerKind
from scheduler_defs.auditing.evaluator import AuditedRule, occurrences
from scheduler_defs.timing.rules import CronRule, fires

SKIP, SECOND, BOTH, AND = DstGap.SKIP, DstOverlap.SECOND, DstOverlap.BOTH, DayMatch.AND
HORIZON = timedelta(days=4000)
NEW_YORK, LONDON, LORD_HOWE = "America/New_York", "Europe/London", "Australia/Lord_Howe"
CASABLANCA, APIA, SAO_PAULO = "Africa/Casablanca", "Pacific/Apia", "America/Sao_Paulo"


def fired(rule: CronRule, after: datetime, count: int) -> list[datetime]:
    return fires(rule, after, after + HORIZON, count)


def audited(rule: CronRule, after: datetime, count: int) -> list[datetime]:
    plain = AuditedRule(
        TriggerKind.CRON, rule.expression, rule.timezone, rule.gap, rule.overlap, rule.day_match
    )
    return list(islice(occurrences(plain, after, after + HORIZON), count))


CASES = [
    (
        "New York, spring",
        CronRule("30 2 * * *", NEW_YORK),
        "2026-03-08T00Z 2026-03-08T07:00Z 2026-03-09T06:30Z",
    ),
    ("New York, spring, skip", CronRule("30 2 * * *", NEW_YORK, SKIP), "2026-03-08T00Z 2026-03-09T06:30Z"),
    (
        "New York, autumn",
        CronRule("30 1 * * *", NEW_YORK),
        "2026-11-01T00Z 2026-11-01T05:30Z 2026-11-02T06:30Z",
    ),
    (
        "New York, autumn, second",
        CronRule("30 1 * * *", NEW_YORK, None, SECOND),
        "2026-11-01T00Z 2026-11-01T06:30Z 2026-11-02T06:30Z",
    ),
    (
        "New York, autumn, both",
        CronRule("30 1 * * *", NEW_YORK, None, BOTH),
        "2026-11-01T00Z 2026-11-01T05:30Z 2026-11-01T06:30Z 2026-11-02T06:30Z",
    ),
    ("London, spring", CronRule("30 1 * * *", LONDON), "2026-03-28T12Z 2026-03-29T01:00Z 2026-03-30T00:30Z"),
    ("London, autumn", CronRule("30 1 * * *", LONDON), "2026-10-24T12Z 2026-10-25T00:30Z 2026-10-26T01:30Z"),
    (
        "London, autumn, a wildcard",
        CronRule("*/30 1 * * *", LONDON),
        "2026-10-24T12Z 2026-10-25T00:00Z 2026-10-25T00:30Z 2026-10-25T01:00Z 2026-10-25T01:30Z 2026-10-26T01:00Z",
    ),
    (
        "Lord Howe, half an hour forward",
        CronRule("15 2 * * *", LORD_HOWE),
        "2026-10-03T00Z 2026-10-03T15:30Z 2026-10-04T15:15Z",
    ),
    (
        "Lord Howe, half an hour back",
        CronRule("45 1 * * *", LORD_HOWE, None, BOTH),
        "2026-04-04T00Z 2026-04-04T14:45Z 2026-04-04T15:15Z 2026-04-05T15:15Z",
    ),
    (
        "Casablanca, Ramadan begins",
        CronRule("30 2 * * *", CASABLANCA),
        "2025-02-22T12Z 2025-02-23T01:30Z 2025-02-24T02:30Z",
    ),
    (
        "Casablanca, Ramadan begins, second",
        CronRule("30 2 * * *", CASABLANCA, None, SECOND),
        "2025-02-22T12Z 2025-02-23T02:30Z 2025-02-24T02:30Z",
    ),
    (
        "Casablanca, Ramadan has ended",
        CronRule("30 2 * * *", CASABLANCA),
        "2025-04-05T12Z 2025-04-06T02:00Z 2025-04-07T01:30Z",
    ),
    (
        "Kathmandu, a quarter of an hour forward",
        CronRule("5 0 * * *", "Asia/Kathmandu"),
        "1985-12-31T00Z 1985-12-31T18:30Z 1986-01-01T18:20Z",
    ),
    ("Kathmandu, +05:45", CronRule("0 9 1 1 *", "Asia/Kathmandu"), "2025-12-31T00Z 2026-01-01T03:15Z"),
    (
        "Apia, the day that never was",
        CronRule("0 9 * * *", APIA),
        "2011-12-29T12Z 2011-12-29T19:00Z 2011-12-30T10:00Z 2011-12-30T19:00Z 2011-12-31T19:00Z",
    ),
    (
        "Apia, the day that never was, skip",
        CronRule("0 9 * * *", APIA, SKIP),
        "2011-12-29T12Z 2011-12-29T19:00Z 2011-12-30T19:00Z 2011-12-31T19:00Z",
    ),
    (
        "Apia, a yearly cron on the day that never was",
        CronRule("0 9 30 12 *", APIA),
        "2011-01-01T00Z 2011-12-30T10:00Z 2012-12-29T19:00Z",
    ),
    (
        "Sao Paulo, no midnight",
        CronRule("@daily", SAO_PAULO),
        "2018-11-03T12Z 2018-11-04T03:00Z 2018-11-05T02:00Z",
    ),
    ("Sao Paulo, no midnight, skip", CronRule("@daily", SAO_PAULO, SKIP), "2018-11-03T12Z 2018-11-05T02:00Z"),
    (
        "Sao Paulo, the last hour twice",
        CronRule("30 23 * * *", SAO_PAULO, None, BOTH),
        "2018-02-17T12Z 2018-02-18T01:30Z 2018-02-18T02:30Z 2018-02-19T02:30Z",
    ),
    ("Leap day, no 2100", CronRule("0 0 29 2 *"), "2096-03-01T00Z 2104-02-29T00:00Z"),
    (
        "Leap day, but 2000",
        CronRule("0 12 29 2 *", NEW_YORK),
        "1997-01-01T00Z 2000-02-29T17:00Z 2004-02-29T17:00Z",
    ),
    ("After 2038", CronRule("8 14 3 19 1 *"), "2037-02-01T00Z 2038-01-19T03:14:08Z 2039-01-19T03:14:08Z"),
    ("New York, spring 2038", CronRule("30 2 14 3 *", NEW_YORK), "2038-01-20T00Z 2038-03-14T07:00Z"),
    (
        "New York, autumn 2038",
        CronRule("30 1 7 11 *", NEW_YORK, None, SECOND),
        "2038-01-20T00Z 2038-11-07T06:30Z",
    ),
    ("London, spring 2099", CronRule("30 1 29 3 *", LONDON), "2099-01-01T00Z 2099-03-29T01:00Z"),
    (
        "Dublin, autumn 2060",
        CronRule("30 1 31 10 *", "Europe/Dublin", None, BOTH),
        "2060-01-01T00Z 2060-10-31T00:30Z 2060-10-31T01:30Z",
    ),
    (
        "Friday the 13th",
        CronRule("0 0 13 * 5", day_match=AND),
        "2026-01-01T00Z 2026-02-13T00Z 2026-03-13T00Z 2026-11-13T00Z",
    ),
    (
        "Fridays and the 13th",
        CronRule("0 0 13 * 5"),
        "2026-01-01T00Z 2026-01-02T00Z 2026-01-09T00Z 2026-01-13T00Z",
    ),
    (
        "A month that ends on a Friday",
        CronRule("0 0 L * 5", day_match=AND),
        "2026-01-01T00Z 2026-07-31T00Z 2027-04-30T00Z",
    ),
    (
        "A 15W on a Friday",
        CronRule("0 0 15W * 5", day_match=AND),
        "2026-01-01T00Z 2026-05-15T00Z 2026-08-14T00Z",
    ),
    (
        "The second Friday, if by the 9th",
        CronRule("0 0 8,9 * 5#2", day_match=AND),
        "2026-01-01T00Z 2026-01-09T00Z 2026-05-08T00Z",
    ),
    (
        "Every third hour over midnight",
        CronRule("0 22-4/3 * * *"),
        "2026-01-01T00Z 2026-01-01T01Z 2026-01-01T04Z 2026-01-01T22Z",
    ),
]


@pytest.mark.parametrize("path", [fired, audited])
@pytest.mark.parametrize(("rule", "instants"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_named_day(
    rule: CronRule, instants: str, path: Callable[[CronRule, datetime, int], list[datetime]]
) -> None:
    after, *expected = map(datetime.fromisoformat, instants.split())
    assert path(rule, after, len(expected)) == expected

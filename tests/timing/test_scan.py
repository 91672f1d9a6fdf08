from datetime import UTC, date, datetime, timedelta
from itertools import islice

from hypothesis import assume, given
from hypothesis import strategies as st

from resources.errors import InvalidInput
from resources.states import DayMatch, DstGap, DstOverlap, TriggerKind
from scheduler_defs.auditing.evaluator import AuditedRule, occurrences
from scheduler_defs.timing.occurrences import count, walk
from scheduler_defs.timing.rules import CronRule, fires, validate
from tests.timing.expressions import Expression, expressions
from tests.timing.scan import ZONES, Stretch, scanned, stretches

GAPS = st.sampled_from([None, *DstGap])
OVERLAPS = st.sampled_from([None, *DstOverlap])
DAY_MATCHES = st.sampled_from(DayMatch)
YEAR = timedelta(days=366)
SHOWN = 25


def rule_of(
    expression: Expression, zone: str, gap: DstGap | None, overlap: DstOverlap | None, day_match: DayMatch
) -> CronRule:
    """The rule of a drawn expression; one that is refused must deserve it, and ends the example."""
    rule = CronRule(expression.text, zone, gap, overlap, day_match)
    try:
        validate(rule)
    except InvalidInput:
        days = (date(2000, 1, 1) + timedelta(days=n) for n in range(50 * 366))
        assert expression.ambiguous(day_match) or not any(
            expression.matches_date(day, day_match) for day in days
        )
        assume(False)
    assert not expression.ambiguous(day_match)
    return rule


def audited(rule: CronRule) -> AuditedRule:
    return AuditedRule(
        TriggerKind.CRON, rule.expression, rule.timezone, rule.gap, rule.overlap, rule.day_match
    )


def agree(
    expression: Expression,
    around: Stretch,
    gap: DstGap | None,
    overlap: DstOverlap | None,
    day_match: DayMatch,
    place: float,
) -> None:
    rule = rule_of(expression, around.zone, gap, overlap, day_match)
    due = scanned(expression, around, gap, overlap, day_match)
    assert list(occurrences(audited(rule), around.start, around.end)) == due
    within = around.start + timedelta(microseconds=1), around.end + timedelta(microseconds=1)
    assert list(walk(rule, *within)) == due
    assert count(rule, *within) == (len(due), due[-1] if due else None)
    skipped = int(place * max(0, len(due) - SHOWN))
    assert count(rule, *(due[n] if due else one for n, one in zip((skipped, -1), within, strict=True)))[
        0
    ] == (max(0, len(due) - skipped - 1))
    after = due[skipped - 1] if skipped else around.start
    assert fires(rule, after, around.end, SHOWN) == due[skipped : skipped + SHOWN]


PLACES = st.floats(0, 1)


@given(expressions(seconds=False), stretches(timedelta(days=2)), GAPS, OVERLAPS, DAY_MATCHES, PLACES)
def test_fires_and_the_auditor_are_a_scan_of_every_minute_in_every_zone(
    expression: Expression,
    around: Stretch,
    gap: DstGap | None,
    overlap: DstOverlap | None,
    day_match: DayMatch,
    place: float,
) -> None:
    agree(expression, around, gap, overlap, day_match, place)


@given(expressions(seconds=True), stretches(timedelta(minutes=70)), GAPS, OVERLAPS, DAY_MATCHES, PLACES)
def test_fires_and_the_auditor_are_a_scan_of_every_second_in_every_zone(
    expression: Expression,
    around: Stretch,
    gap: DstGap | None,
    overlap: DstOverlap | None,
    day_match: DayMatch,
    place: float,
) -> None:
    agree(expression, around, gap, overlap, day_match, place)


INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@given(expressions(), st.sampled_from(ZONES), INSTANTS, GAPS, OVERLAPS, DAY_MATCHES)
def test_the_auditor_and_the_count_name_what_fires_over_years(
    expression: Expression,
    zone: str,
    after: datetime,
    gap: DstGap | None,
    overlap: DstOverlap | None,
    day_match: DayMatch,
) -> None:
    rule = rule_of(expression, zone, gap, overlap, day_match)
    found = list(islice(occurrences(audited(rule), after, after + 12 * YEAR), SHOWN))
    assert found == fires(rule, after, after + 12 * YEAR, SHOWN)
    if found:
        beyond = found[-1] + timedelta(microseconds=1)
        assert list(walk(rule, after + timedelta(microseconds=1), beyond)) == found
        assert count(rule, found[0], beyond) == (len(found), found[-1])

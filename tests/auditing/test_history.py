"""Periods of triggers, from the versions of a schedule."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from resources.errors import InvalidInput
from resources.states import DayMatch, TriggerKind
from scheduler_defs.auditing.history import spans_of, with_events

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
HOUR, SECOND, TICK = timedelta(hours=1), timedelta(seconds=1), timedelta(microseconds=1)
ONE = UUID(int=1)
HOURLY = {"id": str(ONE), "kind": "interval", "every": 3600.0, "anchor": "2026-03-14T00:30:00+00:00"}


def content(*triggers, **schedule):
    return {"enabled": True, "triggers": [*triggers]} | schedule


def periods(*versions):
    return [(span.after, span.until) for span in spans_of(versions).get(ONE, [])]


def planned(*versions, after=NOON - HOUR, until=NOON + 3 * HOUR):
    return [at for span in spans_of(versions).get(ONE, []) for at in span.occurrences(after, until)]


def test_a_version_that_leaves_a_trigger_as_it_was_does_not_end_its_period():
    named = content(HOURLY | {"enabled": True}, name="other")
    assert periods((NOON, content(HOURLY)), (NOON + HOUR, named)) == [(NOON, None)]


@pytest.mark.parametrize(
    "after",
    [
        content(HOURLY, enabled=False),
        content(HOURLY, deleted_at="2026-03-14T13:00:00+00:00"),
        content(HOURLY | {"enabled": False}),
        content(),
    ],
)
def test_a_pause_a_deletion_and_a_removal_end_it_and_a_resumption_begins_another(after):
    versions = (NOON, content(HOURLY)), (NOON + HOUR, after), (NOON + 2 * HOUR, content(HOURLY))
    assert periods(*versions) == [(NOON, NOON + HOUR), (NOON + 2 * HOUR, None)]


@pytest.mark.parametrize(
    "terms", [{"jitter": 60}, {"calendars": ["freeze"]}, {"max_fires": 3}, {"every": 60.0}]
)
def test_other_terms_or_another_rule_begin_another_period(terms):
    assert periods((NOON, content(HOURLY)), (NOON + HOUR, content(HOURLY | terms))) == [
        (NOON, NOON + HOUR),
        (NOON + HOUR, None),
    ]


def test_the_bounds_of_a_schedule_are_inclusive():
    bounds = {"starts_at": "2026-03-14T12:30:00+00:00", "ends_at": "2026-03-14T13:30:00+00:00"}
    assert planned((NOON, content(HOURLY, **bounds))) == [NOON + HOUR / 2, NOON + 3 * HOUR / 2]


def test_an_interval_anchored_at_the_edit_begins_with_it():
    anchored = HOURLY | {"anchor": NOON.isoformat()}
    assert planned((NOON, content(anchored)), until=NOON + HOUR) == [NOON, NOON + HOUR]
    assert planned((NOON + SECOND, content(anchored)), until=NOON + HOUR) == [NOON + HOUR]


@pytest.mark.parametrize(("late", "fires"), [(60, True), (60.000001, False), (0, True), (-60, True)])
def test_a_new_once_rule_may_be_a_minute_in_the_past(late, fires):
    once = {"id": str(ONE), "kind": "once", "at": NOON.isoformat()}
    assert planned((NOON + timedelta(seconds=late), content(once))) == ([NOON] if fires else [])


def test_a_once_rule_that_is_planned_again_may_not():
    once = {"id": str(ONE), "kind": "once", "at": NOON.isoformat()}
    paused = (NOON - HOUR, content(once, enabled=False))
    assert planned(paused, (NOON + SECOND, content(once))) == []
    assert planned(paused, (NOON, content(once))) == [NOON]


def test_old_contents_lack_what_came_later():
    cron = {"id": str(ONE), "kind": "cron", "cron": "0 * * * *", "timezone": "UTC", "enabled": True}
    found = spans_of([(NOON, content(cron))])
    (span,) = found[ONE]
    assert (span.terms.jitter, span.terms.calendars, span.terms.max_fires) == (timedelta(), (), None)
    assert (span.terms.rule.kind, span.terms.rule.day_match) == (TriggerKind.CRON, None)
    (span,) = spans_of([(NOON, content(cron | {"day_match": "and"}))])[ONE]
    assert span.terms.rule.day_match is DayMatch.AND


def test_what_happened_is_of_the_period_it_was_handled_in_and_what_waits_of_the_last():
    event = {"id": str(ONE), "kind": "event", "event": "sbom_ingested"}
    versions = [
        (NOON, content(event)),
        (NOON + HOUR, content(event, enabled=False)),
        (NOON + 2 * HOUR, content(event | {"jitter": 60})),
    ]
    happened = [
        (-SECOND, -SECOND),
        (HOUR / 2, HOUR),
        (HOUR, 2 * HOUR),
        (3 * HOUR / 2, 3 * HOUR),
        (2 * HOUR, None),
    ]
    events = [(NOON + at, None if handled is None else NOON + handled) for at, handled in happened]
    spans = with_events(spans_of(versions)[ONE], events)
    found = [[at - NOON for at in span.occurrences(NOON - HOUR, NOON + 6 * HOUR)] for span in spans]
    assert found == [[-SECOND, HOUR / 2, HOUR], [3 * HOUR / 2, 2 * HOUR]]
    assert [*spans[0].occurrences(NOON - SECOND, NOON + HOUR / 2)] == [NOON + HOUR / 2]


def test_a_trigger_that_never_waited_has_no_events():
    spans = spans_of([(NOON, content(HOURLY))])[ONE]
    assert with_events(spans, [(NOON, NOON)]) == spans


@pytest.mark.parametrize(
    "trigger", [{"kind": "cron"}, HOURLY | {"kind": "lunar"}, HOURLY | {"every": "x"}, 1]
)
def test_a_content_that_no_edit_writes_is_refused(trigger):
    with pytest.raises(InvalidInput):
        spans_of([(NOON, content(trigger))])

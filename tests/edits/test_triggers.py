"""Edits of one trigger: what was due is accounted for, the rest goes on from now."""

from datetime import UTC, datetime, timedelta

import pytest

from resources.errors import IllegalTransition, InvalidInput, NotFound
from resources.ids import new_id
from resources.states import CatchUp
from scheduler_defs.edits.schedules import pause_schedule, resume_schedule
from scheduler_defs.edits.triggers import (
    add_trigger,
    edit_trigger,
    pause_trigger,
    remove_trigger,
    resume_trigger,
)
from scheduler_defs.timing.rules import CronRule, IntervalRule, OnceRule

FAR = datetime(2100, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def due(make, read):
    """The id of a trigger that has been due since long ago, beside one that is not due yet."""
    make(IntervalRule(HOUR, LONG_AGO), IntervalRule(HOUR, FAR), at=LONG_AGO, catch_up=CatchUp.ALL)
    return next(one.id for one in read()[1] if one.anchor == LONG_AGO)


EDITS = {
    "edit_trigger": (edit_trigger, (IntervalRule(HOUR, FAR + MINUTE),), "edited"),
    "remove_trigger": (remove_trigger, (), "trigger removed"),
    "pause_trigger": (pause_trigger, (), "trigger paused"),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_was_due_is_accounted_for_and_never_fires(edit, read, due, tick, ledger, history, name):
    function, arguments, reason = EDITS[name]
    before, _ = read()
    after = edit(function, due, *arguments)
    ((state, why, first, count),) = ledger()
    assert (state, why, first) == ("skipped", reason, LONG_AGO)
    assert count > 24 * 30
    assert tick(FAR - MINUTE) == []
    assert len(tick(FAR)) == 1
    assert len(ledger()) == 2
    versions, ((actor, action, old, new), _) = history(before)
    assert (after.version, versions[0].version, actor, action) == (2, 2, "bob", name)
    assert (old, new) == (versions[1].content, versions[0].content)
    assert old["triggers"] != new["triggers"]


def test_a_removed_trigger_never_fires_again_whatever_is_edited(edit, read, due, tick, ledger):
    edit(remove_trigger, due)
    edit(pause_schedule, "")
    edit(resume_schedule)
    assert due not in {one.id for one in read()[1]}
    assert tick(FAR - MINUTE) == []
    assert [row[1] for row in ledger()] == ["trigger removed"]


def test_a_trigger_takes_another_rule_and_keeps_its_counts(edit, read, due):
    edit(edit_trigger, due, CronRule("0 9 * * *", "Europe/Berlin"))
    (trigger,) = (one for one in read()[1] if one.id == due)
    assert (trigger.kind, trigger.cron, trigger.timezone) == ("cron", "0 9 * * *", "Europe/Berlin")
    assert (trigger.every, trigger.anchor) == (None, None)
    assert trigger.misfire_count > 24 * 30
    assert trigger.next_fire_at > trigger.updated_at


def test_a_once_trigger_that_has_fired_fires_again_at_another_time(make, edit, read, tick, ledger):
    make(OnceRule(FAR))
    tick(FAR)
    ((_, (trigger,)),) = [read()]
    edit(edit_trigger, trigger.id, OnceRule(FAR + HOUR))
    assert read()[1][0].next_fire_at == FAR + HOUR
    tick(FAR + HOUR)
    assert [row[2] for row in ledger()] == [FAR, FAR + HOUR]


@pytest.mark.parametrize(
    ("rule", "field"),
    [(OnceRule(LONG_AGO), "at"), (CronRule("61 * * * *"), "cron"), (IntervalRule(timedelta(), FAR), "every")],
)
def test_a_rule_that_cannot_fire_is_refused(edit, read, due, ledger, rule, field):
    before = read()
    with pytest.raises(InvalidInput) as refused:
        edit(edit_trigger, due, rule)
    assert refused.value.field == field
    assert (read(), ledger()) == (before, [])


def test_a_resumed_trigger_goes_on_from_now(edit, read, due, tick):
    edit(pause_trigger, due)
    after = edit(resume_trigger, due)
    (trigger,) = (one for one in read()[1] if one.id == due)
    assert (after.version, trigger.enabled) == (3, True)
    assert after.updated_at < trigger.next_fire_at <= after.updated_at + HOUR
    assert tick(trigger.next_fire_at - timedelta(seconds=1)) == []


def test_a_trigger_is_paused_and_resumed_once(edit, read, due):
    with pytest.raises(IllegalTransition, match="is active"):
        edit(resume_trigger, due)
    edit(pause_trigger, due)
    before = read()
    with pytest.raises(IllegalTransition, match="is paused"):
        edit(pause_trigger, due)
    assert read() == before


def test_a_paused_trigger_stays_so_when_its_schedule_is_resumed(edit, read, due):
    edit(pause_trigger, due)
    edit(pause_schedule, "")
    edit(resume_schedule)
    planned = {one.id: one.next_fire_at for one in read()[1]}
    assert planned.pop(due) is None
    assert list(planned.values()) == [FAR]


def test_edits_of_a_paused_schedule_plan_nothing(edit, read, due):
    edit(pause_schedule, "")
    edit(pause_trigger, due)
    edit(resume_trigger, due)
    edit(edit_trigger, due, CronRule("0 9 * * *"))
    edit(add_trigger, OnceRule(FAR))
    assert {one.next_fire_at for one in read()[1]} == {None}
    edit(resume_schedule)
    assert None not in {one.next_fire_at for one in read()[1]}


@pytest.mark.parametrize("name", [*EDITS, "resume_trigger"])
def test_a_trigger_of_another_schedule_is_not_found(make, edit, read, name):
    make()
    make(name="other")
    (_, (other,)) = read("other")
    function, arguments, _ = EDITS.get(name, (resume_trigger, (), ""))
    for missing in (other.id, new_id()):
        with pytest.raises(NotFound, match="trigger"):
            edit(function, missing, *arguments)
    assert read("other")[1] == [other]

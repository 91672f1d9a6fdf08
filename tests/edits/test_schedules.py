"""Edits of schedules: what is kept of each, and that none fires the past."""

from datetime import UTC, datetime, timedelta

import pytest

from resources.errors import NOT_SET, AlreadyExists, InvalidInput, NotFound, VersionConflict
from resources.selection import Selection
from resources.states import CatchUp, JobKind, Overlap, PolicyMode
from scheduler_defs.edits.previews import preview_fires
from scheduler_defs.edits.schedules import (
    delete_schedule,
    edit_schedule,
    pause_schedule,
    restore_schedule,
    resume_schedule,
)
from scheduler_defs.edits.triggers import pause_trigger
from scheduler_defs.timing.rules import CronRule, IntervalRule, OnceRule

FAR = datetime(2100, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def test_an_edit_changes_what_is_given_and_keeps_version_and_audit(make, edit, read, history):
    made = make(labels={"team": "a"})
    after = edit(edit_schedule, {"description": "d", "labels": {"team": "b"}, "priority": 4})
    assert (after.version, after.description, after.labels, after.priority) == (2, "d", {"team": "b"}, 4)
    assert (after.name, after.overlap, after.updated_by) == ("nightly", made.overlap, "bob")
    assert read()[0] == after
    (second, first), ((actor, action, old, new), _) = history(made)
    assert (second.version, second.changed_by, first.changed_by) == (2, "bob", "ann")
    assert (actor, action, old, new) == ("bob", "edit", first.content, second.content)
    assert (old["priority"], new["priority"], new["labels"]) == (0, 4, {"team": "b"})


def test_every_field_can_be_edited(make, edit):
    make(kind=JobKind.POLICY)
    changes = {
        **{"name": "renamed", "mode": PolicyMode.SIMULATE, "selection": Selection(namespace="web")},
        **{"overlap": Overlap.BUFFER_ONE, "catch_up": CatchUp.NONE, "catch_up_window": HOUR},
        **{
            "misfire_grace": SECOND,
            "starts_at": FAR,
            "ends_at": FAR + HOUR,
            "labels": {},
            "description": "d",
        },
    }
    after = edit(edit_schedule, changes)
    assert {name: getattr(after, name) for name in changes} == changes | {"selection": {"namespace": "web"}}
    assert edit(edit_schedule, {"ends_at": None}, name="renamed").ends_at is None


def test_an_edit_that_changes_nothing_writes_nothing(make, edit, history):
    made = make(CronRule("0 9 * * *"))
    assert edit(edit_schedule, {"priority": 0}, rules=[CronRule("0 9 * * *")]) == made
    versions, audit = history(made)
    assert (len(versions), len(audit)) == (1, 1)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"priority": 101}, "priority"),
        ({"name": "a/b"}, "name"),
        ({"labels": {"": "x"}}, "labels"),
        ({"labels": {"a": 1}}, "labels"),
        ({"mode": PolicyMode.FULL}, "mode"),
        ({"selection": Selection(advisories=("CVE-1",))}, "selection.advisories"),
        ({"starts_at": FAR, "ends_at": FAR}, "ends_at"),
        ({"starts_at": datetime(2100, 1, 1)}, "starts_at"),
        ({"misfire_grace": -SECOND}, "misfire_grace"),
        ({"catch_up_window": timedelta(36501)}, "catch_up_window"),
        ({"kind": JobKind.IMPACT}, "kind"),
        ({"enabled": False}, "enabled"),
    ],
)
def test_a_wrong_change_is_refused_by_field_and_nothing_is_written(make, edit, read, changes, field):
    made = make()
    with pytest.raises(InvalidInput) as refused:
        edit(edit_schedule, {"description": "d"} | changes)
    assert refused.value.field == field
    assert read()[0] == made


def test_a_name_in_use_is_refused(make, edit):
    make()
    make(name="taken")
    with pytest.raises(AlreadyExists, match="'taken'"):
        edit(edit_schedule, {"name": "taken"})


def test_an_edit_from_an_old_version_shows_what_both_changed(make, edit, read):
    make()
    theirs = edit(edit_schedule, {"priority": 5})
    with pytest.raises(VersionConflict) as refused:
        edit(edit_schedule, {"description": "mine"}, version=1)
    assert refused.value.differences == {"description": ("mine", ""), "priority": (NOT_SET, 5)}
    assert (refused.value.changed_by, refused.value.changed_at) == ("bob", theirs.updated_at)
    assert read()[0] == theirs
    assert edit(edit_schedule, {"description": "mine"}, version=2).version == 3
    with pytest.raises(NotFound, match="version of the schedule 9"):
        edit(edit_schedule, {"description": "mine"}, version=9)


def test_other_bounds_plan_the_triggers_again(make, edit, read):
    make()
    assert edit(edit_schedule, {"starts_at": FAR + 90 * MINUTE}).version == 2
    assert read()[1][0].next_fire_at == FAR + 2 * HOUR
    edit(edit_schedule, {"starts_at": None, "ends_at": FAR - HOUR})
    assert read()[1][0].next_fire_at is None
    edit(edit_schedule, {"ends_at": None})
    assert read()[1][0].next_fire_at == FAR


def test_an_edit_of_something_else_leaves_the_plan(make, edit, read):
    make(IntervalRule(HOUR, FAR), CronRule("0 9 * * *"))
    before = read()[1]
    edit(edit_schedule, {"priority": 1, "catch_up": CatchUp.ALL, "misfire_grace": HOUR})
    assert read()[1] == before


@pytest.mark.parametrize("changes", [{"ends_at": FAR + 10 * HOUR}, {"starts_at": FAR - 10 * HOUR}])
def test_what_was_due_before_other_bounds_is_accounted_for_and_never_fires(
    make, edit, read, tick, ledger, changes
):
    make(IntervalRule(HOUR, FAR), at=FAR - MINUTE, catch_up=CatchUp.ALL)
    now = FAR + 2 * HOUR + MINUTE
    edit(edit_schedule, changes, now=now)
    assert ledger() == [("skipped", "edited", FAR, 3)]
    assert read()[1][0].next_fire_at == FAR + 3 * HOUR
    assert tick(FAR + 3 * HOUR - SECOND) == []
    assert len(tick(FAR + 3 * HOUR)) == 1


def test_rules_replace_the_triggers_and_keep_the_equal_ones(make, edit, read, ledger):
    kept, first, second = CronRule("0 9 * * *"), CronRule("0 10 * * *"), CronRule("0 11 * * *")
    make(kept, first, second)
    before = {one.cron: one for one in read()[1]}
    edit(edit_schedule, {}, rules=[IntervalRule(HOUR, FAR), kept])
    after = {one.kind: one for one in read()[1]}
    assert len(after) == 2
    assert after["cron"] == before["0 9 * * *"]
    assert after["interval"].id in {before["0 10 * * *"].id, before["0 11 * * *"].id}
    assert (after["interval"].next_fire_at, after["interval"].cron) == (FAR, None)
    edit(edit_schedule, {}, rules=[kept, IntervalRule(HOUR, FAR), OnceRule(FAR)])
    assert sorted(one.kind for one in read()[1]) == ["cron", "interval", "once"]
    assert ledger() == []


def test_a_paused_trigger_gives_way_to_one_that_fires(make, edit, read):
    make(OnceRule(FAR))
    edit(pause_trigger, read()[1][0].id)
    edit(edit_schedule, {}, rules=[OnceRule(FAR + HOUR)])
    (trigger,) = read()[1]
    assert (trigger.at, trigger.enabled, trigger.next_fire_at) == (FAR + HOUR, True, FAR + HOUR)


def test_a_time_that_has_fired_may_stay(make, edit, read, tick):
    make(OnceRule(LONG_AGO), at=LONG_AGO)
    tick(LONG_AGO)
    edit(edit_schedule, {}, rules=[OnceRule(LONG_AGO), OnceRule(FAR)])
    assert {trigger.at: trigger.next_fire_at for trigger in read()[1]} == {LONG_AGO: None, FAR: FAR}


def test_a_rule_in_the_past_is_refused(make, edit, read):
    made = make()
    with pytest.raises(InvalidInput, match="at: "):
        edit(edit_schedule, {"priority": 1}, rules=[OnceRule(FAR - SECOND)], now=FAR)
    assert read()[0] == made


def test_an_edit_while_paused_plans_nothing_until_it_is_resumed(make, edit, read):
    make()
    edit(pause_schedule, "holiday")
    after = edit(edit_schedule, {"starts_at": FAR + HOUR}, rules=[IntervalRule(2 * HOUR, FAR)])
    assert (after.enabled, after.paused_reason) == (False, "holiday")
    assert [one.next_fire_at for one in read()[1]] == [None]
    edit(resume_schedule)
    assert [one.next_fire_at for one in read()[1]] == [FAR + 2 * HOUR]


def test_a_restored_schedule_fires_from_now_on(make, edit, read, ledger, history):
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    made = make(IntervalRule(HOUR, long_ago), at=long_ago, catch_up=CatchUp.ALL)
    edit(delete_schedule)
    assert [row[:2] for row in ledger()] == [("skipped", "deleted")]
    with pytest.raises(NotFound):
        read()
    restored = edit(restore_schedule)
    assert (restored.id, restored.version, restored.enabled) == (made.id, 3, True)
    assert read()[1][0].next_fire_at > restored.updated_at
    versions, audit = history(made)
    assert [one.version for one in versions] == [3, 2, 1]
    assert [action for _, action, _, _ in audit] == ["restore", "delete", "create"]
    assert "deleted_by" in audit[0][2]
    assert "deleted_by" not in audit[0][3]


def test_a_schedule_deleted_while_paused_comes_back_paused(make, edit, read):
    make()
    edit(pause_schedule, "holiday")
    edit(delete_schedule)
    assert edit(restore_schedule).paused_reason == "holiday"
    assert read()[1][0].next_fire_at is None


def test_what_cannot_be_restored_is_named(make, edit):
    with pytest.raises(NotFound, match="deleted schedule 'nightly'"):
        edit(restore_schedule)
    make()
    edit(delete_schedule)
    make()
    with pytest.raises(AlreadyExists, match="'nightly'"):
        edit(restore_schedule)


def test_the_preview_reads_the_schedule_as_it_is(database, make, edit):
    make()
    with database.begin("acme") as store:
        assert [(one.due.at, one.paused) for one in preview_fires(store, "acme", "nightly", 2)] == [
            (FAR, False),
            (FAR + HOUR, False),
        ]
    edit(pause_schedule, "")
    with database.begin("acme") as store:
        assert [one.paused for one in preview_fires(store, "acme", "nightly", 2)] == [True, True]
        for count in (0, 1001):
            with pytest.raises(InvalidInput, match="count"):
                preview_fires(store, "acme", "nightly", count)
    with database.begin("globex") as store, pytest.raises(NotFound):
        preview_fires(store, "globex", "nightly")

"""Edits of calendars: each leaves a version and an audit, and a calendar in use stays."""

from datetime import UTC, datetime, timedelta

import pytest

from resources.errors import AlreadyExists, IllegalTransition, InvalidInput, NotFound, VersionConflict
from resources.protocols.audit import AuditFilter
from resources.states import CalendarMode, OnExcluded
from scheduler_defs.edits.calendars import NewCalendar, create_calendar, delete_calendar, edit_calendar
from scheduler_defs.edits.schedules import delete_schedule, edit_schedule
from scheduler_defs.edits.triggers import remove_trigger
from scheduler_defs.timing.rules import IntervalRule

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CHRISTMAS = [{"date": "2026-12-25"}]
FREEZE = NewCalendar("freeze", CHRISTMAS)


@pytest.fixture
def created(database, tenant):
    """created(at=…, fields of NewCalendar) is a calendar that ann made, by default at noon."""

    def created(at=NOW, **changes):
        with database.begin(tenant) as store:
            wanted = NewCalendar(**{"name": "freeze", "entries": CHRISTMAS} | changes)
            return create_calendar(store, tenant, wanted, "ann", at)

    return created


@pytest.fixture
def told(database, tenant):
    """told() is the history of freeze, oldest first, as (version, valid from, by whom, content)."""

    def told():
        with database.begin(tenant) as store:
            versions = reversed(store.calendars.list_versions(tenant, "freeze").items)
            return [(one.version, one.valid_from, one.changed_by, one.content) for one in versions]

    return told


@pytest.fixture
def audited(database, tenant):
    """audited() is the audit of calendars, oldest first, as (actor, action, id, old, new)."""

    def audited():
        with database.begin(tenant) as store:
            found = reversed(store.audit.list(tenant, AuditFilter(entity="calendar")).items)
            return [(one.actor, one.action, one.entity_id, one.old, one.new) for one in found]

    return audited


@pytest.fixture
def use(make, admin, tenant):
    """use(name) is a schedule whose trigger has the calendar freeze."""

    def use(name="nightly"):
        schedule = make(name=name)
        admin.execute(
            "UPDATE scheduler.triggers SET calendars = '{other,freeze}' WHERE schedule_id = %s", [schedule.id]
        )
        return schedule

    return use


def test_an_edit_and_a_deletion_keep_what_was_and_go_on_after_a_new_creation(created, edit, told, audited):
    first = created(on_excluded=OnExcluded.MOVE)
    before = {"name": "freeze", "description": "", "mode": "exclude", "timezone": "UTC"}
    before |= {"on_excluded": "move", "entries": CHRISTMAS}
    after = before | {"mode": "include"}
    changes = {"mode": CalendarMode.INCLUDE}
    edited = edit(edit_calendar, changes, name="freeze", version=first.version, now=NOW + MINUTE)
    assert (edited.mode, edited.version, edited.updated_by) == (CalendarMode.INCLUDE, 2, "bob")
    assert (edited.updated_at, edited.created_by, edited.created_at) == (NOW + MINUTE, "ann", NOW)
    edit(delete_calendar, name="freeze", now=NOW + 2 * MINUTE)
    again = created(NOW + 3 * MINUTE)
    assert (again.version, again.created_at) == (4, NOW + 3 * MINUTE)
    assert told() == [
        (1, NOW, "ann", before),
        (2, NOW + MINUTE, "bob", after),
        (3, NOW + 2 * MINUTE, "bob", None),
        (4, NOW + 3 * MINUTE, "ann", before | {"on_excluded": "skip"}),
    ]
    assert audited()[:-1] == [
        ("ann", "create", "freeze", None, before),
        ("bob", "edit", "freeze", before, after),
        ("bob", "delete", "freeze", after, None),
    ]


def test_entries_are_kept_in_one_form(created):
    made = created(entries=[{"window": "22:00-24:00", "weekdays": ["sun", "mon", "sun"]}])
    assert made.entries == [{"weekdays": ["mon", "sun"], "window": "22:00-24:00"}]


def test_what_changes_nothing_writes_nothing(created, edit, told, audited):
    made = created(entries=[{"weekdays": ["mon", "sun"]}])
    assert edit(edit_calendar, {"entries": [{"weekdays": ["sun", "mon"]}]}, name="freeze") == made
    assert (len(told()), len(audited())) == (1, 1)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"name": ""}, "name: ''"),
        ({"name": "a/b"}, "name: 'a/b'"),
        ({"timezone": "Mars/Base"}, "timezone: 'Mars/Base'"),
        ({"entries": [{"window": "8-9"}]}, r"entries\[0\].window: '8-9'"),
        (
            {"entries": [], "mode": CalendarMode.INCLUDE},
            "entries: 'none' is not valid; expected at least one",
        ),
    ],
)
def test_a_calendar_that_makes_no_sense_is_refused(created, told, changes, error):
    with pytest.raises(InvalidInput, match=error):
        created(**changes)
    assert told() == []


def test_an_exclude_calendar_may_begin_empty(created):
    assert created(entries=[]).entries == []


def test_a_name_in_use_is_refused(created):
    created()
    with pytest.raises(AlreadyExists, match="calendar 'freeze'"):
        created()


@pytest.mark.parametrize(
    "changes", [{"name": "other"}, {"version": 7}, {"timezone": "Mars"}, {"entries": [{}]}], ids=str
)
def test_a_wrong_edit_is_refused_by_its_field(created, edit, told, changes):
    created()
    (field,) = changes
    with pytest.raises(InvalidInput, match=field):
        edit(edit_calendar, changes, name="freeze")
    assert len(told()) == 1


def test_an_edit_from_an_old_version_shows_both(created, edit):
    created()
    edit(edit_calendar, {"description": "theirs"}, name="freeze", now=NOW)
    with pytest.raises(VersionConflict) as refused:
        edit(edit_calendar, {"timezone": "Asia/Tokyo"}, name="freeze", version=1)
    assert refused.value.differences == {"description": ("", "theirs"), "timezone": ("Asia/Tokyo", "UTC")}
    assert (refused.value.changed_by, refused.value.changed_at) == ("bob", NOW)


def test_an_edit_from_a_version_that_never_was_is_refused(created, edit):
    created()
    with pytest.raises(NotFound, match="version of the calendar 9"):
        edit(edit_calendar, {"timezone": "Asia/Tokyo"}, name="freeze", version=9)


def test_what_does_not_exist_is_not_found(database, edit):
    for function, arguments in ((edit_calendar, [{"timezone": "UTC"}]), (delete_calendar, [])):
        with pytest.raises(NotFound, match="calendar 'freeze'"):
            edit(function, *arguments, name="freeze")
    with pytest.raises(NotFound, match="tenant 'initech'"), database.begin_system() as store:
        create_calendar(store, "initech", FREEZE, "ann")


def test_a_calendar_in_use_cannot_be_deleted(created, use, edit, told):
    created()
    use("weekly")
    use("nightly")
    with pytest.raises(IllegalTransition) as refused:
        edit(delete_calendar, name="freeze")
    assert str(refused.value) == (
        "calendar 'freeze' is used by 'nightly', 'weekly'; it cannot become deleted"
    )
    assert len(told()) == 1


def test_a_calendar_of_what_was_removed_can_be_deleted(created, use, edit, read, make, told):
    created()
    use("weekly")
    edit(delete_schedule, name="weekly")
    use("nightly")
    _, (trigger,) = read()
    edit(remove_trigger, trigger.id)
    make(name="free")
    edit(delete_calendar, name="freeze")
    assert told()[-1][3] is None


def test_by_a_clock_that_was_set_back_no_version_is_older_than_the_one_before(created, edit, told, audited):
    made = created(NOW + 3 * MINUTE)
    edited = edit(edit_calendar, {"description": "back"}, name="freeze", now=NOW)
    assert (edited.updated_at, edited.created_at) == (NOW + 3 * MINUTE, made.created_at)
    edit(edit_calendar, {"description": "on"}, name="freeze", now=NOW + 9 * MINUTE)
    edit(delete_calendar, name="freeze", now=NOW + MINUTE)
    again = created(NOW + 2 * MINUTE)
    assert (again.created_at, again.updated_at) == (NOW + 9 * MINUTE, NOW + 9 * MINUTE)
    assert [since - NOW for _, since, _, _ in told()] == [3 * MINUTE, 3 * MINUTE, *[9 * MINUTE] * 3]


def test_an_edit_of_a_calendar_by_a_clock_that_was_set_back_makes_no_trigger_younger(
    created, edit, make, tick, read
):
    created(on_excluded=OnExcluded.MOVE)
    make(IntervalRule(10 * MINUTE, NOW), at=NOW, terms={"calendars": ["freeze"]})
    tick(NOW + 11 * MINUTE)
    edit(edit_calendar, {"entries": []}, name="freeze", now=NOW + MINUTE)
    _, (trigger,) = read()
    assert trigger.updated_at == NOW + 11 * MINUTE
    edit(edit_schedule, {}, terms={"jitter": MINUTE}, now=NOW + 2 * MINUTE)
    _, (trigger,) = read()
    assert trigger.next_fire_at == NOW + 20 * MINUTE

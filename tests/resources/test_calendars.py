"""Tables calendars and calendar_versions: edits are optimistic, locks keep triggers apart, history goes on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from resources.errors import AlreadyExists, NotFound, VersionConflict
from resources.records import CalendarRow
from resources.states import CalendarMode, OnExcluded

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ENTRIES = [{"weekdays": ["sat", "sun"]}, {"date": "2026-12-25"}]
FREEZE = CalendarRow(
    "acme", "freeze", CalendarMode.EXCLUDE, "Europe/Berlin", OnExcluded.MOVE, ENTRIES, NOW, "ann", NOW, "ann"
)


@pytest.fixture
def add(database, tenant):
    """add(name, …) makes calendars like FREEZE of acme, or of the tenant named."""

    def add(*names, of=tenant):
        with database.begin_system() as store:
            wanted = [replace(FREEZE, tenant_id=of, name=name) for name in names]
            return [store.calendars.upsert(one, None) for one in wanted]

    return add


def names(rows):
    return [row.name for row in rows]


def test_a_calendar_is_made_edited_and_deleted(database, plant):
    with database.begin("acme") as store:
        assert store.calendars.upsert(FREEZE, None) == FREEZE == store.calendars.get("acme", "freeze")
        changes = {"description": "d", "mode": CalendarMode.INCLUDE, "timezone": "UTC", "entries": []}
        changes |= {"on_excluded": OnExcluded.SKIP, "updated_at": NOW + MINUTE, "updated_by": "bob"}
        after = store.calendars.upsert(replace(FREEZE, created_by="eve", version=7, **changes), 1)
        assert after == replace(FREEZE, version=2, **changes) == store.calendars.get("acme", "freeze")
        assert store.calendars.delete(after, "bob", NOW) == 3
        with pytest.raises(NotFound, match="calendar 'freeze'"):
            store.calendars.get("acme", "freeze")


def test_a_name_in_use_is_refused(database, plant, add):
    add("freeze")
    with pytest.raises(AlreadyExists, match="calendar 'freeze'"), database.begin("acme") as store:
        store.calendars.upsert(FREEZE, None)


def test_a_name_used_before_goes_on_with_its_versions(database, plant, add):
    add("freeze")
    with database.begin("acme") as store:
        store.calendars.add_version("acme", "freeze", 1, {"name": "freeze"}, "ann", NOW)
        store.calendars.add_version(
            "acme", "freeze", store.calendars.delete(FREEZE, "bob", NOW), None, "bob", NOW + MINUTE
        )
        assert store.calendars.upsert(FREEZE, None) == replace(FREEZE, version=3)
        assert store.calendars.upsert(replace(FREEZE, name="other"), None).version == 1
        store.calendars.add_version("acme", "freeze", 3, {"name": "again"}, "ann", NOW)
        page = store.calendars.list_versions("acme", "freeze", limit=2)
        rest = store.calendars.list_versions("acme", "freeze", limit=2, cursor=page.next_cursor)
        found = [(one.version, one.changed_by, one.content) for one in [*page.items, *rest.items]]
        assert found == [(3, "ann", {"name": "again"}), (2, "bob", None), (1, "ann", {"name": "freeze"})]
        assert store.calendars.get_version("acme", "freeze", 2).valid_from == NOW + MINUTE
        with pytest.raises(NotFound, match="version of the calendar 4"):
            store.calendars.get_version("acme", "freeze", 4)


@pytest.mark.parametrize("verb", ["upsert", "delete"])
def test_an_edit_from_another_version_conflicts_and_shows_both(database, plant, add, verb):
    add("freeze")
    theirs = replace(FREEZE, timezone="Asia/Tokyo", updated_by="bob", updated_at=NOW + MINUTE)
    with database.begin("acme") as store:
        store.calendars.upsert(theirs, 1)
        with pytest.raises(VersionConflict) as refused:
            store.calendars.upsert(FREEZE, 1) if verb == "upsert" else store.calendars.delete(
                FREEZE, "bob", NOW
            )
        assert store.calendars.get("acme", "freeze") == replace(theirs, version=2)
    error = refused.value
    assert (error.entity, error.expected, error.found, error.changed_by) == ("calendar", 1, 2, "bob")
    assert error.differences == {"timezone": ("Europe/Berlin", "Asia/Tokyo")}


@pytest.mark.parametrize("verb", ["upsert", "delete", "lock", "get"])
def test_what_does_not_exist_is_not_found(database, plant, add, verb):
    add("freeze", of="globex")
    ask = {
        "upsert": lambda calendars: calendars.upsert(FREEZE, 1),
        "delete": lambda calendars: calendars.delete(FREEZE, "bob", NOW),
        "lock": lambda calendars: calendars.lock("acme", "freeze"),
        "get": lambda calendars: calendars.get("acme", "freeze"),
    }
    with pytest.raises(NotFound, match="calendar 'freeze'"), database.begin("acme") as store:
        ask[verb](store.calendars)


def test_calendars_are_listed_by_name_in_pages(database, plant, add):
    add("b", "a", "Z", "c", "b-2")
    add("other", of="globex")
    with database.begin("acme") as store:
        first = store.calendars.list("acme", limit=3)
        assert names(first.items) == ["Z", "a", "b"]
        second = store.calendars.list("acme", limit=3, cursor=first.next_cursor)
        assert (names(second.items), second.next_cursor) == (["b-2", "c"], None)
        assert names(store.calendars.get_many("acme", ["c", "a", "missing", "other", "a"])) == ["a", "c"]
        assert store.calendars.get_many("acme", []) == []


def test_the_claim_reads_calendars_of_many_tenants_at_once(database, plant, add):
    add("a", "b")
    add("a", of="globex")
    pairs = [("globex", "a"), ("acme", "b"), ("globex", "b"), ("acme", "b")]
    with database.begin_system() as store:
        found = store.calendars.read_of(pairs)
        assert [(one.tenant_id, one.name) for one in found] == [("acme", "b"), ("globex", "a")]
        assert found[0] == replace(FREEZE, name="b")
        assert store.calendars.read_of(iter([])) == []
    with database.begin("acme") as store:
        assert names(store.calendars.read_of(pairs)) == ["b"]


def test_a_held_calendar_can_be_held_and_read_but_not_edited(database, plant, add):
    add("a", "b")
    with database.begin("acme") as holder, database.begin("acme") as other:
        assert names(holder.calendars.hold("acme", ["b", "a", "b"])) == ["a", "b"]
        assert names(other.calendars.hold("acme", iter(["b"]))) == ["b"]
        assert holder.calendars.hold("acme", []) == []
        other.connection.execute("SET LOCAL lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.calendars.lock("acme", "a")


def test_a_calendar_under_edit_cannot_be_held_or_edited_but_be_read(database, plant, add):
    add("a")
    for ask in (lambda one: one.hold("acme", ["a"]), lambda one: one.lock("acme", "a")):
        with database.begin("acme") as editor, database.begin("acme") as other:
            assert editor.calendars.lock("acme", "a").name == "a"
            assert names(other.calendars.read_of([("acme", "a")])) == ["a"]
            other.connection.execute("SET LOCAL lock_timeout = '50ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                ask(other.calendars)


def test_holding_what_does_not_exist_names_it(database, plant, add):
    add("a")
    add("b", of="globex")
    with pytest.raises(NotFound, match="calendar 'b'"), database.begin("acme") as store:
        store.calendars.hold("acme", ["c", "a", "b"])


def test_a_version_is_kept_once_and_never_rewritten(database, plant, add, admin):
    add("freeze")
    with database.begin("acme") as store:
        store.calendars.add_version("acme", "freeze", 1, {"name": "freeze"}, "ann", NOW)
    with pytest.raises(psycopg.errors.UniqueViolation), database.begin("acme") as store:
        store.calendars.add_version("acme", "freeze", 1, None, "eve", NOW)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.begin("acme") as store:
        store.connection.execute("UPDATE scheduler.calendar_versions SET changed_by = 'eve'")
    for statement in ("UPDATE {} SET changed_by = 'eve'", "DELETE FROM {}", "TRUNCATE {}"):
        with pytest.raises(psycopg.Error, match="append-only"):
            admin.execute(statement.format("scheduler.calendar_versions"))
    found = admin.execute("SELECT version, valid_from, changed_by, content FROM scheduler.calendar_versions")
    assert found.fetchall() == [(1, NOW, "ann", {"name": "freeze"})]


def test_a_calendar_made_while_its_name_is_being_deleted_waits_and_goes_on(database, plant, add):
    add("freeze")
    with database.begin("acme") as deleter, database.begin("acme") as maker:
        deleter.calendars.delete(FREEZE, "bob", NOW)
        maker.connection.execute("SET LOCAL lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            maker.calendars.upsert(FREEZE, None)
    with database.begin("acme") as store:
        assert store.calendars.upsert(FREEZE, None) == replace(FREEZE, version=3)


def test_a_deleted_calendar_is_found_by_no_name(database, plant, add):
    add("freeze", "other")
    with database.begin("acme") as store:
        store.calendars.delete(FREEZE, "bob", NOW)
        assert names(store.calendars.list("acme").items) == ["other"]
        assert names(store.calendars.get_many("acme", ["freeze", "other"])) == ["other"]
        assert names(store.calendars.read_of([("acme", "freeze"), ("acme", "other")])) == ["other"]
        for ask in (
            lambda calendars: calendars.hold("acme", ["freeze"]),
            lambda calendars: calendars.lock("acme", "freeze"),
            lambda calendars: calendars.upsert(FREEZE, 2),
            lambda calendars: calendars.delete(replace(FREEZE, version=2), "bob", NOW),
        ):
            with pytest.raises(NotFound, match="calendar 'freeze'"):
                ask(store.calendars)


def test_users_are_living_schedules_with_a_living_trigger(database, plant, admin):
    schedules = {name: plant.schedule(name) for name in ("b", "a", "gone", "removed", "unlike")}
    theirs = plant.schedule("theirs", tenant="globex")
    triggers = {name: plant.trigger(one) for name, one in schedules.items()} | {"c": plant.trigger(theirs)}
    plant.trigger(schedules["a"])
    with database.begin("acme") as store:
        store.schedules.soft_delete(schedules["gone"], "bob", NOW)
        store.triggers.soft_delete(triggers["removed"], 1, NOW)
    for name, one in triggers.items():
        used = ["freezes"] if name == "unlike" else ["x", "freeze"]
        admin.execute("UPDATE scheduler.triggers SET calendars = %s WHERE id = %s", [used, one.id])
    with database.begin("acme") as store:
        assert store.calendars.list_users("acme", "freeze") == ["a", "b"]
        assert store.calendars.list_users("acme", "freeze", limit=1) == ["a"]
        assert store.calendars.list_users("acme", "none") == []
        assert store.calendars.list_users("globex", "freeze") == []

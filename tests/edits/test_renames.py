"""A schedule gets another name: who waits for the completion of its runs goes on to."""

from collections.abc import Callable
from datetime import timedelta
from threading import Thread

import psycopg
import pytest

from resources.errors import AlreadyExists, InvalidInput, NotFound
from resources.ids import new_id
from resources.states import JobKind, RunState
from scheduler_defs.edits.contents import content_of
from scheduler_defs.edits.listeners import tell_listeners
from scheduler_defs.edits.schedules import delete_schedule, edit_schedule, pause_schedule, trigger_schedule
from scheduler_defs.edits.triggers import add_trigger, pause_trigger
from scheduler_defs.sensors.claim import claim
from scheduler_defs.timing.rules import EventRule
from tests.edits.conftest import FAR

AFTER, AFTER_RENAMED = EventRule("run_completed:nightly"), EventRule("run_completed:weekly")
SECOND = timedelta(seconds=1)


@pytest.fixture
def rename(edit):
    """rename(name) gives nightly that name."""
    return lambda name="weekly", **options: edit(edit_schedule, {"name": name}, **options)


@pytest.fixture
def events(admin):
    """events() is each event that was recorded, with the name of the schedule that waits for it."""
    statement = (
        "SELECT s.name, e.event FROM scheduler.trigger_events AS e"
        " JOIN scheduler.triggers AS g ON g.id = e.trigger_id JOIN scheduler.schedules AS s ON s.id = g.schedule_id"
        " ORDER BY 1, 2"
    )
    return lambda: admin.execute(statement).fetchall()


def waits_for(read, name):
    return [trigger.event for trigger in read(name)[1]]


def test_a_listener_waits_for_the_new_name_by_an_edit_of_its_own(make, read, rename, history):
    make()
    before, triggers = make(AFTER, name="after"), read("after")[1]
    renamed = rename()
    after, (trigger,) = read("after")
    assert (trigger.id, trigger.event) == (triggers[0].id, "run_completed:weekly")
    assert (after.version, after.updated_by, after.updated_at) == (2, "bob", renamed.updated_at)
    versions, ((actor, action, old, new), _) = history(after)
    assert (actor, action) == ("bob", "edit")
    assert (old, new) == (content_of(before, triggers), content_of(after, [trigger]))
    assert [version.content for version in versions] == [new, old]


def test_all_listeners_are_told_paused_ones_too_and_nobody_else(make, read, rename, edit):
    make()
    make(AFTER, EventRule("sbom_ingested"), name="both")
    make(AFTER, name="paused")
    edit(pause_schedule, "", name="paused")
    make(AFTER, name="trigger paused")
    edit(pause_trigger, read("trigger paused")[1][0].id, name="trigger paused")
    make(EventRule("run_completed:nightly too"), name="other")
    other = read("other")
    rename()
    assert sorted(waits_for(read, "both")) == ["run_completed:weekly", "sbom_ingested"]
    assert waits_for(read, "paused") == waits_for(read, "trigger paused") == ["run_completed:weekly"]
    assert not read("paused")[0].enabled
    assert read("other") == other


def test_a_listener_of_another_tenant_or_a_deleted_one_stays_as_it_is(make, edit, rename, admin, database):
    make()
    make(AFTER, name="gone")
    edit(delete_schedule, name="gone")
    rename()
    assert admin.execute("SELECT event FROM scheduler.triggers WHERE event IS NOT NULL").fetchall() == [
        ("run_completed:nightly",)
    ]


def test_another_edit_touches_no_listener(make, read, edit):
    make()
    make(AFTER, name="after")
    before = read("after")
    edit(edit_schedule, {"priority": 3, "name": "nightly"})
    assert read("after") == before


def test_what_a_listener_heard_already_still_fires(database, make, rename, tick, admin, ledger):
    make(at=FAR - SECOND)
    make(AFTER, name="after")
    with database.begin("acme") as store:
        assert store.trigger_events.record(AFTER.event, FAR, "acme") == 1
    rename()
    tick(FAR)
    assert sum(state == "queued" and at == FAR for state, _, at, _ in ledger()) == 2


@pytest.mark.parametrize("name", ["taken", "after", "no/name"])
def test_a_refused_name_changes_no_listener(make, read, rename, name):
    make()
    make(name="taken")
    make(AFTER, name="after")
    before = read("after")
    with pytest.raises((AlreadyExists, InvalidInput)):
        rename(name)
    assert read("after") == before


def test_a_schedule_that_is_not_there_is_not_found(rename):
    with pytest.raises(NotFound, match="nightly"):
        rename()


@pytest.fixture
def running(database, make):
    """A running run of nightly, as it was read when its launch was opened."""
    make()
    with database.begin_system() as store:
        trigger_schedule(store, "acme", "nightly", "ann")
    return lambda: _open(database)


def _open(database):
    worker = new_id()
    with database.begin_system() as store:
        now = store.now()
        (offer,) = claim(store, "here", now)
        fields = {"host": "h", "pid": 1, "kinds": [JobKind.GRAPH], "capacity": 1, "version": "0"}
        store.workers.register(worker, dagster_run_id="d", now=now, **fields)
        store.launches.acknowledge(offer.id, "d", now)
        store.runs.open_of_launch(offer.id, "d", worker, now)
        (run,) = store.runs.list_of_launch(offer.id)
    assert run.state is RunState.RUNNING
    return run


def test_a_run_that_was_opened_under_the_old_name_tells_the_listeners_of_the_new_one(
    database, make, edit, rename, running, events
):
    make(AFTER, name="after")
    run = running()
    rename()
    make(name="nightly")
    make(AFTER, name="of the new nightly")
    with database.begin("acme") as store:
        tell_listeners(store, run)
    assert events() == [("after", AFTER_RENAMED.event)]


def test_a_run_that_completes_while_its_schedule_gets_another_name_tells_its_listeners(
    database, make, running, events, admin
):
    make(AFTER, name="after")
    run = running()

    def complete():
        with database.begin("acme") as store:
            tell_listeners(store, run)

    teller = Thread(target=complete)
    with database.begin("acme") as store:
        edit_schedule(store, "acme", "nightly", {"name": "weekly"}, "bob")
        teller.start()
        _until_it_waits(admin, teller.is_alive)
    teller.join()
    assert events() == [("after", AFTER_RENAMED.event)]


def _until_it_waits(admin, alive: Callable[[], bool], waiters: int = 1) -> None:
    waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while len(admin.execute(waiting).fetchall()) < waiters:
        assert alive()


def test_two_schedules_that_wait_for_each_other_get_other_names_at_once_without_a_deadlock(
    database, make, edit, read, admin
):
    """Who would lock the schedule itself first, and its listeners then, would hold what the other waits for."""
    make()
    make(AFTER, name="after")
    edit(add_trigger, EventRule("run_completed:after"))
    failed = []

    def rename(old, new):
        try:
            with database.begin("acme") as store:
                edit_schedule(store, "acme", old, {"name": new}, "ann")
        except Exception as error:
            failed.append(error)

    renames = [Thread(target=rename, args=names) for names in (("after", "later"), ("nightly", "weekly"))]
    with psycopg.connect(admin.info.dsn) as holder:
        holder.execute("SELECT FROM scheduler.schedules WHERE name = 'after' FOR UPDATE")
        for number, thread in enumerate(renames, 1):
            thread.start()
            _until_it_waits(admin, thread.is_alive, number)
    for thread in renames:
        thread.join()
    assert failed == []
    assert "run_completed:later" in waits_for(read, "weekly")
    assert waits_for(read, "later") == ["run_completed:weekly"]

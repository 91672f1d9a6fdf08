"""Tenants, schedules, triggers, events, calendars and their history: created, read, changed, deleted."""

from dataclasses import replace
from datetime import timedelta

from resources.errors import AlreadyExists, IllegalTransition, NotFound, VersionConflict
from resources.ids import new_id
from resources.records import Advance, CalendarRow, Trigger
from resources.scratch import ACTOR
from resources.states import CalendarMode, OnExcluded, TriggerKind
from scheduler_defs.verification.check import Bench, expect, expect_equal, expect_refused
from scheduler_defs.verification.world import World

DAY = timedelta(days=1)
EVENT = "sbom_ingested"


def check_tenants(bench: Bench) -> str:
    """A tenant is made once, read, and kept within its limit."""
    with bench.world() as world:
        expect_refused(
            "a second tenant of one name",
            world.begin_system(),
            lambda store: store.tenants.create(world.tenant, "again", ACTOR, world.now),
            AlreadyExists,
        )
        with world.begin_system() as store:
            expect_equal("the tenant read", store.tenants.get(world.tenant).tenant_id, world.tenant)
            expect_equal("its limit", store.tenants.lock_capacity(world.tenant), None)
            store.tenants.mark_served([world.tenant], world.now)
        with world.begin() as store:
            expect_equal("tenants it sees", [one.tenant_id for one in store.tenants.list()], [world.tenant])
        expect_refused(
            "reading a tenant that is not there",
            world.begin(),
            lambda store: store.tenants.get("-"),
            NotFound,
        )
    return "created, read, marked as served"


def check_schedules(bench: Bench) -> str:
    """A schedule is edited under its version, paused, resumed, deleted and restored."""
    with bench.world() as world:
        schedule = world.schedule(labels={"team": "web"})
        expect_refused(
            "a second schedule of one name",
            world.begin(),
            lambda store: store.schedules.create(replace(schedule, id=new_id())),
            AlreadyExists,
        )
        with world.begin() as store:
            edited = store.schedules.upsert(replace(schedule, priority=5), schedule.version)
            store.schedules.add_version(
                world.tenant, schedule.id, edited.version, {"priority": 5}, ACTOR, world.now
            )
            labelled = store.schedules.list(world.tenant, labels={"team": "web"}).items
            expect_equal("schedules with the label", [one.id for one in labelled], [schedule.id])
            version = store.schedules.get_version(world.tenant, schedule.id, edited.version)
            expect_equal("the version kept", dict(version.content), {"priority": 5})
            paused = store.schedules.pause(edited, "why", ACTOR, world.now)
            store.schedules.resume(replace(edited, version=paused), ACTOR, world.now)
            current = store.schedules.lock(world.tenant, schedule.name)
            expect_equal("its version after three edits", current.version, schedule.version + 3)
            store.schedules.soft_delete(current, ACTOR, world.now)
        expect_refused(
            "reading a deleted schedule by name",
            world.begin(),
            lambda store: store.schedules.get_by_name(world.tenant, schedule.name),
            NotFound,
        )
        with world.begin() as store:
            deleted = store.schedules.lock_deleted(world.tenant, schedule.name)
            store.schedules.restore(deleted, ACTOR, world.now)
            expect(store.schedules.get(world.tenant, schedule.id).deleted_at is None, "it was not restored")
        expect_refused(
            "an edit from an old version",
            world.begin(),
            lambda store: store.schedules.upsert(replace(schedule, priority=9), schedule.version),
            VersionConflict,
        )
    return "created, read, edited, paused, resumed, deleted, restored; conflicts refused"


def check_triggers(bench: Bench) -> str:
    """A trigger is read when it is due, edited under its schedule's version, planned, switched off and deleted."""
    with bench.world() as world:
        schedule = world.schedule()
        trigger = world.trigger(schedule)
        with world.begin() as store:
            due = store.triggers.get_due(world.tenant, world.now)
            expect_equal("triggers due", [one.id for one in due], [trigger.id])
            hourly = replace(
                trigger,
                kind=TriggerKind.INTERVAL,
                at=None,
                every=timedelta(hours=1),
                anchor=world.now,
                next_fire_at=None,
            )
            store.triggers.update(hourly, schedule.version, world.now)
            store.triggers.set_next_fire(world.tenant, trigger.id, world.now + DAY, world.now)
            found = store.triggers.get(world.tenant, trigger.id)
            expect_equal("its plan", (found.every, found.next_due_at), (hourly.every, world.now + DAY))
            off = store.triggers.set_enabled(found, False, schedule.version, world.now)
            store.triggers.soft_delete(off, schedule.version, world.now)
            expect_equal("living triggers", store.triggers.list_of_schedule(world.tenant, schedule.id), [])
        expect_refused(
            "switching on a deleted trigger",
            world.begin(),
            lambda store: store.triggers.set_enabled(off, True, schedule.version, world.now),
            IllegalTransition,
        )
    return "created, read, edited, planned, switched off, deleted"


def check_trigger_events(bench: Bench) -> str:
    """An event makes the triggers of a tenant due that wait for it, and is accounted for once."""
    with bench.world() as world:
        trigger = world.trigger(
            world.schedule(), kind=TriggerKind.EVENT, at=None, event=EVENT, next_fire_at=None
        )
        with world.begin_system() as store:
            expect_equal("triggers told", store.trigger_events.record(EVENT, world.now, world.tenant), 1)
            waiting = store.trigger_events.list_waiting([trigger], 10)
            expect_equal("events that wait", [one.at for one in waiting], [world.now])
            advance = Advance(world.tenant, trigger.id, None, world.now, 1, 0)
            store.trigger_events.handle_many([advance], world.now)
            expect_equal("events left", store.trigger_events.list_waiting([trigger], 10), [])
    return "recorded, read, accounted for"


def check_calendars(bench: Bench) -> str:
    """A calendar is edited under its version, keeps its history, and is deleted."""
    with bench.world() as world:
        made = CalendarRow(
            tenant_id=world.tenant,
            name="freeze",
            mode=CalendarMode.EXCLUDE,
            timezone="UTC",
            on_excluded=OnExcluded.SKIP,
            entries=[{"weekdays": ["sun"]}],
            created_at=world.now,
            created_by=ACTOR,
            updated_at=world.now,
            updated_by=ACTOR,
        )
        with world.begin() as store:
            first = store.calendars.upsert(made, None)
            store.calendars.add_version(world.tenant, made.name, 1, {"mode": "exclude"}, ACTOR, world.now)
            second = store.calendars.upsert(replace(first, description="no work"), first.version)
            expect_equal("the calendar read", store.calendars.get(world.tenant, made.name), second)
        expect_refused(
            "an edit from an old version",
            world.begin(),
            lambda store: store.calendars.upsert(first, first.version),
            VersionConflict,
        )
        with world.begin() as store:
            third = store.calendars.delete(second, ACTOR, world.now)
            store.calendars.add_version(world.tenant, made.name, third, None, ACTOR, world.now)
            kept = [one.version for one in store.calendars.list_versions(world.tenant, made.name).items]
            expect_equal("versions kept", kept, [third, 1])
            expect_equal("calendars left", store.calendars.list(world.tenant).items, [])
    return "created, read, edited, deleted; conflicts refused"


def check_fire_audit(bench: Bench) -> str:
    """The audit of fires reads the history of a schedule and its rows of the ledger."""
    with bench.world() as world:
        schedule = world.schedule()
        trigger = world.trigger(schedule)
        _fire_once(world, trigger)
        with world.begin() as store:
            store.schedules.add_version(world.tenant, schedule.id, 1, {"triggers": []}, ACTOR, world.now)
            schedules = store.fire_audit.list_schedules(world.tenant).items
            expect_equal("schedules to audit", [one.id for one in schedules], [schedule.id])
            versions = store.fire_audit.list_versions(world.tenant, schedule.id).items
            expect_equal("versions", [one.version for one in versions], [1])
            around = (world.now - DAY, world.now + DAY)
            rows = store.fire_audit.list_rows(world.tenant, schedule.id, *around).items
            expect_equal("rows of the trigger", [one.trigger_id for one in rows], [trigger.id])
    return "read"


def _fire_once(world: World, trigger: Trigger) -> None:
    """Writes the run of an occurrence, and tries to write a second one."""
    fired = world.new_run(
        trigger_kind=trigger.kind,
        schedule_id=trigger.schedule_id,
        schedule_version=1,
        trigger_id=trigger.id,
    )
    with world.begin_system() as store:
        expect_equal("fires written", store.runs.create_many([fired], world.now), [fired.id])
        again = store.runs.create_many([replace(fired, id=new_id())], world.now)
    expect_equal("second rows of one occurrence", again, [])

"""Edits on PostgreSQL: a schedule to edit, a clock that is a parameter, a claim to tick by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from resources.states import JobKind, Overlap
from scheduler_defs.edits.schedules import NewSchedule, create_schedule
from scheduler_defs.sensors.claim import claim
from scheduler_defs.timing.rules import IntervalRule

FAR = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def make(database, tenant):
    """make(rule, …, at=…, **fields of NewSchedule) creates nightly of acme; by default hourly from 2100."""

    def make(*rules, name="nightly", at=None, **changes):
        wanted = {"kind": JobKind.GRAPH, "overlap": Overlap.ALLOW} | changes
        rules = rules or (IntervalRule(timedelta(hours=1), FAR),)
        with database.begin(tenant) as store:
            return create_schedule(store, tenant, NewSchedule(name, rules=rules, **wanted), "ann", at)

    return make


@pytest.fixture
def edit(database, tenant):
    """edit(function, …) runs an edit of the schedule nightly as bob, in a transaction of its own."""

    def edit(function, *arguments, name="nightly", **options):
        with database.begin(tenant) as store:
            return function(store, tenant, name, *arguments, "bob", **options)

    return edit


@pytest.fixture
def read(database, tenant):
    """read() is the schedule nightly and its living triggers."""

    def read(name="nightly"):
        with database.begin(tenant) as store:
            schedule = store.schedules.get_by_name(tenant, name)
            return schedule, store.triggers.list_of_schedule(tenant, schedule.id)

    return read


@pytest.fixture
def history(database, tenant):
    """history(schedule) is its versions, newest first, and its audit as (actor, action, old, new), newest first."""

    def history(schedule):
        statement = (
            "SELECT actor, action, old, new FROM scheduler.audit WHERE entity = 'schedule' AND entity_id = %s"
            " ORDER BY id DESC"
        )
        with database.begin(tenant) as store:
            versions = store.schedules.list_versions(tenant, schedule.id).items
            return versions, store.connection.execute(statement, [str(schedule.id)]).fetchall()

    return history


@pytest.fixture
def tick(database):
    """tick(now) claims; the offers are left to Dagster."""

    def tick(now):
        with database.begin_system() as store:
            return claim(store, "here", now)

    return tick


@pytest.fixture
def ledger(admin):
    """ledger() is each row of it as (state, reason, planned instant, occurrences skipped)."""

    def ledger():
        statement = (
            "SELECT state, reason, scheduled_for, skipped_count FROM scheduler.runs ORDER BY scheduled_for"
        )
        return admin.execute(statement).fetchall()

    return ledger

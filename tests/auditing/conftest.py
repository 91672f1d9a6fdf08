"""The audit of fires on PostgreSQL; the clock is a parameter, also of edits."""

from datetime import UTC, datetime, timedelta

import pytest

from resources.states import CatchUp, JobKind, Overlap
from scheduler_defs.auditing.matching import Window
from scheduler_defs.edits.schedules import NewSchedule, create_schedule
from scheduler_defs.fire_audits import audit_fires
from scheduler_defs.sensors.claim import claim

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class World:
    """Steps at an instant: a claim, an edit, an audit."""

    def __init__(self, database, admin):
        self.database, self.admin, self.tenant = database, admin, "acme"

    def tick(self, now):
        with self.database.begin_system() as store:
            claim(store, "here", now)

    def edit(self, now, function, *arguments, **options):
        with self.database.begin(self.tenant) as store:
            store.now = lambda: now
            return function(store, self.tenant, *arguments, "tests", **options)

    def make(self, *rules, name="nightly", at=NOW, **changes):
        wanted = {"kind": JobKind.GRAPH, "overlap": Overlap.ALLOW, "catch_up": CatchUp.ALL} | changes
        return self.edit(at, create_schedule, NewSchedule(name, rules=rules, **wanted))

    def audit(self, after, until, as_of=None, name=None, allowance=timedelta(seconds=60)):
        window = Window(after, until, as_of or until, allowance)
        return audit_fires(self.database.begin_system, [self.tenant], window, name)


@pytest.fixture
def world(database, admin, tenant):
    return World(database, admin)

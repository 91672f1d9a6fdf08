"""Row-level security, on every table of tenants: one tenant fills them all, and another one tries to get at it.

The statements name no tenant, or the wrong one: what keeps the rows apart is the policies alone.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from resources.audit_chain import seals_of
from resources.errors import TenantRequired
from resources.ids import new_id
from resources.inventory_records import LeftOut
from resources.scratch import (
    ACTOR,
    TenantTable,
    count_rows,
    delete_rows,
    insert_row,
    tables_of_tenants,
    touch_rows,
)
from resources.states import JobKind, NotificationKind, RunState
from scheduler_defs.edits.calendars import NewCalendar, create_calendar
from scheduler_defs.edits.schedules import NewSchedule, create_schedule
from scheduler_defs.timing.rules import EventRule
from scheduler_defs.verification.check import Bench, Failed, Named, expect, expect_equal
from scheduler_defs.verification.world import World, vex_row

EVENT = "sbom_ingested"
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""When a notification may be delivered that no daemon is to deliver."""


def check_reads(bench: Bench) -> str:
    """A tenant sees its own rows in every table, and none of another's."""
    with bench.world() as world:
        tables = _filled(world)
        for table in tables:
            with world.begin(world.other) as store:
                seen = count_rows(store, table, world.tenant)
            expect(seen == 0, f"{table}: another tenant sees {seen} rows")
    return f"{len(tables)} tables"


def check_writes(bench: Bench) -> str:
    """A tenant changes and deletes no row of another's."""
    with bench.world() as world:
        tables = _filled(world)
        for table in tables:
            for what, write in (("changed", touch_rows), ("deleted", delete_rows)):
                with world.begin(world.other) as store:
                    written = write(store, table, world.tenant)
                expect(written == 0, f"{table}: another tenant {what} {written} rows")
    return f"{len(tables)} tables"


def check_inserts(bench: Bench) -> str:
    """A tenant adds no row that is another's."""
    with bench.world() as world:
        tables = _filled(world)
        tried = [table for table in tables if not table.partitioned]
        for table in tried:
            with world.begin(world.other) as store:
                refusal = insert_row(store, table, world.tenant)
            expect(refusal is not None, f"{table}: another tenant may add rows")
    return f"{len(tried)} tables"


def check_no_tenant(bench: Bench) -> str:
    """Without a tenant, whoever touches rows is refused instead of seeing none or all."""
    with bench.world() as world:
        tables = _filled(world)
        for table in tables:
            try:
                with world.database.begin_nobody() as store:
                    seen = count_rows(store, table, world.tenant)
            except TenantRequired:
                continue
            raise Failed(f"{table}: {seen} rows were seen without a tenant")
    return f"{len(tables)} tables"


def _filled(world: World) -> Sequence[TenantTable]:
    """Fills every table for the first tenant; raises Failed for one that stays empty."""
    _fill(world)
    with world.begin_system() as store:
        tables = tables_of_tenants(store)
        empty = [str(one) for one in tables if not count_rows(store, one, world.tenant)]
    expect(not empty, f"nothing fills {', '.join(empty)}; see scheduler_defs/verification/isolation.py")
    return tables


def _fill(world: World) -> None:
    world.image()
    world.advisory()
    for kind in JobKind:
        expect_equal(f"the {kind} run", world.carry_out(kind).state, RunState.COMPLETED)
    with world.begin() as store:
        wanted = NewSchedule("verify", JobKind.GRAPH, [EventRule(EVENT)], labels={"team": "web"})
        create_schedule(store, world.tenant, wanted, ACTOR)
        create_calendar(store, world.tenant, NewCalendar("freeze", [{"weekdays": ["sun"]}]), ACTOR)
        store.trigger_events.record(EVENT, store.now(), world.tenant)
        paused = NotificationKind.SCHEDULE_PAUSED
        store.notifications.append(world.tenant, paused, "verify", "verify is paused", NEVER)
        store.vex.add(world.tenant, [vex_row()], "verify", ACTOR, world.now)
        left_out = LeftOut(1, "verify/a.json", None, "", "is not JSON")
        store.tenant_quarantine.add(world.tenant, new_id(), "sbom", "verify", [left_out], world.now)
    with world.begin_system() as store:
        entries = store.audit_seals.take_unsealed(world.tenant, 1)
        store.audit_seals.append_many([*seals_of(world.tenant, None, entries, store.now())])


CHECKS: tuple[Named, ...] = (
    ("isolation: reads", check_reads),
    ("isolation: writes", check_writes),
    ("isolation: inserts", check_inserts),
    ("isolation: no tenant", check_no_tenant),
)

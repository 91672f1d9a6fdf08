"""A world whose fires are known beforehand: triggers that fire every second, half of them while faults occur."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from resources.database import Database
from resources.states import CatchUp, JobKind, Overlap
from scheduler_defs.edits.schedules import NewSchedule, create_schedule
from scheduler_defs.edits.tenants import create_tenant
from scheduler_defs.timing.rules import IntervalRule
from tests.faults.profile import LONG, SCALE
from tests.faults.records import SCHEMA
from tests.simulation.clock import at

SECOND = timedelta(seconds=1)
TENANTS, SCHEDULES = 4, 3
LIVE = max(4, round(60 * SCALE)) if LONG else 4
IDLE = "4s"
"""When the server ends a transaction whose client is frozen or gone; the product's own limit is minutes."""


@dataclass(frozen=True)
class World:
    """The tenants, the first and the last instant at which something is due, and how many fires there are."""

    tenants: list[str]
    since: datetime
    until: datetime
    fires: int


def create_world(
    database: Database,
    admin,
    fires: int,
    *,
    kinds: tuple[JobKind, ...] = (JobKind.GRAPH,),
    prepare: Callable[[list[str]], None] = lambda _: None,
    idle: str = IDLE,
    schedules: int = SCHEDULES,
    every: timedelta = SECOND,
    live: int | None = LIVE,
) -> World:
    """At least so many fires, the last ``live`` of each trigger still to come; all of them when it is None."""
    admin.execute(SCHEMA)
    limit = f"idle_in_transaction_session_timeout = '{idle}'"
    admin.execute(f"ALTER DATABASE {admin.info.dbname} SET {limit}")
    tenants = [f"t{number}" for number in range(TENANTS)]
    each = max((live or 0) + 1, -(-fires // (TENANTS * schedules)))
    with database.begin_system() as store:
        now = store.now().replace(microsecond=0)
        for tenant in tenants:
            create_tenant(store, tenant, "tests")
    until = now + (each - 1 if live is None else live) * every
    since = until - (each - 1) * every
    prepare(tenants)
    for tenant in tenants:
        with at(database, since, tenant) as store:
            for number in range(schedules):
                wanted = _schedule(f"s{number}", kinds[number % len(kinds)], since, until, every)
                create_schedule(store, tenant, wanted, "tests", since)
    return World(tenants, since, until, each * TENANTS * schedules)


def _schedule(name: str, kind: JobKind, since: datetime, until: datetime, every: timedelta) -> NewSchedule:
    """Loses nothing to overlap or catch-up, and has attempts enough: each fire must complete."""
    return NewSchedule(
        name,
        kind,
        [IntervalRule(every, since)],
        overlap=Overlap.ALLOW,
        catch_up=CatchUp.ALL,
        starts_at=since,
        ends_at=until,
        max_attempts=100,
        backoff_base=timedelta(milliseconds=200),
        backoff_factor=1,
    )

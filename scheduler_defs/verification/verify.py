"""`scheduler verify`: every check on the configured database, one after the other, and the report of them.

Nothing is left behind. Checks work in transactions that are rolled back (resources/scratch.py), real jobs included: so
the rows of the append-only tables never come to be, and no role needs a right to delete them. Only the exclusion of
locks and claims has to be seen by several connections; it is committed for scratch tenants, which are removed at once,
or, when this process is killed, by the next verification that begins an hour later.
"""

import platform
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from time import monotonic

from resources import migrations
from resources.database import Database
from resources.errors import NotFound, SchemaMismatch
from resources.scratch import count_rows, remove_abandoned, server_version, tables_of_tenants
from resources.settings import SchedulerSettings
from scheduler_defs.timing.wall_clock import TZDATA_VERSION
from scheduler_defs.verification import claims, crud, isolation, jobs, locks, schema, transitions, triggers
from scheduler_defs.verification.check import Bench, Check, Failed, Named, expect, run_check
from scheduler_defs.verification.report import Report

CONNECTIONS = 8
PACKAGES = {"scheduler": "dagster-db-scheduler", "dagster": "dagster", "psycopg": "psycopg"}
Tell = Callable[[Check], None]


def checks() -> list[Named]:
    """Every check but the last, in order."""
    return [
        *schema.CHECKS,
        *crud.checks(),
        *transitions.CHECKS,
        *triggers.CHECKS,
        *locks.CHECKS,
        *claims.CHECKS,
        *jobs.CHECKS,
        *isolation.CHECKS,
    ]


def verify(settings: SchedulerSettings, tell: Tell = lambda _: None) -> Report:
    """Runs every check; ``tell`` gets each as it ends. A check that fails stops no other.

    Raises ServerUnavailable, and SchemaMismatch for a database on which the newest migration was never applied.
    """
    began = monotonic()
    found = migrations.status(settings)
    if found.head in found.pending:
        raise SchemaMismatch(f"the database is not migrated to {found.head}; run `scheduler db upgrade`")
    enough = max(settings.pool_max_size, CONNECTIONS)
    with Database(settings.model_copy(update={"pool_max_size": enough})) as database:
        with database.begin_system() as store:
            started_at = store.now()
            versions = _versions(found.current or "", server_version(store))
        removed = remove_abandoned(database)
        bench = Bench(settings, database)
        done: list[Check] = []
        for name, function in [*checks(), ("nothing is left", check_nothing_left)]:
            done.append(run_check(name, function, bench))
            tell(done[-1])
    return Report(started_at, monotonic() - began, versions, done, removed)


def check_nothing_left(bench: Bench) -> str:
    """Of the scratch tenants that were committed no row is left, nor their launches and locks."""
    with bench.database.begin_system() as store:
        tables = [*tables_of_tenants(store)]
        for tenant in bench.committed:
            for table in tables:
                rows = count_rows(store, table, tenant)
                expect(rows == 0, f"{table}: {rows} rows of {tenant} are left")
            launches = store.launches.list_open(tenant, store.now(), 1)
            expect(not launches, f"launches of {tenant} are left")
            with suppress(NotFound):
                store.locks.get(tenant)
                raise Failed(f"lock {tenant} is left")
    return f"{len(bench.committed)} scratch tenants are gone from {len(tables)} tables"


def _versions(revision: str, server: str) -> dict[str, str]:
    return {
        **{name: version(package) for name, package in PACKAGES.items()},
        "python": platform.python_version(),
        "postgresql": server,
        "tzdata": TZDATA_VERSION,
        "schema": revision,
    }

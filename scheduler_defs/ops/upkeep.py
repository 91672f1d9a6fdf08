"""The upkeep of the database, step by step, each in transactions of its own. The ops and the command wrap these."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

import psycopg

from resources.database import Database
from resources.errors import InvalidInput
from resources.log_partitions import LOCKS, LOG_PARTITIONS_AHEAD, drop_expired
from resources.records import HeldLock
from resources.store import Store

LONGEST_WAIT = timedelta(seconds=2)
"""For a lock: upkeep gives way to everything else and goes on an hour later."""
BATCHES = 1000
"""Most batches of one tenant, and of what belongs to no run, at one go."""
REPAIR = timedelta(days=1)
GROUPS = 10_000
DAY = timedelta(days=1)
ABANDONED = DAY
"""After which an import of advisories that was cut off is not gone on with any more."""

Say = Callable[[str], None]


@dataclass
class Step:
    """What a step of the upkeep did: rows or partitions by table, the locks it took, and what it left."""

    name: str
    done: dict[str, int] = field(default_factory=dict)
    locks: set[HeldLock] = field(default_factory=set)
    left: list[str] = field(default_factory=list)

    def add(self, done: dict[str, int]) -> int:
        """Counts what was done; returns how much it was."""
        for name, number in done.items():
            self.done[name] = self.done.get(name, 0) + number
        return sum(done.values())

    @contextmanager
    def begin(self, database: Database) -> Iterator[Store]:
        """One transaction that waits for nobody for long; its locks are noted at its end."""
        with database.begin_system() as store:
            store.retention.limit_waiting(LONGEST_WAIT)
            yield store
            self.locks.update(store.retention.locks_held())


def keep_partitions(database: Database, now: datetime, say: Say) -> Step:
    """Makes the log partitions of the coming months."""
    step = Step("keep_partitions")
    with step.begin(database) as store:
        step.add({"partitions made": store.execution_logs.ensure_partitions(now, now + LOG_PARTITIONS_AHEAD)})
    say(f"{step.done['partitions made']} log partitions made")
    return step


def drop_partitions(database: Database, now: datetime, say: Say) -> Step:
    """Drops the log partitions whose month is past SCHEDULER_LOG_RETENTION_DAYS."""
    step = Step("drop_partitions")
    before = now - timedelta(days=database.settings.log_retention_days)
    dropped = drop_expired(database.settings, before)
    step.add({"partitions dropped": len(dropped.partitions)})
    if dropped.partitions:
        step.locks.update(LOCKS)
    if dropped.why_not:
        step.left.append(dropped.why_not)
    say(f"log partitions dropped: {', '.join(dropped.partitions) or 'none'}")
    return step


def prune_runs(database: Database, now: datetime, say: Say) -> Step:
    """Deletes runs past SCHEDULER_RUN_RETENTION_DAYS with what belongs to them, then launches and workers of none,
    notifications, imports of advisories, abandoned ones after a day, and what imports of tenants left out.

    The oldest go first, a batch a transaction. Retention ends at the beginning of a day (UTC), so that a day's
    runs are all there or may all be gone.
    """
    step = Step("prune_runs")
    before = _day(now - timedelta(days=database.settings.run_retention_days))
    batch = database.settings.prune_batch_size
    with database.begin_system() as store:
        tenants = store.retention.list_tenants(before)
    prunes: dict[str, Callable[[Store], dict[str, int]]] = {
        f"runs of {tenant}": partial(_prune_runs_of, tenant, before, batch) for tenant in tenants
    }
    prunes["launches, workers and notifications"] = partial(_prune_the_unnamed, before, batch)
    prunes["imports of advisories"] = partial(_prune_import, now - ABANDONED, before)
    prunes["what imports of tenants left out"] = partial(_prune_quarantine, before, batch)
    for what, prune in prunes.items():
        _repeat(step, database, what, prune, say)
    return step


def repair_summaries(database: Database, now: datetime, say: Say) -> Step:
    """Rolls up what was skipped or cancelled within a day and that no attempt and no tick of ``maintain`` counted."""
    step = Step("repair_summaries")
    with step.begin(database) as store:
        stale = store.run_summaries.list_stale(now - REPAIR, GROUPS)
    for tenant_id, schedule_id, kind, hour in stale:
        with step.begin(database) as store:
            store.run_summaries.roll_up(tenant_id, schedule_id, kind, hour, store.now())
    step.add({"hours rolled up": len(stale)})
    say(f"{len(stale)} hour{'s' * (len(stale) != 1)} rolled up")
    return step


STEPS: Sequence[Callable[[Database, datetime, Say], Step]] = (
    keep_partitions,
    drop_partitions,
    prune_runs,
    repair_summaries,
)


def rebuild_summaries(database: Database, tenant: str, since: datetime, until: datetime, say: Say) -> int:
    """Computes a tenant's summaries of the days from ``since`` to ``until`` anew; returns how many were.

    One schedule's day a transaction. Raises InvalidInput for a ``since`` whose runs may have been pruned.
    """
    day, rebuilt = _day(since), 0
    _refuse_pruned(database, tenant, day)
    while True:
        with database.begin_system() as store:
            found = store.run_summaries.next_day(tenant, day)
            if found is None or found > until:
                return rebuilt
            groups = store.run_summaries.list_groups(tenant, day := found)
        for schedule_id, kind in groups:
            with database.begin_system() as store:
                store.run_summaries.rebuild_day(tenant, schedule_id, kind, day, store.now())
        say(f"{day:%Y-%m-%d}: {len(groups)} rebuilt")
        rebuilt += len(groups)
        day += DAY


def _refuse_pruned(database: Database, tenant: str, day: datetime) -> None:
    with database.begin_system() as store:
        whole_since = store.retention.ledger_since(tenant)
    if whole_since and day < whole_since:
        expected = f"{whole_since:%Y-%m-%d} or later; runs before it were pruned"
        raise InvalidInput("since", day.date().isoformat(), expected)


def _prune_runs_of(tenant: str, before: datetime, batch: int, store: Store) -> dict[str, int]:
    events = store.retention.prune_trigger_events(tenant, before, batch)
    return asdict(store.retention.prune_runs(tenant, before, batch)) | {"trigger_events": events}


def _prune_the_unnamed(before: datetime, batch: int, store: Store) -> dict[str, int]:
    return {
        "launches": store.retention.prune_launches(before, batch),
        "workers": store.retention.prune_workers(before, batch),
        "notifications": store.retention.prune_notifications(before, batch),
    }


def _prune_import(abandoned: datetime, before: datetime, store: Store) -> dict[str, int]:
    return {"advisory_imports": store.retention.prune_import(abandoned, before)}


def _prune_quarantine(before: datetime, batch: int, store: Store) -> dict[str, int]:
    return {"tenant_quarantine": store.retention.prune_tenant_quarantine(before, batch)}


def _repeat(
    step: Step, database: Database, what: str, prune: Callable[[Store], dict[str, int]], say: Say
) -> None:
    """Prunes batch by batch until nothing is left, somebody is in the way, or it is enough for this time."""
    for number in count(1):
        try:
            with step.begin(database) as store:
                done = prune(store)
        except psycopg.errors.LockNotAvailable:
            step.left.append(f"{what}: somebody holds what a batch needs; the next run goes on")
            return
        if not step.add(done):
            return
        say(f"{what}, batch {number}: " + ", ".join(f"{rows} {name}" for name, rows in done.items() if rows))
        if number == BATCHES:
            step.left.append(f"{what}: more than {BATCHES} batches; the next run goes on")
            return


def _day(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

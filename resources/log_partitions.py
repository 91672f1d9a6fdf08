"""Drops log partitions past retention without keeping a writer waiting.

DETACH … CONCURRENTLY takes no lock on the parent that a reader or writer conflicts with, but it cannot run inside
a transaction and needs two of its own. So it has a connection of its own, past any pooler.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from resources.errors import ServerUnavailable
from resources.pooler import is_pooled
from resources.queries import load
from resources.records import HeldLock, LogPartition
from resources.repositories.retention import MILLISECOND, RetentionRepository
from resources.settings import SchedulerSettings, ensure_server

LONGEST_WAIT = timedelta(seconds=5)
LOG_PARTITIONS_AHEAD = timedelta(days=100)
PARENT, PARTITION = "scheduler.execution_logs", "scheduler.execution_logs_YYYYMM"
LOCKS = (
    HeldLock(PARENT, "ShareUpdateExclusiveLock"),
    HeldLock(PARTITION, "AccessExclusiveLock"),
    HeldLock(PARTITION, "ShareUpdateExclusiveLock"),
)
"""What a detach and a drop take; none of it is held any more when the statement is over, so it cannot be asked."""


@dataclass(frozen=True)
class Dropped:
    """The partitions that are gone, and why others past retention are not."""

    partitions: list[str]
    why_not: str | None = None


def drop_expired(
    settings: SchedulerSettings, before: datetime, longest_wait: timedelta = LONGEST_WAIT
) -> Dropped:
    """Detaches and drops the log partitions whose month ended before an instant; ends what an earlier call began.

    Never waits longer for a lock than ``longest_wait``: what somebody uses stays for the next call. Does nothing
    through a pooler. Raises ServerUnavailable.
    """
    with _own_connection(settings) as connection:
        if is_pooled(connection):
            return Dropped([], "a pooler stands before PostgreSQL; set SCHEDULER_DIRECT_DSN to go past it")
        connection.execute(load("session/become_owner"), {"milliseconds": longest_wait // MILLISECOND})
        if connection.execute(load("execution_logs/try_dropping")).fetchone() != (True,):
            return Dropped([], "another process is dropping log partitions")
        return _drop_all(connection, RetentionRepository(connection).list_expired_partitions(before))


def _drop_all(connection: Connection[TupleRow], expired: list[LogPartition]) -> Dropped:
    dropped: list[str] = []
    for month in expired:
        try:
            for step in _steps(month):
                connection.execute(sql.SQL(load(step)).format(partition=sql.Identifier(month.partition)))
        except psycopg.errors.LockNotAvailable:
            return Dropped(dropped, f"{month.partition} or its parent is in use; the next run goes on")
        dropped.append(month.partition)
    return Dropped(dropped)


def _steps(month: LogPartition) -> Iterator[str]:
    if month.pending:
        yield "execution_logs/finalize_detach"
    elif month.attached:
        yield "execution_logs/detach_partition"
    yield "execution_logs/drop_partition"


@contextmanager
def _own_connection(settings: SchedulerSettings) -> Iterator[Connection[TupleRow]]:
    ensure_server(settings)
    try:
        connection = psycopg.connect(settings.direct_conninfo(), autocommit=True, prepare_threshold=None)
    except psycopg.OperationalError as error:
        reason = " ".join(str(error).split())
        raise ServerUnavailable(f"PostgreSQL at SCHEDULER_DIRECT_DSN cannot be reached: {reason}") from None
    with connection:
        yield connection

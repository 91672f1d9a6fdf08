"""Sessions of their own, for advisory locks and for waiters that listen; and what an error on one means for a lock."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from resources.database import transaction
from resources.errors import DirectConnectionRequired, ServerUnavailable
from resources.pooler import is_pooled
from resources.queries import load
from resources.settings import SchedulerSettings, ensure_server
from resources.store import Store

Begin = Callable[[], AbstractContextManager[Store]]
Session = Connection[TupleRow]


def open_session(settings: SchedulerSettings) -> Session:
    """A connection of the caller's own to PostgreSQL itself, whose session lives as long as the caller.

    Raises DirectConnectionRequired when a pooler answers, ServerUnavailable when nobody does.
    """
    try:
        session = _connect(settings)
    except psycopg.OperationalError:
        ensure_server(settings, direct=True)
        with driver_errors("a session of its own"):
            session = _connect(settings)
    try:
        if is_pooled(session):
            variable = "SCHEDULER_DIRECT_DSN" if settings.direct_dsn else "SCHEDULER_DSN"
            raise DirectConnectionRequired(
                f"an advisory lock needs a session of its own, and {variable} leads through a pooler; set "
                "SCHEDULER_DIRECT_DSN to PostgreSQL itself, or use the strategy lease"
            )
        session.execute(load("session/keep"))
    except BaseException:
        session.close()
        raise
    return session


def begin_on(session: Session) -> Begin:
    """The system's transactions on one session."""
    return partial(transaction, session, "session/begin_system", {})


@contextmanager
def driver_errors(what: str) -> Iterator[None]:
    """Turns errors of the driver into ServerUnavailable, which says what was not done and why."""
    try:
        yield
    except psycopg.Error as error:
        raise ServerUnavailable(f"{what}: PostgreSQL did not do it: {' '.join(str(error).split())}") from None


def _connect(settings: SchedulerSettings) -> Session:
    return psycopg.connect(
        settings.direct_conninfo(),
        autocommit=True,
        prepare_threshold=None,
        connect_timeout=5,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=25_000,
    )

"""Locks between processes and machines: ``DistributedLock`` takes one, its ``LockHandle`` keeps and frees it."""

import os
import socket
import time
from contextlib import ExitStack, closing
from datetime import datetime, timedelta

from resources.database import Database
from resources.errors import DirectConnectionRequired, InvalidInput, ServerUnavailable
from resources.lock_handle import LockHandle
from resources.lock_queue import OnWait, Place, Request, Taken
from resources.lock_session import Begin, Session, begin_on, driver_errors, open_session
from resources.states import LockStrategy

__all__ = ["DEFAULT_TTL", "DistributedLock", "LockHandle"]

DEFAULT_TTL = timedelta(seconds=30)


class DistributedLock:
    """Takes locks by one strategy; the two exclude each other on one key, and share its queue.

    ``lease``: a row that expires. Works behind a pooler; after a crash others wait until it expires.
    ``advisory``: a session of its own, free the moment its holder dies; a ttl counts for nothing. It goes by
    SCHEDULER_DIRECT_DSN where that is set, and refuses to go through a pooler. Neither is reentrant: a holder that
    asks again waits, or gets None, like anybody else.
    """

    def __init__(
        self, database: Database, strategy: LockStrategy = LockStrategy.LEASE, holder: str | None = None
    ) -> None:
        self._database, self._strategy = database, LockStrategy(strategy)
        self._holder = holder or f"{socket.gethostname()}:{os.getpid()}"
        self._deaf = False

    def try_acquire(
        self,
        key: str,
        timeout: timedelta | None = timedelta(),
        ttl: timedelta = DEFAULT_TTL,
        *,
        renewing: bool = False,
        on_wait: OnWait | None = None,
    ) -> LockHandle | None:
        """Takes the lock within ``timeout``; None when somebody else keeps it, or waited before.

        A ``timeout`` of 0 makes one try, None or timedelta.max waits for ever. ``renewing`` renews it from a thread
        until it is released or lost. ``on_wait`` is called at each look with the place in the queue and the holder.
        Raises InvalidInput for what is no key, holder, timeout or ttl, DirectConnectionRequired for the advisory
        strategy behind a pooler, ServerUnavailable without a server or when it went away meanwhile.
        """
        if timeout is not None and timeout < timedelta():
            raise InvalidInput("timeout", timeout, "0 or more, or None to wait for ever")
        request = Request(key, self._holder, self._strategy, ttl)
        with ExitStack() as opened, driver_errors(f"lock {key[:100]!r}: taking it"):
            begin: Begin = self._database.begin_system
            session = None
            if self._strategy is LockStrategy.ADVISORY:
                session = opened.enter_context(closing(open_session(self._database.settings)))
                begin = begin_on(session)
            asked_at = time.monotonic()
            with begin() as store:
                now = store.now()
                token = request.take(store, now)
            taken = None if token is None else Taken(token, asked_at)
            if taken is None and timeout != timedelta():
                forever = timeout is None or timeout == timedelta.max
                taken = self._wait(request, begin, session, on_wait, now, None if forever else timeout)
            if taken is None:
                return None
            handle = LockHandle(
                key, taken.token, ttl, begin, session, waited=taken.waited, asked_at=taken.asked_at
            )
            if renewing:
                handle.keep_renewing()
            opened.pop_all()
            return handle

    def _wait(
        self,
        request: Request,
        begin: Begin,
        session: Session | None,
        on_wait: OnWait | None,
        since: datetime,
        timeout: timedelta | None,
    ) -> Taken | None:
        with ExitStack() as opened:
            place = Place(request, begin, session or self._open_ears(opened), on_wait)
            try:
                return place.wait(since, timeout)
            finally:
                place.leave()

    def _open_ears(self, opened: ExitStack) -> Session | None:
        """A session to listen on; None behind a pooler, and where no connection is left."""
        if self._deaf:
            return None
        try:
            return opened.enter_context(closing(open_session(self._database.settings)))
        except (DirectConnectionRequired, ServerUnavailable):
            self._deaf = True
            return None

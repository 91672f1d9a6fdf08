"""A lock that is held: renewed by its holder or by a thread, asked about, released."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from types import TracebackType
from typing import Self

from resources.errors import LockLost, SchedulerError, ServerUnavailable
from resources.lock_session import Begin, Session, driver_errors
from resources.store import Store

_LOG = logging.getLogger(__name__)


class LockHandle:
    """A lock that is held; as context manager it releases it at the end. Threads may share it.

    Pass ``fencing_token`` on to whatever the lock protects: only who compares it there is safe from a holder that
    stalled and does not know yet that it lost the lock. For rows of this database ``guard`` does that. Whatever is
    asked of a handle whose lock is gone raises LockLost; where the server cannot be asked about a lease,
    ServerUnavailable: then do not act, until ``renew`` or ``check`` succeeds. A broken session ends an advisory lock.
    """

    def __init__(
        self,
        key: str,
        fencing_token: int,
        ttl: timedelta,
        begin: Begin,
        session: Session | None = None,
        *,
        waited: timedelta = timedelta(),
        asked_at: float | None = None,
    ) -> None:
        """``waited`` for it that long; ``asked_at`` is when it was asked for, by time.monotonic."""
        self.key, self.fencing_token, self.ttl, self.waited = key, fencing_token, ttl, waited
        self._begin, self._session = begin, session
        self._one_at_a_time = threading.RLock()
        self._ends = (time.monotonic() if asked_at is None else asked_at) + ttl.total_seconds()
        self._lost: str | None = None
        self._leaving = self._released = False
        self._stop = threading.Event()
        self._renewal: threading.Thread | None = None

    def renew(self, ttl: timedelta | None = None) -> None:
        """Holds a lease for ``ttl`` from now on, which is as at first if not given, and an advisory lock on."""
        ttl, begun = self.ttl if ttl is None else ttl, time.monotonic()
        if self._session is not None:
            self.check()
            return
        with self._asking(), self._begin() as store:
            store.locks.renew(self.key, self.fencing_token, ttl, store.now())
        self._ends = begun + ttl.total_seconds()

    def check(self) -> None:
        """Asks whether the lock is still held; do so before acting on what it protects."""
        with self._asking(), self._begin() as store:
            store.locks.guard(self.key, self.fencing_token, store.now())

    def guard(self, store: Store) -> None:
        """Nobody else takes the lock until this transaction of the system's ends: its writes are the holder's.

        Renewals and a release wait for it, too: keep it shorter than the ttl, and end it before the release.
        """
        if self._lost:
            raise self._gone(self._lost)
        store.locks.guard(self.key, self.fencing_token, store.now())

    @property
    def lost(self) -> bool:
        """Whether the lock is known to be gone, without asking; a lease also when it ran out by this machine."""
        return bool(self._lost) or (self._session is None and time.monotonic() >= self._ends)

    def keep_renewing(self) -> None:
        """Renews from a thread, each third of the ttl, until the lock is released or lost."""
        self._renewal = threading.Thread(target=self._renew_on, name="scheduler-lock-renewal", daemon=True)
        self._renewal.start()

    def release(self) -> None:
        """Frees the lock; does nothing the second time."""
        self._leaving = True
        self._stop.set()
        with self._one_at_a_time:
            if self._released:
                return
            try:
                with self._asking(), self._begin() as store:
                    now = store.now()
                    store.locks.release(self.key, self.fencing_token, now)
                    store.locks.wake_first(self.key, now)
                self._end("it was released")
            finally:
                # A lease whose release did not get through can be released again; a session's end frees its lock.
                self._released = self._lost is not None or self._session is not None
                if self._session is not None:
                    self._session.close()
        if self._renewal is not None:
            self._renewal.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.release()
        except SchedulerError:
            if error is None:
                raise

    @contextmanager
    def _asking(self) -> Iterator[None]:
        # A session serves one thread at a time; transactions of a pool may wait for each other's rows.
        with self._one_at_a_time if self._session is not None else nullcontext():
            if self._lost:
                raise self._gone(self._lost)
            what = f"lock {self.key[:100]!r}: asking whether fencing token {self.fencing_token} holds it"
            try:
                with driver_errors(what):
                    yield
            except LockLost as error:
                self._end(error.reason)
                raise
            except ServerUnavailable:
                if self._session is not None and self._session.closed:
                    raise self._gone("its session ended") from None
                raise

    def _gone(self, reason: str) -> LockLost:
        self._end(reason)
        return LockLost(self.key, self.fencing_token, reason)

    def _end(self, reason: str) -> None:
        self._lost = reason
        self._stop.set()
        if self._session is not None:
            self._session.close()

    def _renew_on(self) -> None:
        while not self._stop.wait(self.ttl.total_seconds() / 3):
            try:
                self.renew()
            except LockLost as error:
                _LOG.log(logging.DEBUG if self._leaving else logging.WARNING, "%s", error)
            except SchedulerError as error:
                _LOG.warning("%s", error)
                if self.lost:
                    self._end("no renewal reached the server within its ttl")

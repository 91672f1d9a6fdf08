"""What callers ask of tables locks and lock_waiters."""

from datetime import datetime, timedelta
from typing import Protocol

from resources.pages import Page
from resources.records import Lock, LockWait
from resources.states import LockStrategy


class Locks(Protocol):
    """Distributed locks; all of it is the system's.

    A key is 1 to 10,240 bytes of text, compared byte by byte: letters in another case or another Unicode form are
    another key. Every method raises InvalidInput for a key that is none.
    """

    def try_acquire(
        self,
        key: str,
        holder: str,
        strategy: LockStrategy,
        ttl: timedelta,
        now: datetime,
        ticket: int | None = None,
    ) -> int | None:
        """Takes a lock that nobody holds; returns its fencing token, greater than any before, or None.

        It is None also while somebody waits who came before: with a lower ``ticket`` of the queue, or with any
        where the caller has none.

        A lease is held until ``now + ttl``. An advisory lock is held as long as the session of this connection,
        which therefore must be the caller's own.
        Raises InvalidInput for a holder without a name and for a ttl of 0 or of more than 30 days.
        """

    def renew(self, key: str, token: int, ttl: timedelta, now: datetime) -> None:
        """Holds a lease until ``now + ttl``; raises LockLost, or NotFound for a key that nobody ever took."""

    def release(self, key: str, token: int, now: datetime) -> None:
        """Frees the lock; raises LockLost, or NotFound for a key that nobody ever took."""

    def guard(self, key: str, token: int, now: datetime) -> None:
        """Keeps others from taking the lock until this transaction ends, so what it writes is the holder's.

        Raises LockLost, or NotFound for a key that nobody ever took. A renewal waits for the transaction, too.
        """

    def force_release(self, key: str, now: datetime) -> Lock:
        """Frees the lock whoever holds it, and returns what was held; its holder is told by LockLost.

        The session of an advisory lock's holder keeps others who ask for the advisory lock out until it ends.
        Raises NotFound for a key that nobody ever took, IllegalTransition for a lock that is free.
        """

    def get(self, key: str) -> Lock:
        """One lock, held or free; raises NotFound for a key that nobody ever took."""

    def list(
        self, held_at: datetime | None = None, cursor: str | None = None, limit: int = 100
    ) -> Page[Lock]:
        """Locks in the order of their keys' first 250 characters: all, or the leases held at an instant and the
        advisory locks held now."""

    def wait(
        self, key: str, waiter: str, stay: timedelta, now: datetime, ticket: int | None = None
    ) -> LockWait:
        """Takes a place at the end of the lock's queue, or keeps that of ``ticket``, for ``stay`` from now on.

        Who does not come back by then is passed over. Raises InvalidInput for a waiter without a name and for a
        stay of 0 or of more than 30 days.
        """

    def leave(self, key: str, ticket: int, now: datetime) -> None:
        """Gives up a place in the lock's queue, if there is one; places of the dead before it go too."""

    def wake_first(self, key: str, now: datetime) -> None:
        """Tells the first of the lock's queue, with the commit, that it may look; it must be listening.

        It belongs behind whatever frees a lock or shortens its queue, as a statement of its own: the row that
        was changed before keeps apart who looked before and who is seen here.
        """

    def listen(self, ticket: int) -> None:
        """Makes this connection's session, the caller's own, hear ``wake_first`` for a ticket from the commit on."""

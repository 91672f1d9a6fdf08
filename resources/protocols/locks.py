"""What callers ask of table locks."""

from datetime import datetime, timedelta
from typing import Protocol

from resources.pages import Page
from resources.records import Lock
from resources.states import LockStrategy


class Locks(Protocol):
    """Distributed locks; all of it is the system's.

    A key is 1 to 10,240 bytes of text, compared byte by byte: letters in another case or another Unicode form are
    another key. Every method raises InvalidInput for a key that is none.
    """

    def try_acquire(
        self, key: str, holder: str, strategy: LockStrategy, ttl: timedelta, now: datetime
    ) -> int | None:
        """Takes a lock that nobody holds; returns its fencing token, greater than any before, or None.

        A lease is held until ``now + ttl``. An advisory lock is held as long as the session of this connection,
        which therefore must be the caller's own; it takes the session's lock even where it returns None.
        Raises InvalidInput for a holder without a name and for a ttl of 0 or of more than 30 days.
        """

    def renew(self, key: str, token: int, ttl: timedelta, now: datetime) -> None:
        """Holds a lease until ``now + ttl``; raises LockLost, or NotFound for a key that nobody ever took."""

    def release(self, key: str, token: int, now: datetime) -> None:
        """Frees the lock; raises LockLost, or NotFound for a key that nobody ever took."""

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

"""Tables locks and lock_waiters."""

from datetime import datetime, timedelta
from typing import cast

from resources.errors import IllegalTransition, InvalidInput, LockLost, NotFound
from resources.pages import Page
from resources.protocols.locks import Locks
from resources.records import Lock, LockWait
from resources.repositories.base import Repository
from resources.states import LockStrategy

LONGEST_KEY_BYTES = 10_240
LONGEST_LEASE = timedelta(days=30)


class LockRepository(Repository, Locks):
    """Locks on PostgreSQL."""

    def try_acquire(
        self,
        key: str,
        holder: str,
        strategy: LockStrategy,
        ttl: timedelta,
        now: datetime,
        ticket: int | None = None,
    ) -> int | None:
        token: int | None = self._scalar(
            "locks/try_acquire",
            key=_checked("key", key),
            holder=_checked("holder", holder),
            strategy=strategy,
            ttl=_checked_ttl(ttl),
            now=now,
            ticket=ticket,
        )
        return token

    def renew(self, key: str, token: int, ttl: timedelta, now: datetime) -> None:
        parameters = {"key": _checked("key", key), "token": token, "ttl": _checked_ttl(ttl), "now": now}
        if not self._execute("locks/renew", **parameters):
            raise self._lost(key, token)

    def release(self, key: str, token: int, now: datetime) -> None:
        if not self._execute("locks/release", key=_checked("key", key), token=token, now=now):
            raise self._lost(key, token)

    def guard(self, key: str, token: int, now: datetime) -> None:
        if not self._rows("locks/guard", key=_checked("key", key), token=token, now=now):
            raise self._lost(key, token)

    def force_release(self, key: str, now: datetime) -> Lock:
        held = self._one("locks/force_release", Lock, key=_checked("key", key), now=now)
        if held is None:
            self.get(key)
            raise IllegalTransition("lock", key, "free", "free")
        return held

    def get(self, key: str) -> Lock:
        lock = self._one("locks/get", Lock, key=_checked("key", key))
        if lock is None:
            raise NotFound("lock", key)
        return lock

    def list(
        self, held_at: datetime | None = None, cursor: str | None = None, limit: int = 100
    ) -> Page[Lock]:
        return self._page("locks/list", Lock, ("key",), cursor=cursor, limit=limit, held_at=held_at)

    def wait(
        self, key: str, waiter: str, stay: timedelta, now: datetime, ticket: int | None = None
    ) -> LockWait:
        place = self._one(
            "lock_waiters/wait",
            LockWait,
            key=_checked("key", key),
            waiter=_checked("waiter", waiter),
            stay=_checked_ttl(stay, "stay"),
            now=now,
            ticket=ticket,
        )
        return cast(LockWait, place)

    def leave(self, key: str, ticket: int, now: datetime) -> None:
        self._execute("lock_waiters/leave", key=_checked("key", key), ticket=ticket, now=now)

    def wake_first(self, key: str, now: datetime) -> None:
        self._execute("lock_waiters/wake_first", key=_checked("key", key), now=now)

    def listen(self, ticket: int) -> None:
        self._execute("lock_waiters/listen", ticket=ticket)

    def _lost(self, key: str, token: int) -> LockLost:
        lock = self.get(key)
        if lock.fencing_token != token:
            return LockLost(key, token, f"{lock.holder or 'somebody'} took it under {lock.fencing_token}")
        if lock.holder is None:
            return LockLost(key, token, "it was released")
        ended = f"it expired at {lock.expires_at}" if lock.expires_at else "its session ended"
        return LockLost(key, token, ended)


def _checked(field: str, value: str) -> str:
    """The text if PostgreSQL can keep it; raises InvalidInput."""
    try:
        length = len(value.encode())
    except UnicodeEncodeError:
        length = 0
    if not 1 <= length <= LONGEST_KEY_BYTES or "\0" in value:
        raise InvalidInput(field, value, f"1 to {LONGEST_KEY_BYTES:,} bytes of text without NUL")
    return value


def _checked_ttl(ttl: timedelta, field: str = "ttl") -> timedelta:
    if not timedelta() < ttl <= LONGEST_LEASE:
        raise InvalidInput(field, ttl, f"more than 0 and at most {LONGEST_LEASE.days} days")
    return ttl

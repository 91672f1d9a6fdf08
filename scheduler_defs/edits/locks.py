"""Takes distributed locks from holders that will not give them up."""

import hashlib

from resources.records import Lock
from resources.store import Store

LONGEST_KEY = 200


def release_lock(store: Store, key: str, actor: str) -> Lock:
    """Frees a lock whoever holds it; returns what was held. The store is the system's.

    The audit names a long key by its SHA-256. Raises NotFound, or IllegalTransition for a lock that is free.
    """
    now = store.now()
    held = store.locks.force_release(key, now)
    store.locks.wake_first(key, now)
    store.audit.append(
        tenant_id=None,
        actor=actor,
        action="force_release",
        entity="lock",
        entity_id=key if len(key) <= LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest(),
        old={"holder": held.holder, "strategy": held.strategy, "fencing_token": held.fencing_token},
        now=now,
    )
    return held

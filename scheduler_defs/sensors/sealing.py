"""The sealer: gives committed audit entries their links of the hash chain, outside the transactions of the edits."""

from collections import deque

from resources.audit_chain import seals_of
from resources.database import Database

ENTRIES_A_TICK = 20_000
BATCH = 500
A_TURN = 20
"""How many entries could be sealed in the time that a transaction without any takes."""


def seal_audit(database: Database, budget: int = ENTRIES_A_TICK, size: int = BATCH) -> int:
    """Seals about ``budget`` entries, in short transactions of at most ``size``; returns how many it sealed.

    Chains take turns, the longest waiting first; a chain that another sealer holds is left to it.
    """
    with database.begin_system() as store:
        waiting = deque(store.audit_seals.list_waiting())
    sealed = 0
    while waiting and budget > 0:
        chain = waiting.popleft()
        count = _seal_batch(database, chain, size)
        if count == size:
            waiting.append(chain)
        sealed += count
        budget -= max(count, A_TURN)
    return sealed


def _seal_batch(database: Database, chain: str, size: int) -> int:
    with database.begin_system() as store:
        if not store.audit_seals.try_lock(chain):
            return 0
        entries = store.audit_seals.take_unsealed(chain, size)
        seals = list(seals_of(chain, store.audit_seals.head(chain), entries, store.now()))
        store.audit_seals.append_many(seals)
    return len(seals)

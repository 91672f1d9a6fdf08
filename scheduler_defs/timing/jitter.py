"""Jitter: what spreads triggers of one rhythm over time."""

from datetime import timedelta
from hashlib import sha256
from uuid import UUID

_TICK = timedelta(microseconds=1)


def offset_of(trigger_id: UUID, jitter: timedelta) -> timedelta:
    """How much later than its occurrences a trigger fires: the same each time, at least 0 and below ``jitter``.

    From SHA-256 of the id, so that every process agrees. A trigger's own fires keep their order and distance.
    """
    bound = jitter // _TICK
    if bound <= 0:
        return timedelta()
    return int.from_bytes(sha256(trigger_id.bytes).digest()[:8], "big") % bound * _TICK

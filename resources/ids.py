"""Row ids, and what people write for one."""

import secrets
import time
from threading import Lock
from uuid import UUID

from resources.errors import InvalidInput

RANDOM_BITS = 74
LENGTH_OF_AN_ID = 36

_lock = Lock()
_last = (0, 0)


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562, 5.7): 48 bits of Unix milliseconds, then random bits.

    Ids of one process sort in the order they were made: within a millisecond, or when the clock steps back,
    the random bits grow by a random step (RFC 9562, 6.2, method 2).
    """
    global _last  # noqa: PLW0603
    with _lock:
        milliseconds, bits = _last
        now = time.time_ns() // 1_000_000
        if now > milliseconds:
            milliseconds, bits = now, secrets.randbits(RANDOM_BITS)
        else:
            bits += 1 + secrets.randbits(32)
            milliseconds, bits = milliseconds + (bits >> RANDOM_BITS), bits % (1 << RANDOM_BITS)
        _last = milliseconds, bits
    return UUID(int=milliseconds << 80 | 0x7 << 76 | (bits >> 62) << 64 | 0b10 << 62 | bits & (1 << 62) - 1)


def whole_id(text: str) -> UUID | None:
    """The id that a text is; None when it is none, or only a part of one."""
    try:
        return UUID(text) if len(text) == LENGTH_OF_AN_ID else None
    except ValueError:
        return None


def part_of_id(entity: str, text: str) -> str:
    """How an id may begin or end, as the database writes it; raises InvalidInput naming the entity."""
    wanted = text.strip().lower()
    if not wanted or set(wanted) - set("0123456789abcdef-"):
        raise InvalidInput(entity, text, f"a {entity} id, or how one begins or ends")
    return wanted

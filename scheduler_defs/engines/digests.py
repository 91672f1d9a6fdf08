"""Digests of values: the same value gives the same SHA-256 in every process (guarantee G5)."""

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import orjson

from resources.errors import InvalidInput

# Dates and dataclasses are refused: two texts of one instant would give two digests.
_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME

_BATCH = 1000
_NULL = re.compile(rb"(?:^|[:,\[])null")


def canonical_json(value: Any) -> bytes:
    """Encode a JSON value as UTF-8 with sorted keys and no spaces.

    Raises InvalidInput for NaN, infinities, keys that are not strings, and types JSON has no form for.
    """
    try:
        encoded = orjson.dumps(value, option=_OPTIONS)
    except TypeError as error:
        raise InvalidInput("value", str(error), "a JSON value") from error
    # orjson writes NaN and infinities as null: only a value with a null in its encoding can hold one.
    if b"null" in encoded and _NULL.search(encoded):
        _refuse_non_finite(value)
    return encoded


def sha256_hex(content: bytes) -> str:
    """Return the SHA-256 of some bytes as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def digest_of(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON; raises what canonical_json raises."""
    return sha256_hex(canonical_json(value))


def digest_of_object(members: Mapping[str, Any]) -> str:
    """Return digest_of of an object, whose members may be iterators for arrays: they are never there as a whole."""
    digest = hashlib.sha256()
    mark = b"{"
    for name, value in sorted(members.items()):
        digest.update(b"%b%b:" % (mark, canonical_json(name)))
        for part in _parts_of_array(value) if isinstance(value, Iterator) else [canonical_json(value)]:
            digest.update(part)
        mark = b","
    digest.update(b"}" if members else b"{}")
    return digest.hexdigest()


def _parts_of_array(items: Iterator[Any]) -> Iterator[bytes]:
    mark = b"["
    while batch := list(islice(items, _BATCH)):
        yield mark + canonical_json(batch)[1:-1]
        mark = b","
    yield b"]" if mark == b"," else b"[]"


def _refuse_non_finite(value: Any) -> None:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, float) and not math.isfinite(item):
            raise InvalidInput("value", item, "a finite number")
        if isinstance(item, dict):
            pending.extend(item.values())
        elif isinstance(item, list | tuple):
            pending.extend(item)

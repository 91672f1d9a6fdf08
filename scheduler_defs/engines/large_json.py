"""Large JSON documents, parsed a part at a time: their large arrays stay text until they are iterated over."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import orjson

PART: Final = 1 << 20
DEEPEST: Final = 8
"""How many large objects and arrays may be around one: all that is in it is looked through again for each."""

_FIRST_WINDOW: Final = 64

_SPACE = re.compile(rb"[ \t\n\r]*")
_SEPARATOR = re.compile(rb"[ \t\n\r]*([:,\]}])[ \t\n\r]*")
_FLOAT = re.compile(rb"(?:^|[:,\[])-?[0-9]+[.e]")
_SCANNER = json.JSONDecoder(strict=False, parse_float=len, parse_int=len)

Span = tuple[int, int, bool]
"""Where elements begin and end, and whether it is a single large one."""


class LargeObject(dict[str, Any]):
    """A JSON object that takes more than a part; its members may be large."""


@dataclass(frozen=True, slots=True)
class LargeArray:
    """A JSON array that takes more than a part of `part` bytes; every iteration parses it again."""

    raw: bytes
    spans: list[Span]
    part: int

    def __iter__(self) -> Iterator[Any]:
        return chain.from_iterable(self.parts())

    def parts(self) -> Iterator[list[Any]]:
        """Yield the elements, as many at a time as make up a part; a large one alone."""
        for start, end, is_large in self.spans:
            if is_large:
                yield [_Reader(self.raw, self.part).value(start, depth=1)[0]]
            else:
                yield orjson.loads(b"[%b]" % self.raw[start:end])


def parse_large(raw: bytes, start: int, part: int) -> LargeObject | None:
    """Parse the JSON object that begins at `start`, of which at most some `part` bytes are in memory as values.

    Its own arrays, and those named components anywhere in it, are a LargeArray where they are large. Returns None
    for an object that is small or nested too deep, and for what is wrong: parsed as a whole it is told what.
    """
    reader = _Reader(raw, part)
    try:
        document, end = reader.value(reader.after_space(start), depth=0)
    except (ValueError, RecursionError):
        return None
    is_all = reader.after_space(end) == len(raw)
    return document if is_all and isinstance(document, LargeObject) else None


def pieces(value: LargeObject | LargeArray, *, unique: bool) -> Iterator[Any]:
    """Yield a value as plain JSON, once for each part of its large arrays; all others are empty in it.

    Raises ValueError when the rest, which is in each, takes more than PART bytes, and with `unique`, when two elements
    of a large array are equal.
    """
    if isinstance(value, LargeObject):
        hollow = _hollow(value)
        in_parts = {name: member for name, member in value.items() if _has_parts(member)}
        if in_parts and len(orjson.dumps(hollow)) > PART:
            raise ValueError("the rest takes more than a part")
        yield hollow
        for name, member in in_parts.items():
            yield from ({**hollow, name: piece} for piece in pieces(member, unique=unique))
        return
    hashes: set[int] = set()
    count = 0
    for part in value.parts():
        if isinstance(part[0], LargeObject):
            yield from ([piece] for piece in pieces(part[0], unique=unique))
        else:
            yield part
        if unique and len(value.spans) > 1:
            hashes.update(map(_hash_of, part))
            count += len(part)
            if len(hashes) < count:
                raise ValueError("two elements are equal")


def _hollow(value: Any) -> Any:
    if isinstance(value, LargeObject):
        return {name: _hollow(member) for name, member in value.items()}
    return [] if isinstance(value, LargeArray) else value


def _has_parts(value: Any) -> bool:
    if isinstance(value, LargeObject):
        return any(map(_has_parts, value.values()))
    return isinstance(value, LargeArray)


def _hash_of(value: Any) -> int:
    """Return the same number for equal values, as 1 and 1.0 are; others hardly ever have it."""
    option = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
    encoded = orjson.dumps(value, default=list, option=option)
    if _FLOAT.search(encoded):
        encoded = orjson.dumps(_in_integers(orjson.loads(encoded)))
    return hash(encoded)


def _in_integers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _in_integers(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_in_integers(member) for member in value]
    is_integer = isinstance(value, float) and value.is_integer() and -(2**63) <= value < 2**64
    return int(value) if is_integer else value


class _Reader:
    """Finds out where values end, and has orjson parse them, so that what it refuses is refused.

    Its methods raise ValueError or RecursionError for what cannot be read in parts.
    """

    def __init__(self, raw: bytes, part: int) -> None:
        self._raw, self._part = raw, part

    def after_space(self, at: int) -> int:
        """Return the place of what is no white space."""
        found = _SPACE.match(self._raw, at)
        return found.end() if found else at

    def value(self, at: int, *, depth: int, splits: bool = False) -> tuple[Any, int]:
        """Return the value that begins at a place, a LargeArray for one that `splits`, and where it ends."""
        first = self._raw[at : at + 1]
        end = self._end(at, self._part)
        if end is None and first in (b"{", b"["):
            if depth > DEEPEST:
                raise ValueError("is nested too deep")
            if first == b"{":
                return self._object(at, depth)
            spans, end = self._spans(at, depth)
            return LargeArray(self._raw, spans, self._part) if splits else self._parsed(at, end), end
        end = end or self._end_of_text(at)
        return self._parsed(at, end), end

    def _object(self, at: int, depth: int) -> tuple[LargeObject, int]:
        found = LargeObject()
        at, separator = self.after_space(at + 1), b","
        while separator == b",":
            end = self._end_of_text(at)
            name = self._parsed(at, end)
            if name in found:
                raise ValueError("is named twice")
            at, _ = self._past(end, b":")
            found[name], end = self.value(at, depth=depth + 1, splits=depth == 0 or name == "components")
            at, separator = self._past(end, b",}")
        return found, at

    def _spans(self, at: int, depth: int) -> tuple[list[Span], int]:
        """Return where the parts of the array are that begins at a place, and where it ends."""
        spans: list[Span] = []
        at, separator = self.after_space(at + 1), b","
        while separator == b",":
            start = end = at
            window = self._window(start, self._part)
            while separator == b"," and (length := self._length(window, at - start)) is not None:
                end = at + length
                at, separator = self._past(end, b",]")
            is_large = end == start
            if is_large:
                _, end = self.value(start, depth=depth + 1)
                at, separator = self._past(end, b",]")
            spans.append((start, end, is_large))
        return spans, at

    def _end_of_text(self, at: int) -> int:
        if self._raw[at : at + 1] != b'"':
            raise ValueError("is no text")
        end = self._end(at, len(self._raw) - at)
        if end is None:
            raise ValueError("does not end")
        return end

    def _end(self, at: int, most: int) -> int | None:
        """Return where the value at a place ends; None unless that is within `most` bytes."""
        size = min(_FIRST_WINDOW, most)
        while (length := self._length(self._window(at, size), 0)) is None:
            if size == most:
                return None
            size = min(4 * size, most)
        return at + length

    def _window(self, at: int, size: int) -> str:
        # As Latin-1: a character for each byte, and what delimits JSON is what it is in UTF-8.
        return self._raw[at : at + size].decode("latin-1")

    def _length(self, window: str, at: int) -> int | None:
        """Return the length of the value at a place of a window; None unless it ends before the window does."""
        try:
            _, end = _SCANNER.raw_decode(window, at)
        except ValueError:
            return None
        is_whole = end < len(window) and window[end] not in ".eE"  # as of a number that the window cuts
        return end - at if is_whole else None

    def _past(self, at: int, expected: bytes) -> tuple[int, bytes]:
        """Return the place of what follows one of some separators, and which it is."""
        found = _SEPARATOR.match(self._raw, at)
        if not found or found[1] not in expected:
            raise ValueError("is not separated")
        return found.end(), found[1]

    def _parsed(self, start: int, end: int) -> Any:
        return orjson.loads(self._raw[start:end])

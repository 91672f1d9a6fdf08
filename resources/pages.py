"""Pages of a list, and the opaque cursors that lead from one to the next."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import UnionType
from typing import Any, Generic, TypeVar, get_args, get_type_hints
from uuid import UUID

from resources.errors import InvalidInput

Item = TypeVar("Item")

MOST_A_PAGE = 1000


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.utcoffset() is None:
        raise ValueError("no offset")
    return moment


def _whole(text: str) -> int:
    if not -(2**63) <= (number := int(text)) < 2**63:
        raise ValueError("not a bigint")
    return number


def storable(text: str) -> str:
    """A text as it is. Raises ValueError for one PostgreSQL cannot hold: with NUL, or with half a surrogate pair."""
    if "\0" in text:
        raise ValueError("NUL")
    text.encode()
    return text


def check_text(field: str, text: str) -> None:
    """Raises InvalidInput for a text that PostgreSQL cannot hold."""
    try:
        storable(text)
    except ValueError:
        raise InvalidInput(field, text, "text without NUL characters and half surrogate pairs") from None


PARSERS: Mapping[type, Callable[[str], Any]] = {datetime: _moment, UUID: UUID, int: _whole, str: storable}


@dataclass(frozen=True)
class Page(Generic[Item]):
    """A bounded part of a list; a cursor is None where nothing more lies in its direction.

    A cursor names the last row that was seen, by the values the list is ordered by. So rows inserted meanwhile
    neither repeat nor hide others, and the thousandth page costs what the first does.
    """

    items: list[Item]
    next_cursor: str | None = None
    previous_cursor: str | None = None


@dataclass(frozen=True)
class Order:
    """What a list is ordered by: the query that goes on after a row, and the fields of its key."""

    query: str
    fields: tuple[str, ...]
    record: type[Any]

    def cursor_of(self, row: Any, filters: Mapping[str, Any]) -> str:
        """The cursor that goes on after a row, for the same filters only."""
        values = [getattr(row, field) for field in self.fields]
        texts = [value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
        payload = json.dumps([self.query, _digest(filters), texts], separators=(",", ":"))
        return base64.urlsafe_b64encode(payload.encode()).decode().rstrip("=")

    def after(self, cursor: str | None, filters: Mapping[str, Any]) -> dict[str, Any] | None:
        """The query's parameters ``after_<field>``, all None at the start; None for another query's cursor.

        Raises InvalidInput for a text that is no cursor, or that belongs to other filters.
        """
        if cursor is None:
            return {f"after_{field}": None for field in self.fields}
        query, digest, texts = _payload(cursor)
        if query != self.query:
            return None
        if digest != _digest(filters):
            raise InvalidInput("cursor", cursor, "a cursor of this list with the same filters")
        try:
            values = [parse(text) for parse, text in zip(self._parsers(), texts, strict=True)]
        except ValueError:
            raise _no_cursor(cursor) from None
        return {f"after_{field}": value for field, value in zip(self.fields, values, strict=True)}

    def _parsers(self) -> list[Callable[[str], Any]]:
        hints = get_type_hints(self.record)
        return [PARSERS[_plain(hints[field])] for field in self.fields]


def check_limit(limit: int) -> None:
    """Raises InvalidInput unless the page's size is 1 to MOST_A_PAGE."""
    if not 1 <= limit <= MOST_A_PAGE:
        raise InvalidInput("limit", limit, f"1 to {MOST_A_PAGE}")


def foreign_cursor(cursor: str | None) -> InvalidInput:
    """The error for a cursor of another list."""
    return _no_cursor(cursor or "")


def _no_cursor(cursor: str) -> InvalidInput:
    return InvalidInput("cursor", cursor, "a cursor that this list returned")


def _payload(cursor: str) -> tuple[str, str, Sequence[str]]:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        query, digest, texts = json.loads(text)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise _no_cursor(cursor) from None
    well_formed = isinstance(query, str) and isinstance(digest, str) and isinstance(texts, list)
    if not well_formed or not all(isinstance(value, str) for value in texts):
        raise _no_cursor(cursor)
    return query, digest, texts


def _digest(filters: Mapping[str, Any]) -> str:
    text = json.dumps(filters, sort_keys=True, default=lambda value: getattr(value, "obj", str(value)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(hint: Any) -> type:
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return next((kind for kind in kinds if kind in PARSERS), str)

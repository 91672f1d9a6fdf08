"""What every repository shares: one named statement, its parameters, its records."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from types import UnionType
from typing import Any, TypeVar, get_args, get_type_hints

import orjson
from psycopg import Connection, Cursor
from psycopg.errors import NumericValueOutOfRange
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from resources.pages import Order, Page, check_limit, check_text, foreign_cursor
from resources.queries import load

Record = TypeVar("Record")

_ENUMS: dict[type[Any], dict[str, type[StrEnum]]] = {}


class Repository:
    """Statements over one connection; a method is one statement and its mapping."""

    def __init__(self, connection: Connection[TupleRow]) -> None:
        self._connection = connection

    def _one(self, query: str, record: type[Record], **parameters: Any) -> Record | None:
        with self._connection.cursor(row_factory=_record_row(record)) as cursor:
            return cursor.execute(load(query), parameters).fetchone()

    def _all(self, query: str, record: type[Record], **parameters: Any) -> list[Record]:
        with self._connection.cursor(row_factory=_record_row(record)) as cursor:
            return cursor.execute(load(query), parameters).fetchall()

    def _all_anew(self, query: str, record: type[Record], **parameters: Any) -> list[Record]:
        """As ``_all``, planned for its values each time: one plan for all of them would use the index of none."""
        with self._connection.cursor(row_factory=_record_row(record)) as cursor:
            return cursor.execute(load(query), parameters, prepare=False).fetchall()

    def _page(
        self,
        query: str,
        record: type[Record],
        order: Sequence[str],
        *,
        cursor: str | None,
        limit: int,
        back: str | None = None,
        **filters: Any,
    ) -> Page[Record]:
        """One page by key: ``order`` names the fields of the key, which the query takes as ``after_<field>``.

        ``back`` is the query in the opposite order, for lists that can be paged both ways. The statement is
        planned for its values each time: one plan for all filters would use the index of none.
        """
        check_limit(limit)
        _check_texts(filters)
        forth, other = (Order(name, tuple(order), record) if name else None for name in (query, back))
        for here, there in ((forth, other), (other, forth)):
            after = here.after(cursor, filters) if here else None
            if here is None or after is None:
                continue
            with self._connection.cursor(row_factory=_record_row(record)) as found:
                statement, parameters = load(here.query), filters | after | {"limit": limit + 1}
                try:
                    rows = found.execute(statement, parameters, prepare=False).fetchall()
                except NumericValueOutOfRange:
                    raise foreign_cursor(cursor) from None
            items, more = rows[:limit], len(rows) > limit
            onward = here.cursor_of(items[-1], filters) if more else None
            turned = there.cursor_of(items[0], filters) if there and items and cursor else None
            if here is forth:
                return Page(items, onward, turned)
            return Page(items[::-1], turned, onward)
        raise foreign_cursor(cursor)

    def _rows(self, query: str, **parameters: Any) -> list[TupleRow]:
        return self._connection.execute(load(query), parameters).fetchall()

    def _scalar(self, query: str, **parameters: Any) -> Any:
        return scalar(self._connection, query, **parameters)

    def _execute(self, query: str, **parameters: Any) -> int:
        """Returns how many rows the statement wrote."""
        return self._connection.execute(load(query), parameters).rowcount

    def _execute_anew(self, query: str, **parameters: Any) -> int:
        """As ``_execute``, planned each time: a plan that was made while a table was empty would read all of it."""
        return self._connection.execute(load(query), parameters, prepare=False).rowcount


def scalar(connection: Connection[TupleRow], query: str, **parameters: Any) -> Any:
    """The first column of the first row; None without a row."""
    row = connection.execute(load(query), parameters).fetchone()
    return row[0] if row else None


def _check_texts(filters: Mapping[str, Any]) -> None:
    for name, value in filters.items():
        if isinstance(value, str):
            check_text(name, value)


def fields_of(record: Any) -> dict[str, Any]:
    """A record's fields as parameters, mappings as jsonb."""
    return {
        field.name: Jsonb(dict(value)) if isinstance(value := getattr(record, field.name), dict) else value
        for field in dataclasses.fields(record)
    }


def json_of(records: Sequence[Any]) -> Jsonb:
    """Records as one JSON list of objects, for jsonb_to_recordset: a quarter of the work of arrays."""
    return Jsonb(list(records), dumps=orjson.dumps)


def columns_of(records: Sequence[Any], *names: str) -> dict[str, list[Any]]:
    """Records as one array a field, for unnest; mappings as jsonb."""
    rows = [fields_of(record) for record in records]
    return {name: [row[name] for row in rows] for name in names}


def _record_row(record: type[Record]) -> Callable[[Cursor[Any]], Callable[[Sequence[Any]], Record]]:
    if record not in _ENUMS:
        _ENUMS[record] = _enums_of(record)
    enums, fields = _ENUMS[record], _names_of(record)

    def factory(cursor: Cursor[Any]) -> Callable[[Sequence[Any]], Record]:
        names = [column.name for column in cursor.description or ()]
        in_order = names == fields[: len(names)]
        converted = [(place, enums[name]) for place, name in enumerate(names) if name in enums]
        if in_order and not converted:
            return lambda values: record(*values)

        def make(values: Sequence[Any]) -> Record:
            row = list(values)
            for place, enum in converted:
                if row[place] is not None:
                    row[place] = enum(row[place])
            return record(*row) if in_order else record(**dict(zip(names, row, strict=True)))

        return make

    return factory


def _names_of(record: type[Any]) -> list[str]:
    """The fields of a dataclass or named tuple, in their order."""
    if dataclasses.is_dataclass(record):
        return [field.name for field in dataclasses.fields(record)]
    return list(getattr(record, "_fields", ()))


def _enums_of(record: type[Any]) -> dict[str, type[StrEnum]]:
    enums = {}
    for name, hint in get_type_hints(record).items():
        for kind in get_args(hint) if isinstance(hint, UnionType) else (hint,):
            if isinstance(kind, type) and issubclass(kind, StrEnum):
                enums[name] = kind
    return enums

"""Pages and cursors: what a cursor keeps, and every text that is none."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from resources.errors import InvalidInput
from resources.pages import MOST_A_PAGE, Order, Page, check_limit, foreign_cursor


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Row:
    name: str
    id: UUID
    at: datetime | None
    number: int
    colour: Colour | None


FIELDS = ("name", "id", "at", "number", "colour")
ORDER = Order("rows/list", FIELDS, Row)
ROW = Row("a", UUID(int=7), datetime(2026, 3, 14, 12, tzinfo=UTC), 3, Colour.RED)
FILTERS = {"tenant_id": "acme", "kind": None, "labels": Jsonb({"a": "b"}), "since": ROW.at}


def cursor_of(*payload: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")


def payload_of(cursor: str) -> list[object]:
    return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))


def test_a_list_begins_without_a_cursor():
    assert ORDER.after(None, FILTERS) == {f"after_{field}": None for field in FIELDS}


@given(
    st.builds(
        Row,
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        st.uuids(),
        st.datetimes(timezones=st.timezones()),
        st.integers(-(2**63), 2**63 - 1),
        st.just(Colour.RED),
    )
)
def test_a_cursor_keeps_the_key_of_its_row(row):
    kept = ORDER.after(ORDER.cursor_of(row, FILTERS), FILTERS)
    assert kept == {f"after_{field}": getattr(row, field) for field in FIELDS}


def test_a_cursor_of_another_list_is_none_of_this_one():
    other = Order("rows/list_back", FIELDS, Row)
    assert other.after(ORDER.cursor_of(ROW, FILTERS), FILTERS) is None


@pytest.mark.parametrize(
    "changes", [{"tenant_id": "globex"}, {"kind": "x"}, {"labels": Jsonb({"a": "c"})}, {"since": None}]
)
def test_a_cursor_belongs_to_its_filters(changes):
    with pytest.raises(InvalidInput, match="a cursor of this list with the same filters"):
        ORDER.after(ORDER.cursor_of(ROW, FILTERS), FILTERS | changes)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (0, "a\0"),
        (0, "\ud800"),
        (1, "7"),
        (2, "noon"),
        (2, "2026-03-14T12:00:00"),
        (3, "three"),
        (3, str(2**63)),
    ],
)
def test_a_key_that_cannot_be_one_is_refused(place, text):
    query, digest, texts = payload_of(ORDER.cursor_of(ROW, FILTERS))
    texts[place] = text
    with pytest.raises(InvalidInput, match="a cursor that this list returned"):
        ORDER.after(cursor_of(query, digest, texts), FILTERS)


@pytest.mark.parametrize("keep", [0, 4, 6])
def test_a_key_of_another_length_is_refused(keep):
    query, digest, texts = payload_of(ORDER.cursor_of(ROW, FILTERS))
    with pytest.raises(InvalidInput, match="a cursor that this list returned"):
        ORDER.after(cursor_of(query, digest, [*texts, "more"][:keep]), FILTERS)


@pytest.mark.parametrize(
    "text",
    [
        *("", "?", "\u00fc", "a", "====", "not a cursor"),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
        base64.urlsafe_b64encode(b"7").decode(),
        base64.urlsafe_b64encode(b'{"rows/list": 1, "b": 2, "c": 3}').decode(),
        cursor_of("rows/list", "digest"),
        cursor_of(1, "digest", []),
        cursor_of("rows/list", 1, []),
        cursor_of("rows/list", "digest", "texts"),
        cursor_of("rows/list", "digest", [1]),
    ],
    ids=range(15),
)
def test_a_text_that_is_no_cursor_is_refused(text):
    with pytest.raises(
        InvalidInput, match=r"cursor: .* is not valid; expected a cursor that this list returned"
    ):
        ORDER.after(text, FILTERS)


@given(st.data())
def test_a_truncated_cursor_is_refused(data):
    cursor = ORDER.cursor_of(ROW, FILTERS)
    with pytest.raises(InvalidInput):
        ORDER.after(cursor[: data.draw(st.integers(0, len(cursor) - 1))], FILTERS)


@given(st.text())
def test_any_text_is_a_cursor_or_refused(text):
    with pytest.raises(InvalidInput):
        ORDER.after(text, FILTERS)


@pytest.mark.parametrize("limit", [1, MOST_A_PAGE])
def test_a_page_holds_1_to_1000(limit):
    check_limit(limit)


@pytest.mark.parametrize("limit", [0, -1, MOST_A_PAGE + 1])
def test_another_limit_is_refused(limit):
    with pytest.raises(InvalidInput, match=f"limit: {limit} is not valid; expected 1 to 1000"):
        check_limit(limit)


@pytest.mark.parametrize("cursor", [None, "abc"])
def test_a_foreign_cursor_is_named(cursor):
    assert foreign_cursor(cursor).field == "cursor"


def test_a_page_may_be_the_only_one():
    assert Page([1]) == Page([1], next_cursor=None, previous_cursor=None)

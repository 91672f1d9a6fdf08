"""The entries of a calendar: what is refused by its place, and the one form in which they are kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.errors import InvalidInput
from scheduler_defs.timing.calendar_entries import parse_entries
from tests.timing.calendar_worlds import NOON, entries

TIMES = "expected two different times such as 22:00-06:00"
ONE_OF = "expected one of mon, tue, wed, thu, fri, sat, sun"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("holidays", "entries: 'holidays' is not valid; expected a list of entries"),
        ({}, "entries: {} is not valid; expected a list of entries"),
        ([{"date": "2026-01-01"}] * 1001, "entries: '1001 entries' is not valid; expected at most 1000"),
        ([{"date": "2026-01-01"}, "x"], "entries[1]: 'x' is not valid; expected an object"),
        ([{}], "entries[0]: '{}' is not valid; expected at least one of date, from, to, weekdays, window"),
        ([{"day": "mon"}], "entries[0].day: 'mon' is not valid; expected no key but date, from"),
        ([{"date": "2026-02-30"}], "entries[0].date: '2026-02-30' is not valid; expected a date such as"),
        ([{"date": "20260101"}], "entries[0].date: '20260101'"),
        ([{"date": 5}], "entries[0].date: 5"),
        ([{"from": None}], "entries[0].from: None"),
        (
            [{"from": "2026-02-02", "to": "2026-02-01"}],
            "entries[0].to: '2026-02-01' is not valid; expected a",
        ),
        ([{"weekdays": []}], "entries[0].weekdays: []"),
        ([{"weekdays": "mon"}], "entries[0].weekdays: 'mon'"),
        ([{"weekdays": ["mon", "Tue"]}], f"entries[0].weekdays[1]: 'Tue' is not valid; {ONE_OF}"),
        ([{"weekdays": [["mon"]]}], "entries[0].weekdays[0]: ['mon']"),
        ([{"window": "6-7"}], f"entries[0].window: '6-7' is not valid; {TIMES}"),
        ([{"window": 5}], "entries[0].window: 5"),
        ([{"window": "24:00-06:00"}], "entries[0].window: '24:00-06:00'"),
        ([{"window": "22:00-24:01"}], "entries[0].window: '22:00-24:01'"),
        ([{"window": "06:00-06:00"}], "entries[0].window: '06:00-06:00'"),
        ([{"window": "06:60-07:00"}], "entries[0].window: '06:60-07:00'"),
    ],
)
def test_a_wrong_entry_is_refused_by_its_place(said, error):
    with pytest.raises(InvalidInput) as refused:
        parse_entries(said)
    assert str(refused.value).startswith(error)


@given(st.lists(entries(NOON), max_size=5))
def test_entries_are_kept_as_they_are_read(said):
    kept = [entry.to_json() for entry in parse_entries(said)]
    assert parse_entries(kept) == parse_entries(said)
    assert [entry.keys() for entry in kept] == [dict(sorted(entry.items())).keys() for entry in said]

"""How instants and durations are written for people."""

from datetime import datetime, timedelta, timezone

import pytest

from resources.errors import InvalidInput
from resources.texts import duration, moment


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (timedelta(0), "0s"),
        (timedelta(seconds=0.26), "0.3s"),
        (timedelta(seconds=9.96), "10.0s"),
        (timedelta(seconds=10.4), "10s"),
        (timedelta(seconds=90), "1m30s"),
        (timedelta(hours=1, minutes=30), "1h30m"),
        (timedelta(days=2, seconds=1), "2d1s"),
        (timedelta(seconds=-61), "-1m1s"),
    ],
)
def test_durations_are_shown_as_they_are_typed(value, text):
    assert duration(value) == text


def test_times_are_shown_in_utc():
    berlin = datetime(2026, 3, 1, 9, 30, 1, 999999, tzinfo=timezone(timedelta(hours=1)))
    assert moment(berlin) == "2026-03-01T08:30:01+00:00"
    assert moment(None) == "-"


def test_an_error_shows_a_duration_as_it_is_typed():
    assert str(InvalidInput("every", timedelta(), "more")).startswith("every: 0s is not valid")

"""Calendars for tests, by hand and drawn around changes of the clock, and what the contract says of their entries."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from resources.states import CalendarMode, OnExcluded
from scheduler_defs.timing.calendar_entries import WEEKDAYS, parse_entries
from scheduler_defs.timing.calendars import Calendar

DAY = timedelta(days=1)
EXCLUDE, INCLUDE = CalendarMode.EXCLUDE, CalendarMode.INCLUDE
SKIP, MOVE = OnExcluded.SKIP, OnExcluded.MOVE
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
DAYS_AROUND = {
    "Europe/Berlin": ("2026-03-29", "2026-10-25", "2026-12-31"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "Australia/Lord_Howe": ("2026-10-03", "2026-04-04"),
    "America/Sao_Paulo": ("2018-11-04", "2018-02-18"),
    "Pacific/Apia": ("2011-12-30",),
    "Africa/Casablanca": ("2026-02-15",),
    "Asia/Kathmandu": ("1985-12-31",),
    "UTC": ("2024-02-29",),
}


def calendar(*entries, mode=EXCLUDE, timezone="UTC", on_excluded=SKIP, name="freeze"):
    return Calendar(name, mode, timezone, on_excluded, parse_entries(entries))


def matches(entry, local):
    """The contract, word for word: the day the window belongs to is today, or yesterday past midnight."""
    begin, end = (_minutes(part) for part in entry.get("window", "00:00-24:00").split("-"))
    minute = local.hour * 60 + local.minute
    if begin < end:
        return begin <= minute < end and _names(entry, local.date())
    today = minute >= begin and _names(entry, local.date())
    return today or (minute < end and _names(entry, local.date() - DAY))


def _minutes(text):
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _names(entry, day):
    return (
        entry.get("date", day.isoformat()) == day.isoformat()
        and entry.get("from", "0001-01-01") <= day.isoformat() <= entry.get("to", "9999-12-31")
        and WEEKDAYS[day.weekday()] in entry.get("weekdays", WEEKDAYS)
    )


@st.composite
def places(draw):
    """A zone, and noon UTC of a day at which its clocks change."""
    timezone = draw(st.sampled_from(sorted(DAYS_AROUND)))
    day = draw(st.sampled_from(DAYS_AROUND[timezone]))
    return timezone, datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)


@st.composite
def entries(draw, noon):
    days = st.integers(-4, 5).map(lambda n: (noon + n * DAY).date().isoformat())
    entry = {}
    kind = draw(st.sampled_from(["date", "range", "both", "any", "any"]))
    if kind in ("date", "both"):
        entry["date"] = draw(days)
    if kind in ("range", "both"):
        first, last = sorted([draw(days), draw(days)])
        entry |= draw(st.sampled_from([{"from": first}, {"to": last}, {"from": first, "to": last}]))
    if draw(st.booleans()):
        entry["weekdays"] = draw(st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=4))
    if draw(st.booleans()) or not entry:
        hours = st.sampled_from([0, 1, 2, 3, 5, 22, 23])
        minutes = st.sampled_from([0, 15, 30, 59])
        begin, end = (f"{draw(hours):02}:{draw(minutes):02}" for _ in range(2))
        entry["window"] = "00:00-24:00" if begin == end else f"{begin}-{end}"
    return entry


@st.composite
def worlds(draw, most=1):
    """Calendars of one zone, as (calendar, its entries), and noon of the day around which they matter."""
    timezone, noon = draw(places())
    made = []
    for n in range(draw(st.integers(1, most))):
        said = draw(st.lists(entries(noon), max_size=4))
        mode, on_excluded = draw(st.sampled_from(CalendarMode)), draw(st.sampled_from(OnExcluded))
        where = {"timezone": timezone, "mode": mode, "on_excluded": on_excluded, "name": f"c{n}"}
        made.append((calendar(*said, **where), said))
    return made, noon

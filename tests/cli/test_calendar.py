"""scheduler calendar: create, edit, list, show, delete, check."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from resources.states import CalendarMode, OnExcluded

SUNDAYS = ("calendar", "create", "x", "--days", "sun", "--timezone", "Europe/Berlin")


@pytest.fixture
def stored(database, tenant):
    """stored(name) is the calendar as it is kept."""

    def stored(name="x"):
        with database.begin(tenant) as store:
            return store.calendars.get(tenant, name)

    return stored


@pytest.fixture
def refused_calendar(refused, tenant):
    """refused_calendar(word, …) is the error of the command for tenant acme."""
    return lambda *words, **expected: refused("calendar", *words, "--tenant", tenant, **expected)


def test_every_option_of_create_is_kept(scheduler, stored):
    nights = ("--days", "fri-mon", "--window", "22:00-06:00", "--from", "2026-12-01", "--to", "2026-12-31")
    more = ("--include", "--on-excluded", "move", "--timezone", "Europe/Berlin", "--description", "d")
    result = scheduler("calendar", "create", "x", *nights, *more, "--actor", "ann")
    assert (result.exit_code, result.stdout) == (0, "calendar x created\n")
    made = stored()
    assert (made.mode, made.on_excluded) == (CalendarMode.INCLUDE, OnExcluded.MOVE)
    assert (made.timezone, made.description, made.created_by) == ("Europe/Berlin", "d", "ann")
    days = {"from": "2026-12-01", "to": "2026-12-31", "weekdays": ["mon", "fri", "sat", "sun"]}
    assert made.entries == [days | {"window": "22:00-06:00"}]


@pytest.mark.parametrize(
    ("options", "entries"),
    [
        (("--date", "2026-12-25", "--date", "2026-12-26"), [{"date": "2026-12-25"}, {"date": "2026-12-26"}]),
        (
            ("--date", "2026-12-24", "--window", "12:00-24:00"),
            [{"date": "2026-12-24", "window": "12:00-24:00"}],
        ),
        (("--window", "22:00-06:00"), [{"window": "22:00-06:00"}]),
        (
            ("--days", "sat,Sun", "--date", "2026-12-25"),
            [{"date": "2026-12-25"}, {"weekdays": ["sat", "sun"]}],
        ),
        (("--from", "2026-12-20"), [{"from": "2026-12-20"}]),
    ],
)
def test_options_make_entries(scheduler, stored, options, entries):
    assert scheduler("calendar", "create", "x", *options).exit_code == 0
    made = stored()
    assert made.entries == entries
    assert (made.mode, made.on_excluded, made.timezone) == (CalendarMode.EXCLUDE, OnExcluded.SKIP, "UTC")


def test_a_file_adds_its_entries(scheduler, stored, tmp_path):
    file = tmp_path / "holidays.json"
    file.write_text('[{"date": "2026-12-25"}, {"weekdays": ["sun"], "window": "00:00-24:00"}]')
    assert scheduler("calendar", "create", "x", "--date", "2026-01-01", "--file", file).exit_code == 0
    assert [one.get("date") for one in stored().entries] == ["2026-01-01", "2026-12-25", None]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("{", "is not JSON: "),
        ('{"date": "2026-12-25"}', "is not a list of entries"),
        (
            '[{"date": "2026-12-25"}, {"windows": "1"}]',
            "entries[1].windows: '1' is not valid; expected no key but",
        ),
        ("[" * 100_000, "is not JSON: "),
        ('["\xff', "is not JSON: "),
    ],
    ids=["syntax", "object", "key", "deep", "encoding"],
)
def test_a_file_that_makes_no_sense_is_refused(refused_calendar, tmp_path, content, error):
    file = tmp_path / "holidays.json"
    file.write_bytes(content.encode("latin-1"))
    assert error in refused_calendar("create", "x", "--file", file)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ((), "entries: 'none' is not valid; expected at least one of --date, --days,"),
        (("--days", "mon-fry"), "days: 'mon-fry' is not valid; expected days such as mon-fri or sat,sun"),
        (("--days", ""), "days: '' is not valid"),
        (("--date", "25.12.2026"), "entries[0].date: '25.12.2026' is not valid; expected a date such as"),
        (("--window", "8-9"), "entries[0].window: '8-9' is not valid; expected two different times"),
        (("--from", "2026-02-02", "--to", "2026-02-01"), "entries[0].to: '2026-02-01' is not valid"),
        (
            ("--days", "sun", "--timezone", "Mars"),
            "timezone: 'Mars' is not valid; expected an IANA time zone",
        ),
        (("--days", "sun", "--on-excluded", "fail"), "'fail' is not one of 'skip', 'move'"),
        (("--file", "/nowhere/at/all"), "file: '/nowhere/at/all' is not valid; expected a readable file"),
    ],
)
def test_bad_input_is_refused_by_its_field(refused_calendar, options, error):
    assert error in refused_calendar("create", "x", *options)


def test_a_bad_name_and_a_name_in_use_are_refused(scheduler, refused_calendar):
    assert "name: 'a/b' is not valid" in refused_calendar("create", "a/b", "--days", "sun")
    scheduler(*SUNDAYS)
    assert refused_calendar("create", "x", "--days", "sun") == "Error: calendar 'x' exists already"


def test_edit_changes_what_is_given(scheduler, stored):
    scheduler(*SUNDAYS, "--description", "d")
    result = scheduler("calendar", "edit", "x", "--on-excluded", "move", "--actor", "eve", "--version", 1)
    assert (result.exit_code, result.stdout) == (0, "calendar x is at version 2\n")
    after = stored()
    assert (after.on_excluded, after.updated_by, after.timezone) == (OnExcluded.MOVE, "eve", "Europe/Berlin")
    assert (after.entries, after.description, after.mode) == (
        [{"weekdays": ["sun"]}],
        "d",
        CalendarMode.EXCLUDE,
    )
    scheduler("calendar", "edit", "x", "--include", "--days", "mon-fri", "--description", "")
    after = stored()
    assert (after.mode, after.description, after.version) == (CalendarMode.INCLUDE, "", 3)
    assert after.entries == [{"weekdays": ["mon", "tue", "wed", "thu", "fri"]}]


def test_an_edit_without_options_changes_nothing(scheduler, stored):
    scheduler(*SUNDAYS)
    assert scheduler("calendar", "edit", "x").stdout == "calendar x is at version 1\n"
    assert stored().version == 1


def test_an_edit_from_an_old_version_shows_both(scheduler, refused_calendar):
    scheduler(*SUNDAYS)
    scheduler("calendar", "edit", "x", "--description", "theirs", "--actor", "bob")
    error = refused_calendar("edit", "x", "--description", "mine", "--version", 1, code=1)
    assert error.startswith(
        "Error: calendar 'x' is at version 2, the edit was made from version 1: bob changed"
    )
    assert error.endswith("; description: yours 'mine', theirs 'theirs'")


def test_list_shows_pages(scheduler):
    assert scheduler("calendar", "list").stderr == "no calendars\n"
    for name in ("b", "a"):
        scheduler("calendar", "create", name, "--days", "sun", "--on-excluded", "move")
    result = scheduler("calendar", "list", "--limit", 1)
    assert result.stdout.splitlines()[1].split() == [
        "a",
        "exclude",
        "moves",
        "to",
        "its",
        "end",
        "UTC",
        "1",
        "1",
    ]
    cursor = result.stderr.split()[-1]
    (second,) = json.loads(scheduler("calendar", "list", "--json", "--cursor", cursor).stdout)
    assert (second["name"], second["entries"]) == ("b", [{"weekdays": ["sun"]}])


def test_show_tells_the_entries_and_who_uses_it(scheduler, admin):
    scheduler(*SUNDAYS)
    scheduler("schedule", "create", "nightly", "--kind", "graph", "--once", "2100-01-01T00:00:00Z")
    admin.execute("UPDATE scheduler.triggers SET calendars = '{x}'")
    text = scheduler("calendar", "show", "x").stdout
    assert "Europe/Berlin" in text
    assert '{"weekdays": ["sun"]}' in text
    said = json.loads(scheduler("calendar", "show", "x", "--json").stdout)
    assert (said["used_by"], said["entries"]) == (["nightly"], [{"weekdays": ["sun"]}])


def test_delete_asks_and_refuses_what_is_in_use(scheduler, refused_calendar, admin):
    scheduler(*SUNDAYS)
    scheduler("schedule", "create", "nightly", "--kind", "graph", "--once", "2100-01-01T00:00:00Z")
    admin.execute("UPDATE scheduler.triggers SET calendars = '{x}'")
    error = refused_calendar("delete", "x", "--yes", code=1)
    assert error == "Error: calendar 'x' is used by 'nightly'; it cannot become deleted"
    scheduler("schedule", "delete", "nightly", "--yes")
    assert scheduler("calendar", "delete", "x", input="n\n").exit_code == 1
    assert scheduler("calendar", "delete", "x", input="y\n").stdout == "calendar x deleted\n"
    assert refused_calendar("show", "x") == "Error: calendar 'x' does not exist for this tenant"


def checked(scheduler, *words):
    result = scheduler("calendar", "check", "x", *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_check_says_until_when_a_time_is_excluded(scheduler):
    scheduler(*SUNDAYS)
    said = checked(scheduler, "2026-03-29T01:00", "2026-03-28T23:30:00Z", "2026-03-30T00:00:00+02:00")
    assert said == {
        "answers": [
            {"at": "2026-03-29T00:00:00+00:00", "excluded": True, "until": "2026-03-29T22:00:00+00:00"},
            {"at": "2026-03-28T23:30:00+00:00", "excluded": True, "until": "2026-03-29T22:00:00+00:00"},
            {"at": "2026-03-29T22:00:00+00:00", "excluded": False, "until": None},
        ]
    }
    text = scheduler("calendar", "check", "x", "2026-03-29T01:00").stdout
    assert text.splitlines()[1].split() == ["2026-03-29T01:00:00+01:00", "yes", "2026-03-30T00:00:00+02:00"]


def test_check_is_about_now_when_no_time_is_given(scheduler):
    scheduler("calendar", "create", "x", "--from", "2020-01-01")
    for words in ((), ("now",)):
        (answer,) = checked(scheduler, *words)["answers"]
        assert (answer["excluded"], answer["until"]) == (True, None)
        age = datetime.now(UTC) - datetime.fromisoformat(answer["at"])
        assert abs(age) < timedelta(minutes=5)


def test_check_lists_what_is_excluded_in_the_next_days(scheduler):
    scheduler(*SUNDAYS, "--on-excluded", "move")
    said = checked(scheduler, "--days-ahead", "21")
    assert said["answers"] == []
    assert len(said["excluded"]) in (3, 4)
    assert all(one["from"] < one["until"] for one in said["excluded"])
    text = scheduler("calendar", "check", "x", "now", "--days-ahead", "21").stdout
    assert text.count("FROM") == text.count("EXCLUDED") == 1
    scheduler("calendar", "create", "y", "--date", "2020-01-01")
    result = scheduler("calendar", "check", "y", "--days-ahead", "3")
    assert (result.stdout, result.stderr) == ("", "nothing is excluded in 3 days\n")


@pytest.mark.parametrize(
    ("at", "error"),
    [
        ("soon", "'soon' is not a time"),
        ("2026-03-29T02:30", "at: '2026-03-29T02:30:00' is not valid; expected a time with its offset"),
        ("2026-10-25T02:30", "at: '2026-10-25T02:30:00' is not valid; expected a time with its offset"),
        ("9999-12-31T23:59:00Z", "expected a time between the years 1 and 9999"),
        ("0001-01-01T00:00:00+05:00", "expected a time between the years 1 and 9999"),
    ],
)
def test_check_refuses_a_time_that_is_none(scheduler, refused_calendar, at, error):
    scheduler(*SUNDAYS)
    assert error in refused_calendar("check", "x", at)

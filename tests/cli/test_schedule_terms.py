"""scheduler schedule: jitter, calendars, limits and conditions; preview of what is skipped, diff before an edit."""

import json
from datetime import timedelta

import pytest

from resources.states import DayMatch

FIRST = ("--kind", "graph", "--cron", "0 9 * * *", "--starts-at", "2100-01-01T00:00:00Z")


@pytest.fixture
def calendar(scheduler):
    """calendar(name, option, …) creates one."""

    def calendar(name, *options):
        result = scheduler("calendar", "create", name, *options)
        assert result.exit_code == 0, result.output

    return calendar


def test_every_option_of_create_is_kept(scheduler, kept, calendar):
    calendar("freeze", "--date", "2100-01-01")
    terms = ("--jitter", "10m", "--calendar", "freeze", "--max-fires", 5, "--day-match", "and")
    limits = ("--max-runs-per-hour", 4, "--only-if", "feed_changed", "--only-if", "report_older_than_days=7")
    result = scheduler("schedule", "create", "x", *FIRST, *terms, *limits)
    assert result.exit_code == 0, result.output
    made, (trigger,) = kept("x")
    assert (trigger.jitter, trigger.calendars, trigger.max_fires) == (timedelta(minutes=10), ["freeze"], 5)
    assert trigger.day_match is DayMatch.AND
    assert made.max_runs_per_hour == 4
    assert made.only_if == {"feed_changed": True, "report_older_than_days": 7}
    assert "jitter 10m, calendars freeze, at most 5 fires" in " ".join(result.stdout.split())


def test_edit_changes_and_clears_them(scheduler, kept, calendar):
    calendar("freeze", "--date", "2100-01-01")
    scheduler("schedule", "create", "x", *FIRST)
    scheduler("schedule", "edit", "x", "--jitter", "10m", "--calendar", "freeze", "--max-runs-per-hour", 2)
    made, (trigger,) = kept("x")
    assert (trigger.jitter, trigger.calendars, made.max_runs_per_hour) == (
        timedelta(minutes=10),
        ["freeze"],
        2,
    )
    cleared = ("jitter", "calendars", "max-runs-per-hour")
    result = scheduler("schedule", "edit", "x", *(part for name in cleared for part in ("--clear", name)))
    assert result.exit_code == 0, result.output
    made, (trigger,) = kept("x")
    assert (trigger.jitter, trigger.calendars, made.max_runs_per_hour) == (timedelta(), [], None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--jitter", "2d"), "jitter: 2d is not valid; expected 0 seconds to 1 day"),
        (("--calendar", "none"), "calendar 'none' does not exist"),
        (("--max-fires", "0"), "max_fires: 0 is not valid; expected 1 or more"),
        (("--max-runs-per-hour", "-1"), "max_runs_per_hour: -1 is not valid; expected 1 or more"),
        (("--only-if", "moon"), "only_if: 'moon' is not valid; expected one of"),
        (("--only-if", "report_older_than_days"), "expected report_older_than_days=DAYS, such as"),
        (("--only-if", "report_older_than_days=x"), "expected a number after '='"),
        (("--only-if", "feed_changed", "--only-if", "feed_changed"), "given twice"),
        (("--clear", "jitter", "--jitter", "1m"), "clear: 'jitter' is not valid"),
    ],
)
def test_wrong_terms_are_refused(scheduler, refused, tenant, kept, options, message):
    scheduler("schedule", "create", "x", *FIRST)
    before = kept("x")
    assert message in refused("schedule", "edit", "x", "--tenant", tenant, *options)
    assert kept("x") == before


def test_the_next_fire_shown_is_when_it_is_due(scheduler, calendar):
    calendar("night", "--window", "08:00-11:30", "--on-excluded", "move")
    made = scheduler("schedule", "create", "x", *FIRST, "--calendar", "night")
    for shown in (made, scheduler("schedule", "list"), scheduler("schedule", "show", "x")):
        assert "2100-01-01T11:30:00+00:00" in shown.stdout, shown.output


def test_the_preview_crosses_a_change_of_clocks(scheduler):
    times = ("--cron", "30 1-3 * * *", "--timezone", "Europe/Berlin", "--starts-at", "2100-03-28T00:00:00Z")
    scheduler("schedule", "create", "x", "--kind", "graph", *times)
    shown = json.loads(scheduler("schedule", "preview", "x", "--count", 3, "--json").stdout)
    assert [(one["at"], one["offset"]) for one in shown] == [
        ("2100-03-28T00:30:00+00:00", "+0100"),
        ("2100-03-28T01:00:00+00:00", "+0200"),
        ("2100-03-28T01:30:00+00:00", "+0200"),
    ]
    assert shown[1]["local"] == "2100-03-28T03:00:00+02:00"


def test_the_preview_says_why_a_fire_is_skipped(scheduler, calendar):
    calendar("newyear", "--date", "2100-01-01")
    scheduler("schedule", "create", "x", *FIRST, "--calendar", "newyear")
    shown = json.loads(scheduler("schedule", "preview", "x", "--count", 2, "--json").stdout)
    assert [one["skipped"] for one in shown] == ["calendar:newyear", None]
    assert "calendar:newyear" in scheduler("schedule", "preview", "x").stdout


def test_what_a_calendar_moved_is_shown_with_the_time_it_was_planned_for(scheduler, calendar, environment):
    calendar("night", "--window", "08:00-11:30", "--date", "2100-01-01", "--on-excluded", "move")
    scheduler("schedule", "create", "x", *FIRST, "--jitter", "1h")
    shown = scheduler("schedule", "preview", "x", "--count", 2)
    assert "PLANNED FOR" not in shown.stdout
    scheduler("schedule", "edit", "x", "--calendar", "night")
    environment["COLUMNS"] = "200"
    head, moved, other = scheduler("schedule", "preview", "x", "--count", 2).stdout.splitlines()
    assert "PLANNED FOR" in head
    assert moved.startswith("2100-01-01T11") or moved.startswith("2100-01-01T12")
    assert "2100-01-01T09:00:00+00:00" in moved
    assert other[head.index("PLANNED FOR") :].startswith("- ")


def test_diff_shows_what_a_calendar_would_move(scheduler, calendar):
    calendar("mornings", "--window", "08:00-11:30", "--on-excluded", "move")
    scheduler("schedule", "create", "x", "--kind", "graph", "--cron", "0 9 * * *")
    result = scheduler("schedule", "diff", "x", "--calendar", "mornings", "--horizon", "2d")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0].split() == ["AT", "LOCAL", "PLANNED", "FOR", "TRIGGER"]
    assert "T09:00:00+00:00" in next(line for line in result.stdout.splitlines() if line.startswith("+"))


def test_diff_shows_fires_gained_and_lost_and_changes_nothing(scheduler, kept):
    scheduler("schedule", "create", "x", "--kind", "graph", "--cron", "0 9 * * *")
    before = kept("x")
    result = scheduler("schedule", "diff", "x", "--cron", "0 9,21 * * *", "--horizon", "2d")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0].split() == ["AT", "LOCAL", "TRIGGER"]
    assert result.stdout.splitlines()[-1].startswith("gained 2, lost 0 until ")
    result = scheduler("schedule", "diff", "x", "--cron", "0 21 * * *", "--horizon", "2d", "--json")
    changed = json.loads(result.stdout)
    assert (len(changed["gained"]), len(changed["lost"])) == (2, 2)
    assert {one["at"][11:16] for one in changed["lost"]} == {"09:00"}
    assert kept("x") == before


def test_diff_reads_what_show_prints(scheduler, tmp_path):
    scheduler("schedule", "create", "x", "--kind", "graph", "--cron", "0 9 * * *", "--every", "2h")
    shown = json.loads(scheduler("schedule", "show", "x", "--json").stdout)
    file = tmp_path / "x.json"
    file.write_text(json.dumps(shown))
    result = scheduler("schedule", "diff", "x", str(file))
    assert result.stdout.splitlines()[-1].startswith("gained 0, lost 0 until "), result.output
    shown["triggers"][0]["cron"] = "0 10 * * *"
    shown["triggers"][0] |= {"every": None, "anchor": None}
    file.write_text(json.dumps(shown))
    result = scheduler("schedule", "diff", "x", str(file), "--horizon", "1d")
    assert not result.stdout.splitlines()[-1].startswith("gained 0, lost 0"), result.output


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "expected JSON"),
        ("[]", "expected an object with a list of triggers"),
        ('{"triggers": []}', "triggers: 'none' is not valid; expected at least one"),
        ('{"triggers": [1]}', "triggers[0]: 1 is not valid; expected an object"),
        ('{"triggers": [{}]}', "expected cron, every with anchor, at, or event"),
        ('{"triggers": [{"every": 60}]}', "triggers[0].anchor"),
        (
            '{"triggers": [{"every": "x"}]}',
            "triggers[0].every: 'x' is not valid; expected a number of seconds",
        ),
        ('{"triggers": [{"at": "2100-01-01"}]}', "triggers[0].at"),
        ('{"triggers": [{"cron": "0 9 * * *", "dst_gap": "x"}]}', "expected skip or shift"),
        ('{"triggers": [{"cron": "0 9 * * *", "jitter": 1}, {"cron": "0 8 * * *"}]}', "triggers[1]"),
        ('{"triggers": [{"cron": "61 9 * * *"}]}', "cron: '61 9 * * *' is not valid"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(scheduler, refused, tenant, tmp_path, document, message):
    scheduler("schedule", "create", "x", *FIRST)
    file = tmp_path / "x.json"
    file.write_text(document)
    assert message in refused("schedule", "diff", "x", str(file), "--tenant", tenant)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "edit: 'nothing' is not valid; expected FILE, or an option"),
        (("--max-runs-per-hour", "3"), "max_runs_per_hour: 3 is not valid"),
        (("--cron", "0 9 * * *", "--horizon", "4000d"), "horizon"),
        (("--every", "1s", "--horizon", "30d"), "more than 100000 fires"),
    ],
)
def test_a_difference_that_cannot_be_told_is_refused(scheduler, refused, tenant, options, message):
    scheduler("schedule", "create", "x", "--kind", "graph", "--every", "1d")
    assert message in refused("schedule", "diff", "x", "--tenant", tenant, *options)

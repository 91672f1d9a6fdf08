"""scheduler schedule: edit, restore, preview, remove-trigger, and the pages of list."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from resources.states import CatchUp, Overlap

FAR = datetime(2100, 1, 1, tzinfo=UTC)
EVERY = ("--kind", "graph", "--every", "10m")
EDIT = (sys.executable, "-m", "scheduler_defs.cli.main", "schedule", "edit")
WAITERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)
LATER = ("--kind", "graph", "--once", "2100-01-01T00:00:00Z")


@pytest.fixture
def listed(scheduler):
    """listed(option, …) is the JSON of schedule list."""
    return lambda *options: json.loads(scheduler("schedule", "list", "--json", *options).stdout)


@pytest.fixture
def refused_edit(refused, tenant, scheduler):
    """refused_edit(option, …) is the error of an edit of the schedule x."""
    scheduler("schedule", "create", "x", *LATER)
    return lambda *options, **expected: refused(
        "schedule", "edit", "x", "--tenant", tenant, *options, **expected
    )


def test_edit_changes_what_is_given(scheduler, kept):
    scheduler("schedule", "create", "x", *LATER, "--label", "tier=prod", "--schedule-label", "team=a")
    result = scheduler("schedule", "edit", "x", "--priority", 3, "--overlap", "allow", "--actor", "eve")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("schedule x is at version 2\n")
    after, (trigger,) = kept("x")
    assert (after.priority, after.overlap, after.updated_by) == (3, Overlap.ALLOW, "eve")
    assert (after.labels, after.selection) == ({"team": "a"}, {"labels": {"tier": "prod"}})
    assert (after.catch_up, trigger.next_fire_at) == (CatchUp.LATEST, FAR)


def test_every_option_of_edit_is_kept(scheduler, kept):
    scheduler("schedule", "create", "x", "--kind", "policy", "--every", "10m")
    about = ("--rename", "y", "--mode", "incremental", "--description", "d", "--schedule-label", "team=b")
    times = ("--cron", "0 9 * * *", "--timezone", "Europe/Berlin", "--starts-at", "2099-12-01T00:00:00Z")
    more = ("--catch-up", "none", "--catch-up-window", "1h", "--misfire-grace", "5s", "--namespace", "web")
    result = scheduler("schedule", "edit", "x", *about, *times, *more, "--ends-at", "2101-01-01T00:00:00Z")
    assert result.exit_code == 0, result.output
    after, (trigger,) = kept("y")
    assert (after.mode, after.description, after.labels) == ("incremental", "d", {"team": "b"})
    assert (after.catch_up, after.catch_up_window) == (CatchUp.NONE, timedelta(hours=1))
    assert (after.misfire_grace, after.selection) == (timedelta(seconds=5), {"namespace": "web"})
    assert (trigger.cron, trigger.next_fire_at) == ("0 9 * * *", datetime(2099, 12, 1, 8, tzinfo=UTC))


def test_fields_are_taken_away(scheduler, kept):
    bounds = ("--starts-at", "2099-12-01T00:00:00Z", "--ends-at", "2101-01-01T00:00:00Z")
    scheduler("schedule", "create", "x", *LATER, *bounds, "--namespace", "web", "--schedule-label", "team=a")
    clear = [word for field in ("labels", "selection", "starts-at", "ends-at") for word in ("--clear", field)]
    assert scheduler("schedule", "edit", "x", *clear).exit_code == 0
    after, _ = kept("x")
    assert (after.labels, after.selection, after.starts_at, after.ends_at) == ({}, {}, None, None)


@pytest.mark.parametrize("options", [(), ("--version", 1)])
def test_an_edit_that_asks_for_nothing_is_refused(refused_edit, options):
    assert "nothing is asked for" in refused_edit(*options)


def test_an_edit_from_an_old_version_shows_both(scheduler, refused_edit):
    scheduler("schedule", "edit", "x", "--priority", 5, "--actor", "bob")
    error = refused_edit("--priority", 7, "--version", 1, code=1)
    assert error.startswith(
        "Error: schedule 'x' is at version 2, the edit was made from version 1: bob changed it at 20"
    )
    assert error.endswith("; priority: yours 7, theirs 5")
    scheduler("schedule", "pause", "x", "--reason", "noise")
    error = refused_edit("--priority", 7, "--version", 1, code=1)
    assert error.endswith(
        "; enabled: theirs False; paused_reason: theirs 'noise'; priority: yours 7, theirs 5"
    )
    error = refused_edit("--priority", 5, "--version", 2, code=1)
    assert error.endswith("; enabled: theirs False; paused_reason: theirs 'noise'"), (
        "what is as wanted already"
    )
    scheduler("schedule", "resume", "x")
    assert scheduler("schedule", "edit", "x", "--priority", 7, "--version", 4).exit_code == 0


def test_a_conflict_tells_triggers_in_words(scheduler, refused_edit):
    scheduler("calendar", "create", "freeze", "--date", "2100-01-01")
    by_night = ("--cron", "0 2 * * *", "--timezone", "Europe/Berlin", "--calendar", "freeze")
    scheduler("schedule", "edit", "x", *by_night, "--every", "1d")
    theirs = "theirs 'cron 0 2 * * * in Europe/Berlin, calendars freeze; every 1d, calendars freeze'"
    assert refused_edit("--priority", 7, "--version", 1, code=1).endswith(
        f"; priority: yours 7, theirs 0; triggers: {theirs}"
    )
    error = refused_edit("--cron", "0 3 * * *", "--jitter", "5m", "--version", 1, code=1)
    yours = "yours 'cron 0 3 * * * in Europe/Berlin, jitter 5m, calendars freeze'"
    assert error.endswith(f"; triggers: {yours}, {theirs}")
    assert "triggers" not in refused_edit("--priority", 7, "--calendar", "freeze", "--version", 1, code=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--timezone", "Asia/Tokyo"),
            "timezone: 'Asia/Tokyo' is not valid; expected nothing for a schedule",
        ),
        (
            ("--dst-gap", "skip"),
            "dst_gap: 'skip' is not valid; expected nothing for a schedule without a cron",
        ),
        (("--timezone", ""), "timezone: '' is not valid; expected an IANA time zone"),
        (("--version", 9, "--priority", 1), "version of the schedule 9 does not exist"),
        (("--priority", 101), "priority: 101 is not valid"),
        (("--mode", "full"), "mode: 'full' is not valid; expected no mode for a graph run"),
        (("--schedule-label", "team"), "labels: 'team' is not valid; expected KEY=VALUE"),
        (("--clear", "labels", "--schedule-label", "a=b"), "clear: 'labels' is not valid"),
        (("--clear", "name"), "Invalid value for '--clear'"),
        (("--rename", "a/b"), "name: 'a/b' is not valid"),
        (("--cron", "61 * * * *"), "cron: '61 * * * *' is not valid"),
        (("--once", "2020-01-01T00:00:00Z"), "at: 2020-01-01"),
        (("--misfire-grace", "36501d"), "misfire_grace: 36501d"),
    ],
)
def test_a_wrong_edit_is_refused(refused_edit, options, message):
    assert message in refused_edit(*options)


@pytest.mark.parametrize("command", ["edit", "restore", "preview", "remove-trigger"])
def test_an_unknown_schedule_is_refused(refused, cli, tenant, command):
    cli("schedule", "create", "theirs", *EVERY, "--tenant", "globex")
    trigger = ("abc",) if command == "remove-trigger" else ()
    error = refused("schedule", command, "theirs", *trigger, "--tenant", tenant)
    assert error.endswith("schedule 'theirs' does not exist for this tenant")


def test_restore_brings_a_deleted_schedule_back(scheduler, kept, refused, tenant):
    scheduler("schedule", "create", "x", *LATER)
    scheduler("schedule", "delete", "x", "--yes")
    result = scheduler("schedule", "restore", "x")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "schedule x restored")
    assert kept("x")[1][0].next_fire_at == FAR
    scheduler("schedule", "pause", "x")
    scheduler("schedule", "delete", "x", "--yes")
    scheduler("schedule", "create", "x", *LATER)
    assert refused("schedule", "restore", "x", "--tenant", tenant) == "Error: schedule 'x' exists already"
    scheduler("schedule", "edit", "x", "--rename", "y")
    assert scheduler("schedule", "restore", "x").stdout.startswith("schedule x restored, paused as it was\n")


def test_preview_shows_utc_and_local_time(scheduler):
    times = ("--cron", "0 9 * * *", "--timezone", "Europe/Berlin", "--starts-at", "2099-12-31T00:00:00Z")
    scheduler("schedule", "create", "x", "--kind", "graph", *times, "--once", "2099-12-31T08:30:00Z")
    result = scheduler("schedule", "preview", "x", "--count", 3)
    assert [line.split("  ")[:2] for line in result.stdout.splitlines()[1:]] == [
        ["2099-12-31T08:00:00+00:00", "2099-12-31T09:00:00+01:00"],
        ["2099-12-31T08:30:00+00:00", "2099-12-31T08:30:00+00:00"],
        ["2100-01-01T08:00:00+00:00", "2100-01-01T09:00:00+01:00"],
    ]
    assert result.stderr == ""
    scheduler("schedule", "pause", "x")
    assert "paused ones fire only once they are resumed" in scheduler("schedule", "preview", "x").stderr
    shown = json.loads(scheduler("schedule", "preview", "x", "--count", 1, "--json").stdout)
    assert [(one["at"], one["local"], one["paused"]) for one in shown] == [
        ("2099-12-31T08:00:00+00:00", "2099-12-31T09:00:00+01:00", True)
    ]


def test_a_trigger_is_removed_by_how_its_id_ends(scheduler, kept, refused, tenant):
    scheduler("schedule", "create", "x", *EVERY, "--once", "2100-01-01T00:00:00Z")
    _, triggers = kept("x")
    (once,) = (one for one in triggers if one.at)
    assert str(once.id)[-12:] in scheduler("schedule", "show", "x").stdout
    result = scheduler("schedule", "remove-trigger", "x", str(once.id)[-12:].upper())
    assert result.stdout == "trigger once at 2100-01-01T00:00:00+00:00 removed from schedule x\n"
    assert [one.id for one in kept("x")[1]] == [one.id for one in triggers if one != once]
    for text in (str(once.id), "nothing", ""):
        assert "does not exist" in refused("schedule", "remove-trigger", "x", text, "--tenant", tenant)


def test_an_end_that_several_triggers_share_is_refused(scheduler, kept, refused, tenant):
    scheduler(
        "schedule",
        "create",
        "x",
        "--kind",
        "graph",
        *[word for n in range(2, 20) for word in ("--every", f"{n}h")],
    )
    ends = [str(one.id)[-1] for one in kept("x")[1]]
    shared = next(end for end in ends if ends.count(end) > 1)
    error = refused("schedule", "remove-trigger", "x", shared, "--tenant", tenant)
    assert "more digits: several triggers match" in error


def test_lists_are_narrowed(scheduler, listed):
    scheduler("schedule", "create", "shop a", *EVERY, "--schedule-label", "team=a")
    scheduler("schedule", "create", "shop b", *EVERY, "--schedule-label", "team=b")
    scheduler("schedule", "create", "web", *EVERY, "--schedule-label", "team=a")
    scheduler("schedule", "delete", "web", "--yes")

    def names(*options):
        return [one["name"] for one in listed(*options)]

    assert names("--name-prefix", "shop") == ["shop a", "shop b"]
    assert names("--label", "team=a") == ["shop a"]
    assert names("--label", "team=a", "--deleted") == ["shop a", "web"]
    assert names("--label", "team=a", "--label", "tier=x") == []
    lines = scheduler("schedule", "list", "--deleted").stdout.splitlines()
    assert lines[3].split()[:3] == ["web", "graph", "deleted"]


def test_a_list_is_paged(scheduler, listed):
    for name in "abcde":
        scheduler("schedule", "create", name, *LATER)
    assert [one["name"] for one in listed()] == [*"abcde"]
    result = scheduler("schedule", "list", "--limit", 3)
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == [*"abc"]
    cursor = result.stderr.removeprefix("there are more: --cursor ").strip()
    assert [one["name"] for one in listed("--limit", 3)] == [*"abc"]
    rest = scheduler("schedule", "list", "--cursor", cursor)
    assert [line.split()[0] for line in rest.stdout.splitlines()[1:]] == [*"de"]
    assert rest.stderr == ""


@pytest.mark.parametrize("options", [("--cursor", "abc"), ("--limit", "0"), ("--label", "team")])
def test_a_page_that_makes_no_sense_is_refused(refused, tenant, options):
    assert options[0].strip("-") in refused("schedule", "list", "--tenant", tenant, *options)


def test_an_edit_that_waits_for_another_reads_the_clock_when_its_turn_comes(
    scheduler, database, tenant, environment, admin
):
    scheduler("schedule", "create", "nightly", *LATER)
    with database.begin(tenant) as store:
        store.schedules.lock(tenant, "nightly")
        waiting = subprocess.Popen(
            [*EDIT, "nightly", "--tenant", tenant, "--ends-at", "2099-01-01T00:00:00Z"],
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while not admin.execute(WAITERS).fetchone()[0] and time.monotonic() < deadline:
            time.sleep(0.02)
        released = store.now()
    assert waiting.wait(60) == 0
    with database.begin(tenant) as store:
        schedule = store.schedules.get_by_name(tenant, "nightly")
    assert schedule.version == 2
    assert schedule.updated_at > released

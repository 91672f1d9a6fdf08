"""scheduler schedule: list, show, pause, resume, delete, trigger."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from resources.states import RunState
from scheduler_defs.cli import following

EVERY = ("--kind", "graph", "--every", "10m")


@pytest.mark.parametrize("command", ["show", "pause", "resume", "delete", "trigger"])
def test_an_unknown_schedule_is_refused(refused, cli, tenant, command):
    cli("schedule", "create", "theirs", *EVERY, "--tenant", "globex")
    options = ("--yes",) if command == "delete" else ()
    error = refused("schedule", command, "theirs", "--tenant", tenant, *options)
    assert error == "Error: schedule 'theirs' does not exist for this tenant"


def test_schedules_are_listed_by_kind_and_state(scheduler):
    scheduler("schedule", "create", "b", *EVERY)
    scheduler("schedule", "create", "a", "--kind", "policy", "--cron", "@daily")
    scheduler("schedule", "pause", "a")

    def names(*options):
        return [one["name"] for one in json.loads(scheduler("schedule", "list", "--json", *options).stdout)]

    assert names() == ["a", "b"]
    assert names("--kind", "graph") == names("--enabled") == ["b"]
    assert names("--kind", "policy") == names("--paused") == ["a"]
    lines = scheduler("schedule", "list").stdout.splitlines()
    assert lines[0].split("  ")[0] == "NAME"
    assert lines[1].split()[:4] == ["a", "policy", "full", "paused"]
    assert lines[2].split()[:3] == ["b", "graph", "active"]


def test_show_tells_everything(scheduler, kept, carry_out, runs, tenant):
    scheduler(
        "schedule",
        "create",
        "x",
        *EVERY,
        "--cron",
        "0 9 * * *",
        "--timezone",
        "Europe/Berlin",
        "--label",
        "a=b",
    )
    run_id = scheduler("schedule", "trigger", "x").stdout.strip()
    carry_out(tenant, runs()[0].id)
    made, triggers = kept("x")

    shown = json.loads(scheduler("schedule", "show", "x", "--json").stdout)
    assert shown.keys() - {"triggers", "runs"} == vars(made).keys()
    assert shown["selection"] == {"labels": {"a": "b"}}
    assert (shown["catch_up_window"], shown["misfire_grace"]) == (86400.0, 60.0)
    assert [datetime.fromisoformat(one["next_fire_at"]) for one in shown["triggers"]] == [
        trigger.next_fire_at for trigger in triggers
    ]
    assert [(one["id"], one["state"]) for one in shown["runs"]] == [(run_id, "completed")]

    text = scheduler("schedule", "show", "x").stdout
    assert all(name.replace("_", " ") in text for name in vars(made))
    (nine,) = [trigger.next_fire_at for trigger in triggers if trigger.cron]
    local = nine.astimezone(ZoneInfo("Europe/Berlin")).isoformat(timespec="seconds")
    assert "T09:00:00+0" in local
    assert local in text
    assert nine.isoformat(timespec="seconds") in text
    assert run_id[-12:] in text


def test_show_has_the_last_five_runs(scheduler):
    scheduler("schedule", "create", "x", *EVERY)
    asked = [scheduler("schedule", "trigger", "x").stdout.strip() for _ in range(6)]
    shown = json.loads(scheduler("schedule", "show", "x", "--json").stdout)["runs"]
    assert [one["id"] for one in shown] == asked[:0:-1]


def test_a_pause_of_what_is_paused_says_that_the_reason_stays(scheduler, kept):
    scheduler("schedule", "create", "x", "--kind", "graph", "--every", "1m")
    assert scheduler("schedule", "pause", "x", "--reason", "freeze").stderr == ""
    again = scheduler("schedule", "pause", "x", "--reason", "thaw")
    assert again.stdout == "schedule x is paused: freeze\n"
    assert again.stderr.startswith("it was paused already and keeps its reason")
    assert scheduler("schedule", "pause", "x").stderr == ""


def test_pause_and_resume_move_the_plan(scheduler, kept):
    scheduler("schedule", "create", "x", *EVERY)
    result = scheduler("schedule", "pause", "x", "--reason", "freeze", "--actor", "ann")
    assert (result.exit_code, result.stdout) == (0, "schedule x is paused: freeze\n")
    paused, (trigger,) = kept("x")
    assert (paused.enabled, paused.paused_reason, paused.updated_by) == (False, "freeze", "ann")
    assert trigger.next_fire_at is None

    result = scheduler("schedule", "resume", "x")
    assert result.stdout.startswith("schedule x is active\n")
    resumed, (trigger,) = kept("x")
    assert (resumed.enabled, resumed.paused_reason, resumed.version) == (True, None, 3)
    assert trigger.next_fire_at > resumed.updated_at


def test_delete_asks_first(scheduler, refused, kept, tenant, cli, row_counts):
    scheduler("schedule", "create", "x", *EVERY)
    before = row_counts()
    for answer in ("n\n", ""):
        result = scheduler("schedule", "delete", "x", input=answer)
        assert result.exit_code == 1
        assert "Delete schedule x of tenant acme? [y/N]" in result.stderr
        assert result.stderr.endswith("Error: aborted\n")
        assert row_counts() == before
        assert kept("x")[0].deleted_at is None
    result = scheduler("schedule", "delete", "x", input="y\n")
    assert (result.exit_code, result.stdout) == (0, "schedule x deleted\n")
    assert "does not exist" in refused("schedule", "show", "x", "--tenant", tenant)


def test_trigger_prints_the_run_and_how_to_follow_it(scheduler, runs):
    scheduler("schedule", "create", "x", "--kind", "policy", "--every", "1h", "--repository", "shop/*")
    result = scheduler("schedule", "trigger", "x", "--actor", "ann")
    (run,) = runs()
    assert result.stdout == f"{run.id}\n"
    assert result.stderr == f"follow it with: scheduler run logs {run.id} --follow --tenant acme\n"
    assert (run.schedule_name, run.kind, run.requested_by, run.state) == ("x", "policy", "ann", "pending")
    assert run.selection == {"repository": "shop/*"}


@pytest.mark.parametrize(
    ("end", "code"), [(RunState.COMPLETED, 0), (RunState.FAILED, 1), (RunState.CANCELLED, 1)]
)
def test_trigger_waits_for_the_end_of_the_run(scheduler, runs, carry_out, monkeypatch, tenant, end, code):
    scheduler("schedule", "create", "x", *EVERY)
    monkeypatch.setattr(following, "sleep", lambda _: carry_out(tenant, runs()[0].id, end))
    result = scheduler("schedule", "trigger", "x", "--wait")
    assert result.exit_code == code, result.output
    assert result.stderr.splitlines()[:2] == ["pending", end]
    assert ("the engine broke" in result.stderr) == (end is RunState.FAILED)


def test_waiting_ends_with_its_timeout(scheduler, runs, monkeypatch):
    scheduler("schedule", "create", "x", *EVERY)
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(following, "monotonic", lambda: next(clock))
    monkeypatch.setattr(following, "sleep", lambda _: None)
    result = scheduler("schedule", "trigger", "x", "--wait", "--timeout", "25s")
    assert result.exit_code == 124
    assert result.stderr == "pending\nstopped waiting after 25s: the run is pending\n"
    assert next(clock) == 40
    assert [run.state for run in runs()] == ["pending"]


def test_tables_fit_100_columns_and_break_no_id_or_time(
    scheduler, environment, carry_out, runs, kept, tenant
):
    environment["COLUMNS"] = "100"
    far = ("--timezone", "America/Argentina/Ushuaia")
    name = "a schedule whose name is as long as a name may be " + "x" * 78
    scheduler(
        "schedule",
        "create",
        name,
        *EVERY,
        "--cron",
        "*/5 8-18 * * 1-5",
        *far,
    )
    run_id = scheduler("schedule", "trigger", name).stdout.strip()
    carry_out(tenant, runs()[0].id)
    _, triggers = kept(name)
    when = [trigger.next_fire_at.isoformat(timespec="seconds") for trigger in triggers]
    listed = scheduler("schedule", "list").stdout
    assert min(when) in listed
    shown = scheduler("schedule", "show", name).stdout
    tables = shown[shown.index("TRIGGER") :]
    ledger = scheduler("run", "list").stdout
    assert all(time in tables for time in when)
    assert run_id[-12:] in tables
    assert run_id[-12:] in ledger
    assert max(map(len, (listed + tables + ledger).splitlines())) <= 100

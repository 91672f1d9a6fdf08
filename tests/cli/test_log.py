"""`scheduler log search`, and the lines of one run that `run logs` picks."""

import json
from datetime import timedelta

import pytest

from resources.records import LogLine
from resources.states import JobKind, LogLevel
from scheduler_defs.edits.runs import request_run


@pytest.fixture
def said(database, tenant):
    """A pending run with a line of each level, a day apart, the newest now; returns its id."""
    with database.begin_system() as store:
        run = store.runs.get(tenant, request_run(store, tenant, JobKind.GRAPH, "tests"))
        now = store.now()
        store.execution_logs.ensure_partitions(now - timedelta(days=10), now)
        lines = [
            LogLine(1, n, now - timedelta(days=n), level, f"Line {n} of {level}", {})
            for n, level in enumerate(LogLevel)
        ]
        old = LogLine(1, 9, now - timedelta(days=9), "error", "Old line", {"advisories": 41, "in": "zürich"})
        store.execution_logs.append(run, [*lines, old])
    return run.id


def messages(result):
    return [one["message"] for one in json.loads(result.stdout)]


def test_a_search_looks_back_a_week_newest_first(scheduler, said):
    found = messages(scheduler("log", "search", "--json"))
    assert found == [f"Line {n} of {level}" for n, level in enumerate(LogLevel)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--level", "warning"], ["Line 2 of warning", "Line 3 of error"]),
        (["--grep", "OF INFO"], ["Line 1 of info"]),
        (["--since", "2020-01-01T00:00:00Z", "--grep", "old"], ["Old line"]),
        (["--since", "2020-01-01T00:00", "--grep", "old"], ["Old line"]),
        (["--schedule", "nightly"], None),
        (["--limit", "1"], ["Line 0 of debug"]),
    ],
)
def test_a_search_is_narrowed(scheduler, said, options, expected):
    result = scheduler("log", "search", *options, "--json")
    if expected is None:
        assert "schedule 'nightly' does not exist" in result.stderr
    else:
        assert messages(result) == expected


def test_a_search_of_a_run_shows_a_table(scheduler, said):
    result = scheduler("log", "search", "--run", str(said)[-12:], "--level", "error")
    assert result.exit_code == 0
    assert "Line 3 of error" in result.stdout
    assert str(said)[-12:] in result.stdout
    assert scheduler("log", "search", "--grep", "nothing like it").stderr == "no lines\n"


@pytest.mark.parametrize("since", ["2999-01-01T00:00:00", "2999-01-01T00:00:00Z"])
def test_a_period_that_is_none_is_refused(refused, tenant, since):
    assert "not valid" in refused("log", "search", "--since", since, "--tenant", tenant)


@pytest.mark.parametrize(
    "command", [("log", "search"), ("run", "list"), ("run", "counts"), ("audit", "list")], ids=" ".join
)
@pytest.mark.parametrize(
    ("bounds", "option"),
    [
        (("--since", "2026-03-02", "--until", "2026-03-01"), "until"),
        (("--since", "9999999d"), "since"),
        (("--until", "9999999d"), "until"),
    ],
)
def test_every_list_refuses_a_reversed_period_and_names_the_option(refused, tenant, command, bounds, option):
    assert f"Error: {option}: " in refused(*command, *bounds, "--tenant", tenant)


@pytest.mark.parametrize("text", ['"advisories": 41', '"zürich", "ADV', "ZÜRICH", "old"])
def test_a_text_is_looked_for_in_what_is_printed(scheduler, said, text):
    printed = """Old line  {"in": "zürich", "advisories": 41}\n"""
    assert scheduler("run", "logs", said, "--grep", text).stdout.endswith(printed)
    assert "advisories" in scheduler("log", "search", "--since", "20d", "--grep", text).stdout
    assert scheduler("run", "logs", said, "--grep", '"advisories": 42').stdout == ""


def test_the_log_of_a_run_is_narrowed(scheduler, said):
    result = scheduler("run", "logs", said, "--level", "warning", "--grep", "of", "--json")
    assert [json.loads(line)["message"] for line in result.stdout.splitlines()] == [
        "Line 2 of warning",
        "Line 3 of error",
    ]

"""scheduler run."""

import json
import re
from datetime import timedelta
from itertools import takewhile
from uuid import UUID

import pytest

from resources.records import LogLine
from resources.states import RunState
from scheduler_defs.cli import following
from scheduler_defs.ops import attempt as attempts
from scheduler_defs.ops.launches import close_run
from scheduler_defs.verification.world import ENGINES

NO_TIME = "is not a time; expected now, an ISO time such as 2026-03-01T09:00, or how long ago, such as 1h"


@pytest.fixture
def start(scheduler):
    """Asks for a run; returns its id."""

    def ask(*options, kind="graph"):
        result = scheduler("run", "start", "--kind", kind, *options)
        assert result.exit_code == 0, result.output
        return result.stdout.strip()

    return ask


DIGEST = f"sha256:{'0' * 64}"


def test_start_asks_for_a_run(start, runs):
    images = ("--namespace", "prod", "--digest", DIGEST, "--label", "tier=prod")
    images += ("--as-of", "2024-05-01T00:00Z")
    run_id = start("--mode", "simulate", "--priority", -5, "--actor", "ann", *images, kind="policy")
    (run,) = runs()
    assert (str(run.id), run.kind, run.mode, run.state) == (run_id, "policy", "simulate", "pending")
    assert (run.priority, run.requested_by, run.trigger_kind) == (-5, "ann", "manual")
    assert run.selection == {
        "namespace": "prod",
        "digest": DIGEST,
        "labels": {"tier": "prod"},
        "as_of": "2024-05-01T00:00:00+00:00",
    }


def test_start_takes_ingested_advisories(scheduler, start, examples, runs, cli):
    assert cli("ingest", "advisories", examples / "advisories.osv.jsonl").exit_code == 0
    start("--advisory", "PYSEC-2018-28", "--advisory", "PYSEC-2018-66", kind="impact")
    start("--since-revision", 0, kind="impact")
    start("--advisory", "CVE-2021-44420", kind="impact")
    assert [run.selection for run in runs()] == [
        {"advisories": ["CVE-2021-44420"]},
        {"since_revision": 0},
        {"advisories": ["PYSEC-2018-28", "PYSEC-2018-66"]},
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--kind", "graph", "--mode", "full"),
            "mode: 'full' is not valid; expected no mode for a graph run",
        ),
        (("--kind", "graph", "--advisory", "X"), "selection.advisories: 'X' is not valid; expected none"),
        (("--kind", "impact", "--advisory", "X"), "selection.advisories: 'X' is not valid; expected ids of"),
        (
            ("--kind", "impact", "--label", "prod"),
            "selection.labels: 'prod' is not valid; expected KEY=VALUE",
        ),
        (("--kind", "graph", "--digest", "abc"), "selection.digest: 'abc' is not valid; expected an image's"),
        (("--kind", "graph", "--repository", ""), "selection.repository: '' is not valid"),
        (("--kind", "graph", "--priority", -101), "priority: -101 is not valid; expected -100 to 100"),
        (("--kind", "none"), "Invalid value for '--kind': 'none' is not one of 'graph', 'impact', 'policy'."),
        (("--kind", "policy", "--mode", "fast"), "Invalid value for '--mode': 'fast' is not one of"),
        (
            ("--kind", "policy", "--mode", "simulate", "--as-of", "2024-05-01"),
            "selection.as_of: '2024-05-01' is not valid; expected an instant with its offset, such as",
        ),
        (
            ("--kind", "policy", "--as-of", "2024-05-01T00:00Z"),
            "selection.as_of: '2024-05-01T00:00:00+00:00' is not valid; expected none unless the mode is simulate",
        ),
        (
            ("--kind", "graph", "--as-of", "2024-05-01T00:00Z"),
            "selection.as_of: '2024-05-01T00:00:00+00:00' is not valid; expected none for a graph run",
        ),
        (("--kind", "graph", "--timeout", "1"), "Invalid value for '--timeout': '1' is not a duration"),
    ],
)
def test_start_names_what_is_wrong(refused, tenant, options, message):
    assert refused("run", "start", "--tenant", tenant, *options).startswith(f"Error: {message}")


def test_runs_are_listed_newest_first_and_narrowed(scheduler, start, carry_out, runs, tenant):
    scheduler("schedule", "create", "x", "--kind", "impact", "--every", "1h")
    first, second = start(), start(kind="policy")
    third = scheduler("schedule", "trigger", "x").stdout.strip()
    carry_out(tenant, runs()[2].id)

    def ids(*options):
        return [one["id"] for one in json.loads(scheduler("run", "list", "--json", *options).stdout)]

    assert ids() == [third, second, first]
    assert ids("--state", "completed") == ids("--kind", "graph") == [first]
    assert ids("--schedule", "x") == ids("--kind", "impact") == [third]
    assert ids("--trigger", "manual") == [third, second, first]
    assert ids("--trigger", "cron") == ids("--state", "skipped") == []

    lines = scheduler("run", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [third[-12:], second[-12:], first[-12:]]
    assert lines[1].split()[1:5] == ["x", "impact", "manual", "pending"]
    assert lines[3].split()[1:5] == ["-", "graph", "manual", "completed"]

    result = scheduler("run", "list", "--limit", 2)
    assert len(result.stdout.splitlines()) == 3
    assert result.stderr.startswith("there are more: --cursor ")
    following = result.stderr.split()[-1]
    rest = scheduler("run", "list", "--limit", 2, "--cursor", following)
    assert [line.split()[0] for line in rest.stdout.splitlines()[1:]] == [first[-12:]]
    assert rest.stderr == ""
    assert scheduler("run", "list", "--limit", 3).stderr == ""


def test_runs_are_listed_by_states_and_period(scheduler, start, carry_out, tenant, admin):
    old, waiting, done = start(), start(), start()
    carry_out(tenant, UUID(done))
    admin.execute("UPDATE scheduler.runs SET scheduled_for = '2026-03-14 12:00Z' WHERE id = %s", [old])

    def ids(*options):
        result = scheduler("run", "list", "--json", *options)
        assert result.exit_code == 0, result.output
        return [one["id"] for one in json.loads(result.stdout)]

    assert ids("--state", "pending", "--state", "completed") == [done, waiting, old]
    assert ids("--since", "1h") == ids("--since", "-1h") == [done, waiting]
    assert (
        ids("--until", "1d")
        == ids("--since", "2026-03-14T13:00+01:00", "--until", "2026-03-14T12:01")
        == [old]
    )
    assert ids("--since", "2026-03-14T12:00:01", "--until", "1h") == []


def test_a_cursor_goes_on_from_a_relative_period(scheduler, start):
    first, _, _ = start(), start(), start()
    hint = (
        scheduler("run", "list", "--since", "1h", "--limit", 2)
        .stderr.removeprefix("there are more: ")
        .split()
    )
    lines = scheduler("run", "list", "--limit", 2, *hint).stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [first[-12:]]


def test_runs_are_counted_by_state(scheduler, start, carry_out, tenant):
    start()
    carry_out(tenant, UUID(start()))
    none = dict.fromkeys(RunState, 0)
    counted = json.loads(scheduler("run", "counts", "--json").stdout)
    assert counted == none | {"pending": 1, "completed": 1}
    assert json.loads(scheduler("run", "counts", "--until", "1h", "--json").stdout) == none
    lines = scheduler("run", "counts", "--since", "1h").stdout.splitlines()
    assert [line.split() for line in lines] == [[state, str(counted[state])] for state in RunState]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--schedule", "none"), "schedule 'none' does not exist for this tenant"),
        (("--state", "done"), "Invalid value for '--state': 'done' is not one of"),
        (("--kind", "none"), "Invalid value for '--kind': 'none' is not one of"),
        (("--trigger", "me"), "Invalid value for '--trigger': 'me' is not one of"),
        (("--limit", 0), "Invalid value for '--limit': 0 is not in the range"),
        (("--limit", "all"), "Invalid value for '--limit': 'all' is not a valid integer"),
        (("--limit", 1001), "Invalid value for '--limit': 1001 is not in the range 1<=x<=1000"),
        (("--cursor", "x"), "cursor: 'x' is not valid; expected a cursor that this list returned"),
        (("--since", "soon"), f"Invalid value for '--since': 'soon' {NO_TIME}"),
        (("--since", ""), "Invalid value for '--since': '' is not a time"),
        (("--until", "999999d"), "until: "),
    ],
)
def test_list_names_what_is_wrong(refused, tenant, options, message):
    assert refused("run", "list", "--tenant", tenant, *options).startswith(f"Error: {message}")


def test_a_run_is_shown_by_its_id_or_an_end_of_it(scheduler, start, runs):
    run_id = start("--label", "a=b")
    (run,) = runs()
    for text in (run_id, run_id.upper(), run_id[-12:], run_id[:8]):
        shown = json.loads(scheduler("run", "show", text, "--json").stdout)
        assert shown["id"] == run_id
    assert shown.keys() == vars(run).keys()
    text = scheduler("run", "show", run_id).stdout
    assert all(name.replace("_", " ") in text for name in vars(run))
    assert '{"labels": {"a": "b"}}' in text


@pytest.mark.parametrize("command", ["show", "logs", "cancel"])
class TestOneRun:
    def test_an_unknown_one_is_refused(self, refused, cli, tenant, command):
        theirs = cli("run", "start", "--kind", "graph", "--tenant", "globex").stdout.strip()
        error = refused("run", command, theirs, "--tenant", tenant)
        assert error == f"Error: run '{theirs}' does not exist for this tenant"

    def test_an_unclear_one_is_refused(self, refused, start, tenant, command):
        same = takewhile(lambda pair: pair[0] == pair[1], zip(start(), start(), strict=True))
        alike = "".join(digit for digit, _ in same)
        error = refused("run", command, alike, "--tenant", tenant)
        assert error == f"Error: run: '{alike}' is not valid; expected more digits: several runs match"

    @pytest.mark.parametrize("text", ["", "xyz", "%"])
    def test_what_is_no_id_is_refused(self, refused, tenant, command, text):
        error = refused("run", command, text, "--tenant", tenant)
        assert error == f"Error: run: {text!r} is not valid; expected a run id, or how one begins or ends"


def test_logs_are_printed_in_order(scheduler, start, runs, carry_out, tenant):
    run_id = start()
    assert scheduler("run", "logs", run_id).stdout == ""
    carry_out(tenant, runs()[0].id, say=("reading", "evil \x1b[2J text", "done"))
    result = scheduler("run", "logs", run_id)
    assert result.exit_code == 0
    assert [line.split("  ", 1)[1] for line in result.stdout.splitlines()] == [
        "info     reading",
        "info     evil \\x1b[2J text",
        "info     done",
    ]
    objects = [json.loads(line) for line in scheduler("run", "logs", run_id, "--json").stdout.splitlines()]
    assert [one["message"] for one in objects] == ["reading", "evil \x1b[2J text", "done"]


def test_long_logs_are_printed_whole(scheduler, start, runs, carry_out, tenant):
    run_id = start()
    carry_out(tenant, runs()[0].id, say=tuple(f"line {number}" for number in range(2500)))
    lines = scheduler("run", "logs", run_id).stdout.splitlines()
    assert [line.rpartition("  ")[2] for line in lines] == [f"line {number}" for number in range(2500)]


@pytest.mark.parametrize(
    ("end", "code"), [(RunState.COMPLETED, 0), (RunState.FAILED, 1), (RunState.CANCELLED, 1)]
)
def test_followed_logs_end_with_the_run(scheduler, start, runs, carry_out, monkeypatch, tenant, end, code):
    run_id = start()
    monkeypatch.setattr(following, "sleep", lambda _: carry_out(tenant, runs()[0].id, end, ("one", "two")))
    result = scheduler("run", "logs", run_id, "--follow")
    assert result.exit_code == code
    assert [line.rpartition("  ")[2] for line in result.stdout.splitlines()] == ["one", "two"]
    assert result.stderr.startswith(f"run {run_id} {end} in ")


def test_followed_logs_show_each_line_once_as_it_comes(
    scheduler, start, runs, database, monkeypatch, carry_out, tenant
):
    run_id = start()
    (run,) = runs()
    carry_out(tenant, run.id, RunState.RUNNING, ("one",))

    def go_on(_):
        with database.begin(tenant) as store:
            running = store.runs.get(tenant, run.id)
            now = store.now()
            said = len(store.execution_logs.tail(tenant, run.id).items)
            store.execution_logs.append(
                running, [LogLine(1, said + 1, now, "warning", f"more {said}", {"at": said})]
            )
            if said == 3:
                store.runs.finish(running, RunState.COMPLETED, now + timedelta(seconds=90))

    monkeypatch.setattr(following, "sleep", go_on)
    result = scheduler("run", "logs", run_id, "--follow")
    assert result.exit_code == 0
    said = [line.split("  ", 1)[1] for line in result.stdout.splitlines()]
    assert said == [
        "info     one",
        'warning  more 1  {"at": 1}',
        'warning  more 2  {"at": 2}',
        'warning  more 3  {"at": 3}',
    ]


def test_a_run_without_lines_says_so(scheduler, start):
    result = scheduler("run", "logs", start())
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no lines\n")


@pytest.mark.parametrize(
    ("command", "flag"),
    [
        (("run", "start", "--kind", "graph"), "--wait"),
        (("run", "retry", "x"), "--wait"),
        (("schedule", "trigger", "x"), "--wait"),
        (("run", "logs", "x"), "--follow"),
    ],
)
def test_a_timeout_of_no_waiting_is_refused(refused, tenant, command, flag):
    error = refused(*command, "--timeout", "5s", "--tenant", tenant)
    assert error == f"Error: timeout: 5s is not valid; expected nothing without {flag}"


def test_following_ends_with_its_timeout(scheduler, start):
    result = scheduler("run", "logs", start(), "--follow", "--timeout", "0s")
    assert (result.exit_code, result.stderr) == (124, "stopped waiting after 0s: the run is pending\n")


def test_start_waits_for_the_end_of_the_run(scheduler, runs, carry_out, monkeypatch, tenant):
    steps = iter([lambda: None, lambda: carry_out(tenant, runs()[0].id)])
    monkeypatch.setattr(following, "sleep", lambda _: next(steps)())
    result = scheduler("run", "start", "--kind", "graph", "--wait")
    assert result.exit_code == 0
    (run,) = runs()
    assert result.stdout == f"{run.id}\n"
    assert [line.split(" in ")[0] for line in result.stderr.splitlines()] == [
        "pending",
        "completed",
        f"run {run.id} completed",
    ]


@pytest.fixture
def waited(scheduler, runs, carry_out, database, monkeypatch, tenant):
    """waited(kind, *options): what a run says at its end to who waits for it, and its id."""

    def carry(_):
        carry_out(tenant, runs()[0].id, RunState.RUNNING)
        run = runs()[0]
        close_run(
            database, attempts.carry_out(database, run, run.worker_id, ENGINES[run.kind], lambda *_: None)
        )

    def start(kind, *options):
        monkeypatch.setattr(following, "sleep", carry)
        result = scheduler("run", "start", "--kind", kind, *options, "--wait")
        assert result.exit_code == 0, result.output
        return result.stderr.splitlines()[-1], result.stdout.strip()

    return start


def test_who_waits_is_told_what_was_found_and_how_to_see_it(scheduler, cli, waited, examples, tenant):
    scheduler("ingest", "sbom", examples / "shop.cdx.json")
    cli("ingest", "advisories", examples / "advisories.osv.jsonl")
    said, run_id = waited("impact", "--advisory", "cve-2021-44420")
    see = f"see scheduler impact show {run_id} --tenant {tenant}"
    assert said == f"1 of 1 images are affected; {see}"
    assert "shop/storefront" in scheduler("impact", "show", run_id).stdout
    said, _ = waited("policy")
    verdicts, see = said.split("; ")
    assert re.fullmatch(r"[1-9]\d* block, \d+ warn, \d+ ignore in 1 images", verdicts)
    assert see == f"see scheduler finding list --tenant {tenant}"
    said, run_id = waited("policy", "--mode", "simulate")
    assert said.endswith(f"; see scheduler run logs {run_id} --tenant {tenant}")
    said, _ = waited("graph")
    assert said == f"1 images have a graph; see scheduler graph show IMAGE --tenant {tenant}"
    assert waited("graph", "--repository", "registry.test/shop")[0] == "no image was looked at"


def test_a_waiting_run_is_cancelled(scheduler, start, runs, refused, tenant):
    run_id = start()
    result = scheduler("run", "cancel", run_id[-12:], "--reason", "not today", "--actor", "ann")
    assert (result.exit_code, result.stdout) == (0, f"run {run_id} cancelled\n")
    (run,) = runs()
    assert (run.state, run.reason) == ("cancelled", "not today")
    error = refused("run", "cancel", run_id, "--tenant", tenant, code=1)
    assert error == f"Error: run {run_id} is cancelled; it has ended, so there is nothing to cancel"


def test_a_running_run_is_asked_to_stop(scheduler, start, runs, carry_out, tenant):
    run_id = start()
    carry_out(tenant, runs()[0].id, RunState.RUNNING)
    result = scheduler("run", "cancel", run_id)
    assert result.stdout == f"run {run_id} is running and was asked to stop\n"
    (run,) = runs()
    assert (run.state, run.cancel_requested_at is not None) == ("running", True)


def test_a_cancelled_run_is_retried_as_a_run_of_its_own(scheduler, start, runs):
    first = start("--priority", 7, "--namespace", "prod")
    scheduler("run", "cancel", first)
    second = scheduler("run", "retry", first, "--actor", "ann").stdout.strip()
    (retry,) = (run for run in runs() if str(run.id) == second)
    assert (str(retry.retry_of), retry.trigger_kind, retry.state) == (first, "retry", "pending")
    assert (retry.priority, retry.selection, retry.requested_by) == (7, {"namespace": "prod"}, "ann")


def test_what_has_not_failed_is_not_retried(refused, start, tenant):
    error = refused("run", "retry", start(), "--tenant", tenant, code=1)
    assert error.endswith("is pending; only a failed or cancelled run can be retried")

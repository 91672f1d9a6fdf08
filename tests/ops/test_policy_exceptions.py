"""Policy runs by exceptions that end, under a database clock that is set ahead."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import resources.queries
from resources.errors import InvalidInput
from resources.selection import Selection
from resources.states import JobKind, PolicyMode, RunState
from scheduler_defs.edits.runs import request_run
from scheduler_defs.edits.schedules import NewSchedule, create_schedule
from scheduler_defs.inputs.policies import apply_policy
from scheduler_defs.ops import policy_chunks as policies
from scheduler_defs.timing.rules import EventRule

FULL, INCREMENTAL, SIMULATE = PolicyMode.FULL, PolicyMode.INCREMENTAL, PolicyMode.SIMULATE
DAYS = 40


@pytest.fixture
def ahead(tmp_path, monkeypatch):
    """ahead(): from now on the product's clock is 40 days ahead."""
    copied = tmp_path / "queries"

    def go():
        shutil.copytree(Path(str(resources.queries.QUERIES)), copied)
        (copied / "session" / "now.sql").write_text(
            f"SELECT clock_timestamp() + interval '{DAYS} days' AS now"
        )
        monkeypatch.setattr(resources.queries, "QUERIES", copied)
        resources.queries.load.cache_clear()

    yield go
    monkeypatch.undo()
    resources.queries.load.cache_clear()


@pytest.fixture
def shop(world):
    """Two images with an advisory each; that of flask is excepted for another 30 days."""
    for package in ("flask", "click"):
        world.image(f"shop/{package}", {package: "1.0"})
    world.advisories(*(world.advisory(f"A-{package}", package) for package in ("flask", "click")))
    except_flask(world, (datetime.now(UTC) + timedelta(days=30)).date())
    return world


def except_flask(world, until):
    with world.database.begin_system() as store:
        apply_policy(
            store,
            "acme",
            "test",
            "name: default\nrules: [{name: all, when: true, verdict: block}]\ndefault: warn\n"
            f"exceptions: [{{name: flask, when: component.name == 'flask', until: {until}, reason: Known}}]\n",
            "ann",
        )


def evaluate(world, mode):
    return world.run(JobKind.POLICY, mode=mode, selection=Selection())


def findings(world):
    with world.database.begin("acme") as store:
        return {
            one.advisory_id: (one.verdict, one.rule) for one in store.findings.list_open("acme", limit=10)
        }


EXEMPT = {"A-flask": ("ignore", "flask"), "A-click": ("block", "all")}
OVER = dict.fromkeys(EXEMPT, ("block", "all"))


def test_conditions_that_cannot_be_evaluated_are_told_once_each(world):
    world.image("shop/a", {"flask": "1.0", "click": "1.0"})
    world.image("shop/b", {"flask": "1.0"})
    world.advisories(*(world.advisory(f"A-{package}", package) for package in ("flask", "click")))
    fails = "int(component.name == '{}' ? 'x' : '0') == 1"
    document = {
        "name": "default",
        "default": "warn",
        "rules": [{"name": "odd", "when": fails.format("flask"), "verdict": "ignore"}],
        "exceptions": [
            {"name": "odder", "when": fails.format("click"), "until": "2999-01-01", "reason": "Known"}
        ],
    }
    with world.database.begin_system() as store:
        apply_policy(store, "acme", "test", json.dumps(document), "ann")
    run = evaluate(world, FULL)
    assert findings(world) == {"A-flask": ("block", "odd"), "A-click": ("warn", None)}
    with world.database.begin("acme") as store:
        lines = store.execution_logs.tail("acme", run.id, text="could not be evaluated").items
        told = {one.message for one in store.findings.list_open("acme", "block")}
    said = sorted(line.message.partition(": ")[2] for line in lines)
    assert [one.partition(" could")[0] for one in said] == ["exception 'odder'", "rule 'odd'"]
    assert told == {said[1]}
    assert {line.level for line in lines} == {"warning"}


def test_conditions_that_failed_before_something_changed_are_told_too(world, monkeypatch):
    monkeypatch.setattr(policies, "CHUNK", 1)
    for name in "ab":
        world.image(f"shop/{name}", {"flask": "1.0"})
    world.advisories(world.advisory("A-flask", "flask"))

    def apply(when):
        rules = [{"name": "odd", "when": when, "verdict": "ignore"}]
        document = json.dumps({"name": "default", "default": "warn", "rules": rules})
        with world.database.begin_system() as store:
            apply_policy(store, "acme", "test", document, "ann")

    def say(level, message):
        lines.append((level, message))
        if message == "looked at 1 of 2 images":
            apply("component.name == 'click'")

    apply("int(component.name == 'flask' ? 'x' : '0') == 1")
    lines = []
    assert world.carry(world.opened(JobKind.POLICY, mode=FULL), say).state is RunState.COMPLETED
    (warning,) = [message for level, message in lines if level == "warning"]
    assert warning.startswith("policy default: rule 'odd' could not be evaluated: ")


def test_an_exception_that_ended_changes_what_it_exempted(shop, ahead):
    evaluate(shop, FULL)
    assert findings(shop) == EXEMPT
    assert evaluate(shop, INCREMENTAL).stats["unchanged"] == 2

    ahead()
    simulated = evaluate(shop, SIMULATE)
    assert (simulated.stats["block"], simulated.deltas["changed"]) == (2, 1)
    assert findings(shop) == EXEMPT
    run = evaluate(shop, INCREMENTAL)
    assert (run.stats["evaluated"], run.deltas["changed"]) == (2, 1)
    assert findings(shop) == OVER
    assert evaluate(shop, INCREMENTAL).stats["unchanged"] == 2


def test_an_exception_that_ends_during_a_run_is_over_for_the_chunks_that_follow(shop, ahead, monkeypatch):
    monkeypatch.setattr(policies, "CHUNK", 1)
    opened, lines = shop.opened(JobKind.POLICY, mode=FULL), []

    def say(level, message):
        lines.append(message)
        if message == "looked at 1 of 2 images":
            ahead()

    outcome = shop.carry(opened, say)
    assert sum("an exception ended; evaluating by what holds now" in line for line in lines) == 1
    assert outcome.error is None
    assert findings(shop)["A-click"] == ("block", "all")
    assert evaluate(shop, INCREMENTAL).stats["evaluated"] == 1
    assert findings(shop) == OVER


def as_of(world, text):
    """How many findings a simulation as of then ignores, and how many it would change."""
    selection = Selection.parse({"as_of": text})
    run = world.run(JobKind.POLICY, mode=SIMULATE, selection=selection)
    assert run.selection == selection.to_json()
    return run.stats["ignore"], run.deltas["changed"]


def test_a_simulation_of_another_time_is_by_the_exceptions_of_that_time(shop):
    except_flask(shop, "2024-04-30")
    evaluate(shop, FULL)
    assert findings(shop) == OVER
    assert as_of(shop, "2024-04-30T23:59:59Z") == (1, 1)
    assert as_of(shop, "2024-05-01T00:00Z") == (0, 0)
    assert as_of(shop, "2024-05-01T01:59+02:00") == (1, 1)
    assert findings(shop) == OVER
    assert evaluate(shop, INCREMENTAL).stats["unchanged"] == 2
    except_flask(shop, "2999-12-31")
    evaluate(shop, FULL)
    assert as_of(shop, "3000-01-01T00:00Z") == (0, 1)


@pytest.mark.parametrize("mode", [None, FULL, INCREMENTAL])
def test_no_findings_are_written_of_another_time(shop, mode):
    selection = Selection.parse({"as_of": "2024-05-01T00:00Z"})
    refused = "none unless the mode is simulate"
    with shop.database.begin("acme") as store, pytest.raises(InvalidInput, match=refused):
        request_run(store, "acme", JobKind.POLICY, "ann", selection=selection, mode=mode)
    opened = shop.opened(JobKind.POLICY, mode=mode or FULL)
    (run,) = opened.runs
    asked = replace(opened, runs=[replace(run, selection=selection.to_json())])
    assert refused in (shop.carry(asked).error or "")
    assert findings(shop) == {}


def test_only_policy_runs_by_hand_are_of_another_time(shop):
    selection = Selection.parse({"as_of": "2024-05-01T00:00Z"})
    wanted = NewSchedule("old", JobKind.POLICY, [EventRule("policy_changed")], SIMULATE, selection)
    with shop.database.begin("acme") as store:
        with pytest.raises(InvalidInput, match="none for a graph run"):
            request_run(store, "acme", JobKind.GRAPH, "ann", selection=selection)
        with pytest.raises(InvalidInput, match="none for a schedule; it is for a run by hand"):
            create_schedule(store, "acme", wanted, "ann")

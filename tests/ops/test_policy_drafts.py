"""Drafts of policies, simulated: what they would change is told, and nothing is written."""

import pytest

from resources.errors import InvalidDocument, InvalidInput
from resources.selection import Selection
from resources.states import JobKind, PolicyMode
from scheduler_defs.edits.runs import request_run
from scheduler_defs.edits.schedules import NewSchedule, create_schedule, edit_schedule
from scheduler_defs.inputs.policies import apply_policy
from scheduler_defs.timing.rules import EventRule

SIMULATE = PolicyMode.SIMULATE
DRAFT = """
name: default
rules: [{name: flask, when: component.name == 'flask', verdict: block}]
default: warn
"""


@pytest.fixture
def shop(world):
    """Two images with an advisory each, both warned of."""
    for package in ("flask", "click"):
        world.image(f"shop/{package}", {package: "1.0"})
    world.advisories(*(world.advisory(f"A-{package}", package) for package in ("flask", "click")))
    with world.database.begin("acme") as store:
        apply_policy(store, "acme", "test", "name: default\nrules: []\ndefault: warn\n", "ann")
    world.run(JobKind.POLICY, mode=PolicyMode.FULL, selection=Selection())
    return world


def everything(world):
    with world.database.begin("acme") as store:
        found = store.findings.list_open("acme", limit=100)
        return {(one.advisory_id, one.policy): one.verdict for one in found}, store.policies.list("acme")


def simulate(world, draft, **more):
    return world.run(JobKind.POLICY, mode=SIMULATE, selection=Selection(draft=draft, **more))


def test_what_a_draft_would_change_is_told_and_nothing_is_written(shop):
    before = everything(shop)
    run = simulate(shop, DRAFT)
    assert (run.stats["block"], run.stats["warn"]) == (1, 1)
    assert (run.deltas["new"], run.deltas["fixed"], run.deltas["changed"]) == (0, 0, 1)
    assert everything(shop) == before
    with shop.database.begin("acme") as store:
        apply_policy(store, "acme", "test", DRAFT, "ann")
    applied = shop.run(JobKind.POLICY, mode=PolicyMode.FULL, selection=Selection())
    assert applied.deltas == run.deltas
    assert {name: applied.stats[name] for name in ("block", "warn", "findings")} == {
        name: run.stats[name] for name in ("block", "warn", "findings")
    }
    assert set(simulate(shop, DRAFT).deltas.values()) == {0}


def test_each_difference_is_named_with_how_it_was_and_would_be(shop):
    shop.image("shop/click", {"flask": "2.0"})
    outcome = shop.carry(shop.opened(JobKind.POLICY, mode=SIMULATE, selection=Selection(draft=DRAFT)))
    gone, new = (f"pkg:pypi/{one}" for one in ("click@1.0", "flask@2.0"))
    assert sorted(outcome.result.table, key=lambda row: row["component"]) == [
        {
            "image": f"registry.example/{place}:1",
            "component": component,
            "advisory": advisory,
            "policy": "default",
        }
        | {"was": was, "now": now}
        for place, component, advisory, was, now in (
            ("shop/click", gone, "A-click", "warn (unknown)", None),
            ("shop/flask", "pkg:pypi/flask@1.0", "A-flask", "warn (unknown)", "block (unknown)"),
            ("shop/click", new, "A-flask", None, "block (unknown)"),
        )
    ]
    with shop.database.begin("acme") as store:
        lines = store.execution_logs.tail("acme", outcome.run.id, level="info").items
    assert [line.fields for line in lines if "was" in line.fields] == list(outcome.result.table)


def test_no_more_differences_are_named_than_people_read(shop, monkeypatch):
    monkeypatch.setattr("scheduler_defs.ops.policy_chunks.SHOWN", 1)
    monkeypatch.setattr("scheduler_defs.ops.policy_chunks.CHUNK", 1)
    all_blocked = "name: default\nrules: []\ndefault: block\n"
    asked = shop.opened(JobKind.POLICY, mode=SIMULATE, selection=Selection(draft=all_blocked))
    outcome = shop.carry(asked)
    assert (outcome.result.deltas["changed"], len(outcome.result.table)) == (2, 1)


def test_a_draft_of_another_name_is_evaluated_beside_the_policies(shop):
    run = simulate(shop, DRAFT.replace("name: default", "name: strict", 1))
    assert (run.stats["findings"], run.deltas["new"], run.deltas["changed"]) == (4, 2, 0)
    assert [one.name for one in everything(shop)[1]] == ["default"]


def test_a_draft_is_simulated_on_what_is_selected(shop):
    run = simulate(shop, DRAFT, repository="shop/click")
    assert (run.stats["images"], run.stats["block"], run.deltas["changed"]) == (1, 0, 0)


@pytest.mark.parametrize("mode", [None, PolicyMode.FULL, PolicyMode.INCREMENTAL])
def test_a_draft_decides_nothing_in_another_mode(shop, mode):
    with shop.database.begin("acme") as store, pytest.raises(InvalidInput) as caught:
        request_run(store, "acme", JobKind.POLICY, "ann", selection=Selection(draft=DRAFT), mode=mode)
    assert "none unless the mode is simulate" in str(caught.value)


def test_a_draft_that_is_no_policy_is_refused_where_it_is_wrong(shop):
    broken = Selection(draft=DRAFT.replace("block", "deny"))
    with shop.database.begin("acme") as store:
        with pytest.raises(InvalidDocument, match="deny"):
            request_run(store, "acme", JobKind.POLICY, "ann", selection=broken, mode=SIMULATE)
        with pytest.raises(InvalidInput, match="none for a graph run"):
            request_run(store, "acme", JobKind.GRAPH, "ann", selection=Selection(draft=DRAFT))


def test_a_schedule_simulates_a_draft_until_its_mode_is_another(shop):
    rules = [EventRule("policy_changed")]
    wanted = NewSchedule("draft", JobKind.POLICY, rules, SIMULATE, Selection(draft=DRAFT))
    with shop.database.begin("acme") as store:
        create_schedule(store, "acme", wanted, "ann")
    assert shop.run(JobKind.POLICY, schedule="draft").deltas["changed"] == 1
    with shop.database.begin("acme") as store, pytest.raises(InvalidInput, match="simulate"):
        edit_schedule(store, "acme", "draft", {"mode": PolicyMode.FULL}, "ann")

"""The chain: advisories change, an impact run finds what that touches, a policy run evaluates just that."""

import json
import os
import random
from datetime import UTC, datetime

import pytest

from resources.errors import InvalidInput
from resources.ids import new_id
from resources.records import Launchable
from resources.selection import Selection
from resources.states import JobKind, PolicyMode, RunState
from scheduler_defs.edits.schedules import NewSchedule, create_schedule, edit_schedule
from scheduler_defs.edits.triggers import add_trigger, edit_trigger, remove_trigger
from scheduler_defs.inputs.policies import apply_policy
from scheduler_defs.ops import policy_chunks as policies
from scheduler_defs.ops.launches import close_run, open_launch
from scheduler_defs.timing.rules import EventRule

IMPACT, POLICY = "impact on news", "policy on impact"
RULES = """
name: default
rules:
  - {name: unrated, when: 'match == "unknown"', verdict: warn}
  - {name: low, when: 'advisory.severity == "low"', verdict: ignore}
default: block
"""
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
PACKAGES = ("flask", "click", "jinja2", "werkzeug")


@pytest.fixture
def chain(world):
    """Three images, a policy, and the two schedules of the chain."""
    for name, packages in {
        "a": {"flask": "1.0", "click": "1.0"},
        "b": {"click": "2.0"},
        "c": {"jinja2": "1.0", "werkzeug": "no version at all"},
    }.items():
        world.image(f"shop/{name}", packages)
    with world.database.begin("acme") as store:
        apply_policy(store, "acme", "test", RULES, "ann")
        changed, impacted = Selection(since_last=True), Selection(impacted=True)
        on_feed, on_impact = EventRule("advisory_feed"), EventRule(f"run_completed:{IMPACT}")
        create_schedule(
            store, "acme", NewSchedule(IMPACT, JobKind.IMPACT, [on_feed], selection=changed), "ann"
        )
        mode = PolicyMode.INCREMENTAL
        create_schedule(
            store, "acme", NewSchedule(POLICY, JobKind.POLICY, [on_impact], mode, impacted), "ann"
        )
    return world


def impact(world):
    """What an impact run of the chain finds: {repository: (advisories that affect it, that may)}."""
    run = world.run(JobKind.IMPACT, schedule=IMPACT)
    assert run.state is RunState.COMPLETED
    with world.database.begin("acme") as store:
        names = {image.id: image.repository for image in store.images.select("acme", Selection())}
        snapshot = store.impact_snapshots.get_of_run("acme", run.id)
        rows = store.impact_snapshots.page_images(snapshot, limit=1000).items
    return {
        names[one.image_id]: (
            {advisory for _, advisory in one.reasons},
            {advisory for _, advisory in one.unknown},
        )
        for one in rows
    }


def policy(world):
    """The images that a policy run of the chain looked at: {repository: whether it was evaluated anew}."""
    run = world.run(JobKind.POLICY, schedule=POLICY)
    assert run.state is RunState.COMPLETED
    with world.database.begin("acme") as store:
        names = {image.id: image.repository for image in store.images.select("acme", Selection())}
        items = store.policy_jobs.list_of_run(run)
    return {names[item.image_id]: not item.stats["unchanged"] for item in items}


def same_as_full(world):
    """Whether a full evaluation finds nothing else."""
    run = world.run(JobKind.POLICY, mode=PolicyMode.FULL, selection=Selection())
    return {run.deltas[name] for name in ("new", "fixed", "changed")} == {0}


def test_each_step_looks_at_what_the_one_before_it_found(chain):
    chain.advisories(chain.advisory("A-flask", "flask"), chain.advisory("A-jinja2", "jinja2"))
    assert impact(chain) == {"shop/a": ({"A-flask"}, set()), "shop/c": ({"A-jinja2"}, set())}
    assert policy(chain) == dict.fromkeys(("shop/a", "shop/c"), True)
    assert policy(chain) == {}
    chain.advisories(chain.advisory("A-click", "click", ("introduced", "2.0")))
    assert impact(chain) == {"shop/b": ({"A-click"}, set())}
    assert policy(chain) == {"shop/b": True}
    assert same_as_full(chain)


def test_a_run_tells_which_snapshots_it_looks_at(chain):
    chain.advisories(chain.advisory("A-flask", "flask"))
    found = chain.run(JobKind.IMPACT, schedule=IMPACT)
    run = chain.run(JobKind.POLICY, schedule=POLICY)
    with chain.database.begin("acme") as store:
        snapshot = store.impact_snapshots.get_of_run("acme", found.id)
        lines = store.execution_logs.tail("acme", run.id, text="images considered").items
    assert [line.fields for line in lines] == [{"snapshots": [str(snapshot.id)]}]
    assert run.stats["snapshots"] == 1


def test_what_was_found_before_the_schedule_was_there_is_none_of_its_news(chain):
    chain.advisories(chain.advisory("A-flask", "flask"))
    impact(chain)
    with chain.database.begin("acme") as store:
        on_impact, impacted = EventRule(f"run_completed:{IMPACT}"), Selection(impacted=True)
        create_schedule(
            store,
            "acme",
            NewSchedule("later", JobKind.POLICY, [on_impact], PolicyMode.FULL, impacted),
            "ann",
        )
    assert chain.run(JobKind.POLICY, schedule="later").stats["images"] == 0
    chain.advisories(chain.advisory("A-click", "click"))
    impact(chain)
    assert chain.run(JobKind.POLICY, schedule="later").stats["images"] == 2


def test_an_image_that_is_not_affected_any_more_is_looked_at_too(chain):
    chain.advisories(chain.advisory("A-click", "click"))
    impact(chain), policy(chain)
    chain.advisories(chain.advisory("A-click", "click", ("introduced", "2.0")))
    assert impact(chain).keys() == {"shop/a", "shop/b"}
    assert policy(chain)["shop/a"]
    assert same_as_full(chain)
    chain.advisories(chain.advisory("A-click", "click", withdrawn="2026-02-01T00:00:00Z"))
    assert impact(chain).keys() == {"shop/a", "shop/b"}
    assert policy(chain)["shop/b"]
    assert same_as_full(chain)


@pytest.mark.parametrize(
    ("events", "fields"),
    [([("introduced", "2.0")], {}), ([], {"withdrawn": "2026-02-01T00:00:00Z"})],
    ids=["narrowed", "withdrawn"],
)
def test_what_ended_before_the_first_run_is_looked_at_too(chain, events, fields):
    chain.advisories(chain.advisory("A-click", "click"))
    chain.run(JobKind.POLICY, mode=PolicyMode.FULL, selection=Selection())
    chain.advisories(chain.advisory("A-click", "click", *events, **fields))
    assert impact(chain).keys() == {"shop/a", "shop/b"}
    assert policy(chain)["shop/a"]
    assert same_as_full(chain)


def test_versions_that_cannot_be_compared_are_looked_at_too(chain):
    chain.advisories(chain.advisory("A-flask", "flask"))
    impact(chain), policy(chain)
    chain.advisories(chain.advisory("A-werkzeug", "werkzeug", ("introduced", "1.0")))
    assert impact(chain) == {"shop/c": (set(), {"A-werkzeug"})}
    assert policy(chain)["shop/c"]
    assert same_as_full(chain)


def test_several_impact_runs_before_one_policy_run_lose_nothing(chain):
    chain.advisories(chain.advisory("A-flask", "flask"))
    impact(chain), policy(chain)
    chain.advisories(chain.advisory("A-click", "click", ("introduced", "2.0")))
    assert impact(chain).keys() == {"shop/b"}
    chain.advisories(chain.advisory("A-jinja2", "jinja2"))
    assert impact(chain).keys() == {"shop/c"}
    assert policy(chain) == {"shop/b": True, "shop/c": True}
    assert same_as_full(chain)


def test_what_a_failed_impact_run_was_to_find_the_next_one_finds(chain):
    chain.advisories(chain.advisory("A-flask", "flask"))
    impact(chain), policy(chain)
    chain.advisories(chain.advisory("A-click", "click"))
    opened = chain.opened(JobKind.IMPACT, schedule=IMPACT)
    outcome = chain.carry(opened)
    with chain.database.begin("acme") as store:
        store.runs.finish(outcome.run, RunState.FAILED, store.now(), error="boom")
    assert impact(chain).keys() == {"shop/a", "shop/b"}


def test_what_is_found_while_a_policy_run_is_retried_is_not_lost(chain, monkeypatch):
    """The first attempt evaluates an image and fails; news of it come; the second attempt does the rest."""
    chain.advisories(chain.advisory("A-flask", "flask"))
    impact(chain), policy(chain)
    chain.advisories(*(chain.advisory(f"B-{package}", package) for package in PACKAGES))
    impact(chain)
    monkeypatch.setattr(policies, "CHUNK", 1)

    def break_down(level, message):
        if message.startswith("looked at 1 of"):
            raise OSError("the disk is full")

    opened = chain.opened(JobKind.POLICY, schedule=POLICY)
    assert close_run(chain.database, chain.carry(opened, break_down)) is RunState.PENDING
    chain.advisories(*(chain.advisory(f"C-{package}", package) for package in PACKAGES))
    impact(chain)
    (run,), launch_id = opened.runs, new_id()
    with chain.database.begin_system() as store:
        store.launches.create_many({launch_id: run.kind}, "tests", store.now())
        store.runs.enqueue_many({launch_id: [Launchable(run.tenant_id, run.id, run.kind)]})
    again = open_launch(chain.database, launch_id, run.kind, "again", chain.worker())
    assert [one.attempt for one in again.runs] == [2]
    assert close_run(chain.database, chain.carry(again)) is RunState.COMPLETED
    policy(chain)
    assert same_as_full(chain)


def test_a_simulation_is_no_evaluation(chain):
    chain.advisories(chain.advisory("A-flask", "flask"))
    with chain.database.begin("acme") as store:
        edit_schedule(store, "acme", POLICY, {"mode": PolicyMode.SIMULATE}, "ann")
    impact(chain), policy(chain)
    with chain.database.begin("acme") as store:
        edit_schedule(store, "acme", POLICY, {"mode": PolicyMode.INCREMENTAL}, "ann")
    policy(chain)
    assert same_as_full(chain)


def test_a_wider_selection_looks_at_all_that_it_names(chain):
    def select(**fields):
        with chain.database.begin("acme") as store:
            wanted = {"selection": Selection(impacted=True, **fields)}
            edit_schedule(store, "acme", POLICY, wanted, "ann")

    select(repository="shop/c")
    chain.advisories(chain.advisory("A-flask", "flask"), chain.advisory("A-jinja2", "jinja2"))
    impact(chain), policy(chain)
    select()
    policy(chain)
    assert same_as_full(chain)


def test_a_trigger_that_waits_for_anything_else_is_refused_beside_impacted(chain):
    """Such a run would look at nothing of what its trigger waits for."""
    other, said = EventRule("sbom_ingested"), "and none else"
    with chain.database.begin("acme") as store:
        schedule = store.schedules.get_by_name("acme", POLICY)
        (trigger,) = store.triggers.list_of_schedule("acme", schedule.id)
        with pytest.raises(InvalidInput, match=said):
            add_trigger(store, "acme", POLICY, other, "ann")
        with pytest.raises(InvalidInput, match=said):
            edit_trigger(store, "acme", POLICY, trigger.id, other, "ann")
        with pytest.raises(InvalidInput, match=said):
            edit_schedule(store, "acme", POLICY, {}, "ann", rules=[other, EventRule(trigger.event)])
        remove_trigger(store, "acme", POLICY, trigger.id, "ann")
        assert edit_schedule(store, "acme", POLICY, {"description": "Rests."}, "ann").description == "Rests."
        create_schedule(store, "acme", NewSchedule("all", JobKind.POLICY, [other]), "ann")
        with pytest.raises(InvalidInput, match=said):
            edit_schedule(store, "acme", "all", {"selection": Selection(impacted=True)}, "ann")


def test_after_an_edit_of_the_selection_what_ended_before_is_found_too(chain):
    chain.advisories(chain.advisory("A-click", "click"))
    impact(chain), policy(chain)
    with chain.database.begin("acme") as store:
        only = Selection(repository="shop/*", since_last=True)
        edit_schedule(store, "acme", IMPACT, {"selection": only}, "ann")
    chain.advisories(chain.advisory("A-click", "click", ("introduced", "2.0")))
    assert "shop/a" in impact(chain)
    policy(chain)
    assert same_as_full(chain)


def test_another_selection_is_not_since_the_last(chain):
    chain.advisories(chain.advisory("A-flask", "flask"))
    impact(chain)
    with chain.database.begin("acme") as store:
        only = Selection(repository="shop/*", since_last=True)
        edit_schedule(store, "acme", IMPACT, {"selection": only}, "ann")
    assert impact(chain).keys() == {"shop/a"}
    assert impact(chain) == {}


def test_nothing_found_is_nothing_to_evaluate(chain):
    chain.advisories(chain.advisory("A-flask", "flask"))
    impact(chain), policy(chain)
    chain.advisories(chain.advisory("A-django", "django"))
    assert impact(chain) == {}
    assert not any(policy(chain).values())
    assert same_as_full(chain)


@pytest.mark.parametrize("seed", range(int(os.environ.get("REPLAYS", "1"))))
def test_a_replay_of_changes_says_what_a_full_evaluation_says(chain, seed):
    """Advisories come, change, narrow, are withdrawn and come back; after every step nothing is left to find."""
    rng = random.Random(seed)
    chain.advisories(chain.advisory("A-0", "flask"))
    chain.run(JobKind.POLICY, mode=PolicyMode.FULL, selection=Selection())
    for step in range(12):
        records = []
        for number in rng.sample(range(6), rng.randint(1, 3)):
            package = rng.choice(PACKAGES)
            first = rng.choice(["0", "1.0", "2.0"])
            events = [("introduced", first)] + ([("fixed", rng.choice(["1.5", "2.5"]))] * rng.randint(0, 1))
            more = {"withdrawn": "2026-02-01T00:00:00Z"} if rng.random() < 0.25 else {}
            more["modified"] = f"2026-03-{step + 1:02}T00:00:00Z"
            records.append(chain.advisory(f"A-{number}", package, *events, **more))
        chain.advisories(*records)
        impact(chain)
        if rng.random() < 0.7:
            policy(chain)
            assert same_as_full(chain), json.dumps(records)
    policy(chain)
    assert same_as_full(chain)


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        (JobKind.GRAPH, {"since_last": True}, "none for a graph run"),
        (JobKind.POLICY, {"since_last": True}, "none for a policy run"),
        (JobKind.IMPACT, {"impacted": True}, "none for an impact run"),
        (JobKind.POLICY, {"impacted": True}, "wait for run_completed:NAME of an impact schedule"),
        (JobKind.GRAPH, {"ingested_since": NOON}, "none for a schedule; it is for a run by hand"),
    ],
)
def test_a_schedule_that_cannot_follow_is_refused(world, kind, fields, said):
    wanted = NewSchedule("x", kind, [EventRule("sbom_ingested")], selection=Selection(**fields))
    with world.database.begin("acme") as store, pytest.raises(InvalidInput) as caught:
        create_schedule(store, "acme", wanted, "ann")
    assert said in str(caught.value)


def test_a_run_of_a_schedule_that_waits_for_no_impact_fails_and_says_so(chain):
    with chain.database.begin("acme") as store:
        graphs = NewSchedule("graphs", JobKind.GRAPH, [EventRule("sbom_ingested")])
        create_schedule(store, "acme", graphs, "ann")
        on_graphs = [EventRule("run_completed:graphs")]
        wanted = NewSchedule("x", JobKind.POLICY, on_graphs, selection=Selection(impacted=True))
        create_schedule(store, "acme", wanted, "ann")
    outcome = chain.carry(chain.opened(JobKind.POLICY, schedule="x"))
    assert outcome.state is RunState.FAILED
    assert "waits for run_completed:NAME of an impact schedule" in outcome.error

"""A removed policy: its findings are closed at once, runs leave it out, and it comes back as its next revision."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from resources.errors import NotFound
from resources.states import JobKind, PolicyMode, RunState
from scheduler_defs.edits.policies import remove_policy
from scheduler_defs.edits.schedules import NewSchedule, create_schedule
from scheduler_defs.inputs.policies import apply_policy
from scheduler_defs.timing.rules import EventRule

FULL, INCREMENTAL = PolicyMode.FULL, PolicyMode.INCREMENTAL


def apply(world, name, verdict="block"):
    with world.database.begin("acme") as store:
        document = f"name: {name}\nrules: []\ndefault: {verdict}\n"
        return apply_policy(store, "acme", "test", document, "ann").revision


def remove(world, name):
    with world.database.begin("acme") as store:
        return remove_policy(store, "acme", name, "ann")[1]


@pytest.fixture
def shop(world):
    """Two images with one finding each of both policies, default and strict, evaluated."""
    for name in ("a", "b"):
        world.image(f"shop/{name}", {"flask": "1.0"})
    world.advisories(world.advisory("A-1", "flask"))
    apply(world, "default")
    apply(world, "strict")
    world.run(JobKind.POLICY, mode=FULL)
    assert found(world) == {(image, of) for image in ("shop/a", "shop/b") for of in ("default", "strict")}
    return world


def found(world):
    with world.database.begin("acme") as store:
        return {(one.repository, one.policy) for one in store.findings.list_open("acme")}


@pytest.mark.parametrize("mode", [FULL, INCREMENTAL])
def test_its_findings_are_closed_at_once_and_runs_leave_it_out(shop, mode):
    assert remove(shop, "strict") == 2
    left = {("shop/a", "default"), ("shop/b", "default")}
    assert found(shop) == left
    run = shop.run(JobKind.POLICY, mode=mode)
    assert (run.stats["evaluated"], run.stats["findings"], run.deltas["fixed"]) == (2, 2, 0)
    assert found(shop) == left
    assert shop.run(JobKind.POLICY, mode=INCREMENTAL).stats["unchanged"] == 2


@pytest.mark.parametrize("between", [False, True], ids=["at once", "after a run"])
@pytest.mark.parametrize("mode", [FULL, INCREMENTAL])
def test_one_that_is_back_has_its_findings_again(shop, mode, between):
    before = found(shop)
    remove(shop, "strict")
    if between:
        shop.run(JobKind.POLICY, mode=INCREMENTAL)
    assert apply(shop, "strict").revision == 2
    run = shop.run(JobKind.POLICY, mode=mode)
    assert (run.stats["evaluated"], run.stats["findings"], run.deltas["new"]) == (2, 4, 2)
    assert found(shop) == before
    assert shop.run(JobKind.POLICY, mode=INCREMENTAL).stats["unchanged"] == 2


def test_without_the_last_one_runs_say_that_there_is_none(shop):
    assert (remove(shop, "strict"), remove(shop, "default")) == (2, 2)
    assert found(shop) == set()
    for mode in (FULL, INCREMENTAL):
        run = shop.run(JobKind.POLICY, mode=mode)
        assert (run.state, "expected at least one policy" in run.error) == (RunState.FAILED, True)
    apply(shop, "other")
    shop.run(JobKind.POLICY, mode=INCREMENTAL)
    assert found(shop) == {("shop/a", "other"), ("shop/b", "other")}


def test_one_that_was_removed_or_never_was_is_not_found(shop):
    remove(shop, "strict")
    for name in ("strict", "never"):
        with pytest.raises(NotFound, match=name):
            remove(shop, name)


def test_a_removal_waits_for_the_chunk_that_is_being_written(shop, admin):
    with ThreadPoolExecutor() as executor, shop.database.begin("acme") as store:
        store.policy_jobs.lock("acme")
        waiting = executor.submit(remove, shop, "strict")
        while not admin.execute("SELECT FROM pg_locks WHERE NOT granted AND locktype = 'advisory'").rowcount:
            assert not waiting.done()
        assert len(found(shop)) == 4
    assert waiting.result() == 2


@pytest.mark.parametrize("mode", [FULL, INCREMENTAL])
def test_a_run_writes_nothing_of_a_policy_that_is_removed_meanwhile(shop, monkeypatch, mode):
    monkeypatch.setattr("scheduler_defs.ops.policy_chunks.CHUNK", 1)
    shop.advisories(shop.advisory("A-2", "flask"))
    removed = []

    def say(level, message):
        if message == "looked at 1 of 2 images":
            removed.append(remove(shop, "strict"))

    outcome = shop.carry(shop.opened(JobKind.POLICY, mode=mode), say)
    assert (outcome.state, removed) == (RunState.COMPLETED, [3])
    assert found(shop) == {("shop/a", "default"), ("shop/b", "default")}


def test_triggers_hear_of_it(shop):
    with shop.database.begin("acme") as store:
        create_schedule(store, "acme", NewSchedule("s", JobKind.GRAPH, [EventRule("policy_changed")]), "ann")
    assert shop.claim() == []
    remove(shop, "strict")
    assert len(shop.claim()) == 1

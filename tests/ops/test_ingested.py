"""Runs over what was ingested since the last one: an SBOM comes, and just its image is looked at."""

from datetime import timedelta

import pytest

from resources.errors import InvalidInput
from resources.selection import Selection
from resources.states import JobKind, PolicyMode, RunState
from scheduler_defs.edits.runs import request_run
from scheduler_defs.edits.schedules import NewSchedule, create_schedule
from scheduler_defs.inputs.policies import apply_policy
from scheduler_defs.ops import attempt as attempts
from scheduler_defs.ops.launches import close_run
from scheduler_defs.timing.rules import EventRule

RULES = "name: default\nrules: []\ndefault: block\n"
INGESTED = Selection(ingested=True)
MODES = {JobKind.POLICY: PolicyMode.INCREMENTAL}


@pytest.fixture
def shops(world, monkeypatch):
    """Two images that an advisory affects, and a schedule of each kind that looks at new SBOMs only."""
    monkeypatch.setattr(attempts, "OVERLAP", timedelta())
    for name in ("a", "b"):
        world.image(f"shop/{name}", {"flask": "1.0"})
    world.advisories(world.advisory("A", "flask"))
    with world.database.begin("acme") as store:
        apply_policy(store, "acme", "test", RULES, "ann")
        for kind in JobKind:
            on_sbom = [EventRule("sbom_ingested")]
            create_schedule(store, "acme", NewSchedule(kind, kind, on_sbom, MODES.get(kind), INGESTED), "ann")
    return world


@pytest.mark.parametrize("kind", JobKind)
def test_a_run_looks_at_the_images_whose_sbom_came_since_the_last(shops, kind):
    assert shops.run(kind, schedule=kind).stats["images"] == 2, "all, since no run has completed"
    assert shops.run(kind, schedule=kind).stats["images"] == 0
    shops.image("shop/c", {"flask": "1.0"})
    shops.image("shop/a", {"flask": "1.0"})  # the same SBOM: no news
    assert shops.run(kind, schedule=kind).stats["images"] == 1
    shops.image("shop/a", {"flask": "2.0"})
    assert shops.run(kind, schedule=kind).stats["images"] == 1
    assert shops.run(kind).stats["images"] == 3, "by hand: all"


def test_the_impact_of_new_sboms_is_of_every_advisory_and_adds_up_to_nothing_removed(shops):
    first = shops.run(JobKind.IMPACT, schedule=JobKind.IMPACT)
    assert (first.stats["affected_images"], first.deltas) == (2, {"added": 2, "removed": 0})
    shops.image("shop/c", {"flask": "1.0"})
    second = shops.run(JobKind.IMPACT, schedule=JobKind.IMPACT)
    assert (second.stats["affected_images"], second.deltas) == (1, {"added": 1, "removed": 0})
    with shops.database.begin("acme") as store:
        snapshot = store.impact_snapshots.get_of_run("acme", second.id)
    assert snapshot is not None
    assert snapshot.selector["ingested"] is True
    assert snapshot.selector["ingested_since"] == first.created_at.isoformat()


@pytest.mark.parametrize("kind", JobKind)
def test_nothing_new_is_no_warning(shops, kind):
    shops.run(kind, schedule=kind)
    lines = []
    outcome = shops.carry(shops.opened(kind, schedule=kind), lambda level, message: lines.append(level))
    assert close_run(shops.database, outcome) is RunState.COMPLETED
    assert "warning" not in lines


def test_a_failed_run_loses_no_image(shops, monkeypatch):
    shops.run(JobKind.GRAPH, schedule=JobKind.GRAPH)
    shops.image("shop/c", {"flask": "1.0"})
    with monkeypatch.context() as broken:
        broken.setattr("scheduler_defs.ops.graph.build_graph", lambda _: 1 / 0)
        assert shops.run(JobKind.GRAPH, schedule=JobKind.GRAPH).state is RunState.FAILED
    assert shops.run(JobKind.GRAPH, schedule=JobKind.GRAPH).stats["images"] == 1


@pytest.mark.parametrize("kind", JobKind)
def test_by_hand_an_instant_says_since_when(shops, kind):
    with shops.database.begin("acme") as store:
        now = store.now()
        with pytest.raises(InvalidInput, match="none for a run by hand; it is for a schedule's runs"):
            request_run(store, "acme", kind, "ann", selection=INGESTED)
    shops.image("shop/b", {"flask": "3.0"})
    assert shops.run(kind, selection=Selection(ingested_since=now)).stats["images"] == 1

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
ON_SBOM = EventRule("sbom_ingested")
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
            create_schedule(
                store, "acme", NewSchedule(kind, kind, [ON_SBOM], MODES.get(kind), INGESTED), "ann"
            )
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


@pytest.mark.parametrize("place", [{"namespace": "shop"}, {"labels": {"tier": "prod"}}])
def test_an_image_that_comes_into_the_selection_is_looked_at(shops, admin, place):
    selection = Selection.parse(place | {"ingested": True})
    with shops.database.begin("acme") as store:
        create_schedule(
            store, "acme", NewSchedule("x", JobKind.IMPACT, [ON_SBOM], selection=selection), "ann"
        )
    assert shops.run(JobKind.IMPACT, schedule="x").stats["images"] == 0
    waiting = "SELECT count(*) FROM scheduler.trigger_events WHERE event = 'sbom_ingested'"
    ((before,),) = admin.execute(waiting)
    shops.image("shop/a", {"flask": "1.0"}, **place)
    assert admin.execute(waiting).fetchone() > (before,)
    assert shops.run(JobKind.IMPACT, schedule="x").stats["images"] == 1


@pytest.mark.parametrize("kind", JobKind)
def test_a_run_from_a_day_that_the_clock_took_back_hides_nothing(shops, admin, kind):
    ran = shops.run(kind, schedule=kind)
    columns = ("created_at", "started_at", "finished_at")
    moved = ", ".join(f"{column} = {column} + interval '1 day'" for column in columns)
    admin.execute("SET session_replication_role = replica")
    admin.execute(f"UPDATE scheduler.runs SET {moved} WHERE id = %s", [ran.id])
    admin.execute("RESET session_replication_role")
    shops.image("shop/c", {"flask": "1.0"})
    assert shops.run(kind, schedule=kind).stats["images"] == 3


@pytest.mark.parametrize(
    ("mode", "event", "said"),
    [
        *(
            (PolicyMode.INCREMENTAL, event, "wait for sbom_ingested or run_completed:NAME, and none else")
            for event in ("policy_changed", "vex_ingested", "exploits_changed", "advisory_feed")
        ),
        (PolicyMode.SIMULATE, "sbom_ingested", "none for a simulation"),
    ],
)
def test_a_schedule_that_would_look_at_nothing_of_its_news_is_refused(world, mode, event, said):
    wanted = NewSchedule("x", JobKind.POLICY, [EventRule(event)], mode, INGESTED)
    with world.database.begin("acme") as store, pytest.raises(InvalidInput) as refused:
        create_schedule(store, "acme", wanted, "ann")
    assert refused.value.field == "selection.ingested"
    assert said in str(refused.value)

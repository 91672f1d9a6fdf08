"""Tables impact_snapshots and impact_snapshot_images: one snapshot a run, never changed."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from resources.errors import AlreadyExists, InvalidInput, NotFound, StaleAttempt
from resources.ids import new_id
from resources.records import AffectedBy, ImpactDiff, ImpactSnapshot
from resources.repositories import impact_snapshots
from resources.states import JobKind, PolicyMode, RunState, TriggerKind

A, B, C, D, E = (UUID(int=number) for number in range(1, 6))
FLASK, CLICK = ("pkg:pypi/flask@1", "A-1"), ("pkg:pypi/click@1", "A-2")


def snapshot(run, plant, **changes):
    wanted = {
        "selector": {"advisories": ["A-1"]},
        "feed_revision": 3,
        "total": 2,
        "unknown": 1,
        "digest": "a" * 64,
    }
    wanted |= {"schedule_id": run.schedule_id, "created_at": plant.now} | changes
    wanted = {"id": new_id()} | wanted
    return ImpactSnapshot(tenant_id=run.tenant_id, run_id=run.id, **wanted)


@pytest.fixture
def keep(database, plant):
    """keep({image: reasons}) writes a snapshot of a run of its own, or of the run given."""

    def write(reasons, run=None, tenant="acme", unknown=None):
        kept = snapshot(run or plant.run(tenant, kind=JobKind.IMPACT), plant, total=len(reasons))
        with database.begin(tenant) as store:
            store.impact_snapshots.create(kept, reasons, unknown)
        return kept

    return write


def test_a_snapshot_of_many_reasons_is_written_in_parts(database, keep, monkeypatch):
    monkeypatch.setattr(impact_snapshots, "AT_ONCE", 3)
    images = [new_id() for _ in range(6)]
    reasons = {
        image: [(f"pkg:npm/a@{number}", f"A-{n}") for n in range(number)]
        for number, image in enumerate(images)
    }
    unknown = {images[0]: [("pkg:npm/b@1", "A-1")] * 2, new_id(): [("pkg:npm/b@1", "A-1")] * 9}
    kept = keep(reasons, unknown=unknown)
    with database.begin("acme") as store:
        rows = {one.image_id: one for one in store.impact_snapshots.page_images(kept, limit=100).items}
    assert {image: [tuple(why) for why in one.reasons] for image, one in rows.items() if one.reasons} == {
        image: why for image, why in reasons.items() if why
    }
    assert {
        image: [tuple(why) for why in one.unknown] for image, one in rows.items() if one.unknown
    } == unknown


def test_a_snapshot_is_read_as_it_was_written(database, plant):
    wanted = snapshot(plant.run(kind=JobKind.IMPACT), plant)
    first, second = new_id(), new_id()
    reasons = {first: [("pkg:npm/a@1", "A-1"), ("pkg:npm/b@1", "A-1")]}
    unknown = {first: [("pkg:npm/c@1", "A-1")], second: [("pkg:npm/c@1", "A-1")]}
    with database.begin("acme") as store:
        store.impact_snapshots.create(wanted, reasons, unknown)
    with database.begin("acme") as store:
        assert store.impact_snapshots.get_of_run("acme", wanted.run_id) == wanted
        assert store.impact_snapshots.get("acme", wanted.id) == wanted
        assert store.impact_snapshots.list_images(wanted) == {
            first: [["pkg:npm/a@1", "A-1"], ["pkg:npm/b@1", "A-1"]],
        }
        rows = {one.image_id: one for one in store.impact_snapshots.page_images(wanted).items}
        assert rows == {
            first: AffectedBy(
                first, [["pkg:npm/a@1", "A-1"], ["pkg:npm/b@1", "A-1"]], [["pkg:npm/c@1", "A-1"]]
            ),
            second: AffectedBy(second, [], [["pkg:npm/c@1", "A-1"]]),
        }
        assert store.impact_snapshots.get_of_run("acme", new_id()) is None


def test_a_run_has_one_snapshot(database, plant, keep):
    run = plant.run(kind=JobKind.IMPACT)
    first = keep({}, run)
    with pytest.raises(AlreadyExists, match=f"impact snapshot of run {run.id}"):
        keep({A: [FLASK]}, run)
    with database.begin("acme") as store:
        assert store.impact_snapshots.get_of_run("acme", run.id) == first
        assert store.impact_snapshots.list_images(first) == {}
        assert store.impact_snapshots.list("acme").items == [first]


def test_a_snapshot_is_of_a_run_of_the_tenant(database, plant):
    elsewhere = snapshot(plant.run("globex", kind=JobKind.IMPACT), plant)
    with database.begin("acme") as store, pytest.raises(NotFound, match=f"run {elsewhere.run_id}"):
        store.impact_snapshots.create(elsewhere, {A: [FLASK]})
    with database.begin("globex") as store:
        store.impact_snapshots.create(elsewhere, {A: [FLASK]})


def test_a_missing_snapshot_and_anothers_are_not_found(database, keep):
    kept = keep({A: [FLASK]})
    for tenant, wanted in (("acme", new_id()), ("globex", kept.id)):
        with database.begin(tenant) as store, pytest.raises(NotFound, match=f"impact snapshot {wanted}"):
            store.impact_snapshots.get("acme", wanted)
    with database.begin("globex") as store:
        assert store.impact_snapshots.get_of_run("acme", kept.run_id) is None
        assert store.impact_snapshots.list_images(kept) == {}
        assert store.impact_snapshots.page_images(kept).items == []
        assert store.impact_snapshots.list("acme").items == []


def test_the_latest_of_a_schedule_is_its_newest_and_beside_a_run_another_runs(database, plant):
    trigger, other = plant.trigger(plant.schedule("a")), plant.trigger(plant.schedule("b"))
    runs = [plant.fired(trigger, plant.now.replace(hour=hour), kind=JobKind.IMPACT) for hour in (1, 2, 3)]
    elsewhere = plant.fired(other, plant.now, kind=JobKind.IMPACT)
    by_hand = plant.run(kind=JobKind.IMPACT)
    with database.begin("acme") as store:
        snapshots = store.impact_snapshots
        assert snapshots.latest_of_schedule("acme", trigger.schedule_id) is None
        assert snapshots.latest_beside(runs[0]) is None
        for number, run in enumerate((*runs[:2], elsewhere, by_hand)):
            snapshots.create(snapshot(run, plant, id=UUID(int=number)), {})
        assert snapshots.latest_of_schedule("acme", trigger.schedule_id).run_id == runs[1].id
        assert snapshots.latest_of_schedule("acme", other.schedule_id).run_id == elsewhere.id
        assert snapshots.latest_beside(runs[2]).run_id == runs[1].id
        assert snapshots.latest_beside(runs[1]).run_id == runs[0].id
        assert snapshots.latest_beside(elsewhere) is None
        assert snapshots.latest_beside(by_hand) is None
    with database.begin("globex") as store:
        assert store.impact_snapshots.latest_of_schedule("acme", trigger.schedule_id) is None


def test_the_latest_of_a_completed_run_is_told_from_what_others_left(database, plant, keep):
    schedule = plant.schedule(kind=JobKind.IMPACT)
    trigger = plant.trigger(schedule)
    wanted = {"kind": JobKind.IMPACT, "trigger_kind": trigger.kind, "schedule_id": schedule.id}
    wanted |= {"schedule_version": 1, "trigger_id": trigger.id}
    runs = [plant.running(**wanted, scheduled_for=plant.now.replace(hour=hour)) for hour in (1, 2, 3)]
    kept = [keep({}, run) for run in runs]
    with database.begin("acme") as store:
        assert store.impact_snapshots.latest_completed("acme", schedule.id) is None
        assert store.runs.last_completed_request(runs[2]) is None
        for run, state, hours in (
            (1, RunState.COMPLETED, 2),
            (0, RunState.COMPLETED, 1),
            (2, RunState.FAILED, 3),
        ):
            ended, error = plant.now + timedelta(hours=hours), "boom" if state is RunState.FAILED else None
            store.runs.finish(runs[run], state, ended, error=error)
    with database.begin("acme") as store:
        assert store.impact_snapshots.latest_completed("acme", schedule.id) == kept[1]
        assert store.runs.last_completed_request(runs[2]) == runs[1].created_at
        assert store.runs.last_completed_request(replace(runs[2], selection={"impacted": True})) is None
    with database.begin("globex") as store:
        assert store.impact_snapshots.latest_completed("acme", schedule.id) is None
        assert store.runs.last_completed_request(runs[2]) is None


def test_images_are_told_that_snapshots_touched(database, plant):
    trigger, ids = plant.trigger(plant.schedule("one")), [UUID(int=number) for number in range(3)]
    found = [({A: [FLASK]}, {}), ({B: [FLASK]}, {C: [CLICK]}), ({A: [CLICK]}, {})]
    with database.begin("acme") as store:
        for number, (reasons, unknown) in enumerate(found):
            at = plant.now.replace(hour=number + 1)
            run = plant.fired(trigger, at, kind=JobKind.IMPACT)
            store.impact_snapshots.create(
                snapshot(run, plant, id=ids[number], created_at=at), reasons, unknown
            )
        touched = store.impact_snapshots.list_touched
        assert touched("acme", ids) == {A, B, C}
        assert touched("acme", ids[1:2]) == {B, C}
        assert touched("acme", ids[2:]) == {A}
        assert touched("acme", []) == set()
        assert touched("globex", ids) == set()


def test_a_run_takes_the_snapshots_that_no_completed_one_took(database, plant):
    """Of runs that completed since an instant; what failed or another selection took is taken once more."""
    hours = [plant.now.replace(hour=hour) for hour in range(10)]
    news, other = (plant.schedule(name, kind=JobKind.IMPACT) for name in ("news", "other"))
    ours = plant.schedule("ours", kind=JobKind.POLICY, mode=PolicyMode.INCREMENTAL)

    def impact(number, schedule, state=RunState.COMPLETED):
        wanted = {"kind": JobKind.IMPACT, "schedule_id": schedule.id, "schedule_version": 1}
        run = plant.running(hours[number], **wanted)
        with database.begin("acme") as store:
            made = snapshot(run, plant, id=UUID(int=number), created_at=hours[number])
            store.impact_snapshots.create(made, {}, {})
            if state:
                error = "boom" if state is RunState.FAILED else None
                store.runs.finish(run, state, hours[number], error=error)
        return run

    def take(state=None, heard=(news,), since=hours[1], **changes):
        wanted = {"kind": JobKind.POLICY, "mode": PolicyMode.INCREMENTAL, "schedule_id": ours.id}
        run = plant.running(hours[1], **wanted | {"schedule_version": 1} | changes)
        with database.begin("acme") as store:
            taken = store.runs.take_snapshots(run, [one.id for one in heard], since)
            if state:
                error = "boom" if state is RunState.FAILED else None
                store.runs.finish(run, state, hours[9], error=error)
        return run, [one.int for one in taken]

    impact(0, news), impact(1, news), impact(2, other), impact(3, news, RunState.FAILED)
    late = impact(4, news, None)
    assert take()[1] == [1]
    assert take(heard=(news, other))[1] == [1, 2]
    assert take(since=hours[0])[1] == [0, 1]
    assert take(heard=())[1] == []
    first, _ = take()
    take(RunState.FAILED), take(RunState.COMPLETED, selection={"namespace": "web"})
    take(RunState.COMPLETED, mode=PolicyMode.SIMULATE)
    assert take(RunState.COMPLETED)[1] == [1]
    assert take()[1] == []
    with database.begin("acme") as store:
        store.runs.finish(late, RunState.COMPLETED, hours[4])
        assert [one.int for one in store.runs.take_snapshots(first, [news.id], hours[1])] == [1]
    assert take()[1] == [4]
    with database.begin("acme") as store:
        store.runs.finish(first, RunState.FAILED, hours[9], error="boom")
        with pytest.raises(StaleAttempt):
            store.runs.take_snapshots(first, [news.id], hours[1])


def test_impact_schedules_are_told_whose_runs_a_schedule_waits_for(database, plant):
    named = {
        name: plant.schedule(name, kind=kind)
        for name, kind in {
            "news": JobKind.IMPACT,
            "other news": JobKind.IMPACT,
            "graphs": JobKind.GRAPH,
            "deleted": JobKind.IMPACT,
        }.items()
    }
    plant.schedule("news", "globex", kind=JobKind.IMPACT)
    listener = plant.schedule("listener")
    event = {"kind": TriggerKind.EVENT, "every": None, "anchor": None}
    for name in [*named, "nowhere"]:
        plant.trigger(listener, event=f"run_completed:{name}", **event)
    plant.trigger(listener, event="sbom_ingested", **event)
    with database.begin("acme") as store:
        store.schedules.soft_delete(named["deleted"], "ann", plant.now)
    with database.begin("acme") as store:
        heard = store.impact_snapshots.list_heard
        wanted = {named[name].id for name in ("news", "other news")}
        assert set(heard("acme", listener.id)) == wanted
        assert heard("acme", named["news"].id) == []
        assert heard("globex", listener.id) == []


def test_snapshots_are_paged_newest_first_and_narrowed_to_a_schedule(database, plant, keep):
    trigger = plant.trigger(plant.schedule())
    fired = [keep({}, plant.fired(trigger, plant.now.replace(hour=hour))) for hour in (1, 2)]
    by_hand = [keep({}) for _ in range(3)]
    newest_first = [*fired, *by_hand][::-1]
    with database.begin("acme") as store:
        first = store.impact_snapshots.list("acme", limit=3)
        keep({})
        rest = store.impact_snapshots.list("acme", limit=3, cursor=first.next_cursor)
        assert first.items + rest.items == newest_first
        assert rest.next_cursor is None
        of_schedule = store.impact_snapshots.list("acme", schedule_id=trigger.schedule_id)
        assert of_schedule.items == fired[::-1]


def test_images_are_paged_by_id(database, keep):
    kept = keep({image: [FLASK, CLICK] for image in (C, A, B)})
    with database.begin("acme") as store:
        first = store.impact_snapshots.page_images(kept, limit=2)
        rest = store.impact_snapshots.page_images(kept, limit=2, cursor=first.next_cursor)
        assert [one.image_id for one in first.items + rest.items] == [A, B, C]
        assert rest.items == [AffectedBy(C, [list(FLASK), list(CLICK)], [])]
        with pytest.raises(InvalidInput, match="cursor"):
            store.impact_snapshots.page_images(keep({}), cursor=first.next_cursor)


def test_two_snapshots_differ_by_what_came_went_and_has_other_reasons(database, keep):
    one = keep({A: [FLASK], B: [FLASK], C: [FLASK]})
    two = keep({B: [FLASK], C: [FLASK, CLICK], D: [CLICK]}, unknown={D: [FLASK], E: [FLASK]})
    empty = keep({})
    with database.begin("acme") as store:
        diff = store.impact_snapshots.diff
        assert diff("acme", one.id, two.id) == ImpactDiff(one.id, two.id, [D], [A], [C], 1)
        assert diff("acme", two.id, one.id) == ImpactDiff(two.id, one.id, [A], [D], [C], 1)
        assert diff("acme", one.id, one.id) == ImpactDiff(one.id, one.id, [], [], [], 3)
        assert diff("acme", empty.id, one.id) == ImpactDiff(empty.id, one.id, [A, B, C], [], [], 0)
        assert diff("acme", empty.id, empty.id) == ImpactDiff(empty.id, empty.id, [], [], [], 0)


def test_a_snapshot_that_is_missing_or_anothers_is_no_empty_one(database, keep):
    ours, theirs, missing = keep({A: [FLASK]}), keep({A: [FLASK]}, tenant="globex"), new_id()
    for earlier, later, named in (
        (ours.id, missing, missing),
        (missing, ours.id, missing),
        (ours.id, theirs.id, theirs.id),
        (theirs.id, ours.id, theirs.id),
    ):
        for enter in (lambda: database.begin("acme"), database.begin_system):
            with enter() as store, pytest.raises(NotFound, match=str(named)):
                store.impact_snapshots.diff("acme", earlier, later)


@pytest.mark.parametrize("table", ["impact_snapshots", "impact_snapshot_images"])
def test_nobody_but_the_owner_changes_a_snapshot_and_only_retention_deletes_it(database, keep, table):
    keep({A: [FLASK]})
    update, delete = f"UPDATE scheduler.{table} SET tenant_id = 'acme'", f"DELETE FROM scheduler.{table}"
    for enter, statement in (
        (lambda: database.begin("acme"), update),
        (lambda: database.begin("acme"), delete),
        (database.begin_system, update),
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), enter() as store:
            store.connection.execute(statement)
    with database.begin_system() as store:
        store.connection.execute("DELETE FROM scheduler.impact_snapshot_images")
        assert store.connection.execute("DELETE FROM scheduler.impact_snapshots").rowcount == 1

"""Tables graph_jobs and policy_jobs: items are claimed once, and ended by who holds the lease."""

from dataclasses import replace
from datetime import timedelta

import pytest

from resources.errors import AlreadyExists, IllegalTransition, InvalidInput, NotFound, StaleAttempt
from resources.ids import new_id
from resources.inventory_records import LastEvaluation
from resources.protocols.work_items import LEASE
from resources.records import Completion, Evaluated
from resources.states import JobKind, PolicyMode, WorkState

MINUTE = timedelta(minutes=1)
DIGEST, OTHER = "a" * 64, "b" * 64
OPEN = (WorkState.PENDING, WorkState.RUNNING)


def completion(item, digest=DIGEST, **stats):
    return Completion(item, digest, stats, OTHER if item.kind == "full" else None)


ENDS = {
    WorkState.COMPLETED: lambda jobs, item, worker, now: jobs.complete_many([completion(item)], worker, now),
    WorkState.FAILED: lambda jobs, item, worker, now: jobs.fail(item, worker, "no root", now),
    WorkState.CANCELLED: lambda jobs, item, worker, now: jobs.cancel(item, worker, now),
}
UNDER_LEASE = ENDS | {"renewed": lambda jobs, item, worker, now: jobs.renew([item], worker, now)}


def test_an_item_is_pending_for_the_image_and_its_sbom(database, jobs, make_items, plant, item_kind):
    images = [plant.image("a"), plant.image("b")]
    run, items = make_items(images)
    assert {(item.image_id, item.sbom_id) for item in items} == {(one.id, one.sbom_id) for one in images}
    item = items[0]
    assert (item.run_id, item.status, item.attempts) == (run.id, WorkState.PENDING, 0)
    assert item.kind == ("build" if item_kind is JobKind.GRAPH else "full")
    assert (item.created_at, item.started_at, item.finished_at) == (plant.now, None, None)
    assert (item.lease_owner, item.lease_expires_at, item.input_digest) == (None, None, None)
    with database.begin("acme") as store:
        assert jobs(store).get("acme", item.id) == item


def test_items_that_exist_stay(database, plant):
    run, images, worker = plant.running(), [plant.image("a"), plant.image("b")], new_id()
    with database.begin("acme") as store:
        store.graph_jobs.create_many(run, images, plant.now)
        store.graph_jobs.claim(run, worker, plant.now, limit=1)
        before = store.graph_jobs.list_of_run(run)
        store.graph_jobs.create_many(run, [*images, plant.image("c")], plant.now + MINUTE)
        after = store.graph_jobs.list_of_run(run)
        store.policy_jobs.create_many(run, PolicyMode.FULL, images, plant.now)
        kept = store.policy_jobs.list_of_run(run)
        store.policy_jobs.create_many(run, PolicyMode.FULL, images, plant.now + MINUTE)
        assert store.policy_jobs.list_of_run(run) == kept
    assert [item for item in after if item in before] == before
    assert len(after) == 3


def test_what_a_policy_run_evaluated_is_recorded_as_completed_once(database, plant):
    run, images = plant.running(), [plant.image("a"), plant.image("b")]
    later = plant.now + MINUTE
    evaluated = [Evaluated(new_id(), one.id, one.sbom_id, OTHER, DIGEST, {"findings": 2}) for one in images]
    with database.begin("acme") as store:
        store.policy_jobs.record_many(run, PolicyMode.FULL, [], plant.now, later)
        store.policy_jobs.record_many(run, PolicyMode.FULL, evaluated, plant.now, later)
        items = store.policy_jobs.list_of_run(run)
    assert [(one.id, one.image_id, one.sbom_id, one.stats) for one in items] == [
        (one.id, one.image_id, one.sbom_id, one.stats) for one in evaluated
    ]
    for one in items:
        assert (one.run_id, one.kind, one.status, one.attempts) == (run.id, "full", WorkState.COMPLETED, 1)
        assert (one.input_digest, one.result_digest) == (OTHER, DIGEST)
        assert (one.created_at, one.started_at, one.finished_at) == (plant.now, plant.now, later)
        assert (one.lease_owner, one.lease_expires_at, one.error) == (None, None, None)
    again = [replace(evaluated[1], id=new_id())]
    with (
        pytest.raises(AlreadyExists, match=f"policy job of run {run.id} and image {images[1].id}"),
        database.begin("acme") as store,
    ):
        store.policy_jobs.record_many(run, PolicyMode.FULL, again, later, later)


def test_a_recorded_item_never_ends_before_it_began(database, plant):
    run, image = plant.running(), plant.image("a")
    evaluated = [Evaluated(new_id(), image.id, image.sbom_id, OTHER, DIGEST, {})]
    with database.begin("acme") as store:
        store.policy_jobs.record_many(run, PolicyMode.FULL, evaluated, plant.now, plant.now - MINUTE)
        (item,) = store.policy_jobs.list_of_run(run)
    assert item.finished_at == plant.now


def test_a_missing_item_and_anothers_are_not_found(database, jobs, three_items, item_kind):
    _, (item, *_) = three_items
    for tenant, wanted in (("acme", new_id()), ("globex", item.id)):
        with (
            database.begin(tenant) as store,
            pytest.raises(NotFound, match=f"{item_kind} job .* does not exist"),
        ):
            jobs(store).get(tenant, wanted)


def test_the_oldest_items_are_claimed_under_a_lease_and_none_twice(database, jobs, three_items, plant):
    run, items = three_items
    first, second, later = new_id(), new_id(), plant.now + MINUTE
    with database.begin("acme") as store:
        claimed = jobs(store).claim(run, first, later, limit=2)
        assert [item.id for item in claimed] == [item.id for item in items[:2]]
        assert [jobs(store).get("acme", item.id) for item in claimed] == claimed
        (last,) = jobs(store).claim(run, second, later, lease=MINUTE, limit=2)
        assert jobs(store).claim(run, second, later, limit=2) == []
    item = claimed[0]
    assert (item.status, item.attempts, item.started_at) == (WorkState.RUNNING, 1, later)
    assert (item.lease_owner, item.lease_expires_at) == (str(first), later + LEASE)
    assert (last.id, last.lease_owner, last.lease_expires_at) == (items[2].id, str(second), later + MINUTE)


def test_an_item_that_is_being_claimed_is_passed_over(database, jobs, three_items, plant):
    run, items = three_items
    with database.begin("acme") as one, database.begin("acme") as other:
        assert [item.id for item in jobs(one).claim(run, new_id(), plant.now, limit=1)] == [items[0].id]
        assert [item.id for item in jobs(other).claim(run, new_id(), plant.now, limit=1)] == [items[1].id]


def test_only_the_items_of_the_run_are_claimed(database, jobs, make_items, plant):
    images = [plant.image("a")]
    (run, _), (other, items) = make_items(images), make_items(images)
    with database.begin("acme") as store:
        assert len(jobs(store).claim(run, new_id(), plant.now, limit=9)) == 1
        assert jobs(store).list_of_run(other) == items
    with database.begin("globex") as store:
        assert jobs(store).claim(other, new_id(), plant.now, limit=9) == []


@pytest.mark.parametrize(
    ("field", "wanted"),
    [("lease", {"lease": timedelta(), "limit": 1}), ("limit", {"limit": 0}), ("limit", {"limit": -1})],
)
def test_a_claim_of_nothing_is_refused(database, jobs, three_items, plant, field, wanted):
    with database.begin("acme") as store, pytest.raises(InvalidInput, match=field):
        jobs(store).claim(three_items[0], new_id(), plant.now, **wanted)


def test_what_is_handed_in_wrong_is_refused(database, jobs, three_items, plant):
    run, _ = three_items
    with database.begin("acme") as store:
        (item,) = jobs(store).claim(run, new_id(), plant.now, limit=1)
        with pytest.raises(InvalidInput, match="error"):
            jobs(store).fail(item, new_id(), "", plant.now)
        with pytest.raises(InvalidInput, match="lease"):
            jobs(store).renew([item], new_id(), plant.now, lease=-MINUTE)
        with pytest.raises(InvalidInput, match="limit"):
            jobs(store).requeue_expired(plant.now, 0)
        jobs(store).renew([], new_id(), plant.now)
        jobs(store).complete_many([], new_id(), plant.now)
        assert jobs(store).get("acme", item.id) == item


@pytest.mark.parametrize("status", ENDS)
def test_an_item_ends_with_its_result_or_error(database, jobs, three_items, plant, item_kind, status):
    run, _ = three_items
    worker, end = new_id(), plant.now + MINUTE
    with database.begin("acme") as store:
        (item,) = jobs(store).claim(run, worker, plant.now, limit=1)
        if status is WorkState.FAILED:
            jobs(store).fail(item, worker, "no root", end, stats={"nodes": 2})
        elif status is WorkState.COMPLETED:
            jobs(store).complete_many([completion(item, nodes=2)], worker, end)
        else:
            jobs(store).cancel(item, worker, end)
        ended, *rest = jobs(store).list_of_run(run)
    completed, failed = status is WorkState.COMPLETED, status is WorkState.FAILED
    assert (ended.status, ended.started_at, ended.finished_at) == (status, plant.now, end)
    assert ended.stats == ({} if status is WorkState.CANCELLED else {"nodes": 2})
    assert ended.result_digest == (DIGEST if completed else None)
    assert ended.input_digest == (OTHER if completed and item_kind is JobKind.POLICY else None)
    assert ended.error == ("no root" if failed else None)
    assert (ended.lease_owner, ended.lease_expires_at) == (None, None)
    assert {item.status for item in rest} == {WorkState.PENDING}


def test_an_end_is_never_before_the_start(database, jobs, three_items, plant):
    run, _ = three_items
    worker, early = new_id(), plant.now - MINUTE
    with database.begin("acme") as store:
        first, _ = jobs(store).claim(run, worker, early, limit=2)
        jobs(store).complete_many([completion(first)], worker, early)
        assert jobs(store).cancel_open_of_run(run, early) == 2
        after = jobs(store).list_of_run(run)
    assert [item.started_at for item in after] == [plant.now, plant.now, None]
    assert {item.finished_at for item in after} == {plant.now}


@pytest.mark.parametrize("verb", UNDER_LEASE)
def test_without_the_lease_nothing_is_written_and_the_error_says_why(
    database, jobs, three_items, plant, item_kind, verb
):
    run, items = three_items
    act, holder, late = UNDER_LEASE[verb], new_id(), plant.now + LEASE

    def refused(error, match, item, worker=holder):
        before = database_items()
        with pytest.raises(error, match=match), database.begin("acme") as store:
            act(jobs(store), item, worker, late)
        assert database_items() == before

    def database_items():
        with database.begin("acme") as store:
            return jobs(store).list_of_run(run)

    refused(IllegalTransition, f"{item_kind} job .* is pending; it cannot become {verb}", items[0])
    with database.begin("acme") as store:
        (item,) = jobs(store).claim(run, holder, plant.now, limit=1)
    other = new_id()
    refused(
        StaleAttempt,
        f"{item_kind} job {item.id}: the lease of worker {other} is not the current one",
        item,
        other,
    )
    with database.begin("acme") as store:
        assert [one.id for one in jobs(store).requeue_expired(late, 9)] == [item.id]
    refused(StaleAttempt, f"lease of worker {holder} is not the current one; nothing was written", item)
    with database.begin("acme") as store:
        (again,) = jobs(store).claim(run, holder, late, limit=1)
    assert (again.id, again.attempts) == (item.id, 2)
    refused(StaleAttempt, "is not the current one", item)
    with database.begin("acme") as store:
        act(jobs(store), again, holder, late)
        if verb == "renewed":
            jobs(store).complete_many([completion(again)], holder, late)
        end = jobs(store).get("acme", item.id).status
    refused(IllegalTransition, f"is {end}; it cannot become {verb}", again)
    refused(IllegalTransition, f"is {end}; it cannot become {verb}", item, other)


@pytest.mark.parametrize("verb", UNDER_LEASE)
def test_an_item_of_another_tenant_cannot_be_moved(database, jobs, three_items, plant, verb):
    run, _ = three_items
    worker = new_id()
    with database.begin("acme") as store:
        (item,) = jobs(store).claim(run, worker, plant.now, limit=1)
    with database.begin("globex") as store, pytest.raises(NotFound):
        UNDER_LEASE[verb](jobs(store), item, worker, plant.now)
    with database.begin("acme") as store:
        assert jobs(store).get("acme", item.id) == item


@pytest.mark.parametrize("verb", UNDER_LEASE)
def test_a_lease_that_expired_counts_until_somebody_takes_the_item(database, jobs, three_items, plant, verb):
    run, _ = three_items
    worker = new_id()
    with database.begin("acme") as store:
        (item,) = jobs(store).claim(run, worker, plant.now, lease=MINUTE, limit=1)
        UNDER_LEASE[verb](jobs(store), item, worker, plant.now + 9 * MINUTE)
        assert jobs(store).requeue_expired(plant.now + 9 * MINUTE, 9) == []


def test_a_renewed_lease_lasts_longer_and_never_shorter(database, jobs, three_items, plant):
    run, _ = three_items
    worker = new_id()
    with database.begin("acme") as store:
        items = jobs(store).claim(run, worker, plant.now, limit=2)
        jobs(store).renew(items, worker, plant.now, lease=MINUTE)
        assert jobs(store).list_of_run(run)[:2] == items
        jobs(store).renew(items, worker, plant.now + MINUTE)
        assert jobs(store).requeue_expired(plant.now + LEASE, 9) == []
        renewed = jobs(store).list_of_run(run)[:2]
    assert {item.lease_expires_at for item in renewed} == {plant.now + MINUTE + LEASE}


@pytest.mark.parametrize("verb", ["complete_many", "renew"])
def test_a_batch_with_one_lost_lease_names_the_first_and_is_rolled_back_whole(
    database, jobs, three_items, plant, verb
):
    run, _ = three_items
    worker = new_id()
    with database.begin("acme") as store:
        items = jobs(store).claim(run, worker, plant.now, limit=3)
        jobs(store).cancel(items[1], worker, plant.now)
        before = jobs(store).list_of_run(run)
    wanted = items if verb == "renew" else [completion(item) for item in items]
    with pytest.raises(IllegalTransition, match=str(items[1].id)), database.begin("acme") as store:
        getattr(jobs(store), verb)(wanted, worker, plant.now + MINUTE)
    with database.begin("acme") as store:
        assert jobs(store).list_of_run(run) == before


def test_what_a_run_leaves_undone_is_cancelled_and_the_rest_stays(database, jobs, three_items, plant):
    run, _ = three_items
    worker, end = new_id(), plant.now + MINUTE
    with database.begin("acme") as store:
        done, taken = jobs(store).claim(run, worker, plant.now, limit=2)
        jobs(store).complete_many([completion(done)], worker, plant.now)
        assert jobs(store).cancel_open_of_run(run, end) == 2
        assert jobs(store).cancel_open_of_run(run, end) == 0
        after = jobs(store).list_of_run(run)
        assert [item.status for item in after] == ["completed", "cancelled", "cancelled"]
        assert [item.finished_at for item in after] == [plant.now, end, end]
        with pytest.raises(IllegalTransition, match="is cancelled"):
            jobs(store).complete_many([completion(taken)], worker, end)


def test_the_last_evaluation_is_the_one_that_ended_last_and_counts(database, plant):
    evaluated, simulated, never = plant.image("a"), plant.image("b"), plant.image("c")
    worker, runs = new_id(), []

    def evaluate(image, digest, at, mode=PolicyMode.FULL):
        run = plant.running(kind=JobKind.POLICY, mode=mode)
        with database.begin("acme") as store:
            store.policy_jobs.create_many(run, mode, [image], plant.now)
            (item,) = store.policy_jobs.claim(run, worker, plant.now, limit=1)
            store.policy_jobs.complete_many([Completion(item, OTHER, {"n": 1}, digest)], worker, at)
        runs.append(run)

    evaluate(evaluated, DIGEST, plant.now + 2 * MINUTE, PolicyMode.INCREMENTAL)
    evaluate(evaluated, OTHER, plant.now + MINUTE)
    evaluate(evaluated, "c" * 64, plant.now + 3 * MINUTE, PolicyMode.SIMULATE)
    evaluate(simulated, DIGEST, plant.now, PolicyMode.SIMULATE)
    with database.begin("acme") as store:
        store.policy_jobs.create_many(runs[0], PolicyMode.FULL, [never], plant.now)
        assert store.policy_jobs.last_evaluations("acme", [evaluated.id, simulated.id, never.id]) == {
            evaluated.id: LastEvaluation(evaluated.id, DIGEST, OTHER, {"n": 1})
        }
        assert store.policy_jobs.last_evaluations("acme", []) == {}

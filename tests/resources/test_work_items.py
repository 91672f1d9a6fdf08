"""Tables graph_jobs and policy_jobs: items are taken once, and ended by who holds the lease."""

from datetime import timedelta

import pytest

from resources.errors import StaleAttempt
from resources.ids import new_id
from resources.inventory_records import LastEvaluation
from resources.repositories.work_items import LEASE
from resources.states import JobKind, PolicyMode, WorkState

MINUTE = timedelta(minutes=1)
DIGEST, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def graph(database, plant):
    """A running graph run with two pending items."""
    run, images = plant.running(), [plant.image("a"), plant.image("b")]
    with database.begin("acme") as store:
        store.graph_jobs.create_many(run, images, plant.now)
        return run, images, store.graph_jobs.list_of_run(run)


def policy_run(database, plant, images, mode=PolicyMode.FULL):
    run = plant.running(kind=JobKind.POLICY, mode=mode)
    with database.begin("acme") as store:
        store.policy_jobs.create_many(run, mode, images, plant.now)
        return run, store.policy_jobs.list_of_run(run)


def evaluate(database, plant, image, digest, mode=PolicyMode.FULL):
    _, (item,) = policy_run(database, plant, [image], mode)
    worker = new_id()
    with database.begin("acme") as store:
        store.policy_jobs.start_many([item], worker, plant.now)
        store.policy_jobs.complete_many("acme", worker, [(item.id, digest, OTHER, {})], plant.now)


def test_a_graph_item_is_pending_for_the_image_and_its_sbom(graph, plant):
    run, images, items = graph
    assert {(item.image_id, item.sbom_id) for item in items} == {(one.id, one.sbom_id) for one in images}
    item = items[0]
    assert (item.run_id, item.kind, item.status, item.attempts) == (run.id, "build", WorkState.PENDING, 0)
    assert (item.created_at, item.started_at, item.finished_at) == (plant.now, None, None)


def test_items_that_exist_stay(database, plant, graph):
    run, images, items = graph
    with database.begin("acme") as store:
        store.graph_jobs.start(items[0], new_id(), plant.now)
        before = store.graph_jobs.list_of_run(run)
        store.graph_jobs.create_many(run, [*images, plant.image("c")], plant.now + MINUTE)
        after = store.graph_jobs.list_of_run(run)
    assert [item for item in after if item in before] == before
    assert len(after) == 3


def test_one_worker_takes_a_graph_item(database, plant, graph, admin):
    run, _, (item, _) = graph
    first, second = new_id(), new_id()
    with database.begin("acme") as store:
        assert store.graph_jobs.start(item, first, plant.now) is True
        assert store.graph_jobs.start(item, second, plant.now) is False
        taken = store.graph_jobs.list_of_run(run)[0]
    assert (taken.status, taken.attempts, taken.started_at) == (WorkState.RUNNING, 1, plant.now)
    lease = admin.execute(
        "SELECT lease_owner, lease_expires_at FROM scheduler.graph_jobs WHERE id = %s", [item.id]
    )
    assert lease.fetchone() == (str(first), plant.now + LEASE)


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ({"digest": DIGEST, "stats": {"nodes": 2}}, WorkState.COMPLETED),
        ({"error": "no root", "stats": {"nodes": 0}}, WorkState.FAILED),
    ],
)
def test_a_graph_item_ends_with_its_result_or_error(database, plant, graph, result, status):
    run, _, (item, _) = graph
    worker = new_id()
    with database.begin("acme") as store:
        store.graph_jobs.start(item, worker, plant.now)
        store.graph_jobs.finish(item, worker, plant.now + MINUTE, **result)
        ended, untouched = store.graph_jobs.list_of_run(run)
    assert (ended.status, ended.finished_at, ended.stats) == (status, plant.now + MINUTE, result["stats"])
    assert (ended.result_digest, ended.error) == (result.get("digest"), result.get("error"))
    assert untouched.status is WorkState.PENDING


def test_only_who_holds_the_lease_ends_a_graph_item_once(database, plant, graph):
    run, _, (item, _) = graph
    holder = new_id()
    with database.begin("acme") as store:
        with pytest.raises(StaleAttempt, match="graph job"):
            store.graph_jobs.finish(item, holder, plant.now, digest=DIGEST)
        store.graph_jobs.start(item, holder, plant.now)
        with pytest.raises(StaleAttempt):
            store.graph_jobs.finish(item, new_id(), plant.now, digest=DIGEST)
        store.graph_jobs.finish(item, holder, plant.now, digest=DIGEST)
        with pytest.raises(StaleAttempt):
            store.graph_jobs.finish(item, holder, plant.now, error="late")
        assert store.graph_jobs.list_of_run(run)[0].status is WorkState.COMPLETED


def test_what_a_run_leaves_undone_is_cancelled_and_the_rest_stays(database, plant, graph):
    run, _, (done, taken) = graph
    worker = new_id()
    with database.begin("acme") as store:
        store.graph_jobs.create_many(run, [plant.image("c")], plant.now)
        store.graph_jobs.start(done, worker, plant.now)
        store.graph_jobs.finish(done, worker, plant.now, digest=DIGEST)
        store.graph_jobs.start(taken, worker, plant.now)
        assert store.graph_jobs.cancel_open_of_run(run, plant.now + MINUTE) == 2
        assert store.graph_jobs.cancel_open_of_run(run, plant.now + MINUTE) == 0
        states = {item.id: item.status for item in store.graph_jobs.list_of_run(run)}
        assert states.pop(done.id) is WorkState.COMPLETED
        assert list(states.values()) == [WorkState.CANCELLED, WorkState.CANCELLED]
        with pytest.raises(StaleAttempt):
            store.graph_jobs.finish(taken, worker, plant.now, digest=DIGEST)


def test_policy_items_are_taken_in_one_statement_and_none_twice(database, plant):
    run, items = policy_run(database, plant, [plant.image(name) for name in "abc"])
    first, second = new_id(), new_id()
    with database.begin("acme") as store:
        assert store.policy_jobs.start_many([], first, plant.now) == set()
        assert store.policy_jobs.start_many(items[:2], first, plant.now) == {item.id for item in items[:2]}
        assert store.policy_jobs.start_many(items, second, plant.now) == {items[2].id}
        states = [(item.status, item.attempts, item.kind) for item in store.policy_jobs.list_of_run(run)]
    assert states == [(WorkState.RUNNING, 1, "full")] * 3


def test_policy_items_that_exist_stay(database, plant):
    image = plant.image()
    run, (item,) = policy_run(database, plant, [image])
    with database.begin("acme") as store:
        store.policy_jobs.create_many(run, PolicyMode.FULL, [image], plant.now)
        assert store.policy_jobs.list_of_run(run) == [item]


def test_policy_items_end_with_their_digests_and_counts(database, plant):
    run, items = policy_run(database, plant, [plant.image("a"), plant.image("b")])
    worker = new_id()
    with database.begin("acme") as store:
        store.policy_jobs.start_many(items, worker, plant.now)
        done = [(items[0].id, DIGEST, OTHER, {"block": 1}), (items[1].id, OTHER, DIGEST, {})]
        store.policy_jobs.complete_many("acme", worker, done, plant.now + MINUTE)
        after = store.policy_jobs.list_of_run(run)
        first, second = (item.image_id for item in items)
        assert store.policy_jobs.last_evaluations("acme", [first, second]) == {
            first: LastEvaluation(first, DIGEST, OTHER, {"block": 1}),
            second: LastEvaluation(second, OTHER, DIGEST, {}),
        }
    assert [(item.status, item.result_digest, item.stats, item.finished_at) for item in after] == [
        (WorkState.COMPLETED, OTHER, {"block": 1}, plant.now + MINUTE),
        (WorkState.COMPLETED, DIGEST, {}, plant.now + MINUTE),
    ]


def test_a_batch_with_one_lost_lease_names_it_and_is_rolled_back_whole(database, plant):
    run, items = policy_run(database, plant, [plant.image("a"), plant.image("b")])
    worker = new_id()
    with database.begin("acme") as store:
        store.policy_jobs.start_many(items[:1], worker, plant.now)
    done = [(item.id, DIGEST, DIGEST, {}) for item in items]
    with pytest.raises(StaleAttempt, match=str(items[1].id)), database.begin("acme") as store:
        store.policy_jobs.complete_many("acme", worker, done, plant.now)
    with database.begin("acme") as store:
        states = [item.status for item in store.policy_jobs.list_of_run(run)]
    assert states == [WorkState.RUNNING, WorkState.PENDING]


def test_what_a_policy_run_leaves_undone_is_cancelled(database, plant):
    run, items = policy_run(database, plant, [plant.image("a"), plant.image("b")])
    worker = new_id()
    with database.begin("acme") as store:
        store.policy_jobs.start_many(items[:1], worker, plant.now)
        assert store.policy_jobs.cancel_open_of_run(run, plant.now) == 2
        assert {item.status for item in store.policy_jobs.list_of_run(run)} == {WorkState.CANCELLED}
        with pytest.raises(StaleAttempt):
            store.policy_jobs.complete_many("acme", worker, [(items[0].id, DIGEST, DIGEST, {})], plant.now)


def test_the_last_evaluation_is_the_one_that_ended_last(database, plant):
    image, worker = plant.image("a"), new_id()
    items = [policy_run(database, plant, [image])[1][0] for _ in range(2)]
    ends = (DIGEST, plant.now + 2 * MINUTE), (OTHER, plant.now + MINUTE)
    with database.begin("acme") as store:
        store.policy_jobs.start_many(items, worker, plant.now)
        for item, (digest, at) in zip(items, ends, strict=True):
            store.policy_jobs.complete_many("acme", worker, [(item.id, digest, OTHER, {})], at)
        assert store.policy_jobs.last_evaluations("acme", [image.id])[image.id].input_digest == DIGEST


def test_the_last_evaluation_is_the_newest_that_counts(database, plant):
    evaluated, simulated, never = plant.image("a"), plant.image("b"), plant.image("c")
    evaluate(database, plant, evaluated, DIGEST)
    evaluate(database, plant, evaluated, OTHER, PolicyMode.INCREMENTAL)
    evaluate(database, plant, evaluated, "c" * 64, PolicyMode.SIMULATE)
    evaluate(database, plant, simulated, DIGEST, PolicyMode.SIMULATE)
    policy_run(database, plant, [never])
    with database.begin("acme") as store:
        images = [evaluated.id, simulated.id, never.id]
        assert store.policy_jobs.last_evaluations("acme", images) == {
            evaluated.id: LastEvaluation(evaluated.id, OTHER, OTHER, {})
        }
        assert store.policy_jobs.last_evaluations("acme", []) == {}

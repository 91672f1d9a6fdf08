"""Tables graph_jobs and policy_jobs as queues: what is given back, who gets it, what lists and the database hold."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import chain
from threading import Barrier

import psycopg
import pytest
from psycopg import sql

from resources.errors import InvalidInput, StaleAttempt
from resources.ids import new_id
from resources.protocols.work_items import LEASE
from resources.records import Completion
from resources.states import WORK_TRANSITIONS, JobKind, WorkState

MINUTE = timedelta(minutes=1)
DIGEST = "a" * 64
TERMINAL = [state for state, targets in WORK_TRANSITIONS.items() if not targets]


def completion(item):
    return Completion(item, DIGEST, {}, DIGEST if item.kind == "full" else None)


def test_expired_items_are_given_back_the_longest_expired_first(database, jobs, three_items, plant):
    run, items = three_items
    with database.begin("acme") as store:
        for lease in (3 * MINUTE, MINUTE, 2 * MINUTE):
            jobs(store).claim(run, new_id(), plant.now, lease=lease, limit=1)
        assert jobs(store).requeue_expired(plant.now + MINUTE - timedelta(microseconds=1), 9) == []
        (first,) = jobs(store).requeue_expired(plant.now + 3 * MINUTE, 1)
        rest = jobs(store).requeue_expired(plant.now + 3 * MINUTE, 9)
        after = jobs(store).list_of_run(run)
    assert first.id == items[1].id
    assert {item.id for item in rest} == {items[0].id, items[2].id}
    assert after == sorted([first, *rest], key=lambda item: item.id)
    for item in after:
        assert (item.status, item.attempts, item.started_at) == (WorkState.PENDING, 1, None)
        assert (item.lease_owner, item.lease_expires_at) == (None, None)


def test_the_system_gives_back_every_tenants_items_and_a_tenant_its_own(database, jobs, make_items, plant):
    runs = {}
    for tenant in ("acme", "globex"):
        run, _ = runs[tenant] = make_items([plant.image("a", tenant_id=tenant)], tenant)
        with database.begin(tenant) as store:
            jobs(store).claim(run, new_id(), plant.now, limit=1)
    with database.begin("acme") as store:
        assert [one.tenant_id for one in jobs(store).requeue_expired(plant.now + LEASE, 9)] == ["acme"]
        jobs(store).claim(runs["acme"][0], new_id(), plant.now, limit=1)
    with database.begin_system() as store:
        requeued = jobs(store).requeue_expired(plant.now + LEASE, 9)
    assert sorted(item.tenant_id for item in requeued) == ["acme", "globex"]


def test_what_somebody_is_writing_is_not_given_back(database, jobs, three_items, plant):
    run, items = three_items
    worker = new_id()
    with database.begin("acme") as store:
        claimed = jobs(store).claim(run, worker, plant.now, limit=2)
    with database.begin("acme") as writing, database.begin_system() as store:
        jobs(writing).complete_many([completion(claimed[0])], worker, plant.now + LEASE)
        assert [one.id for one in jobs(store).requeue_expired(plant.now + LEASE, 9)] == [items[1].id]


def test_a_completion_that_waits_for_a_requeue_finds_its_lease_gone(
    database, jobs, three_items, plant, admin
):
    run, _ = three_items
    worker, late = new_id(), plant.now + LEASE
    with database.begin("acme") as store:
        (item,) = jobs(store).claim(run, worker, plant.now, limit=1)

    def complete():
        with database.begin("acme") as store:
            jobs(store).complete_many([completion(item)], worker, late)

    with ThreadPoolExecutor(1) as pool:
        with database.begin_system() as store:
            (requeued,) = jobs(store).requeue_expired(late, 9)
            waiting = pool.submit(complete)
            while not admin.execute("SELECT FROM pg_locks WHERE NOT granted").rowcount:
                assert not waiting.done()
        with pytest.raises(StaleAttempt, match="is not the current one"):
            waiting.result(30)
    with database.begin("acme") as store:
        assert jobs(store).get("acme", item.id) == requeued


def test_the_next_attempt_of_a_run_gets_back_what_the_last_one_began(database, jobs, make_items, plant):
    images, worker = [plant.image(name) for name in "abc"], new_id()
    (run, _), (other, _) = make_items(images), make_items(images)
    with database.begin("acme") as store:
        done, _ = jobs(store).claim(run, worker, plant.now, limit=2)
        jobs(store).complete_many([completion(done)], worker, plant.now)
        elsewhere = jobs(store).claim(other, worker, plant.now, limit=1)
        assert (jobs(store).requeue_of_run(run), jobs(store).requeue_of_run(run)) == (1, 0)
        assert [item.status for item in jobs(store).list_of_run(run)] == ["completed", "pending", "pending"]
        assert jobs(store).list_of_run(other)[:1] == elsewhere
    with database.begin("globex") as store:
        assert jobs(store).requeue_of_run(other) == 0


def test_items_are_counted_by_where_they_stand(database, jobs, three_items, plant):
    run, _ = three_items
    with database.begin("acme") as store:
        claimed = jobs(store).claim(run, worker := new_id(), plant.now, limit=2)
        jobs(store).fail(claimed[0], worker, "no root", plant.now)
        assert jobs(store).count_by_status(run) == {
            WorkState.PENDING: 1,
            WorkState.RUNNING: 1,
            WorkState.COMPLETED: 0,
            WorkState.FAILED: 1,
            WorkState.CANCELLED: 0,
        }
    with database.begin("globex") as store:
        assert set(jobs(store).count_by_status(run).values()) == {0}


def test_lists_are_paged_newest_first_and_narrowed(database, jobs, make_items, plant):
    images = [plant.image(name) for name in "abc"]
    (run, items), (_, others) = make_items(images), make_items(images[:2])
    newest_first = [*items, *others][::-1]
    with database.begin("acme") as store:
        seen, page = [], jobs(store).list("acme", limit=2)
        while True:
            seen += page.items
            if not page.next_cursor:
                break
            make_items(images[2:])
            page = jobs(store).list("acme", limit=2, cursor=page.next_cursor)
        assert seen == newest_first
        assert jobs(store).list("acme", run_id=run.id).items == items[::-1]
        assert {one.run_id for one in jobs(store).list("acme", image_id=images[0].id).items} == {
            run.id,
            others[0].run_id,
        }
        claimed = jobs(store).claim(run, new_id(), plant.now, limit=2)
        assert jobs(store).list("acme", status=WorkState.RUNNING).items == claimed[::-1]
        both = jobs(store).list("acme", run_id=run.id, status=WorkState.PENDING, image_id=images[2].id)
        assert both.items == items[2:]
        with pytest.raises(InvalidInput, match="cursor"):
            jobs(store).list("acme", run_id=run.id, cursor=jobs(store).list("acme", limit=1).next_cursor)
    with database.begin("globex") as store:
        assert jobs(store).list("acme").items == []


def test_four_claimers_at_once_take_each_item_once(database, jobs, make_items, plant):
    image = plant.image()
    run, items = make_items([replace(image, id=new_id()) for _ in range(200)])
    workers, barrier = [new_id() for _ in range(4)], Barrier(4)

    def claim_all(worker):
        taken = []
        barrier.wait(30)
        while True:
            with database.begin("acme") as store:
                claimed = jobs(store).claim(run, worker, plant.now, limit=7)
                jobs(store).complete_many([completion(item) for item in claimed[::2]], worker, plant.now)
            if not claimed:
                return taken
            taken += [item.id for item in claimed]

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(claim_all, workers))
    assert sorted(chain.from_iterable(taken)) == [item.id for item in items]
    with database.begin("acme") as store:
        assert {item.attempts for item in jobs(store).list_of_run(run)} == {1}


# By hand


SHAPES = {
    WorkState.PENDING: {"started_at": None, "lease_owner": None, "lease_expires_at": None},
    WorkState.RUNNING: {"attempts": 2},
    WorkState.COMPLETED: {"result_digest": DIGEST, "stats": "{}"},
    WorkState.FAILED: {"error": "boom"},
    WorkState.CANCELLED: {},
}


def by_hand(admin, kind, item, target, at):
    """The superuser's UPDATE to a row that is right for the state; refused by the edge alone."""
    values = {"status": str(target), "attempts": 1, "started_at": at} | SHAPES[target]
    ended = target in TERMINAL
    values |= {"finished_at": at + MINUTE if ended else None}
    values |= {"lease_owner": None if target is not WorkState.RUNNING else "w"}
    values |= {"lease_expires_at": None if target is not WorkState.RUNNING else at + MINUTE}
    values |= {"error": values.get("error"), "result_digest": values.get("result_digest")}
    if kind is JobKind.POLICY:
        values["input_digest"] = values["result_digest"]
    sets = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(k), sql.Placeholder(k)) for k in values
    )
    statement = sql.SQL("UPDATE scheduler.{} SET {} WHERE id = %(id)s")
    admin.execute(statement.format(sql.Identifier(f"{kind}_jobs"), sets), values | {"id": item.id})


@pytest.fixture
def in_state(database, jobs, make_items, plant, admin, item_kind):
    """in_state(status) is an item that got there by legal edges."""
    images = [plant.image("a")]

    def make(status):
        _, (item,) = make_items(images)
        if status is not WorkState.PENDING:
            by_hand(admin, item_kind, item, WorkState.RUNNING, plant.now)
        if status in TERMINAL:
            by_hand(admin, item_kind, item, status, plant.now)
        with database.begin("acme") as store:
            return jobs(store).get("acme", item.id)

    return make


def test_hand_written_statements_keep_to_the_edges(database, jobs, plant, admin, item_kind, in_state):
    for source, targets in WORK_TRANSITIONS.items():
        for target in set(WorkState) - {source}:
            item = in_state(source)
            if target in targets:
                by_hand(admin, item_kind, item, target, plant.now)
            else:
                match = f"{item_kind}_jobs cannot go from {source} to {target}"
                with pytest.raises(psycopg.Error, match=match) as refused:
                    by_hand(admin, item_kind, item, target, plant.now)
                assert refused.value.sqlstate == "SC003"
            with database.begin("acme") as store:
                after = jobs(store).get("acme", item.id)
            assert after.status is (target if target in targets else source)
            assert after == item or target in targets


@pytest.mark.parametrize("status", TERMINAL)
@pytest.mark.parametrize("change", ["""stats = '{"n": 9}'""", "finished_at = now()", "attempts = 9"])
def test_hand_written_statements_leave_what_has_ended(admin, item_kind, in_state, status, change):
    item = in_state(status)
    where = f"{item_kind}_jobs SET {{}} WHERE id = '{item.id}'"
    with pytest.raises(psycopg.Error, match=f"cannot go from {status} to {status}"):
        admin.execute(f"UPDATE scheduler.{where.format(change)}")
    admin.execute(f"UPDATE scheduler.{where.format('stats = stats')}")
    running = in_state(WorkState.RUNNING)
    admin.execute(f"UPDATE scheduler.{item_kind}_jobs SET attempts = 9 WHERE id = '{running.id}'")


def test_chunks_of_one_tenants_policy_runs_are_written_one_at_a_time(database, tenant):
    def lock_impatiently(name):
        with database.begin_system() as store:
            store.retention.limit_waiting(timedelta(milliseconds=30))
            store.policy_jobs.lock(name)

    with database.begin(tenant) as first:
        first.policy_jobs.lock(tenant)
        first.policy_jobs.lock(tenant)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            lock_impatiently(tenant)
        lock_impatiently("globex")
    lock_impatiently(tenant)

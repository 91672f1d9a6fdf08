"""Both tables of work items against a plain Python model, from two open transactions at once."""

from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis
import psycopg
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from resources.database import Database
from resources.errors import IllegalTransition, StaleAttempt
from resources.ids import new_id
from resources.records import Completion
from resources.settings import SchedulerSettings
from resources.states import JobKind, PolicyMode, WorkState
from scheduler_defs.edits.tenants import create_tenant

STEPS = 50
LEAST_STEPS = 500 if hypothesis.settings.default.max_examples == 100 else 10_000
START = datetime(2026, 3, 14, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DIGESTS = ["a" * 64, "b" * 64]
WORKERS = [new_id(), new_id()]
PENDING, RUNNING, CANCELLED = WorkState.PENDING, WorkState.RUNNING, WorkState.CANCELLED
sides, seconds = st.integers(0, 1), st.integers(1, 20)


@dataclass
class Item:
    """What the model knows of a row."""

    status: WorkState = PENDING
    attempts: int = 0
    lease_owner: str | None = None
    lease_expires_at: datetime | None = None
    result_digest: str | None = None
    error: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    def give_back(self):
        self.status, self.started_at = PENDING, None
        self.lease_owner = self.lease_expires_at = None

    def end(self, status, now, **result):
        self.status, self.finished_at = status, now
        self.lease_owner = self.lease_expires_at = None
        for name, value in result.items():
            setattr(self, name, value)


@dataclass
class Side:
    """One worker and its transaction: what it wrote and has not committed is locked for the other side."""

    worker: Any
    stack: ExitStack = field(default_factory=ExitStack)
    store: Any = None
    written: dict = field(default_factory=dict)


def model_of(kind, database, admin, plant, image, counted):
    """The state machine over one table; each example has a run of its own."""

    class WorkItemModel(RuleBasedStateMachine):
        @initialize(size=st.integers(1, 6))
        def list_items(self, size):
            self.now, self.sides, self.handles = START, [Side(worker) for worker in WORKERS], []
            mode = PolicyMode.FULL if kind is JobKind.POLICY else None
            self.run = plant.running(kind=kind, mode=mode)
            images = [replace(image, id=new_id()) for _ in range(size)]
            with database.begin("acme") as store:
                if mode:
                    store.policy_jobs.create_many(self.run, mode, images, START)
                else:
                    store.graph_jobs.create_many(self.run, images, START)
                self.committed = {item.id: Item() for item in self.jobs(store).list_of_run(self.run)}

        def jobs(self, store):
            return getattr(store, f"{kind}_jobs")

        def enter(self, number):
            """The side, in a transaction; what it sees; what the other side has locked."""
            counted.append(number)
            side, other = self.sides[number], self.sides[1 - number]
            if side.store is None:
                side.store = side.stack.enter_context(database.begin("acme"))
            seen = {key: side.written.get(key) or deepcopy(item) for key, item in self.committed.items()}
            return side, self.jobs(side.store), seen, other.written.keys()

        def leave(self, side):
            side.store, side.written = None, {}

        @rule(number=sides)
        def commit(self, number):
            side, _, _, _ = self.enter(number)
            side.stack.close()
            self.committed |= side.written
            self.leave(side)

        @rule(number=sides)
        def roll_back(self, number):
            side, _, _, _ = self.enter(number)
            with pytest.raises(ZeroDivisionError), side.stack.pop_all():
                raise ZeroDivisionError
            self.leave(side)

        @rule(passed=seconds)
        def time_passes(self, passed):
            self.now += passed * SECOND

        @rule(number=sides, limit=st.integers(1, 3), lasts=seconds)
        def claim(self, number, limit, lasts):
            side, jobs, seen, locked = self.enter(number)
            claimed = jobs.claim(self.run, side.worker, self.now, lease=lasts * SECOND, limit=limit)
            free = [key for key in sorted(seen) if seen[key].status is PENDING and key not in locked]
            assert [item.id for item in claimed] == free[:limit]
            for item in claimed:
                model = seen[item.id]
                model.status, model.attempts, model.started_at = RUNNING, model.attempts + 1, self.now
                model.lease_owner, model.lease_expires_at = str(side.worker), self.now + lasts * SECOND
                side.written[item.id] = model
                self.handles.append((number, item))

        @rule(number=sides, limit=st.integers(1, 3))
        def requeue_expired(self, number, limit):
            side, jobs, seen, locked = self.enter(number)
            expired = [
                (item.lease_expires_at, key)
                for key, item in seen.items()
                if item.status is RUNNING and item.lease_expires_at <= self.now and key not in locked
            ]
            requeued = {item.id for item in jobs.requeue_expired(self.now, limit)}
            longest_ago = sorted(at for at, _ in expired)[:limit]
            assert sorted(at for at, key in expired if key in requeued) == longest_ago
            assert len(requeued) == len(longest_ago)
            for key in requeued:
                seen[key].give_back()
                side.written[key] = seen[key]

        def of_run(self, number, act, states, change):
            """A statement over the whole run, which would wait for rows the other side has locked."""
            side, jobs, seen, locked = self.enter(number)
            if any(seen[key].status in states for key in locked):
                return
            wanted = [key for key, item in seen.items() if item.status in states]
            assert act(jobs) == len(wanted)
            for key in wanted:
                change(seen[key])
                side.written[key] = seen[key]

        @rule(number=sides)
        def cancel_open(self, number):
            end = lambda item: item.end(CANCELLED, self.now)  # noqa: E731
            act = lambda jobs: jobs.cancel_open_of_run(self.run, self.now)  # noqa: E731
            self.of_run(number, act, (PENDING, RUNNING), end)

        @rule(number=sides)
        def requeue_run(self, number):
            self.of_run(number, lambda jobs: jobs.requeue_of_run(self.run), (RUNNING,), Item.give_back)

        def under_lease(self, number, picks, act, target, change):
            """What a worker does with items it once claimed: all of them, or an error and a rollback."""
            side, jobs, seen, locked = self.enter(number)
            own = [item for owner, item in self.handles if owner == number]
            chosen = {own[pick % len(own)].id: own[pick % len(own)] for pick in picks} if own else {}
            items = [item for key, item in chosen.items() if key not in locked]
            refused = next((item for item in items if not self.holds(side, item, seen[item.id])), None)
            if refused is None:
                act(jobs, side.worker, items)
                for item in items:
                    change(seen[item.id])
                    side.written[item.id] = seen[item.id]
                return
            now = seen[refused.id]
            taken = now.status is RUNNING or (now.status is PENDING and now.attempts)
            error = StaleAttempt if taken else IllegalTransition
            with pytest.raises(error, match=str(refused.id)), side.stack.pop_all():
                act(jobs, side.worker, items)
            self.leave(side)

        @staticmethod
        def holds(side, item, now):
            lease = now.status, now.lease_owner, now.attempts
            return lease == (RUNNING, str(side.worker), item.attempts)

        picks = st.lists(st.integers(0, 99), min_size=1, max_size=3)

        @rule(number=sides, picks=picks, digest=st.sampled_from(DIGESTS))
        @precondition(lambda self: self.handles)
        def complete(self, number, picks, digest):
            def act(jobs, worker, items):
                jobs.complete_many([completion(item, digest) for item in items], worker, self.now)

            end = lambda item: item.end(WorkState.COMPLETED, self.now, result_digest=digest)  # noqa: E731
            self.under_lease(number, picks, act, WorkState.COMPLETED, end)

        @rule(number=sides, pick=st.integers(0, 99), status=st.sampled_from([WorkState.FAILED, CANCELLED]))
        @precondition(lambda self: self.handles)
        def fail_or_cancel(self, number, pick, status):
            error = "boom" if status is WorkState.FAILED else None

            def act(jobs, worker, items):
                for item in items:
                    if error:
                        jobs.fail(item, worker, error, self.now)
                    else:
                        jobs.cancel(item, worker, self.now)

            self.under_lease(
                number, [pick], act, status, lambda item: item.end(status, self.now, error=error)
            )

        @rule(number=sides, picks=picks, lasts=seconds)
        @precondition(lambda self: self.handles)
        def renew(self, number, picks, lasts):
            def extend(item):
                item.lease_expires_at = max(item.lease_expires_at, self.now + lasts * SECOND)

            def act(jobs, worker, items):
                jobs.renew(items, worker, self.now, lease=lasts * SECOND)

            self.under_lease(number, picks, act, RUNNING, extend)

        @invariant()
        def rows_are_what_the_model_says(self):
            names = ", ".join(Item.__annotations__)
            query = f"SELECT id, {names} FROM scheduler.{kind}_jobs WHERE run_id = %s"
            with admin.cursor(row_factory=dict_row) as cursor:
                rows = cursor.execute(query, [self.run.id]).fetchall()
            assert {row.pop("id"): Item(**row) for row in rows} == self.committed

        def teardown(self):
            for side in getattr(self, "sides", []):
                with pytest.raises(ZeroDivisionError), side.stack.pop_all():
                    raise ZeroDivisionError
            with admin.transaction():
                admin.execute(f"DELETE FROM scheduler.{kind}_jobs")

    return WorkItemModel


def completion(item, digest):
    return Completion(item, digest, {}, digest if item.kind == "full" else None)


@pytest.fixture(scope="module")
def world(module_database, planter):
    dsn = make_conninfo(module_database, user="scheduler")
    with psycopg.connect(module_database, autocommit=True) as admin:
        with Database(SchedulerSettings(persistence="postgres", dsn=dsn)) as database:
            with database.begin_system() as store:
                create_tenant(store, "acme", "tests")
            plant = planter(database, START)
            yield database, admin, plant, plant.image()


@pytest.mark.parametrize("kind", [JobKind.GRAPH, JobKind.POLICY])
def test_two_workers_and_a_model_agree(world, kind):
    counted = []
    settings = hypothesis.settings(
        max_examples=max(hypothesis.settings.default.max_examples // 5, 1),
        stateful_step_count=STEPS,
        suppress_health_check=list(hypothesis.HealthCheck),
        deadline=None,
    )
    run_machine(model_of(kind, *world, counted), settings=settings)
    print(f"{len(counted)} commands on {kind}_jobs")
    assert len(counted) >= LEAST_STEPS

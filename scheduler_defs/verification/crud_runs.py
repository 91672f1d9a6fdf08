"""Runs and what carries them: launches, workers, work items, logs, summaries, snapshots, locks, retention."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from resources.errors import AlreadyExists, IllegalTransition, LockLost, NotFound, StaleAttempt
from resources.ids import new_id
from resources.inventory_records import LeftOut
from resources.protocols.work_items import WorkItems
from resources.records import Completion, ImpactSnapshot, LogLine
from resources.states import (
    JobKind,
    LaunchState,
    LockStrategy,
    NotificationKind,
    RunState,
    WorkerState,
    WorkState,
)
from resources.store import Store
from scheduler_defs.verification.check import Bench, expect, expect_equal, expect_refused

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LONG_AGO = datetime(1971, 1, 1, tzinfo=UTC)
"""Before whatever is kept: what a call may take of that time is the check's own."""
DIGEST = "0" * 64
PAUSED = NotificationKind.SCHEDULE_PAUSED


def check_runs(bench: Bench) -> str:
    """A run is written, found, listed, carried through an attempt and kept from a second end."""
    with bench.world() as world:
        run = world.run(RunState.RUNNING)
        with world.begin() as store:
            expect_equal("the run found by its digits", store.runs.find(world.tenant, str(run.id)).id, run.id)
            store.runs.hold_attempt(run)
        stale = replace(run, fencing_token=(run.fencing_token or 0) + 1)
        expect_refused(
            "an end under another fencing token",
            world.begin(),
            lambda store: store.runs.finish(stale, RunState.COMPLETED, world.now),
            StaleAttempt,
        )
        with world.begin() as store:
            store.runs.finish(run, RunState.COMPLETED, store.now(), stats={"images": 1})
            ended = store.runs.list(world.tenant, states=[RunState.COMPLETED]).items
            expect_equal("completed runs", [(one.id, one.stats) for one in ended], [(run.id, {"images": 1})])
            expect_equal("the count", store.runs.count_by_state(world.tenant)[RunState.COMPLETED], 1)
        expect_refused(
            "a second end",
            world.begin(),
            lambda store: store.runs.finish(run, RunState.FAILED, world.now, error="again"),
            IllegalTransition,
        )
    return "created, read, listed, carried out, ended once"


def check_launches(bench: Bench) -> str:
    """A launch is offered once within its lease, taken by one Dagster run and finished by that."""
    with bench.world() as world:
        launch_id = world.launch()
        world.enqueue(world.run(), launch_id)
        with world.begin_system() as store:
            offers = store.launches.offer(world.tenant, world.now, HOUR, 10)
            expect_equal("offers", [one.id for one in offers], [launch_id])
            again = store.launches.offer(world.tenant, world.now, HOUR, 10)
            expect_equal("offers within the lease", again, [])
            store.launches.acknowledge(launch_id, "first", world.now)
            opened = store.launches.list_open(world.tenant, world.now, 10)
            expect_equal("open launches", [one.id for one in opened], [launch_id])
        expect_refused(
            "an end by another Dagster run",
            world.begin_system(),
            lambda store: store.launches.finish(launch_id, "second", world.now),
            StaleAttempt,
        )
        with world.begin_system() as store:
            store.launches.finish(launch_id, "first", world.now)
            expect_equal("its state", store.launches.get(launch_id).state, LaunchState.FINISHED)
    return "created, offered, acknowledged, finished"


def check_workers(bench: Bench) -> str:
    """A worker is registered, heard from, drained and deregistered; one that was silent is declared dead."""
    with bench.world() as world:
        left, silent = world.worker(), world.worker(LONG_AGO)
        with world.begin_system() as store:
            store.workers.heartbeat(left, world.now)
            store.workers.drain(left)
            store.workers.deregister(left, world.now)
            dead = store.workers.declare_dead(LONG_AGO + HOUR, timedelta(seconds=30))
            expect_equal("workers declared dead", [*dead], [silent])
            found = {one.id: one.status for one in store.workers.list(host=world.tenant).items}
            expected = {left: WorkerState.GONE, silent: WorkerState.DEAD}
            expect_equal("workers", found, expected)
        expect_refused(
            "a heartbeat of a dead worker",
            world.begin_system(),
            lambda store: store.workers.heartbeat(silent, world.now),
            IllegalTransition,
        )
    return "registered, heard, drained, deregistered, declared dead"


def check_graph_jobs(bench: Bench) -> str:
    """Work items of a graph run are claimed under a lease, renewed, and completed by its holder alone."""
    return _check_items(bench, JobKind.GRAPH, lambda store: store.graph_jobs)


def check_policy_jobs(bench: Bench) -> str:
    """Work items of a policy run are claimed under a lease, renewed, and completed by its holder alone."""
    return _check_items(bench, JobKind.POLICY, lambda store: store.policy_jobs)


def _check_items(bench: Bench, kind: JobKind, items_of: Callable[[Store], WorkItems]) -> str:
    with bench.world() as world:
        image = world.image()
        run, worker = world.run(RunState.RUNNING, kind), world.worker()
        made = world.items(run)
        expect_equal("items", [one.image_id for one in made], [image.id])
        expect_equal("items when made twice", len(world.items(run)), 1)
        with world.begin() as store:
            (claimed,) = items_of(store).claim(run, worker, world.now, limit=10)
            items_of(store).renew([claimed], worker, world.now)
        done = [Completion(claimed, DIGEST, {}, DIGEST if kind is JobKind.POLICY else None)]
        expect_refused(
            "an end by another worker",
            world.begin(),
            lambda store: items_of(store).complete_many(done, new_id(), world.now),
            StaleAttempt,
        )
        with world.begin() as store:
            items_of(store).complete_many(done, worker, store.now())
            expect_equal("completed items", items_of(store).count_by_status(run)[WorkState.COMPLETED], 1)
            found = items_of(store).get(world.tenant, claimed.id)
            expect_equal("its digest", found.result_digest, DIGEST)
    return "created once, claimed, renewed, completed by its holder"


def check_execution_logs(bench: Bench) -> str:
    """What a run says is kept, read from any line on, and found by text."""
    with bench.world() as world:
        run = world.run(RunState.RUNNING)
        said = [LogLine(1, number, world.now, "info", f"line {number}", {}) for number in (1, 2)]
        with world.begin() as store:
            store.execution_logs.append(run, said)
            tail = store.execution_logs.tail(world.tenant, run.id, (1, 1)).items
            expect_equal("lines after the first", tail, said[1:])
            around = (world.now - HOUR, world.now + HOUR)
            hits = store.execution_logs.search(world.tenant, *around, text="LINE 1").items
            expect_equal("lines found", [one.line for one in hits], [1])
    return "appended, followed, searched"


def check_run_summaries(bench: Bench) -> str:
    """Ended runs are rolled up by hour and day; doing it again changes nothing."""
    with bench.world() as world:
        schedule = world.schedule()
        run = world.run(RunState.COMPLETED, schedule_id=schedule.id, schedule_version=1)
        at = run.finished_at or world.now
        for _ in range(2):
            with world.begin() as store:
                store.run_summaries.roll_up(world.tenant, schedule.id, run.kind, at, world.now)
        with world.begin() as store:
            for period in ("hour", "day"):
                rows = store.run_summaries.list(world.tenant, period, schedule.id).items
                expect_equal(f"completed by {period}", [one.completed for one in rows], [1])
    return "rolled up twice, read"


def check_impact_snapshots(bench: Bench) -> str:
    """A run keeps one snapshot with its images and reasons."""
    with bench.world() as world:
        run, image = world.run(RunState.RUNNING, JobKind.IMPACT), world.image()
        snapshot = ImpactSnapshot(
            world.tenant,
            new_id(),
            run.id,
            None,
            {},
            feed_revision=0,
            total=1,
            unknown=0,
            digest=DIGEST,
            created_at=world.now,
        )
        reasons = {image.id: [("pkg:pypi/a@1", "A-1")]}
        with world.begin() as store:
            store.impact_snapshots.create(snapshot, reasons)
            expect_equal("the snapshot", store.impact_snapshots.get_of_run(world.tenant, run.id), snapshot)
            kept = store.impact_snapshots.page_images(snapshot).items
            expect_equal("its reasons", [one.reasons for one in kept], [[["pkg:pypi/a@1", "A-1"]]])
        expect_refused(
            "a second snapshot of a run",
            world.begin(),
            lambda store: store.impact_snapshots.create(replace(snapshot, id=new_id()), reasons),
            AlreadyExists,
        )
    return "created once, read"


def check_locks(bench: Bench) -> str:
    """A lease is taken, renewed, released, and taken from its holder by force."""
    with bench.world() as world:
        key, lease = world.tenant, LockStrategy.LEASE
        expect_refused(
            "a lock nobody took", world.begin_system(), lambda store: store.locks.get(key), NotFound
        )
        with world.begin_system() as store:
            token = store.locks.try_acquire(key, "one", lease, HOUR, world.now)
            expect(token is not None, "a free lock was refused")
            expect_equal("a second holder", store.locks.try_acquire(key, "two", lease, HOUR, world.now), None)
            store.locks.renew(key, token or 0, HOUR, world.now)
            expect_equal("the holder", store.locks.get(key).holder, "one")
            store.locks.force_release(key, world.now)
        expect_refused(
            "a release by who lost it",
            world.begin_system(),
            lambda store: store.locks.release(key, token or 0, world.now),
            LockLost,
        )
    return "taken, renewed, read, freed by force"


def check_notifications(bench: Bench) -> str:
    """What people are to be told is taken by one, tried again after a failure, delivered once, and listed."""
    with bench.world() as world:
        with world.begin() as store:
            store.notifications.append(world.tenant, PAUSED, "verify", "verify is paused", LONG_AGO)
        with world.begin_system() as store:
            due = store.notifications.take_due(LONG_AGO, LONG_AGO + HOUR, 10)
            expect_equal("notifications due", [one.subject for one in due], ["verify"])
            taken = due[0]
            expect_equal(
                "others that take it", store.notifications.take_due(LONG_AGO, LONG_AGO + DAY, 10), []
            )
            expect(store.notifications.fail(taken, "refused", LONG_AGO, LONG_AGO), "its failure was not kept")
            (again,) = store.notifications.take_due(LONG_AGO, LONG_AGO + HOUR, 10)
            expect(not store.notifications.deliver(taken, LONG_AGO), "a delivery that was over counts")
            expect(store.notifications.deliver(again, LONG_AGO), "its delivery was not kept")
        with world.begin() as store:
            told = [(one.attempts, one.delivered_at) for one in store.notifications.list(world.tenant).items]
            expect_equal("notifications of the tenant", told, [(2, LONG_AGO)])
    return "written, taken, failed, delivered, listed"


def check_retention(bench: Bench) -> str:
    """What is past retention goes, and the tenant says since when its ledger is whole."""
    with bench.world() as world:
        old = world.new_run(
            scheduled_for=LONG_AGO,
            reason="overlap",
            skipped_count=1,
            skipped_first=LONG_AGO,
            skipped_last=LONG_AGO,
        )
        launch_id, worker_id = new_id(), world.worker(LONG_AGO)
        before = LONG_AGO + DAY
        with world.begin_system() as store:
            store.runs.create_many([old], LONG_AGO)
            store.launches.create_many({launch_id: JobKind.GRAPH}, world.tenant, LONG_AGO)
            store.launches.bury(launch_id, LONG_AGO)
            store.workers.deregister(worker_id, LONG_AGO)
            expect(world.tenant in store.retention.list_tenants(before), "a tenant to prune was not listed")
            expect_equal("runs pruned", store.retention.prune_runs(world.tenant, before, 10).runs, 1)
            expect_equal("launches pruned", store.retention.prune_launches(before, 10), 1)
            expect_equal("workers pruned", store.retention.prune_workers(before, 10), 1)
            store.notifications.append(world.tenant, PAUSED, "old", "is paused", LONG_AGO)
            expect_equal("notifications pruned", store.retention.prune_notifications(before, 10), 1)
            store.imports.begin(new_id(), f"verify {world.tenant}", "0" * 64, world.tenant, LONG_AGO)
            expect_equal("imports pruned", store.retention.prune_import(before, before), 1)
            left_out = [LeftOut(1, "verify/a.json", None, "", "is not JSON")]
            store.tenant_quarantine.add(world.tenant, new_id(), "sbom", "verify", left_out, LONG_AGO)
            expect_equal("left out pruned", store.retention.prune_tenant_quarantine(before, 10), 1)
            expect_equal("the ledger is whole since", store.retention.ledger_since(world.tenant), before)
    return "pruned runs, launches, workers, notifications, imports and what imports left out"

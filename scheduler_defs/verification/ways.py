"""The way along each edge of the state machines: which call of which repository goes it."""

from collections.abc import Callable, Mapping
from uuid import UUID

from resources.protocols.work_items import WorkItems
from resources.records import Completion
from resources.states import JobKind, LaunchState, RunState, WorkState
from resources.store import Store
from scheduler_defs.verification.world import World

Way = Callable[[World, UUID], object]
DIGEST = "0" * 64
WORKER = UUID(int=1)


def make_run(world: World, state: RunState) -> UUID:
    """A run in a state."""
    return (world.skipped() if state is RunState.SKIPPED else world.run(state)).id


def make_launch(world: World, state: LaunchState) -> UUID:
    """A launch in a state."""
    launch_id = world.launch()
    if state is LaunchState.DEAD:
        _bury(world, launch_id)
    elif state is not LaunchState.OFFERED:
        _acknowledge(world, launch_id)
        if state is LaunchState.FINISHED:
            _finish_launch(world, launch_id)
    return launch_id


def item_maker(kind: JobKind) -> Callable[[World, WorkState], UUID]:
    """Makes a work item of a kind in a state."""

    def make(world: World, state: WorkState) -> UUID:
        run = world.run(RunState.RUNNING, kind)
        (item,) = world.items(run)
        ways = of_items(kind)
        if state is not WorkState.PENDING:
            ways[WorkState.PENDING, WorkState.RUNNING](world, item.id)
        if state not in {WorkState.PENDING, WorkState.RUNNING}:
            ways[WorkState.RUNNING, state](world, item.id)
        return item.id

    return make


def items_of(store: Store, kind: JobKind) -> WorkItems:
    """The repository of a kind's work items."""
    return store.graph_jobs if kind is JobKind.GRAPH else store.policy_jobs


def _enqueue(world: World, run_id: UUID) -> None:
    world.enqueue(world.read(run_id), world.launch())


def _open(world: World, run_id: UUID) -> None:
    launch_id = world.read(run_id).launch_id
    if launch_id is not None:
        world.open(launch_id)


def _cancel(world: World, run_id: UUID) -> None:
    with world.begin() as store:
        store.runs.cancel(store.runs.get(world.tenant, run_id), "verify", world.now)


def _return(world: World, run_id: UUID) -> None:
    with world.begin() as store:
        store.runs.return_to_pending(store.runs.get(world.tenant, run_id), world.now)


def _retry(world: World, run_id: UUID) -> None:
    with world.begin() as store:
        store.runs.retry_attempt(store.runs.get(world.tenant, run_id), world.now)


def _fail_with_launch(world: World, run_id: UUID) -> None:
    with world.begin() as store:
        run = store.runs.get(world.tenant, run_id)
        store.runs.end_with_launch(run, RunState.FAILED, world.now, error="verify")


def _finish(state: RunState) -> Way:
    def finish(world: World, run_id: UUID) -> None:
        error = "verify" if state is RunState.FAILED else None
        with world.begin() as store:
            store.runs.finish(store.runs.get(world.tenant, run_id), state, store.now(), error=error)

    return finish


OF_RUNS: Mapping[tuple[RunState, RunState], Way] = {
    (RunState.PENDING, RunState.QUEUED): _enqueue,
    (RunState.PENDING, RunState.CANCELLED): _cancel,
    (RunState.QUEUED, RunState.RUNNING): _open,
    (RunState.QUEUED, RunState.PENDING): _return,
    (RunState.QUEUED, RunState.FAILED): _fail_with_launch,
    (RunState.QUEUED, RunState.CANCELLED): _cancel,
    (RunState.RUNNING, RunState.COMPLETED): _finish(RunState.COMPLETED),
    (RunState.RUNNING, RunState.FAILED): _finish(RunState.FAILED),
    (RunState.RUNNING, RunState.CANCELLED): _finish(RunState.CANCELLED),
    (RunState.RUNNING, RunState.PENDING): _retry,
}


def _acknowledge(world: World, launch_id: UUID) -> None:
    with world.begin_system() as store:
        store.launches.acknowledge(launch_id, "verify", world.now)


def _finish_launch(world: World, launch_id: UUID) -> None:
    with world.begin_system() as store:
        store.launches.finish(launch_id, "verify", world.now)


def _bury(world: World, launch_id: UUID) -> None:
    with world.begin_system() as store:
        store.launches.bury(launch_id, world.now)


OF_LAUNCHES: Mapping[tuple[LaunchState, LaunchState], Way] = {
    (LaunchState.OFFERED, LaunchState.ACKNOWLEDGED): _acknowledge,
    (LaunchState.OFFERED, LaunchState.DEAD): _bury,
    (LaunchState.ACKNOWLEDGED, LaunchState.FINISHED): _finish_launch,
    (LaunchState.ACKNOWLEDGED, LaunchState.DEAD): _bury,
}


def of_items(kind: JobKind) -> Mapping[tuple[WorkState, WorkState], Way]:
    """The ways of a kind's work items."""

    def claim(world: World, item_id: UUID) -> None:
        with world.begin() as store:
            run = store.runs.get(world.tenant, items_of(store, kind).get(world.tenant, item_id).run_id)
            items_of(store, kind).claim(run, WORKER, world.now, limit=1)

    def complete(world: World, item_id: UUID) -> None:
        with world.begin() as store:
            item = items_of(store, kind).get(world.tenant, item_id)
            done = Completion(item, DIGEST, {}, DIGEST if kind is JobKind.POLICY else None)
            items_of(store, kind).complete_many([done], WORKER, store.now())

    def fail(world: World, item_id: UUID) -> None:
        with world.begin() as store:
            item = items_of(store, kind).get(world.tenant, item_id)
            items_of(store, kind).fail(item, WORKER, "verify", store.now())

    def cancel(world: World, item_id: UUID) -> None:
        with world.begin() as store:
            items_of(store, kind).cancel(
                items_of(store, kind).get(world.tenant, item_id), WORKER, store.now()
            )

    def cancel_with_run(world: World, item_id: UUID) -> None:
        with world.begin() as store:
            run = store.runs.get(world.tenant, items_of(store, kind).get(world.tenant, item_id).run_id)
            items_of(store, kind).cancel_open_of_run(run, store.now())

    def requeue(world: World, item_id: UUID) -> None:
        with world.begin() as store:
            run = store.runs.get(world.tenant, items_of(store, kind).get(world.tenant, item_id).run_id)
            items_of(store, kind).requeue_of_run(run)

    return {
        (WorkState.PENDING, WorkState.RUNNING): claim,
        (WorkState.PENDING, WorkState.CANCELLED): cancel_with_run,
        (WorkState.RUNNING, WorkState.COMPLETED): complete,
        (WorkState.RUNNING, WorkState.FAILED): fail,
        (WorkState.RUNNING, WorkState.CANCELLED): cancel,
        (WorkState.RUNNING, WorkState.PENDING): requeue,
    }

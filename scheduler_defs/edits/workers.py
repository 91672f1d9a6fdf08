"""Lets processes that carry runs finish and leave."""

from resources.records import Worker
from resources.states import WorkerState
from resources.store import Store


def drain_worker(store: Store, worker: Worker, actor: str) -> None:
    """Lets a worker finish what it carries and take nothing more. The store is the system's.

    Raises IllegalTransition for a worker that drains already, is gone or dead; NotFound for one that was removed.
    """
    store.workers.drain(worker.id)
    store.audit.append(
        tenant_id=None,
        actor=actor,
        action="drain",
        entity="worker",
        entity_id=str(worker.id),
        old={"status": WorkerState.ACTIVE, "host": worker.host, "pid": worker.pid},
        new={"status": WorkerState.DRAINING, "host": worker.host, "pid": worker.pid},
        now=store.now(),
    )

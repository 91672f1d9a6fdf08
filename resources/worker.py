"""The process that carries runs, as a Dagster resource: registered, heard from, deregistered."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from uuid import UUID

import psycopg
from dagster import ConfigurableResource, InitResourceContext, get_dagster_logger
from pydantic import PrivateAttr

from resources.database import Database
from resources.errors import IllegalTransition, NotFound, SchedulerError
from resources.ids import new_id
from resources.postgres import PostgresResource
from resources.states import JobKind

HEARTBEAT_SECONDS = 5.0


class WorkerResource(ConfigurableResource[None]):
    """Registers this process as a worker for as long as a Dagster run lasts, and sends heartbeats from a thread.

    For jobs under the in-process executor: with one process a step each step would be a worker of its own.
    """

    postgres: PostgresResource
    _worker_id: UUID | None = PrivateAttr(default=None)

    @property
    def worker_id(self) -> UUID:
        """The id under which this process is registered."""
        if self._worker_id is None:
            raise RuntimeError("the worker is registered only while a run lasts")
        return self._worker_id

    @contextmanager
    def yield_for_execution(self, context: InitResourceContext) -> "Iterator[WorkerResource]":  # type: ignore[override]
        """Registers, sends heartbeats, deregisters."""
        database = self.postgres.database
        self._worker_id = new_id()
        with database.begin_system() as store:
            store.workers.register(
                self._worker_id,
                host=socket.gethostname(),
                pid=os.getpid(),
                kinds=list(JobKind),
                capacity=1,
                version=version("dagster-db-scheduler"),
                dagster_run_id=context.run.run_id if context.run else None,
                now=store.now(),
            )
        stop = threading.Event()
        thread = threading.Thread(
            target=_beat, args=(database, self._worker_id, stop), name="scheduler-heartbeat", daemon=True
        )
        thread.start()
        try:
            yield self
        finally:
            stop.set()
            thread.join()
            with suppress(NotFound, IllegalTransition), database.begin_system() as store:
                store.workers.deregister(self._worker_id, store.now())


def _beat(database: Database, worker_id: UUID, stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT_SECONDS):
        try:
            with database.begin_system() as store:
                store.workers.heartbeat(worker_id, store.now())
        except (NotFound, IllegalTransition):
            return
        except (psycopg.Error, SchedulerError) as error:
            get_dagster_logger().warning("heartbeat of worker %s failed: %s", worker_id, error)

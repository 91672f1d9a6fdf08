"""The process that carries runs, as a Dagster resource: registered, heard from, deregistered."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from importlib.metadata import version
from uuid import UUID

from dagster import ConfigurableResource, InitResourceContext, get_dagster_logger
from pydantic import PrivateAttr

from resources.errors import IllegalTransition, NotFound
from resources.heartbeat import HEARTBEAT_SECONDS, Heartbeat
from resources.ids import new_id
from resources.postgres import PostgresResource
from resources.states import JobKind


class WorkerResource(ConfigurableResource[None]):
    """Registers this process as a worker for as long as a Dagster run lasts, and sends heartbeats from a thread.

    For jobs under the in-process executor: with one process a step each step would be a worker of its own.
    """

    postgres: PostgresResource
    _heartbeat: Heartbeat | None = PrivateAttr(default=None)

    @property
    def heartbeat(self) -> Heartbeat:
        """The heartbeat of this process; whoever does its work calls ``heartbeat.progress``."""
        if self._heartbeat is None:
            raise RuntimeError("the worker is registered only while a run lasts")
        return self._heartbeat

    @property
    def worker_id(self) -> UUID:
        """The id under which this process is registered."""
        return self.heartbeat.worker_id

    @property
    def draining(self) -> threading.Event:
        """Set when this process is to finish what it carries and take nothing more."""
        return self.heartbeat.draining

    @property
    def lost(self) -> threading.Event:
        """Set when this process was declared dead or let go: what it carries is no longer its own."""
        return self.heartbeat.lost

    @contextmanager
    def yield_for_execution(self, context: InitResourceContext) -> "Iterator[WorkerResource]":  # type: ignore[override]
        """Registers, sends heartbeats, deregisters."""
        database, worker_id = self.postgres.database, new_id()
        with database.begin_system() as store:
            store.workers.register(
                worker_id,
                host=socket.gethostname(),
                pid=os.getpid(),
                kinds=list(JobKind),
                capacity=1,
                version=version("dagster-db-scheduler"),
                dagster_run_id=context.run.run_id if context.run else None,
                now=store.now(),
            )
        self._heartbeat = Heartbeat(
            database,
            worker_id,
            timedelta(seconds=database.settings.stuck_after_seconds),
            get_dagster_logger().warning,
            every=HEARTBEAT_SECONDS,
        )
        self._heartbeat.start()
        try:
            yield self
        finally:
            self._heartbeat.stop()
            with suppress(NotFound, IllegalTransition), database.begin_system() as store:
                store.workers.deregister(worker_id, store.now())

"""What callers ask of table workers."""

import builtins
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from resources.pages import Page
from resources.records import Worker
from resources.states import JobKind, WorkerState


class Workers(Protocol):
    """Processes that carry runs; all of it is the system's.

    What changes one worker raises NotFound, or IllegalTransition when it is not in the state the change begins from.
    """

    def register(
        self,
        worker_id: UUID,
        *,
        host: str,
        pid: int,
        kinds: Sequence[JobKind],
        capacity: int,
        version: str,
        dagster_run_id: str | None,
        now: datetime,
    ) -> None:
        """Adds an active worker; capacity is in runs. Raises AlreadyExists."""

    def get(self, worker_id: UUID) -> Worker:
        """One worker; raises NotFound."""

    def find(self, text: str) -> Worker:
        """One worker by its id, or by how that begins or ends; raises NotFound, or InvalidInput when several match."""

    def list(
        self,
        *,
        status: WorkerState | None = None,
        host: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[Worker]:
        """Workers, newest first."""

    def count_running(self, worker_ids: Sequence[UUID]) -> dict[UUID, int]:
        """How many runs each of some workers carries now; those that carry none are left out."""

    def heartbeat(self, worker_id: UUID, now: datetime) -> WorkerState:
        """Says that an active or draining worker lives, and returns which; never moves its last heartbeat back."""

    def drain(self, worker_id: UUID) -> None:
        """active → draining: it finishes what it carries and takes nothing more."""

    def deregister(self, worker_id: UUID, now: datetime) -> None:
        """active or draining → gone."""

    def find_dead(self, now: datetime, silent_for: timedelta, limit: int = 1000) -> builtins.list[Worker]:
        """Active or draining workers without a heartbeat within ``silent_for``, the longest silent first."""

    def declare_dead(self, now: datetime, silent_for: timedelta) -> dict[UUID, str | None]:
        """active or draining → dead: no heartbeat within ``silent_for``; returns the ids with their Dagster runs."""

    def list_alive_of(self, dagster_runs: Sequence[str]) -> set[str]:
        """Of some Dagster runs, those whose worker is active or draining."""

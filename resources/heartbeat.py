"""The thread by which a worker says that it lives, for as long as its process gets on."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from time import monotonic
from uuid import UUID

from resources.database import Database
from resources.errors import IllegalTransition, NotFound
from resources.states import WorkerState

HEARTBEAT_SECONDS = 5.0
LAST_BEAT_SECONDS = 5.0
"""How long an end waits for a beat that is under way."""


class Heartbeat:
    """Beats from a thread of its own while the main thread calls ``progress`` often enough.

    A main thread that is stuck makes it silent, so that rescue takes its runs; one that gets on in time is heard again.
    ``draining`` is set when the worker is to take nothing more; ``lost`` when it is gone or was declared dead, which
    ends the thread. Whatever else goes wrong is passed to ``warn``, and the next beat tries again.
    """

    def __init__(
        self,
        database: Database,
        worker_id: UUID,
        stuck_after: timedelta,
        warn: Callable[[str], None],
        *,
        clock: Callable[[], float] = monotonic,
        every: float = HEARTBEAT_SECONDS,
    ) -> None:
        """``clock`` only grows, in seconds; so is ``every``, the time between two beats."""
        self.worker_id = worker_id
        self.draining, self.lost = threading.Event(), threading.Event()
        self._database, self._warn, self._clock, self._every = database, warn, clock, every
        self._stuck_after = stuck_after.total_seconds()
        self._got_on_at, self._silent = clock(), False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="scheduler-heartbeat", daemon=True)

    def progress(self) -> None:
        """Says that the main thread gets on; costs next to nothing."""
        self._got_on_at = self._clock()

    def start(self) -> None:
        """Begins to beat."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread, and waits a few seconds for a beat that is under way."""
        self._stopping.set()
        self._thread.join(LAST_BEAT_SECONDS)

    def beat(self) -> None:
        """One heartbeat, or silence while the main thread is stuck; raises nothing."""
        try:
            if not self._is_stuck():
                self._send()
        except (NotFound, IllegalTransition) as error:
            self.lost.set()
            self._say(f"worker {self.worker_id} is given up, its runs are ended elsewhere: {error}")
        except Exception as error:  # the next beat may go well, and no beat must be the last
            self._say(f"heartbeat of worker {self.worker_id} failed: {error}")

    def _go_on(self) -> None:
        while not self.lost.is_set() and not self._stopping.wait(self._every):
            self.beat()

    def _is_stuck(self) -> bool:
        idle = self._clock() - self._got_on_at
        was_silent, self._silent = self._silent, idle > self._stuck_after
        if self._silent and not was_silent:
            self._say(
                f"worker {self.worker_id} got nowhere for {idle:.0f} s, longer than {self._stuck_after:g} s "
                "(SCHEDULER_STUCK_AFTER_SECONDS): it sends no heartbeats until it gets on"
            )
        elif was_silent and not self._silent:
            self._say(f"worker {self.worker_id} gets on, and sends heartbeats again")
        return self._silent

    def _send(self) -> None:
        with self._database.begin_system() as store:
            status = store.workers.heartbeat(self.worker_id, store.now())
        if status is WorkerState.DRAINING:
            self.draining.set()

    def _say(self, message: str) -> None:
        with suppress(Exception):  # nor does a log that cannot be written end the beats
            self._warn(message)

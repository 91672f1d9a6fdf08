"""What is done to a crew: each fault is injected when it is called, and says how often it was; ``heal`` ends it."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGCONT

import psycopg

from resources.embedded import EmbeddedServer
from tests.faults.crew import Crew
from tests.faults.proxy import Proxy
from tests.faults.records import pid_of, read_journals

Disturb = Callable[[Crew], int]
SESSIONS = """
    SELECT count(pg_terminate_backend(pid)) FROM (
        SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND usename = 'scheduler' ORDER BY random() LIMIT %s) AS hit"""
ONE_OF_THE_CREW = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = 'scheduler' AND pid <> ALL (%s) LIMIT 1"""
HELD = "SELECT FROM scheduler.runs WHERE state = 'running' AND worker_id = %s LIMIT 1"
BESIDE = """
    SELECT FROM scheduler.runs AS r JOIN faults.moves AS m ON m.run_id = r.id
    WHERE m.worker_id = %s AND m.became = 'running' AND r.state = 'running' LIMIT 1"""
STOPS = ("immediate", "fast")


class Fault:
    """Injected now and then; this one does nothing by itself."""

    lasts = float("inf")
    """Seconds after which it is ended: what slows everything must not last until enough is done."""

    def __call__(self, crew: Crew) -> int:
        return 0

    def heal(self, crew: Crew) -> None:
        """Ends what lasts."""


class Kill(Fault):
    """kill -9 of any process of a role."""

    def __init__(self, *roles: str) -> None:
        self.roles = roles

    def __call__(self, crew: Crew) -> int:
        there = crew.some(crew.random.choice(self.roles))
        if there:
            crew.kill(there)
        return int(there is not None)


class Wake(Fault):
    """Continues workers that stopped themselves, once all that they held has been taken from them.

    With ``beside`` also not before another worker has one of those runs, or for so many seconds.
    """

    def __init__(self, place: Path, beside: float = 0.0) -> None:
        self.place, self.beside = place, beside
        self.since: dict[str, float] = {}

    def __call__(self, crew: Crew) -> int:
        stopped = crew.stopped()
        if not stopped:
            return 0
        dead = {said["worker"] for said in read_journals(self.place, "declared dead")}
        newest = {pid_of(said): said["worker"] for said in read_journals(self.place, "registered")}
        late = [
            one for one in stopped if newest.get(one.pid) in dead and not self._holds(crew, newest[one.pid])
        ]
        late = [one for one in late if not self.beside or self._is_beside(crew, newest[one.pid])]
        for member in late:
            member.send(SIGCONT)
        return len(late)

    def _is_beside(self, crew: Crew, worker: str) -> bool:
        since = self.since.setdefault(worker, time.monotonic())
        with crew.admin() as connection:
            found = connection.execute(BESIDE, [worker]).fetchone()
        return found is not None or time.monotonic() - since > self.beside

    def _holds(self, crew: Crew, worker: str) -> bool:
        try:
            with crew.admin() as connection:
                return connection.execute(HELD, [worker]).fetchone() is not None
        except psycopg.OperationalError:
            return True


class TerminateSessions(Fault):
    """pg_terminate_backend of random sessions."""

    def __call__(self, crew: Crew) -> int:
        with suppress(psycopg.OperationalError), crew.admin() as connection:
            return connection.execute(SESSIONS, [crew.random.randrange(1, 4)]).fetchone()[0]
        return 0


class ShortTimeouts(Fault):
    """Statement and lock timeouts under which some statements fail, for a while."""

    lasts = 4.0

    def __init__(self) -> None:
        self.short = False

    def __call__(self, crew: Crew) -> int:
        self._set(crew, short=True)
        return 1

    def heal(self, crew: Crew) -> None:
        if self.short:
            self._set(crew, short=False)

    def _set(self, crew: Crew, *, short: bool) -> None:
        limits = {"statement_timeout": "12ms", "lock_timeout": "5ms"}
        with crew.admin() as connection:
            for name, limit in limits.items():
                change = f"SET {name} = '{limit}'" if short else f"RESET {name}"
                connection.execute(f"ALTER ROLE scheduler IN DATABASE {connection.info.dbname} {change}")
            connection.execute(SESSIONS, [100])
        self.short = short


class StopServer(Fault):
    """Stops PostgreSQL, immediately (it recovers from its log) or fast, and starts it again under load."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.server = server

    def __call__(self, crew: Crew) -> int:
        self.server.stop(crew.random.choice(STOPS))
        self.server.start()
        return 1


class TakeEverySlot(Fault):
    """Takes every connection that the server has to give, those of the crew too, for a while."""

    def __init__(self, conninfo: str, seconds: float = 1.0) -> None:
        self.conninfo, self.seconds = conninfo, seconds

    def __call__(self, crew: Crew) -> int:
        taken: list[psycopg.Connection] = []
        until, refused = time.monotonic() + self.seconds, 0
        while time.monotonic() < until:
            try:
                taken.append(psycopg.connect(self.conninfo))
            except psycopg.OperationalError:
                refused += 1
                self._end_one(crew, taken)
                time.sleep(0.01)
        for connection in taken:
            connection.close()
        return int(refused > 0)

    def _end_one(self, crew: Crew, taken: list[psycopg.Connection]) -> None:
        ours = [connection.info.backend_pid for connection in taken]
        with suppress(psycopg.OperationalError), crew.admin() as connection:
            connection.execute(ONE_OF_THE_CREW, [ours])


class Network(Fault):
    """Delays, drops, resets, half-opens and deafens what goes through a proxy."""

    lasts = 4.0

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy

    def __call__(self, crew: Crew) -> int:
        random = crew.random
        match random.choice(("delay", "drop", "reset", "half-open", "deaf")):
            case "delay":
                self.proxy.delays(random.choice((0.0, 0.02, 0.1)))
            case "drop":
                self.proxy.drop(random)
            case "reset":
                self.proxy.reset(random)
            case "half-open":
                self.proxy.half_open(random)
            case "deaf":
                self.proxy.deafen(random, random.uniform(1, 4))
        return 1

    def heal(self, crew: Crew) -> None:
        self.proxy.delays(0)


class JumpClock(Fault):
    """The database's clock as the product reads it jumps, forwards and backwards, by up to so many seconds."""

    def __init__(self, most: float) -> None:
        self.most = most

    def __call__(self, crew: Crew) -> int:
        self._set(crew, crew.random.uniform(-self.most, self.most))
        return 1

    def heal(self, crew: Crew) -> None:
        self._set(crew, 0)

    def _set(self, crew: Crew, seconds: float) -> None:
        with crew.admin() as connection:
            connection.execute("UPDATE faults.clock SET ahead = make_interval(secs => %s)", [seconds])


class AnyOf(Fault):
    """One of several faults at a time; the one before has ended."""

    def __init__(self, *faults: Fault) -> None:
        self.faults: Sequence[Fault] = faults
        self.lasts = min(fault.lasts for fault in faults)

    def __call__(self, crew: Crew) -> int:
        self.heal(crew)
        return crew.random.choice(self.faults)(crew)

    def heal(self, crew: Crew) -> None:
        for fault in self.faults:
            fault.heal(crew)

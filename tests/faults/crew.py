"""The processes of a scenario: kept at their number while a disturber disturbs them, until every fire has ended."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from signal import SIGCONT, SIGKILL
from typing import TYPE_CHECKING

import psycopg

from tests.faults.carrying import carry
from tests.faults.processes import Member, Post
from tests.faults.profile import LONG, WITHOUT_PROGRESS
from tests.faults.rescuing import rescuer
from tests.faults.sensing import sense
from tests.faults.world import World

if TYPE_CHECKING:
    from tests.faults.disturbing import Fault

TARGETS = {"sensor": sense, "worker": carry, "rescuer": rescuer}
SAY_EVERY = 15.0
COUNTS = """
    SELECT count(*) FILTER (WHERE finished_at IS NOT NULL),
        count(*) FILTER (WHERE finished_at IS NULL)
            + (SELECT count(*) FROM scheduler.launches WHERE state IN ('offered', 'acknowledged')),
        (SELECT count(*) FROM faults.moves),
        (SELECT count(*) FROM scheduler.triggers WHERE next_fire_at IS NOT NULL)
    FROM scheduler.runs"""
"""Runs that ended; runs and launches that are open; steps of the journal; triggers that are still to fire."""


@dataclass
class Crew:
    """Keeps processes running; a fault is injected as often as asked, spread over the work that gets done."""

    admin: Callable[[], psycopg.Connection]
    world: World
    posts: dict[str, Post]
    numbers: dict[str, int]
    name: str = ""
    seed: int = 1
    also: "Fault | None" = None
    watch: Callable[[psycopg.Connection], object] | None = None
    """Looked at all the time; what it returns ends the run, unless it is empty."""
    at_most: float = float("inf")
    """Seconds after which the run ends, done or not."""
    patience: float = WITHOUT_PROGRESS.total_seconds()
    members: list[Member] = field(default_factory=list)
    killed: dict[int, float] = field(default_factory=dict)
    """When a process was killed by us, by its pid: seconds of the machine's clock."""
    times: int = 0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self._spawned, self._healed, self._injected_at = 0, True, 0.0

    def run(self, fault: "Fault", times: int) -> None:
        """Runs until every fire has ended and the fault was injected so often, spread evenly over the fires."""
        began_at = moved_at = said_at = time.monotonic()
        moves = -1
        while True:
            self._fill()
            counts = self._counts()
            if counts is not None:
                done, left, moves_now, planned = counts
                if moves_now != moves:
                    moves, moved_at = moves_now, time.monotonic()
                over = not left and not planned and done >= self.world.fires
                if over and self.times >= times and not self.stopped():
                    return
                self._disturb(fault, times, done)
                if self._sees_something() or time.monotonic() - began_at > self.at_most:
                    return
                assert time.monotonic() - moved_at < self.patience, self.explain(counts)
                if LONG and time.monotonic() - said_at > SAY_EVERY:
                    said_at = time.monotonic()
                    print(f"{self.name}: {done} of {self.world.fires} ended, {self.times} faults", flush=True)
            time.sleep(0.05)

    def _disturb(self, fault: "Fault", times: int, done: int) -> None:
        if self.also:
            self.times += self.also(self)
        if self.times < times and done >= self.world.fires * self.times / (times + 1):
            self.times += fault(self)
            self._healed, self._injected_at = False, time.monotonic()
        elif not self._healed and (self.times >= times or time.monotonic() - self._injected_at > fault.lasts):
            fault.heal(self)
            self._healed = True

    def _sees_something(self) -> bool:
        if self.watch is None:
            return False
        with self.admin() as connection:
            return bool(self.watch(connection))

    def some(self, role: str) -> Member | None:
        """None where the last one died a moment ago."""
        alive = [one for one in self.members if one.role == role and one.exit_code is None]
        return self.random.choice(alive) if alive else None

    def stopped(self) -> list[Member]:
        return [one for one in self.members if one.is_stopped()]

    def kill(self, member: Member) -> None:
        member.send(SIGKILL)
        self.killed[member.pid] = time.time()

    def stop(self) -> None:
        for member in self.members:
            member.send(SIGCONT)
            member.kill()

    def crashes(self) -> list[str]:
        """What processes ended with that were not killed."""
        return [path.read_text() for path in self._place.glob("crash-*")]

    @property
    def _place(self) -> Path:
        return next(iter(self.posts.values())).place

    def _fill(self) -> None:
        for member in [one for one in self.members if one.exit_code is not None]:
            self.members.remove(member)
            self.killed.setdefault(member.pid, time.time())
        assert not self.crashes(), self.crashes()[0]
        for role, number in self.numbers.items():
            while sum(one.role == role for one in self.members) < number:
                self._spawned += 1
                post = replace(self.posts[role], seed=self.seed * 10_000 + self._spawned)
                self.members.append(Member(role, TARGETS[role], post))

    def _counts(self) -> tuple[int, int, int, int] | None:
        """None while the database is away, which some scenarios want."""
        try:
            with self.admin() as connection:
                return connection.execute(COUNTS).fetchone()
        except psycopg.OperationalError:
            return None

    def explain(self, counts: object) -> str:
        with self.admin() as connection:
            states = connection.execute("SELECT state, count(*) FROM scheduler.runs GROUP BY 1").fetchall()
            launches = connection.execute(
                "SELECT state, count(*) FROM scheduler.launches GROUP BY 1"
            ).fetchall()
            waits = connection.execute(
                "SELECT state, wait_event_type, now() - xact_start, left(query, 90) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchall()
        stopped = [(one.role, one.pid) for one in self.stopped()]
        lines = [f"nothing moves: {counts}, runs {states}, launches {launches}, stopped {stopped}"]
        return "\n".join([*lines, *map(str, waits)])

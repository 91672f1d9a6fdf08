"""Sensors in operating-system processes of their own, which claim at an instant they are told over a pipe."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

CLAIMER = """
import sys
from datetime import datetime
from resources.database import Database
from scheduler_defs.sensors import claim as claims

owner, rounds, claims.TENANTS_A_TICK = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with Database() as database:
    with database.begin_system():
        print("ready", flush=True)
    for line in sys.stdin:
        for _ in range(rounds):
            with database.begin_system() as store:
                claims.claim(store, owner, datetime.fromisoformat(line.strip()))
        print("claimed", flush=True)
"""


class Claimers:
    """Some processes that claim at once: each a few times in a row, a few tenants each time."""

    def __init__(self, processes: list[subprocess.Popen]) -> None:
        self._processes = processes
        self._expect("ready")

    def begin(self, now: datetime) -> None:
        """Tells all of them to claim."""
        for process in self._processes:
            process.stdin.write(f"{now.isoformat()}\n")
            process.stdin.flush()

    def wait(self) -> None:
        """Waits until all of them have claimed; a claim that raised ends its process, which fails here."""
        self._expect("claimed")

    def claim(self, now: datetime) -> None:
        self.begin(now)
        self.wait()

    def _expect(self, word: str) -> None:
        for process in self._processes:
            assert process.stdout.readline() == f"{word}\n"


@contextmanager
def claimers(
    environment: Mapping[str, str], count: int = 2, rounds: int = 3, tenants: int = 15
) -> Iterator[Claimers]:
    """So many processes, each its own Database; they are gone afterwards."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMER, f"sensor-{number}", str(rounds), str(tenants)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]
    try:
        yield Claimers(processes)
    finally:
        for process in processes:
            process.kill()
            process.communicate()

"""Stands in for Dagster's queue: what is submitted waits as a file until a worker takes it; files outlive processes."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from uuid import UUID

WAITING, TAKEN, FAILED, KNOWN = "waiting", "taken", "failed", "known"


class Spool:
    """Launches on their way to a worker. Submitting one twice is dropped by its id, as Dagster drops a run key.

    Dagster checks before it inserts, so that two daemons may both submit: a share ``twice`` slips through. The newest
    waiting one is taken first, or any.
    """

    def __init__(
        self, root: Path, random: Random | None = None, twice: float = 0.0, *, newest: bool = False
    ) -> None:
        self.root, self._random, self._twice, self._newest = root, random or Random(), twice, newest
        for name in (WAITING, TAKEN, FAILED, KNOWN):
            (root / name).mkdir(parents=True, exist_ok=True)

    def submit(self, launch_id: UUID) -> None:
        known = self.root / KNOWN / str(launch_id)
        if known.exists() and self._random.random() >= self._twice:
            return
        self._put(launch_id)
        if not known.exists() and self._random.random() < self._twice:
            self._put(launch_id)
        known.touch()

    def _put(self, launch_id: UUID) -> None:
        (self.root / WAITING / f"{launch_id}.{os.getpid()}-{self._random.getrandbits(48):x}").touch()

    def take(self, worker_id: UUID) -> tuple[UUID, Path] | None:
        """A waiting launch for a worker and its file, which is removed when it is done; None when none waits."""
        names = [entry.name for entry in os.scandir(self.root / WAITING)]
        if self._newest:
            names.sort(reverse=True)
        else:
            self._random.shuffle(names)
        mine = self.root / TAKEN / str(worker_id)
        for name in names:
            mine.mkdir(exist_ok=True)
            with suppress(FileNotFoundError):
                return UUID(name.partition(".")[0]), (self.root / WAITING / name).rename(mine / name)
        return None

    def fail(self, taken: Path) -> None:
        """Says that the Dagster run ended without closing its launch."""
        with suppress(FileNotFoundError):
            taken.rename(self.root / FAILED / f"{taken.name}@{taken.parent.name}")

    def failed(self) -> Iterator[tuple[UUID, str, Path]]:
        """Launches whose Dagster run failed: the launch, the Dagster run and the file."""
        for entry in os.scandir(self.root / FAILED):
            name, _, worker = entry.name.partition("@")
            yield UUID(name.partition(".")[0]), dagster_run(worker, name), Path(entry.path)

    def held(self) -> Iterator[tuple[UUID, list[Path]]]:
        """Workers that took launches which they have not finished, and the files."""
        for entry in os.scandir(self.root / TAKEN):
            files = [*Path(entry.path).iterdir()]
            if files:
                yield UUID(entry.name), files


def dagster_run(worker_id: UUID | str, name: str) -> str:
    """The id of the Dagster run that a worker is for one submission of a launch."""
    return f"{worker_id}/{name}"

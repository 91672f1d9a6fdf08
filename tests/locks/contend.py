"""Processes that contend for locks; prints what each saw as JSON.

Usage: python -m tests.locks.contend STRATEGIES PROCESSES KEYS ACQUISITIONS DIRECTORY, with the settings SCHEDULER_*
Several STRATEGIES, parted by commas, are dealt out in turn.

What the locks protect is a file a key, which is read, and written with one more, by nothing that would notice another
process; a second file is there for as long as somebody is inside.
"""

import json
import os
import random
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from resources.database import Database
from resources.lock import DistributedLock
from resources.states import LockStrategy


class Counter:
    """A number in a file; ``add`` is unsafe without a lock on purpose."""

    def __init__(self, directory: Path, key: int, target: int) -> None:
        self._file, self._inside, self._target = directory / f"{key}", directory / f"{key}.inside", target

    def value(self) -> int:
        return int(self._file.read_text()) if self._file.exists() else 0

    def full(self) -> bool:
        return self.value() >= self._target

    def add(self) -> tuple[int, bool]:
        """Returns the number as it was, and whether anybody else was inside."""
        try:
            os.close(os.open(self._inside, os.O_CREAT | os.O_EXCL))
            alone = True
        except FileExistsError:
            alone = False
        before = self.value()
        time.sleep(0)  # lets another process in, if the lock would
        beside = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        beside.write_text(str(before + 1))
        beside.replace(self._file)
        with suppress(FileNotFoundError):
            self._inside.unlink()
        return before, not alone


def work(strategy: LockStrategy, counters: list[Counter]) -> list[dict[str, Any]]:
    """Takes the lock of a key at random, adds one, frees it, until every counter is full."""
    seen, random_key = [], random.Random(os.getpid())
    with Database() as database:
        lock = DistributedLock(database, strategy)
        while open_keys := [key for key, counter in enumerate(counters) if not counter.full()]:
            key = random_key.choice(open_keys)
            with lock.try_acquire(f"key {key}", None) as handle:
                if not counters[key].full():
                    before, shared = counters[key].add()
                    wait = handle.waited.total_seconds()
                    seen.append(
                        {
                            "key": key,
                            "number": before,
                            "token": handle.fencing_token,
                            "overlap": shared,
                            "wait": wait,
                        }
                    )
    return seen


def main() -> None:
    """Forks the processes at once, so that they import once, and collects what they wrote."""
    strategies = [LockStrategy(name) for name in sys.argv[1].split(",")]
    processes, keys, acquisitions = map(int, sys.argv[2:5])
    directory = Path(sys.argv[5])
    counters = [Counter(directory, key, acquisitions // keys) for key in range(keys)]
    begun, children = time.monotonic(), {}
    for number in range(processes):
        pid = os.fork()
        if not pid:
            try:
                seen = work(strategies[number % len(strategies)], counters)
                (directory / f"worker-{number}.json").write_text(json.dumps(seen))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        children[pid] = number
    failed = [number for pid, number in children.items() if os.waitpid(pid, 0)[1]]
    workers = [
        json.loads((directory / f"worker-{number}.json").read_text())
        for number in children.values()
        if number not in failed
    ]
    values = [counter.value() for counter in counters]
    print(
        json.dumps(
            {"workers": workers, "values": values, "failed": failed, "seconds": time.monotonic() - begun}
        )
    )


if __name__ == "__main__":
    main()

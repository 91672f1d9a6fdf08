"""What was measured, beside its target and the peers' ways: as a table for people and as JSON."""

import math
import platform
import statistics
import sys
import timeit
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import psutil

RESCAN = "re-scan"
BATCHES = "SQL by 25"
BY_ADVISORY = "by advisory"
BY_ROW = "row by row"
LIBRARY = "library"
WAYS = (RESCAN, BATCHES, BY_ADVISORY, BY_ROW, LIBRARY)


@dataclass
class Row:
    """One figure: a value for each repetition, of ours and of the peers' ways; the median is what counts.

    ``target`` is at most this, or at least this where ``more_is_better``; None where there is none.
    """

    name: str
    unit: str
    ours: list[float] = field(default_factory=list)
    target: float | None = None
    more_is_better: bool = False
    peers: dict[str, list[float]] = field(default_factory=dict)

    def peer(self, way: str, value: float) -> None:
        """Adds a repetition of a peers' way."""
        self.peers.setdefault(way, []).append(value)

    @property
    def is_met(self) -> bool | None:
        """Whether the median meets the target."""
        if self.target is None:
            return None
        median = statistics.median(self.ours)
        return median >= self.target if self.more_is_better else median <= self.target

    def times_better(self, way: str) -> float:
        """How many times better ours is than a peers' way, by the medians of this run."""
        ours, theirs = statistics.median(self.ours), statistics.median(self.peers[way])
        return ours / theirs if self.more_is_better else theirs / ours

    def to_json(self) -> dict[str, Any]:
        """The medians and every repetition."""
        return {
            "name": self.name,
            "unit": self.unit,
            "median": statistics.median(self.ours),
            "repetitions": self.ours,
            "target": self.target,
            "more_is_better": self.more_is_better,
            "met": self.is_met,
            "peers": {
                way: {
                    "median": statistics.median(values),
                    "repetitions": values,
                    "times_better": self.times_better(way),
                }
                for way, values in self.peers.items()
            },
        }

    def to_table(self) -> dict[str, str]:
        """As one row of the table."""
        wanted = (
            "" if self.target is None else f"{'≥' if self.more_is_better else '≤'} {_number(self.target)}"
        )
        met = {None: "", True: "met", False: "missed"}[self.is_met]
        shown = {
            "what": f"{self.name}, {self.unit}",
            "measured": _number(statistics.median(self.ours)),
            "target": wanted,
            "": met,
        }
        return shown | {way: self._beside(way) for way in WAYS}

    def _beside(self, way: str) -> str:
        if way not in self.peers:
            return ""
        return f"{_number(statistics.median(self.peers[way]))} ({self.times_better(way):.1f}×)"


@dataclass
class Report:
    """All figures of one run, what was checked, and what is to be known about them."""

    settings: Mapping[str, Any]
    rows: list[Row] = field(default_factory=list)
    mismatches: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def row(self, name: str, unit: str, *, target: float | None = None, more_is_better: bool = False) -> Row:
        """Adds a figure."""
        self.rows.append(Row(name, unit, target=target, more_is_better=more_is_better))
        return self.rows[-1]

    def check(self, name: str, mismatches: int) -> None:
        """Counts what differed where nothing may."""
        self.mismatches[name] = self.mismatches.get(name, 0) + mismatches

    @property
    def is_right(self) -> bool:
        """Whether nothing differed."""
        return not any(self.mismatches.values())

    def print(self) -> None:
        """Prints the tables; the peers' figures say in brackets how many times better ours is."""
        print(", ".join(f"{name} {value}" for name, value in (*self.settings.items(), *self.facts.items())))
        print()
        rows = [row.to_table() for row in self.rows]
        unused = [way for way in WAYS if not any(row[way] for row in rows)]
        _print_table([{name: row[name] for name in row if name not in unused} for row in rows])
        print()
        _print_table([{"checked": name, "mismatches": str(count)} for name, count in self.mismatches.items()])
        print()
        for note in self.notes:
            print(f"- {note}")

    def write(self, path: Path) -> None:
        """Writes everything as JSON."""
        found = {
            "settings": dict(self.settings),
            "machine": machine(),
            "facts": self.facts,
            "results": [row.to_json() for row in self.rows],
            "mismatches": self.mismatches,
            "notes": self.notes,
        }
        path.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def load() -> str:
    """How many processes wanted a processor lately: on a busy machine only the ratios say something."""
    return f"{psutil.getloadavg()[0]:.1f}"


def pace() -> float:
    """Milliseconds of a loop of Python, the median of nine: by it the milliseconds of two runs are compared.

    A machine that shares its processors with others may be half as fast as it was an hour ago.
    """
    loop = "for i in range(200_000): i * i % 7"
    return round(1000 * statistics.median(timeit.repeat(loop, number=1, repeat=9)), 1)


def machine() -> dict[str, Any]:
    """What it ran on."""
    return {
        "cpus": psutil.cpu_count(),
        "memory_mib": psutil.virtual_memory().total >> 20,
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def say(message: str) -> None:
    """A line of progress, on stderr."""
    print(message, file=sys.stderr, flush=True)


class Memory:
    """The peak of this process's resident memory since `reset`, where Linux tells; else since it began."""

    def reset(self) -> None:
        """Begins anew."""
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            say("the peak of memory cannot be reset here: it counts from the beginning of the process")

    def peak_mib(self) -> float:
        """The peak in MiB."""
        lines = Path("/proc/self/status").read_text().splitlines()
        (line,) = (line for line in lines if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024


def _print_table(rows: Sequence[Mapping[str, str]]) -> None:
    """Prints rows under their keys, each on one line, however long."""
    widths = [max(len(name), *(len(row[name]) for row in rows)) for name in rows[0]]
    for cells in (list(rows[0]), *(row.values() for row in rows)):
        print("  ".join(map(str.ljust, cells, widths)).rstrip())


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"

"""What an audit of fires counts and finds."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from uuid import UUID

MOST_FINDINGS = 100
"""So many of each kind are kept of a schedule; all are counted."""


class Fault(StrEnum):
    """What is wrong with an occurrence or a row."""

    MISSING = "missing"
    EXTRA = "extra"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: where, how many occurrences it is about, and by how much a late one is."""

    fault: Fault
    trigger_id: UUID
    at: datetime
    count: int = 1
    run_id: UUID | None = None
    late: timedelta | None = None
    note: str = ""


@dataclass
class Tally:
    """What an audit counted. ``expected`` is fired, skipped, pending and missing together."""

    expected: int = 0
    fired: int = 0
    pending: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    faults: dict[Fault, int] = field(default_factory=lambda: dict.fromkeys(Fault, 0))
    lateness: "array[float]" = field(default_factory=lambda: array("d"))
    findings: list[Finding] = field(default_factory=list)

    def note(self, finding: Finding) -> None:
        """Counts a fault, and keeps it while there are few."""
        before = self.faults[finding.fault]
        self.faults[finding.fault] += finding.count
        if before < MOST_FINDINGS:
            self.findings.append(finding)

    def add(self, other: "Tally", most: int = MOST_FINDINGS) -> None:
        """Adds the counts of another, and its findings while there are fewer than ``most``."""
        self.expected += other.expected
        self.fired += other.fired
        self.pending += other.pending
        for reason, count in other.skipped.items():
            self.skipped[reason] = self.skipped.get(reason, 0) + count
        for fault, count in other.faults.items():
            self.faults[fault] += count
        self.lateness.extend(other.lateness)
        self.findings += other.findings[: max(0, most - len(self.findings))]


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the least value that so many percent of all do not exceed; 0 of none."""
    return sorted(values)[max(1, ceil(len(values) * percent / 100)) - 1] if values else 0.0

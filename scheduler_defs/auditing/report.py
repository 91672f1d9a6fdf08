"""What an audit of fires says: by schedule, and over all."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from scheduler_defs.auditing.tallies import Fault, Finding, Tally, percentile

MOST_FINDINGS = 1000
"""So many findings a whole report keeps."""


@dataclass(frozen=True)
class ScheduleFires:
    """What was counted of one schedule; ``unreadable`` says why a part of it could not be audited."""

    tenant_id: str
    schedule_id: UUID
    name: str
    tally: Tally
    since: datetime
    unreadable: str | None = None


@dataclass
class FireReport:
    """The schedules that had anything to audit, and their totals."""

    schedules: list[ScheduleFires] = field(default_factory=list)
    total: Tally = field(default_factory=Tally)
    unreadable: int = 0
    findings: list[tuple[ScheduleFires, Finding]] = field(default_factory=list)

    def add(self, one: ScheduleFires) -> None:
        """Adds a schedule; one without any occurrence, row or fault is not listed."""
        self.total.add(one.tally)
        self.unreadable += one.unreadable is not None
        self.findings += [
            (one, found) for found in one.tally.findings[: max(0, MOST_FINDINGS - len(self.findings))]
        ]
        if one.tally.expected or any(one.tally.faults.values()) or one.unreadable:
            self.schedules.append(one)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing and nothing too much."""
        return not self.total.faults[Fault.MISSING] and not self.total.faults[Fault.EXTRA]

    def summary(self) -> str:
        """The counts of faults and the lateness of fired rows, in one line."""
        faults = ", ".join(f"{fault} {count}" for fault, count in self.total.faults.items())
        lateness = lateness_of(self.total.lateness)
        return f"{faults} ({', '.join(f'{name} {value:.3g}s' for name, value in lateness.items())})"


def lateness_of(values: Iterable[float]) -> dict[str, float]:
    """Nearest-rank percentiles and the maximum, in seconds; zeros when nothing fired."""
    ordered = sorted(values)
    found = {f"p{percent}": percentile(ordered, percent) for percent in (50, 95, 99)}
    return found | {"max": ordered[-1] if ordered else 0.0}


def numbers(tally: Tally) -> dict[str, Any]:
    """A tally as plain counts."""
    return {
        "expected": tally.expected,
        "fired": tally.fired,
        "skipped": sum(tally.skipped.values()),
        "pending": tally.pending,
        **{str(fault): count for fault, count in tally.faults.items()},
    }


def finding_rows(report: FireReport, faults: Iterable[Fault] = tuple(Fault)) -> Iterator[Mapping[str, Any]]:
    """Each finding of some kinds as one flat row."""
    wanted = {*faults}
    for one, found in report.findings:
        if found.fault in wanted:
            yield {
                "fault": str(found.fault),
                "tenant": one.tenant_id,
                "schedule": one.name,
                "trigger": str(found.trigger_id),
                "scheduled for": found.at,
                "count": found.count,
                "run": found.run_id and str(found.run_id),
                "late": found.late,
                "note": found.note,
            }


def as_json(report: FireReport) -> dict[str, Any]:
    """The whole report for machines."""
    return {
        **numbers(report.total),
        "skipped_by_reason": report.total.skipped,
        "lateness": lateness_of(report.total.lateness),
        "unreadable": report.unreadable,
        "findings": [*finding_rows(report)],
        "schedules": [
            {
                "tenant": one.tenant_id,
                "schedule": one.name,
                "schedule_id": str(one.schedule_id),
                "since": one.since,
                **numbers(one.tally),
                "skipped_by_reason": one.tally.skipped,
                "lateness": lateness_of(one.tally.lateness),
                "unreadable": one.unreadable,
            }
            for one in report.schedules
        ],
    }

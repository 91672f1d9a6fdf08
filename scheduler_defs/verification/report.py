"""What a verification found, as JSON and markdown, with a digest over what two runs of it should have in common."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from scheduler_defs.engines.digests import digest_of
from scheduler_defs.verification.check import Check, Outcome


@dataclass(frozen=True)
class Report:
    """Every check of one verification; ``started_at`` is by the database's clock, ``removed`` what others had left."""

    started_at: datetime
    seconds: float
    versions: Mapping[str, str]
    checks: Sequence[Check]
    removed: Sequence[str] = ()

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many checks ended how, zeros included."""
        found = Counter(check.outcome for check in self.checks)
        return {outcome: found[outcome] for outcome in Outcome}

    @property
    def failed(self) -> list[Check]:
        """The checks that failed."""
        return [check for check in self.checks if check.outcome is Outcome.FAILED]

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical JSON of versions, names and outcomes; not of instants, timings and details."""
        outcomes = [[check.name, check.outcome.value] for check in self.checks]
        return digest_of({"versions": dict(self.versions), "checks": outcomes})

    @property
    def summary(self) -> str:
        """The counts and the digest in one line."""
        counts = ", ".join(f"{count} {outcome}" for outcome, count in self.counts.items())
        return f"verified: {counts}, digest {self.digest}"

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON holds it."""
        return {
            "started_at": self.started_at.astimezone(UTC).isoformat(),
            "seconds": round(self.seconds, 3),
            "versions": dict(self.versions),
            "counts": {outcome.value: count for outcome, count in self.counts.items()},
            "removed": list(self.removed),
            "checks": [
                {
                    "name": check.name,
                    "outcome": check.outcome.value,
                    "seconds": round(check.seconds, 3),
                    "detail": check.detail,
                }
                for check in self.checks
            ],
            "digest": self.digest,
            "digest_covers": "versions, and the name and outcome of each check",
        }

    def to_markdown(self) -> str:
        """Everything, as a page."""
        lines = [
            "# Verification",
            "",
            f"**{self.summary}**",
            "",
            f"Started {self.started_at.astimezone(UTC).isoformat(timespec='seconds')}, took {self.seconds:.1f} s. "
            "The digest is SHA-256 over the versions and the name and outcome of each check.",
            *(f"\nRemoved what a killed verification had left: {name}." for name in self.removed),
            "",
            "| check | outcome | seconds | detail |",
            "|---|---|--:|---|",
            *(_row(check) for check in self.checks),
            "",
            "| version of | |",
            "|---|---|",
            *(f"| {name} | {_cell(value)} |" for name, value in self.versions.items()),
        ]
        return "\n".join(lines) + "\n"


def write_report(report: Report, directory: Path) -> list[Path]:
    """Writes both forms into a directory, which is made if need be; returns their paths. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    name = f"verification-{report.started_at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"
    page, data = directory / f"{name}.md", directory / f"{name}.json"
    page.write_text(report.to_markdown(), encoding="utf-8")
    data.write_bytes(orjson.dumps(report.to_json(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return [page, data]


def _row(check: Check) -> str:
    outcome = check.outcome.value if check.outcome is Outcome.PASSED else f"**{check.outcome.value}**"
    return f"| {check.name} | {outcome} | {check.seconds:.2f} | {_cell(check.detail)} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())

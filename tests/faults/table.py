"""The table of all scenarios, printed at the end of a session and, after each of them, kept in build/faults.json."""

import json
from pathlib import Path

from tests.faults.judging import Verdict
from tests.faults.profile import LONG, SCALE

PATH = Path("build/faults.json")
HEADINGS = {
    "fault": "fault",
    "times": "times",
    "expected": "expected",
    "completed": "completed",
    "skipped": "skipped",
    "missing": "missing",
    "extra": "extra",
    "refused": "refused",
    "rescue_p50": "rescue p50",
    "rescue_p95": "rescue p95",
}


def write(verdicts: list[Verdict]) -> None:
    """Keeps what was found so far."""
    PATH.parent.mkdir(exist_ok=True)
    found = {
        "profile": "long" if LONG else "short",
        "scale": SCALE,
        "scenarios": [one.facts() for one in verdicts],
    }
    PATH.write_text(json.dumps(found, indent=2) + "\n")


def tell(verdicts: list[Verdict]) -> str:
    """What was found, as a table with a line of sums."""
    rows = [[*HEADINGS.values()]]
    rows += [
        ["–" if (value := one.facts()[name]) is None else str(value) for name in HEADINGS] for one in verdicts
    ]
    numbers = [name for name in HEADINGS if name not in ("fault", "rescue_p50", "rescue_p95")]
    sums = {name: str(sum(one.facts()[name] for one in verdicts)) for name in numbers}
    rows.append(["all", *(sums[name] for name in numbers), "", ""])
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )

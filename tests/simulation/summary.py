"""What a run of the simulation came to, in one line and as JSON."""

import json
from pathlib import Path
from typing import Any

from tests.simulation.accounts import Accounts

PATH = Path("build/simulation.json")
COUNTS = """
    SELECT CASE WHEN state <> 'skipped' THEN 'fired' ELSE reason END, sum(coalesce(skipped_count, 1))
    FROM scheduler.runs WHERE trigger_id IS NOT NULL GROUP BY 1 ORDER BY 1"""
LATENESS = """
    SELECT percentile_disc(ARRAY[0.5, 0.9, 0.99, 1.0]) WITHIN GROUP (ORDER BY created_at - due_at)
    FROM scheduler.runs WHERE trigger_id IS NOT NULL AND skipped_count IS NULL"""


def summarise(admin, accounts: Accounts, **facts: Any) -> dict[str, Any]:
    """Counts of the ledger, what the audit found, and how late fires were by the simulated clock."""
    counts = {name: int(count) for name, count in admin.execute(COUNTS)}
    fired = counts.pop("fired", 0)
    (late,) = admin.execute(LATENESS).fetchone()
    (size,) = admin.execute("SELECT pg_database_size(current_database())").fetchone()
    return {
        "expected": accounts.expected,
        "fired": fired,
        "skipped": sum(counts.values()),
        "reasons": counts,
        "missing": len(accounts.missing),
        "extra": len(accounts.extra),
        "lateness": dict(zip(("p50", "p90", "p99", "max"), map(str, late or ()), strict=False)),
        "database_bytes": size,
        **facts,
    }


def tell(summary: dict[str, Any]) -> str:
    """Writes the summary into build/simulation.json; returns it as a line."""
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(json.dumps(summary, indent=2, default=str) + "\n")
    reasons = ", ".join(f"{name} {count}" for name, count in summary["reasons"].items())
    late = " … ".join(f"{name} {value}" for name, value in summary["lateness"].items())
    return (
        f"fires expected {summary['expected']}, fired {summary['fired']}, skipped {summary['skipped']} ({reasons}),"
        f" missing {summary['missing']}, extra {summary['extra']}, lateness {late} (simulated)"
    )

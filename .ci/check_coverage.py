"""Check what the tests reached of resources/: enough branches, and every miss explained; exits 1 on any problem.

Usage: check_coverage.py [--elsewhere] REPORT PAGE
REPORT is coverage's JSON, measured with branches. PAGE has a table row | `file` | `function` | reason | for each
function with a miss, as root finds them; with --elsewhere it may differ, because only root becomes another user.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LEAST = 95.0
ROW = re.compile(r"^\| `([^`]+\.py)` \| `([^`]+)` \| .+ \|$", re.MULTILINE)
OUTSIDE = "(module)"


def misses_of(report: dict[str, Any]) -> dict[tuple[str, str], str]:
    """The missed lines and branches of each function that has some, by file and function."""
    found = {}
    for path, file in report["files"].items():
        for name, region in file["functions"].items():
            lines = [str(line) for line in region["missing_lines"]]
            branches = [f"{source}->{target}" for source, target in region["missing_branches"]]
            if lines or branches:
                found[path, name or OUTSIDE] = ", ".join(lines + branches)
    return found


def differences(misses: set[tuple[str, str]], page: str) -> Iterator[str]:
    """How the table of a page differs from the misses, one line each."""
    named = set(ROW.findall(page))
    for path, name in sorted(misses - named):
        yield f"{path}: {name}: has a miss, and the table does not name it"
    for path, name in sorted(named - misses):
        yield f"{path}: {name}: has no miss, and the table names it"


def percent(covered: int, total: int) -> float:
    """How much of the total was reached."""
    return 100 * covered / total if total else 100.0


def main() -> int:
    """Check the files named on the command line; returns the exit code."""
    *options, report_path, page_path = sys.argv[1:]
    report = json.loads(Path(report_path).read_text("utf-8"))
    totals, misses = report["totals"], misses_of(report)
    branches = percent(totals["covered_branches"], totals["num_branches"])
    for (path, name), what in sorted(misses.items()):
        print(f"{path}: {name}: {what}")
    print(f"lines: {percent(totals['covered_lines'], totals['num_statements']):.1f} %")
    print(f"branches: {branches:.1f} %, {totals['covered_branches']} of {totals['num_branches']}")

    differing = list(differences(set(misses), Path(page_path).read_text("utf-8")))
    short = [f"{branches:.2f} % of the branches is less than {LEAST:g} %"] if branches < LEAST else []
    for line in differing + short:
        print(line)
    problems = short if "--elsewhere" in options else differing + short
    print(f"check_coverage: {len(problems)} problem(s)" if problems else "check_coverage: ok")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

"""Each rule of .ci/check_coverage.py, violated once on a small made-up report and page."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).resolve().parents[2]
SCRIPT = REPO / ".ci" / "check_coverage.py"
Check = Callable[..., tuple[int, list[str]]]

ROW = "| `resources/a.py` | `Server.stop` | It takes a minute. |\n"


def region(lines: list[int], branches: list[list[int]]) -> dict[str, Any]:
    return {"missing_lines": lines, "missing_branches": branches}


def report(covered_branches: int = 95, functions: dict[str, Any] | None = None) -> str:
    """A report of 100 branches and 200 lines, by default with a miss in one function."""
    wanted = functions or {"Server.stop": region([7, 8], [[6, 7]]), "Server.start": region([], [])}
    totals = {"num_branches": 100, "covered_branches": covered_branches}
    totals |= {"num_statements": 200, "covered_lines": 199}
    return json.dumps({"totals": totals, "files": {"resources/a.py": {"functions": wanted}}})


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Exit code and the lines printed before the summary."""

    def run(report: str, page: str = ROW, *options: str) -> tuple[int, list[str]]:
        for name, text in (("report.json", report), ("page.md", page)):
            (tmp_path / name).write_text(text, "utf-8")
        command = [sys.executable, str(SCRIPT), *options, "report.json", "page.md"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()[:-1]

    return run


NUMBERS = ["lines: 99.5 %", "branches: 95.0 %, 95 of 100"]
MISS = "resources/a.py: Server.stop: 7, 8, 6->7"


def test_enough_branches_and_a_table_of_all_misses_pass(check: Check) -> None:
    assert check(report(), f"# Coverage\n\n{ROW}") == (0, [MISS, *NUMBERS])


def test_too_few_branches_fail_however_many_lines_were_reached(check: Check) -> None:
    for options in ((), ("--elsewhere",)):
        code, lines = check(report(covered_branches=94), ROW, *options)
        assert (code, lines[-1]) == (1, "94.00 % of the branches is less than 95 %")


@pytest.mark.parametrize("missed", [region([3], []), region([], [[3, -1]])], ids=["a line", "a branch"])
def test_a_miss_that_the_table_does_not_name_fails(check: Check, missed: dict[str, Any]) -> None:
    functions = {"Server.stop": region([7], []), "": missed}
    code, lines = check(report(functions=functions))
    assert (code, lines[-1]) == (
        1,
        "resources/a.py: (module): has a miss, and the table does not name it",
    )
    assert check(report(functions=functions), ROW + ROW.replace("Server.stop", "(module)"))[0] == 0


@pytest.mark.parametrize("stale", ["`resources/a.py` | `Server.start`", "`resources/b.py` | `Server.stop`"])
def test_a_row_without_a_miss_fails(check: Check, stale: str) -> None:
    code, lines = check(report(), ROW + f"| {stale} | It was so. |\n")
    path, name = stale.replace("`", "").split(" | ")
    assert (code, lines[-1]) == (1, f"{path}: {name}: has no miss, and the table names it")


def test_a_row_without_a_reason_counts_for_nothing(check: Check) -> None:
    assert check(report(), "| `resources/a.py` | `Server.stop` |  |\n")[0] == 1


def test_elsewhere_the_table_may_differ_and_is_shown(check: Check) -> None:
    code, lines = check(report(), "", "--elsewhere")
    assert (code, lines[-1]) == (0, "resources/a.py: Server.stop: has a miss, and the table does not name it")

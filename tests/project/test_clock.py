"""Whose clock decides: the database's. A process whose own clock is off by hours behaves like any other."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLOCKS = {("datetime", "now"), ("datetime", "today"), ("datetime", "utcnow"), ("date", "today")} | {
    ("time", name) for name in ("time", "time_ns", "localtime", "gmtime", "ctime", "strftime")
}
IDS = "resources/ids.py"
"""Ids sort by when they were made as far as a process knows; nothing is decided by them."""


def clocks_of(source):
    """Where a module asks the clock of its process."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in CLOCKS:
                yield node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (node.lineno for name in node.names if ("time", name.name) in CLOCKS)


def test_nothing_asks_the_clock_of_its_process():
    paths = [path for room in ("resources", "scheduler_defs", "sql") for path in (ROOT / room).rglob("*.py")]
    assert len(paths) > 100
    found = {f"{path.relative_to(ROOT)}:{line}" for path in paths for line in clocks_of(path.read_text())}
    assert {place.partition(":")[0] for place in found} == {IDS}, found


@pytest.mark.parametrize(
    "source",
    ["datetime.now(UTC)", "time.time()", "from time import time", "x = date.today()", "datetime.utcnow()"],
)
def test_each_way_to_ask_is_found(source):
    assert list(clocks_of(source)) == [1]

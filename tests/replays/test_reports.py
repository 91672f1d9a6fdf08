"""docs/timing.md and these tests name the same reports, in the same words."""

import ast
import re
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
HEADING = "\n## What people reported elsewhere\n"
ROW = re.compile(r"\| \[([\w.-]+/[\w.-]+)#(\d+)\]\((\S+)\) \| (.+?) \| (.+?) \|")


def rows() -> list[tuple[str, ...]]:
    """The table: repository, number, address, the case, what happens here."""
    text = (REPO / "docs" / "timing.md").read_text("utf-8").split(HEADING)[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| [")]
    found = [ROW.fullmatch(line) for line in lines]
    assert None not in found, [line for line, one in zip(lines, found, strict=True) if one is None]
    return [one.groups() for one in found if one]


def replays() -> list[str]:
    """The first paragraphs of what the replays say, each on one line."""
    said = []
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for one in ast.parse(path.read_text("utf-8")).body:
            if (
                path.name != "test_reports.py"
                and isinstance(one, ast.FunctionDef)
                and one.name.startswith("test_")
            ):
                said.append(" ".join((ast.get_docstring(one) or one.name).split()))
    return said


def test_the_table_and_the_replays_name_the_same_reports_in_the_same_words():
    told = [f"{repository}#{number}: {case}" for repository, number, _, case, _ in rows()]
    assert sorted(told) == sorted(replays())


def test_each_report_is_named_once_and_there_are_many():
    names = [row[:2] for row in rows()]
    assert len(set(names)) == len(names) >= 40


def test_each_link_leads_to_the_report_that_it_names():
    for repository, number, address, _, _ in rows():
        assert re.fullmatch(f"https://github.com/{repository}/(issues|pull)/{number}", address)

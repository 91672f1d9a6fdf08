"""The project's own promises: documents agree with the code, commands are listed, pins are whole."""

import re
import shutil
import subprocess
import sys
import tomllib
from enum import StrEnum
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from resources import state_diagrams
from resources.states import LAUNCH_TRANSITIONS, TRANSITIONS, WORK_TRANSITIONS

REPO = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*REPO.glob("*.md"), *(REPO / "docs").rglob("*.md")])

Edges = set[tuple[str, str]]


def section(heading: str) -> str:
    """The text under one second-level heading of docs/state_machine.md."""
    text = (REPO / "docs" / "state_machine.md").read_text("utf-8")
    return re.split(r"^## ", text.split(f"\n## {heading}\n")[1], flags=re.MULTILINE)[0]


def drawn(heading: str) -> Edges:
    """The arrows of a section's Mermaid diagram; [*] stands for birth and end."""
    diagram = section(heading).split("```mermaid\nstateDiagram-v2\n")[1].split("```")[0]
    arrows = re.findall(r"^ +(\S+) --> ([^\s:]+)", diagram, flags=re.MULTILINE)
    assert len(arrows) == diagram.count("-->") == len(set(arrows))
    return set(arrows)


def tabled(heading: str) -> Edges:
    """The edges of a section's table."""
    return set(re.findall(r"^\| `(\w+)` → `(\w+)` \|", section(heading), flags=re.MULTILINE))


def described(heading: str) -> set[str]:
    """The states a section explains."""
    return set(re.findall(r"^\| `(\w+)` \|", section(heading), flags=re.MULTILINE))


@pytest.mark.parametrize(
    ("heading", "transitions", "born"),
    [
        ("Runs", TRANSITIONS, {"pending", "skipped"}),
        ("Work items", WORK_TRANSITIONS, {"pending", "completed"}),
        ("Launches", LAUNCH_TRANSITIONS, {"offered"}),
    ],
)
def test_state_diagram_equals_the_transition_table(
    heading: str,
    transitions: dict[StrEnum, frozenset[StrEnum]],
    born: set[str],
) -> None:
    edges = {(str(source), str(target)) for source, targets in transitions.items() for target in targets}
    ends = {(str(state), "[*]") for state, targets in transitions.items() if not targets}
    assert drawn(heading) == edges | ends | {("[*]", state) for state in born}
    assert tabled(heading) == edges
    assert described(heading) == {str(state) for state in transitions}


def test_state_diagrams_and_edges_are_up_to_date() -> None:
    page = (REPO / "docs" / "state_machine.md").read_text("utf-8")
    assert state_diagrams.rewritten(page) == page, "the states changed: run `make docs`"


def test_a_changed_page_is_written_anew_and_one_without_a_marker_refused(tmp_path: Path) -> None:
    page = (REPO / "docs" / "state_machine.md").read_text("utf-8")
    copy = tmp_path / "page.md"
    copy.write_text(page.replace("pending --> queued", "pending --> running").replace("| `queued` →", "| →"))
    subprocess.run([sys.executable, "-m", "resources.state_diagrams", copy], cwd=REPO, check=True)
    assert copy.read_text("utf-8") == page
    with pytest.raises(ValueError, match="no place for the edges of launches"):
        state_diagrams.rewritten(page.replace("<!-- generated: edges of launches -->", ""))


@pytest.mark.parametrize("name", state_diagrams.MACHINES)
def test_words_are_said_of_every_edge_and_of_no_other(name: str) -> None:
    machine = state_diagrams.MACHINES[name]
    assert machine.edges.keys() == set(machine.pairs())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(REPO).as_posix())
def test_links_and_named_tests_exist(document: Path) -> None:
    text = document.read_text("utf-8")
    prose = re.sub(r"`[^`\n]*`", "", text)
    links = [link for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose) if "://" not in link]
    missing = [link for link in links if not (document.parent / link).exists()]
    missing += [name for name in re.findall(r"`(tests/[\w/.]+)`", text) if not (REPO / name).exists()]
    assert missing == []


def test_guarantees_state_each_guarantee_with_its_standing() -> None:
    text = (REPO / "docs" / "guarantees.md").read_text("utf-8")
    parts = re.split(r"^## (G\d) ", text, flags=re.MULTILINE)
    assert parts[1::2] == ["G1", "G2", "G3", "G4", "G5"]
    labels = ["Promise.", "What makes it hold.", "What it does not promise.", "Holds now.", "Planned."]
    for part in parts[2::2]:
        assert re.findall(r"^\*\*(.+?)\*\*", part, flags=re.MULTILINE) == labels


def test_every_decision_says_context_decision_and_consequences() -> None:
    decisions = sorted((REPO / "docs" / "decisions").glob("*.md"))
    assert [path.name[:4] for path in decisions] == [f"{number + 1:04}" for number in range(len(decisions))]
    for path in decisions:
        headings = re.findall(r"^## (.+)$", path.read_text("utf-8"), flags=re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"], path.name


def test_changelog_keeps_an_unreleased_section() -> None:
    headings = re.findall(r"^## (.+)$", (REPO / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE)
    assert headings[0] == "[Unreleased]"


def test_license_is_the_one_pyproject_names() -> None:
    assert project()["license"] == "Apache-2.0"
    text = (REPO / "LICENSE").read_text("utf-8")
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_lock_pins_every_requirement_with_hashes() -> None:
    extras = [name for group in project()["optional-dependencies"].values() for name in group]
    lock = (REPO / "requirements.lock").read_text("utf-8")
    hashed = re.findall(r"^([\w.-]+)==([^\s;]+) .*\\\n +--hash=sha256:", lock, re.MULTILINE)
    assert len(hashed) == len(re.findall(r"^\w", lock, re.MULTILINE))
    pins = {canonicalize_name(name): version for name, version in hashed}
    for requirement in map(Requirement, [*project()["dependencies"], *extras]):
        assert pins[canonicalize_name(requirement.name)] in requirement.specifier, requirement


@pytest.mark.skipif(shutil.which("make") is None, reason="needs GNU make")
def test_make_alone_lists_every_target() -> None:
    makefile = (REPO / "Makefile").read_text("utf-8")
    targets = re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE)
    phony = re.findall(r"^\.PHONY: (.+)$", makefile, flags=re.MULTILINE)
    assert sorted(" ".join(phony).split()) == sorted(targets)
    printed = subprocess.run(["make"], cwd=REPO, capture_output=True, text=True, check=True).stdout
    assert [line.split()[1] for line in printed.splitlines() if line.startswith("  make ")] == targets


def project() -> dict[str, object]:
    content: dict[str, object] = tomllib.loads((REPO / "pyproject.toml").read_text("utf-8"))["project"]
    return content

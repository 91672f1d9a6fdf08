"""The generated parts of docs/state_machine.md: diagrams and edges as resources/states.py has them.

Usage: python -m resources.state_diagrams PAGE
Writes the page's parts between their markers anew; what stands outside them is written by hand.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Generic, TypeVar

from resources.states import (
    LAUNCH_TRANSITIONS,
    TRANSITIONS,
    WORK_TRANSITIONS,
    LaunchState,
    RunState,
    WorkState,
)

State = TypeVar("State", bound=StrEnum)
NOTHING = "[*]"


@dataclass(frozen=True)
class Edge:
    """What the page says of an edge: on its arrow, who takes it, and what the statement insists on."""

    label: str
    who: str
    guard: str


@dataclass(frozen=True)
class Machine(Generic[State]):
    """A table of transitions with the words for it; ``born`` is how a row comes to be in its first state."""

    transitions: Mapping[State, frozenset[State]]
    born: Mapping[State, str]
    edges: Mapping[tuple[State, State], Edge]

    def pairs(self) -> list[tuple[State, State]]:
        """The edges in the order of the states."""
        return [
            (source, target)
            for source in self.transitions
            for target in self.transitions
            if target in self.transitions[source]
        ]


RUNS = Machine(
    TRANSITIONS,
    {RunState.PENDING: "fired or requested", RunState.SKIPPED: "accounted for without a run"},
    {
        (RunState.PENDING, RunState.QUEUED): Edge(
            "put into a launch",
            "`fire_due`, in the transaction that makes the launch",
            "state `pending`; the CHECKs want a launch and no token",
        ),
        (RunState.PENDING, RunState.CANCELLED): Edge(
            "cancelled",
            "a user, the overlap policy `cancel_running`, or `fire_due` when a completed run saw its event",
            "state `pending`; of `fire_due` also never begun",
        ),
        (RunState.QUEUED, RunState.RUNNING): Edge(
            "opened by its Dagster run",
            "the op `open_runs`",
            "state `queued`, in the launch that this Dagster run took; a new fencing token is drawn",
        ),
        (RunState.QUEUED, RunState.PENDING): Edge(
            "launch died unopened",
            "`reconcile`, when the launch died before it opened the run; `rescue`, when the daemon that was to submit "
            "it is silent",
            "state `queued` and the dead launch's id; same attempt, a new launch follows, after the backoff when the "
            "launch was lost",
        ),
        (RunState.QUEUED, RunState.FAILED): Edge(
            "launches used up",
            "`reconcile`, when as many launches died unopened (`lost_launches`) as the run may have attempts",
            "state `queued` and the dead launch's id",
        ),
        (RunState.QUEUED, RunState.CANCELLED): Edge(
            "cancelled",
            "a user, or the overlap policy `cancel_running`; `reconcile` after a termination in Dagster",
            "state `queued`; of `reconcile` also the launch's id",
        ),
        (RunState.RUNNING, RunState.COMPLETED): Edge(
            "closed",
            "the op `execute_runs`, as soon as this run's work ends",
            "state `running` and the attempt's token",
        ),
        (RunState.RUNNING, RunState.FAILED): Edge(
            "closed, or attempts used up",
            "the op `execute_runs`, at once for an error that stays; else, and by `reconcile` and `rescue`, when the "
            "attempts are used up",
            "state `running`, and the attempt's token or its launch",
        ),
        (RunState.RUNNING, RunState.CANCELLED): Edge(
            "cancelled",
            "the run itself, when it sees the request (`cancel_requested_at`), or `reconcile` after a termination "
            "in Dagster",
            "state `running`, and the attempt's token or its launch",
        ),
        (RunState.RUNNING, RunState.PENDING): Edge(
            "next attempt",
            "the op `execute_runs` after an error that may pass, or when its process is told to leave; `reconcile` "
            "when the Dagster run ended without closing it; `rescue` when its worker is silent or its time is over",
            "state `running`, the attempt's token, and nobody asked it to stop; attempt + 1 if it had begun, token "
            "cleared, `available_at` moved by the backoff",
        ),
    },
)

WORK_ITEMS = Machine(
    WORK_TRANSITIONS,
    {
        WorkState.PENDING: "listed by the run",
        WorkState.COMPLETED: "policy: evaluated and stored at once",
    },
    {
        (WorkState.PENDING, WorkState.RUNNING): Edge(
            "leased", "the run's op, which takes a lease", "status `pending`"
        ),
        (WorkState.PENDING, WorkState.CANCELLED): Edge(
            "run cancelled", "the run, when it ends early", "status `pending`"
        ),
        (WorkState.RUNNING, WorkState.COMPLETED): Edge(
            "result stored",
            "the run's op, in the transaction that stores the result",
            "status `running` under this worker's lease",
        ),
        (WorkState.RUNNING, WorkState.FAILED): Edge(
            "error stored", "the run's op", "status `running` under this worker's lease"
        ),
        (WorkState.RUNNING, WorkState.CANCELLED): Edge(
            "run cancelled", "the run, when it ends early", "status `running`"
        ),
        (WorkState.RUNNING, WorkState.PENDING): Edge(
            "lease given up",
            "whoever lets the run wait for its next attempt, and that attempt once more when it begins",
            "status `running`",
        ),
    },
)

LAUNCHES = Machine(
    LAUNCH_TRANSITIONS,
    {LaunchState.OFFERED: "made with its runs"},
    {
        (LaunchState.OFFERED, LaunchState.ACKNOWLEDGED): Edge(
            "opened by a Dagster run",
            "the op `open_runs`",
            "state `offered`; a second Dagster run for it finds nothing to open and ends",
        ),
        (LaunchState.OFFERED, LaunchState.DEAD): Edge(
            "never opened",
            "`reconcile`, when its Dagster run ended before it was opened; `rescue`, when its owner's daemon is "
            "silent; `fire_due`, when all its runs were cancelled in the making",
            "state `offered`",
        ),
        (LaunchState.ACKNOWLEDGED, LaunchState.FINISHED): Edge(
            "runs closed",
            "the op `close_runs`, when every run is closed",
            "state `acknowledged` and this Dagster run's id",
        ),
        (LaunchState.ACKNOWLEDGED, LaunchState.DEAD): Edge(
            "Dagster run died",
            "`reconcile`, when its Dagster run ended without closing it, be it because `rescue` ended that",
            "state `acknowledged`",
        ),
    },
)

MACHINES: Mapping[str, Machine[Any]] = {"runs": RUNS, "work items": WORK_ITEMS, "launches": LAUNCHES}


def diagram(machine: Machine[Any]) -> str:
    """The machine as a Mermaid state diagram."""
    arrows = [f"{NOTHING} --> {state}: {how}" for state, how in machine.born.items()]
    arrows += [
        f"{source} --> {target}: {machine.edges[source, target].label}" for source, target in machine.pairs()
    ]
    arrows += [f"{state} --> {NOTHING}" for state, targets in machine.transitions.items() if not targets]
    return _lines(
        "```mermaid", "stateDiagram-v2", "    direction LR", *(f"    {one}" for one in arrows), "```"
    )


def edge_table(machine: Machine[Any]) -> str:
    """The machine's edges, who takes them and under which guard."""
    told = ((pair, machine.edges[pair]) for pair in machine.pairs())
    rows = (f"| `{source}` → `{target}` | {edge.who} | {edge.guard} |" for (source, target), edge in told)
    return _lines("| edge | who moves it | guard |", "|---|---|---|", *rows)


def rewritten(page: str) -> str:
    """The page with every part between its markers written anew; raises ValueError where a marker is missing."""
    for name, machine in MACHINES.items():
        for part, text in (("diagram", diagram(machine)), ("edges", edge_table(machine))):
            before, begin, rest = page.partition(f"<!-- generated: {part} of {name} -->\n")
            _, end, after = rest.partition("<!-- end -->\n")
            if not end:
                raise ValueError(f"the page has no place for the {part} of {name}")
            page = before + begin + text + end + after
    return page


def _lines(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


def main(path: str) -> None:
    """Writes the generated parts of a page anew."""
    page = Path(path)
    page.write_text(rewritten(page.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])

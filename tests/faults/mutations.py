"""Guards taken away, and the fault under which each is missed: the suite must fail without any of them."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resources.queries import QUERIES

OFTEN = 0.25
Texts = Mapping[str, tuple[tuple[str, str], ...]]
"""By query: what is replaced by what."""


@dataclass(frozen=True)
class Mutation:
    """What is changed in queries and by hand in the schema, and what befalls the processes so that it shows."""

    name: str
    texts: Texts
    shows: str
    by_hand: str = ""
    posts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    beside: float = 0.0
    """How long a stopped worker waits for another to have its run (see Wake)."""
    sensors: int = 2


def _frozen(*points: str) -> Mapping[str, Mapping[str, Any]]:
    return {"worker": {"freezes": dict.fromkeys(points, OFTEN)}}


TOKEN = (" AND fencing_token = %(token)s", "")
MUTATIONS = (
    Mutation(
        "finish without the fencing token",
        {"runs/finish": (TOKEN,)},
        "a worker completed",
        posts={"worker": {"freezes": {"before the end, 1": OFTEN, "between transactions, 2": 1.0}}},
        beside=8.0,
    ),
    Mutation(
        "hold an attempt without the fencing token",
        {"runs/hold_attempt": (TOKEN,)},
        "no longer its attempt's",
        posts={"worker": {"freezes": {"between transactions, 1": OFTEN, "between transactions, 2": 1.0}}},
        beside=8.0,
    ),
    Mutation(
        "hold an attempt without a lock",
        {"runs/hold_attempt": (("\nFOR SHARE", ""),)},
        "no longer its attempt's",
        posts=_frozen("inside a transaction"),
    ),
    Mutation(
        "open a launch, and its runs, that were opened",
        {
            "launches/acknowledge": ((" AND state = 'offered'", ""),),
            "runs/open_of_launch": ((" AND q.state = 'queued'", ""),),
        },
        "opened while it was running",
        posts={"sensor": {"twice": 1.0}},
    ),
    Mutation(
        "fire without locks and without the constraint",
        {
            "tenants/lock_due": (("\nFOR NO KEY UPDATE OF t SKIP LOCKED", ""),),
            "schedules/lock_due": (("\n    FOR NO KEY UPDATE SKIP LOCKED", ""),),
            "triggers/lock_due": (("\nFOR NO KEY UPDATE OF g SKIP LOCKED", ""),),
            "runs/insert_many": (("\nON CONFLICT (tenant_id, trigger_id, scheduled_for) DO NOTHING", ""),),
        },
        "two runs account for one occurrence",
        by_hand="ALTER TABLE scheduler.runs DROP CONSTRAINT one_row_an_occurrence",
        sensors=4,
    ),
    Mutation(
        "offer a launch only once",
        {"launches/offer": ((" OR offered_at <= %(now)s - %(lease)s::interval", ""),)},
        "nothing moves",
        posts={"sensor": {"deaths": {"mid-submission": OFTEN}}},
    ),
    Mutation(
        "let a frozen client keep its locks",
        {
            "session/begin_tenant": (("'2min'", "'0'"),),
            "session/begin_system": (("'2min'", "'0'"),),
        },
        "nothing moves",
        posts=_frozen("inside a transaction"),
    ),
)


def mutated(directory: Path, mutation: Mutation) -> Path:
    """A copy of every query with the mutation; raises AssertionError when a guard does not stand where it says."""
    texts = {}
    for name, changes in mutation.texts.items():
        text = QUERIES.joinpath(f"{name}.sql").read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text, f"{name} has no {old!r}: mend tests/faults/mutations.py"
            text = text.replace(old, new)
        texts[name] = text
    return queries_with(directory, texts)


def queries_with(directory: Path, texts: Mapping[str, str]) -> Path:
    """A copy of every query, some with another text; processes of a scenario read theirs from it."""
    shutil.copytree(str(QUERIES), directory)
    for name, text in texts.items():
        (directory / f"{name}.sql").write_text(text)
    return directory

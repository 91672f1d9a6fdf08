"""The findings of an image as a policy run decides them, and how they differ from the open ones."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from resources.inventory_records import Decided, FindingKey, Was
from scheduler_defs.engines.policy import Verdict

UNKNOWN = "unknown"
"""The match of what cannot be compared."""
TOLD = ("critical", "high", "unknown")
"""Severities whose new findings are counted each, those that are ignored left out."""
DELTAS = ("new", "fixed", "changed", *(f"new_{severity}" for severity in TOLD))


@dataclass(frozen=True)
class Findings:
    """The findings of one image, counted, and their digest under the names that mean the same in every database."""

    decided: Sequence[Decided]
    digest: str
    verdicts: Counter[str]
    severities: Counter[str]
    unknown: int
    deltas: Mapping[str, int]
    """Of an image without open findings: all are new."""

    @classmethod
    def of(cls, decided: Sequence[Decided], digest: str) -> "Findings":
        """Counts what was decided."""
        return cls(
            decided,
            digest,
            Counter([one.verdict for one in decided]),
            Counter([one.severity for one in decided]),
            [one.match for one in decided].count(UNKNOWN),
            _counted(decided),
        )


@dataclass(frozen=True)
class Change:
    """How an image's findings differ from the open ones: what is found now, and what was, by key."""

    now: Sequence[Decided]
    before: Mapping[FindingKey, Was]
    deltas: Mapping[str, int]
    """How many are new, fixed, judged anew; and of the new ones that are not ignored those of severities told."""
    gone: Set[FindingKey] = frozenset()
    """What was found and is not any more."""

    @classmethod
    def between(cls, now: Sequence[Decided], before: Mapping[FindingKey, Was]) -> "Change":
        """Counts the differences."""
        both = [(one, before[one.key]) for one in now if one.key in before]
        gone = before.keys() - {one.key for one in now}
        counts = {
            "fixed": len(gone),
            "changed": sum((one.verdict, one.severity) != (was.verdict, was.severity) for one, was in both),
            **_counted([one for one in now if one.key not in before]),
        }
        return cls(now, before, {name: count for name, count in counts.items() if count}, gone)


def _counted(new: Sequence[Decided]) -> dict[str, int]:
    counts = {"new": len(new)} if new else {}
    for one in new:
        if one.severity in TOLD and one.verdict != Verdict.IGNORE:
            name = f"new_{one.severity}"
            counts[name] = counts.get(name, 0) + 1
    return counts

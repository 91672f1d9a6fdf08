"""What a policy run counts over its chunks."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from resources.inventory_records import Decided, FindingKey, LastEvaluation, OpenCount, Was
from resources.records import Image
from resources.states import PolicyMode
from scheduler_defs.ops.attempt import Result

SHOWN = 50
TOLD = ("critical", "high", "unknown")
"""Severities whose new findings are counted each."""


@dataclass(frozen=True)
class Change:
    """How an image's findings differ from the open ones: what is found now, and what was, by key."""

    now: Sequence[Decided]
    before: Mapping[FindingKey, Was]

    @cached_property
    def gone(self) -> Set[FindingKey]:
        """What was found and is not any more."""
        return self.before.keys() - {one.key for one in self.now} if self.before else set()


class Tally:
    """Counts over the chunks of one run."""

    def __init__(self, images: Mapping[UUID, Image]) -> None:
        self.images = images
        self.evaluated = self.unchanged = 0
        self.verdicts: Counter[str] = Counter()
        self.severities: Counter[str] = Counter()
        self.deltas: Counter[str] = Counter()
        self._by_image: dict[UUID, Counter[str]] = {}

    def add(self, image_id: UUID, found: Sequence[Decided], change: Change | None) -> None:
        """Counts an evaluated image by its findings, and how those differ from the open ones; None: in nothing."""
        self.evaluated += 1
        if found:
            verdicts = Counter([one.verdict for one in found])
            self.verdicts.update(verdicts)
            self.severities.update([one.severity for one in found])
            self._by_image[image_id] = verdicts
        if change:
            self._compare(change)

    def add_unchanged(
        self, unchanged: Mapping[UUID, LastEvaluation], still_open: Iterable[OpenCount]
    ) -> None:
        """Counts images left as they are by their open findings."""
        self.unchanged += len(unchanged)
        for one in still_open:
            self.verdicts[one.verdict] += one.count
            self.severities[one.severity] += one.count
            self._by_image.setdefault(one.image_id, Counter())[one.verdict] += one.count

    def _compare(self, change: Change) -> None:
        before = change.before
        new = [one for one in change.now if one.key not in before] if before else change.now
        both = [(one, before[one.key]) for one in change.now if one.key in before] if before else []
        self.deltas["new"] += len(new)
        self.deltas["fixed"] += len(change.gone)
        self.deltas["changed"] += sum(
            (one.verdict, one.severity) != (was.verdict, was.severity) for one, was in both
        )
        self.deltas.update(f"new_{one.severity}" for one in new if one.severity in TOLD)

    def result(self, mode: PolicyMode) -> Result:
        """Stats, deltas, and the images with most to do."""
        stats = {
            "mode": str(mode),
            "images": self.evaluated + self.unchanged,
            "evaluated": self.evaluated,
            "unchanged": self.unchanged,
            "findings": self.verdicts.total(),
            **{verdict: self.verdicts[verdict] for verdict in ("block", "warn", "ignore")},
            "severities": dict(sorted(self.severities.items())),
        }
        worst = sorted(
            self._by_image.items(), key=lambda one: (-one[1]["block"], -one[1]["warn"], str(one[0]))
        )
        table: list[dict[str, str | int | float | None]] = [
            {"image": self.images[image_id].name, **{v: counts[v] for v in ("block", "warn", "ignore")}}
            for image_id, counts in worst[:SHOWN]
        ]
        counted = ("new", "fixed", "changed", *(f"new_{severity}" for severity in TOLD))
        return Result(stats, {name: self.deltas[name] for name in counted}, table)

"""What a policy run counts over its chunks."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Sized
from uuid import UUID

from resources.image_names import names_by_id
from resources.inventory_records import FindingKey, OpenCount
from resources.records import Image, WorkItem
from resources.states import PolicyMode, WorkState
from scheduler_defs.ops.attempt import Result
from scheduler_defs.ops.findings import DELTAS, UNKNOWN, Change, Findings

SHOWN = 50
Judged = tuple[UUID, FindingKey, str | None, str | None]
"""Image and finding, with verdict and severity as they were and as they would be; None: no finding."""


class Tally:
    """Counts over the chunks of one run, whose earlier attempts recorded some items."""

    def __init__(self, images: Mapping[UUID, Image], earlier: Iterable[WorkItem] = ()) -> None:
        self.images = images
        items = list(earlier)
        self.recorded = {item.image_id for item in items}
        self.evaluated_before = {item.image_id: item for item in items if item.status is WorkState.COMPLETED}
        self.evaluated = self.unchanged = self.unknown = 0
        self.verdicts: Counter[str] = Counter()
        self.severities: Counter[str] = Counter()
        self.deltas: Counter[str] = Counter()
        self.judged: list[Judged] = []
        self._by_image: dict[UUID, Counter[str]] = {}

    def add(self, image_id: UUID, found: Findings, change: Change | None) -> Mapping[str, int]:
        """Counts an evaluated image by its findings, and by how those differ from the open ones; None: in nothing.

        Returns the differences as they were counted.
        """
        self.evaluated += 1
        if found.decided:
            self.verdicts.update(found.verdicts)
            self.severities.update(found.severities)
            self.unknown += found.unknown
            self._by_image[image_id] = found.verdicts
        deltas = change.deltas if change else {}
        self.deltas.update(deltas)
        return deltas

    def add_unchanged(self, unchanged: Sized, still_open: Iterable[OpenCount]) -> None:
        """Counts images left as they are by their open findings."""
        self.unchanged += len(unchanged)
        self._add_open(still_open)

    def add_earlier(self, still_open: Iterable[OpenCount]) -> None:
        """Counts what earlier attempts evaluated, by their items and the findings that they left open."""
        for item in self.evaluated_before.values():
            unchanged = bool(item.stats.get("unchanged"))
            self.unchanged += unchanged
            self.evaluated += not unchanged
            self.deltas.update(item.stats.get("deltas", {}))
        self._add_open(still_open)

    def _add_open(self, still_open: Iterable[OpenCount]) -> None:
        for one in still_open:
            self.verdicts[one.verdict] += one.count
            self.severities[one.severity] += one.count
            self.unknown += one.count if one.match == UNKNOWN else 0
            self._by_image.setdefault(one.image_id, Counter())[one.verdict] += one.count

    def result(self, mode: PolicyMode) -> Result:
        """Stats, deltas, and the images with most to do."""
        stats = {
            "mode": str(mode),
            "images": self.evaluated + self.unchanged,
            "evaluated": self.evaluated,
            "unchanged": self.unchanged,
            "findings": self.verdicts.total(),
            **{verdict: self.verdicts[verdict] for verdict in ("block", "warn", "ignore")},
            "unknown": self.unknown,
            "severities": dict(sorted(self.severities.items())),
        }
        worst = sorted(
            self._by_image.items(), key=lambda one: (-one[1]["block"], -one[1]["warn"], str(one[0]))
        )
        names = self._names([image_id for image_id, _ in worst[:SHOWN]])
        table: list[dict[str, str | int | float | None]] = [
            {"image": names[image_id], **{v: counts[v] for v in ("block", "warn", "ignore")}}
            for image_id, counts in worst[:SHOWN]
        ]
        return Result(stats, {name: self.deltas[name] for name in DELTAS}, table)

    def _names(self, ids: Sequence[UUID]) -> dict[UUID, str]:
        """The images' names; its id for one that an earlier attempt evaluated, and the selection no longer names."""
        known = names_by_id([*self.images.values()])
        return {image_id: known.get(image_id, str(image_id)) for image_id in ids}

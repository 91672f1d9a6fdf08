"""Inventory: advisories, their ranges and feed revisions."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from resources.inventory_records import AdvisoryRow, RangeRow
from resources.protocols.inventory.advisories import Advisories
from resources.repositories.base import Repository


class AdvisoryRepository(Repository, Advisories):
    """Advisories on PostgreSQL."""

    def lock_feed(self) -> None:
        self._scalar("feed/lock")

    def latest_revision(self) -> int:
        revision: int = self._scalar("feed/latest_revision")
        return revision

    def begin_revision(self, source: str, actor: str, now: datetime) -> int:
        revision: int = self._scalar("feed/insert_revision", source=source, actor=actor, now=now)
        return revision

    def count_revision(self, revision: int, *, added: int, changed: int, unchanged: int) -> None:
        self._execute(
            "feed/count_revision", revision=revision, added=added, changed=changed, unchanged=unchanged
        )

    def digests(self, ids: Iterable[str]) -> dict[str, str]:
        return dict(self._rows("advisories/list_digests", ids=list(ids)))

    def write(self, revision: int, batch: Sequence[tuple[AdvisoryRow, Sequence[RangeRow]]]) -> None:
        advisories = [advisory for advisory, _ in batch]
        ids = [advisory.id for advisory in advisories]
        self._execute(
            "advisories/upsert_many",
            revision=revision,
            ids=ids,
            modified=[advisory.modified for advisory in advisories],
            published=[advisory.published for advisory in advisories],
            withdrawn=[advisory.withdrawn for advisory in advisories],
            summaries=[advisory.summary for advisory in advisories],
            aliases=[Jsonb(list(advisory.aliases)) for advisory in advisories],
            severities=[advisory.severity for advisory in advisories],
            scores=[advisory.score for advisory in advisories],
            vectors=[advisory.vector for advisory in advisories],
            digests=[advisory.digest for advisory in advisories],
            upstreams=[Jsonb(list(advisory.upstream)) for advisory in advisories],
        )
        self._execute("advisories/drop_ranges", revision=revision, ids=ids)
        self._execute("advisories/end_ranges", revision=revision, ids=ids)
        self._execute("advisories/insert_ranges", revision=revision, **_range_columns(batch))

    def get_many(self, ids: Iterable[str]) -> dict[str, AdvisoryRow]:
        found = self._all("advisories/get_many", AdvisoryRow, ids=list(ids))
        return {advisory.id: advisory for advisory in found}

    def of_names(self, names: Iterable[str]) -> dict[str, set[str]]:
        wanted, found = set(names), defaultdict(set)
        for advisory_id, others in self._rows("advisories/list_named", names=sorted(wanted)):
            for name in wanted.intersection((advisory_id, *others)):
                found[name].add(advisory_id)
        return dict(found)


def _range_columns(batch: Sequence[tuple[AdvisoryRow, Sequence[RangeRow]]]) -> dict[str, list[Any]]:
    rows = [(advisory.id, ordinal, one) for advisory, ranges in batch for ordinal, one in enumerate(ranges)]
    return {
        "advisory_ids": [advisory_id for advisory_id, _, _ in rows],
        "ordinals": [ordinal for _, ordinal, _ in rows],
        "types": [one.type for _, _, one in rows],
        "packages": [one.package for _, _, one in rows],
        "distros": [one.distro for _, _, one in rows],
        "kinds": [one.kind for _, _, one in rows],
        "events": [Jsonb([list(event) for event in one.events]) for _, _, one in rows],
        "versions": [Jsonb(list(one.versions)) for _, _, one in rows],
    }

"""OSV advisories into the inventory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from resources.database import Database
from resources.errors import InvalidDocument
from resources.inventory_records import AdvisoryRow, RangeRow
from resources.store import Store
from scheduler_defs.engines.osv import Advisory, Malformed, iter_advisories

BATCH = 500


@dataclass
class IngestedAdvisories:
    """What an import did; ``revision`` is None when nothing changed.

    Of several records of one advisory the last wins; it counts as added or changed, the others as unchanged.
    """

    revision: int | None = None
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    malformed: list[Malformed] = field(default_factory=list)
    written: set[str] = field(default_factory=set, repr=False)

    @property
    def total(self) -> int:
        """Records read, malformed ones included."""
        return self.added + self.changed + self.unchanged + len(self.malformed)


def ingest_advisories(
    database: Database,
    path: Path,
    actor: str,
    *,
    strict: bool = False,
    on_bytes: Callable[[int], None] | None = None,
    on_records: Callable[[int], None] | None = None,
) -> IngestedAdvisories:
    """Streams OSV records from a file or directory in batches; new and changed ones become one feed revision.

    One transaction: others see the revision whole or not at all. Malformed records are reported and left out;
    with ``strict`` the first one raises InvalidDocument and nothing is kept. A source without any usable
    record raises InvalidDocument too.
    """
    result = IngestedAdvisories()
    with database.begin_system() as store:
        store.advisories.lock_feed()
        for batch in _batches(iter_advisories(path, on_bytes)):
            _keep(store, [one for one in batch if isinstance(one, Advisory)], str(path.name), actor, result)
            result.malformed += [one for one in batch if isinstance(one, Malformed)]
            if strict and result.malformed:
                raise _refusal(result.malformed[0])
            if on_records:
                on_records(result.total)
        if result.total == len(result.malformed):
            raise (
                _refusal(result.malformed[0])
                if result.malformed
                else InvalidDocument(
                    str(path), "", "holds no advisories; expected OSV records as .json or .jsonl"
                )
            )
        if result.revision is not None:
            store.advisories.count_revision(
                result.revision, added=result.added, changed=result.changed, unchanged=result.unchanged
            )
            _audit(store, str(path.name), actor, result)
            store.trigger_events.record("advisories_changed", store.now())
    return result


def _keep(
    store: Store, advisories: list[Advisory], source: str, actor: str, result: IngestedAdvisories
) -> None:
    latest = {advisory.id: advisory for advisory in advisories}
    known = store.advisories.digests(latest)
    fresh = [advisory for key, advisory in latest.items() if known.get(key) != advisory.digest]
    counted = {advisory.id for advisory in fresh} - result.written
    result.unchanged += len(advisories) - len(counted)
    result.changed += len(counted & known.keys())
    result.added += len(counted - known.keys())
    result.written |= counted
    if not fresh:
        return
    if result.revision is None:
        result.revision = store.advisories.begin_revision(source, actor, store.now())
    store.advisories.write(result.revision, [rows_of(one) for one in fresh])


def _audit(store: Store, source: str, actor: str, result: IngestedAdvisories) -> None:
    store.audit.append(
        tenant_id=None,
        actor=actor,
        action="ingest",
        entity="feed",
        entity_id=str(result.revision),
        new={"source": source, "added": result.added, "changed": result.changed},
        now=store.now(),
    )


def _refusal(malformed: Malformed) -> InvalidDocument:
    where = malformed.source if malformed.line is None else f"{malformed.source}:{malformed.line}"
    return InvalidDocument(where, malformed.path, malformed.reason)


def _batches(records: Iterator[Advisory | Malformed]) -> Iterator[list[Advisory | Malformed]]:
    while batch := list(islice(records, BATCH)):
        yield batch


def rows_of(advisory: Advisory) -> tuple[AdvisoryRow, list[RangeRow]]:
    """An advisory as the inventory keeps it."""
    return _row(advisory), _ranges(advisory)


def _row(advisory: Advisory) -> AdvisoryRow:
    return AdvisoryRow(
        id=advisory.id,
        modified=advisory.modified,
        published=advisory.published,
        withdrawn=advisory.withdrawn,
        summary=advisory.summary,
        aliases=advisory.aliases,
        severity=advisory.severity,
        score=advisory.score,
        vector=advisory.vector,
        digest=advisory.digest,
    )


def _ranges(advisory: Advisory) -> list[RangeRow]:
    return [
        RangeRow(one.purl_type, one.package, one.distro, one.kind, one.events, one.versions)
        for one in advisory.ranges
    ]

"""OSV advisories into the inventory: staged batch by batch, published at once."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from resources.database import Database
from resources.errors import InvalidDocument, InvalidInput
from resources.ids import new_id
from resources.inventory_records import AdvisoryImport, AdvisoryRow, LeftOut, Quarantined, RangeRow
from resources.store import Store
from resources.texts import storable
from scheduler_defs.engines.documents import Document, fingerprint_of, iter_documents
from scheduler_defs.engines.malformed import Malformed
from scheduler_defs.engines.osv import Advisory, read_record
from scheduler_defs.inputs.left_out import FILE_LIMIT, SHOWN, left_out_of, refusal

BATCH = 500
BATCH_BYTES = 8 << 20
SKEW = timedelta(days=1)
"""By which a record may be modified ahead: one of the future would refuse all later ones until then."""

OnCount = Callable[[int], None]


@dataclass(frozen=True)
class IngestedAdvisories:
    """What an import did; ``revision`` is None when nothing changed.

    Of several records of one advisory the one modified last wins, of equally late ones the last read; it counts as
    added or changed, the others as unchanged. ``older`` ones differ from what is known and were modified before it.
    ``resumed`` of the records had been staged by an earlier try, ``left_out`` are the first of the malformed ones.
    ``unsupported`` counts by ecosystem the affected packages that no rules are there for, in what this try read.
    """

    revision: int | None
    added: int
    changed: int
    unchanged: int
    older: int
    malformed: int
    resumed: int
    left_out: Sequence[Quarantined]
    unsupported: Mapping[str, int]

    @property
    def total(self) -> int:
        """Records read, malformed ones included."""
        return self.added + self.changed + self.unchanged + self.older + self.malformed


def ingest_advisories(
    database: Database,
    path: Path,
    actor: str,
    *,
    strict: bool = False,
    on_bytes: OnCount | None = None,
    on_records: OnCount | None = None,
) -> IngestedAdvisories:
    """Streams OSV records from a file, directory or archive; new and changed ones become one feed revision.

    They are staged a batch a transaction, and published in one: others see the revision whole or not at all. An
    import that was cut off is gone on with by the next of the same unchanged files. Malformed records are left out
    and kept in the quarantine; with ``strict`` the first one raises InvalidDocument. So does a source without any
    usable record or that cannot be read to its end: then nothing of it is kept. Takes two connections at once.
    """
    with database.begin_system() as holder:
        current = _hold(database, holder, path, actor)
        resumed = current.records
        unsupported: Counter[str] = Counter()
        try:
            if strict and current.malformed:
                raise _first_refusal(holder, current)
            current = _read(database, holder, current, path, strict, unsupported, on_bytes, on_records)
            if current.records == current.malformed:
                raise _nothing_usable(holder, current, path)
        except (InvalidDocument, InvalidInput):
            with database.begin_system() as store:
                store.imports.refuse(current.id)
            raise
        return _publish(holder, current, path, actor, resumed, unsupported)


def _hold(database: Database, holder: Store, path: Path, actor: str) -> AdvisoryImport:
    """The import to go on with, or a new one; held by a transaction that is open until it is published."""
    source, fingerprint = storable(str(path.resolve()), FILE_LIMIT), fingerprint_of(path)
    held = holder.imports.hold_unfinished(source, fingerprint)
    if held is not None:
        return held
    import_id = new_id()
    holder.imports.hold(import_id)
    with database.begin_system() as store:
        return store.imports.begin(import_id, source, fingerprint, actor, store.now())


def _read(
    database: Database,
    holder: Store,
    current: AdvisoryImport,
    path: Path,
    strict: bool,
    unsupported: Counter[str],
    on_bytes: OnCount | None,
    on_records: OnCount | None,
) -> AdvisoryImport:
    """Stages what an earlier try did not."""
    seen = 0
    for batch in _batches(iter_documents(path, on_bytes)):
        # The server would end a transaction that does nothing for minutes.
        holder.imports.hold(current.id)
        fresh = batch[max(0, current.records - seen) :]
        seen += len(batch)
        if fresh:
            current = _stage(database, current, fresh, holder.now() + SKEW, strict, unsupported)
        if on_records:
            on_records(seen)
    return current


def _stage(
    database: Database,
    current: AdvisoryImport,
    batch: Sequence[Document],
    not_after: datetime,
    strict: bool,
    unsupported: Counter[str],
) -> AdvisoryImport:
    latest: dict[str, Advisory] = {}
    left_out: list[LeftOut] = []
    for number, document in enumerate(batch, current.records + 1):
        match read_record(*document, not_after):
            case Advisory() as advisory:
                if latest.setdefault(advisory.id, advisory).modified <= advisory.modified:
                    latest[advisory.id] = advisory
                unsupported.update(advisory.left_out)
            case Malformed() as malformed:
                if strict:
                    raise refusal(left_out_of(number, malformed))
                left_out.append(left_out_of(number, malformed))
    with database.begin_system() as store:
        now = store.now()
        advanced = store.imports.advance(current, now, read=len(batch), left_out=len(left_out))
        store.imports.stage(current.id, [rows_of(one) for one in latest.values()])
        if left_out:
            store.imports.quarantine(current.id, left_out, now)
    return advanced


def _publish(
    store: Store,
    current: AdvisoryImport,
    path: Path,
    actor: str,
    resumed: int,
    unsupported: Mapping[str, int],
) -> IngestedAdvisories:
    store.advisories.lock_feed()
    now, source, revision = store.now(), storable(path.name, FILE_LIMIT), None
    store.imports.renew(current.id)
    added, changed, older = store.imports.count_changes(current.id)
    unchanged = current.records - current.malformed - added - changed - older
    if added or changed:
        revision = store.advisories.begin_revision(source, actor, now)
        store.imports.publish(current.id, revision)
        store.advisories.count_revision(revision, added=added, changed=changed, unchanged=unchanged + older)
        store.audit.append(
            tenant_id=None,
            actor=actor,
            action="ingest",
            entity="feed",
            entity_id=str(revision),
            new={"source": source, "added": added, "changed": changed},
            now=now,
        )
        store.trigger_events.record("advisory_feed", store.now())
    store.imports.finish(current, revision, store.now())
    left_out = store.imports.list_quarantine(import_id=current.id, limit=SHOWN).items
    return IngestedAdvisories(
        revision, added, changed, unchanged, older, current.malformed, resumed, left_out, unsupported
    )


def _nothing_usable(store: Store, current: AdvisoryImport, path: Path) -> InvalidDocument:
    if current.malformed:
        return _first_refusal(store, current)
    return InvalidDocument(str(path), "", "holds no advisories; expected OSV records as .json or .jsonl")


def _first_refusal(store: Store, current: AdvisoryImport) -> InvalidDocument:
    (first,) = store.imports.list_quarantine(import_id=current.id, limit=1).items
    return refusal(first)


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Yields up to BATCH documents, fewer where they reach BATCH_BYTES together."""
    batch: list[Document] = []
    size = 0
    for document in documents:
        batch.append(document)
        size += len(content) if isinstance(content := document[2], bytes) else 0
        if len(batch) == BATCH or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
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
        upstream=advisory.upstream,
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

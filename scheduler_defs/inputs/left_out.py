"""What imports leave out: kept batch by batch, its first at hand."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from resources.database import Database
from resources.errors import InvalidDocument, InvalidInput
from resources.ids import new_id
from resources.inventory_records import LeftOut
from resources.texts import storable
from scheduler_defs.engines.malformed import Malformed

BATCH = 500
SHOWN = 10
FILE_LIMIT, TEXT_LIMIT = 4000, 1000
"""Characters of what is kept of a malformed record."""


class LeftOuts:
    """Counts what an import leaves out and hands it to `keep`, BATCH at a time; `first` are the SHOWN first of it."""

    def __init__(self, keep: Callable[[Sequence[LeftOut]], None]) -> None:
        self.number = 0
        self.first: list[LeftOut] = []
        self._keep = keep
        self._waiting: list[LeftOut] = []

    def add(self, malformed: Malformed, record: int | None = None) -> None:
        """Adds a record by its number in the source, or as the next that is left out."""
        self.number += 1
        one = left_out_of(self.number if record is None else record, malformed)
        if self.number <= SHOWN:
            self.first.append(one)
        self._waiting.append(one)
        if len(self._waiting) == BATCH:
            self._keep(self.take())

    def take(self) -> Sequence[LeftOut]:
        """What waits to be kept; it does no more."""
        waiting, self._waiting = self._waiting, []
        return waiting


@contextmanager
def kept_for_tenant(database: Database, tenant_id: str, kind: str, path: Path) -> Iterator[LeftOuts]:
    """What is left out of a tenant's source, batch by batch; at the end it replaces what other imports of it left out.

    When the block is refused, by InvalidInput or InvalidDocument, nothing of it is kept.
    """
    import_id, source = new_id(), storable(str(path.resolve()), FILE_LIMIT)

    def keep(batch: Sequence[LeftOut]) -> None:
        with database.begin(tenant_id) as store:
            store.tenant_quarantine.add(tenant_id, import_id, kind, source, batch, store.now())

    left_out = LeftOuts(keep)
    try:
        yield left_out
    except (InvalidDocument, InvalidInput):
        with database.begin(tenant_id) as store:
            store.tenant_quarantine.refuse(tenant_id, import_id)
        raise
    with database.begin(tenant_id) as store:
        store.tenant_quarantine.add(tenant_id, import_id, kind, source, left_out.take(), store.now())
        store.tenant_quarantine.forget_earlier(tenant_id, import_id, kind, source)


def left_out_of(record: int, malformed: Malformed) -> LeftOut:
    """A malformed record as it is kept."""
    return LeftOut(
        record,
        storable(malformed.source, FILE_LIMIT),
        malformed.line,
        storable(malformed.path, TEXT_LIMIT),
        storable(malformed.reason, TEXT_LIMIT),
    )


def refusal(left_out: LeftOut) -> InvalidDocument:
    """The error that says of what was left out why nothing is kept."""
    return InvalidDocument(place_of(left_out.file, left_out.line), left_out.path, left_out.reason)


def place_of(file: str, line: int | None) -> str:
    """A file, or a line of it, as people name it."""
    return file if line is None else f"{file}:{line}"

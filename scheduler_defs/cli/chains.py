"""Checks the hash chains over audit entries, and reads the heads that an auditor kept."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from resources.audit_chain import Fault, check_links
from resources.database import Database
from resources.errors import InvalidDocument
from resources.pages import storable
from resources.records import AuditLink, ChainHead
from scheduler_defs.engines.documents import read_document

BATCH = 1000
LIMIT = 1 << 26
HEX_DIGITS = 64


@dataclass(frozen=True)
class ChainReport:
    """What checking one chain found."""

    chain: str
    sealed: int
    unsealed: int
    heads: int
    fault: Fault | None


def check_chain(database: Database, chain: str, heads: Sequence[ChainHead]) -> ChainReport:
    """Follows a chain in batches up to its first fault; then looks for entries that no link covers."""
    mine = [head for head in heads if head.chain == chain]
    checked = check_links(chain, _links(database, chain), mine)
    with database.begin_system() as store:
        unsealed = store.audit_seals.count_unsealed(chain)
        fault = checked.fault
        if fault is None and (stray := store.audit_seals.find_stray(chain)):
            fault = Fault(None, stray, "has no seal and does not wait for one")
        if fault is None and (lost := store.audit_seals.find_lost(chain)):
            fault = Fault(None, lost, "the entry is missing, it waited for its seal")
    return ChainReport(chain, checked.links, unsealed, len(mine), fault)


def read_heads(path: Path) -> list[ChainHead]:
    """The heads that `scheduler audit head --json` printed, one a line; raises InvalidDocument naming the field."""
    lines = read_document(path, limit=LIMIT).decode("utf-8-sig", errors="replace").splitlines()
    heads = [_head(f"{path}:{number}", line) for number, line in enumerate(lines, 1) if line.strip()]
    if not heads:
        raise InvalidDocument(
            str(path), "", "holds no heads; expected lines of `scheduler audit head --json`"
        )
    return heads


def _head(source: str, line: str) -> ChainHead:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        raise InvalidDocument(source, "", "is not JSON") from None
    if not isinstance(said, dict):
        raise InvalidDocument(source, "", "is not an object with chain, seq and hash")
    chain, seq, digest = said.get("chain"), said.get("seq"), said.get("hash")
    if not isinstance(chain, str) or not _is_storable(chain):
        raise InvalidDocument(
            source, "/chain", f"is {chain!r}; expected a tenant's id, or '' for the system's"
        )
    if not isinstance(seq, int) or isinstance(seq, bool) or seq < 1:
        raise InvalidDocument(source, "/seq", f"is {seq!r}; expected a whole number from 1")
    if not isinstance(digest, str) or len(digest) != HEX_DIGITS or set(digest) - set("0123456789abcdef"):
        raise InvalidDocument(source, "/hash", f"is {digest!r}; expected {HEX_DIGITS} digits of 0-9 and a-f")
    return ChainHead(chain, seq, bytes.fromhex(digest))


def _is_storable(text: str) -> bool:
    try:
        return storable(text) == text
    except ValueError:
        return False


def _links(database: Database, chain: str) -> Iterator[AuditLink]:
    after, size = 0, BATCH
    while size == BATCH:
        with database.begin_system() as store:
            links = store.audit_seals.list_links(chain, after, BATCH)
        yield from links
        size = len(links)
        after = links[-1].seq if links else after

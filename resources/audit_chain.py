"""The hash chain over audit entries, as pure functions: what a seal covers, and where a chain is broken.

A link's hash is SHA-256 over the link before, the link itself and its entry. Each part is written with its length,
NULL unlike any text, so that no two different links have the same bytes.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from resources.records import AuditLink, AuditSeal, ChainHead, UnsealedEntry

SYSTEM_CHAIN = ""
"""The chain of the entries that belong to no tenant."""
GENESIS = bytes(32)
FORM = b"scheduler.audit.1"
TENANT = 1
"""Where an entry's content has its tenant."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Fault:
    """Where a chain is broken first; ``seq`` and ``audit_id`` are None where the fault has none."""

    seq: int | None
    audit_id: UUID | None
    what: str

    def __str__(self) -> str:
        where = [f"link {self.seq}"] if self.seq is not None else []
        where += [f"entry {self.audit_id}"] if self.audit_id is not None else []
        return f"{', '.join(where)}: {self.what}"


@dataclass(frozen=True)
class Checked:
    """How far a chain was good, and its first fault."""

    links: int
    fault: Fault | None


def seals_of(
    chain: str, head: ChainHead | None, entries: Iterable[UnsealedEntry], now: datetime
) -> Iterator[AuditSeal]:
    """The links that append entries to a chain, whose last link is ``head``."""
    seq, previous = (head.seq, head.hash) if head else (0, GENESIS)
    tenant_id = chain or None
    sealed_at = str((now - EPOCH) // timedelta(microseconds=1))
    for entry in entries:
        seq += 1
        digest = link_hash(previous, chain, seq, tenant_id, sealed_at, entry.content)
        yield AuditSeal(chain, tenant_id, seq, entry.audit_id, previous, digest, now)
        previous = digest


def link_hash(
    previous: bytes,
    chain: str,
    seq: int,
    tenant_id: str | None,
    sealed_at: str,
    content: Sequence[str | None],
) -> bytes:
    """The hash of one link; instants are texts of microseconds since 1970, UTC."""
    parts = (chain, str(seq), tenant_id, sealed_at, *content)
    return hashlib.sha256(FORM + previous + b"".join(map(_framed, parts))).digest()


def check_links(chain: str, links: Iterable[AuditLink], heads: Sequence[ChainHead]) -> Checked:
    """Follows a whole chain from its first link to its first fault; exported heads of it must lie on it."""
    seq, previous = 0, GENESIS
    for link in links:
        if fault := _fault_of(chain, link, seq + 1, previous, heads):
            return Checked(seq, fault)
        seq, previous = link.seq, link.hash
    missing = [head.seq for head in heads if head.seq > seq]
    if missing:
        what = f"is missing: the chain ends at {seq}, and a head was exported at {min(missing)}; its tail was cut"
        return Checked(seq, Fault(seq + 1, None, what))
    return Checked(seq, None)


def _fault_of(
    chain: str, link: AuditLink, seq: int, previous: bytes, heads: Sequence[ChainHead]
) -> Fault | None:
    if link.seq != seq:
        return Fault(seq, None, f"is missing: the next one is {link.seq}")
    if link.previous_hash != previous:
        return Fault(seq, link.audit_id, "its previous hash is not the hash of the link before")
    if link.content is None:
        return Fault(seq, link.audit_id, "the entry is missing")
    if link.hash != link_hash(previous, chain, seq, link.tenant_id, link.sealed_at, link.content):
        return Fault(
            seq, link.audit_id, "its hash is not that of its content: the entry or its seal was changed"
        )
    if (link.tenant_id or SYSTEM_CHAIN) != chain or link.content[TENANT] != link.tenant_id:
        return Fault(seq, link.audit_id, "it is of another tenant than its chain")
    if any(head.seq == seq and head.hash != link.hash for head in heads):
        return Fault(seq, link.audit_id, "is not the exported head: the chain was written anew")
    return None


def _framed(text: str | None) -> bytes:
    if text is None:
        return b"\x00"
    raw = text.encode()
    return b"\x01" + len(raw).to_bytes(8, "big") + raw

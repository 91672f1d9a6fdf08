"""Which components an advisory affects: the pure half of the impact engine."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from scheduler_defs.engines.digests import canonical_json
from scheduler_defs.engines.versions import AffectedRange, Match, match

CHUNK = 2000

Pair = tuple[int, str]

# (registry, repository, digest or tag, purl with its version, advisory id): names that mean the same everywhere.
SnapshotRow = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A component whose package one range of an advisory names."""

    component_id: int
    version: str | None
    advisory_id: str
    range: AffectedRange


@dataclass(slots=True)
class Matches:
    """What the candidates so far gave; of several ranges of a pair, affected beats unknown beats not."""

    evaluated: int = 0
    _found: dict[Pair, Match] = field(default_factory=dict)

    def add(self, candidate: Candidate) -> None:
        """Match one candidate."""
        self.evaluated += 1
        pair = (candidate.component_id, candidate.advisory_id)
        if self._found.get(pair) is Match.AFFECTED:
            return
        outcome = match(candidate.range, candidate.version)
        if outcome is not Match.NOT_AFFECTED:
            self._found[pair] = outcome

    @property
    def affected(self) -> tuple[Pair, ...]:
        """The affected pairs (component id, advisory id), sorted."""
        return self._sorted(Match.AFFECTED)

    @property
    def unknown(self) -> tuple[Pair, ...]:
        """The pairs (component id, advisory id) that could not be compared, sorted."""
        return self._sorted(Match.UNKNOWN)

    def _sorted(self, wanted: Match) -> tuple[Pair, ...]:
        return tuple(sorted(pair for pair, outcome in self._found.items() if outcome is wanted))


def match_in_chunks(candidates: Iterable[Candidate], chunk: int = CHUNK) -> Iterator[Matches]:
    """Yield the growing result, always the same object, after every `chunk` candidates and at the end.

    The caller checks for cancellation between two chunks; the last value yielded is complete.
    """
    matches = Matches()
    remaining = iter(candidates)
    while batch := list(islice(remaining, chunk)):
        for candidate in batch:
            matches.add(candidate)
        yield matches
    if not matches.evaluated:
        yield matches


def affected_components(candidates: Iterable[Candidate]) -> Matches:
    """Match all candidates at once."""
    *_, matches = match_in_chunks(candidates)
    return matches


def snapshot_digest(rows: Iterable[SnapshotRow]) -> str:
    """Return the SHA-256 (hex) of a snapshot's rows, in any order."""
    digest = hashlib.sha256()
    for row in sorted(set(rows)):
        digest.update(canonical_json(row) + b"\n")
    return digest.hexdigest()

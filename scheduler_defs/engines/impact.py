"""Which components an advisory affects: the pure half of the impact engine."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from scheduler_defs.engines.digests import canonical_json
from scheduler_defs.engines.versions import AffectedRange, Match, match

CHUNK = 2000

Pair = tuple[int, str]

# (registry, repository, digest or tag): what means the same everywhere.
ImageKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A range of an advisory, and components of the package that it names: their ids, and the version of each.

    `vague` says that they may be of another release than the range is for: then none is surely affected.
    """

    advisory_id: str
    range: AffectedRange
    components: Sequence[int]
    versions: Sequence[str | None]
    vague: bool = False


@dataclass(slots=True)
class Matches:
    """What the candidates so far gave; of several ranges of a pair, affected beats unknown beats not.

    ``evaluated`` counts components, once for each range beside which they were held.
    """

    evaluated: int = 0
    _found: dict[Pair, Match] = field(default_factory=dict)

    def add(self, candidate: Candidate) -> None:
        """Match one range with the components of its package, each version once."""
        self.evaluated += len(candidate.components)
        outcomes = {version: match(candidate.range, version) for version in set(candidate.versions)}
        for component, version in zip(candidate.components, candidate.versions, strict=True):
            outcome = outcomes[version]
            if outcome is Match.NOT_AFFECTED:
                continue
            if candidate.vague:
                outcome = Match.UNKNOWN
            pair = (component, candidate.advisory_id)
            if self._found.get(pair) is not Match.AFFECTED:
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
    """Yield the growing result, always the same object, after `chunk` or more evaluated and at the end.

    The caller checks for cancellation between two chunks; the last value yielded is complete.
    """
    matches, yielded = Matches(), 0
    for candidate in candidates:
        matches.add(candidate)
        if matches.evaluated - yielded >= chunk:
            yielded = matches.evaluated
            yield matches
    if matches.evaluated > yielded or not yielded:
        yield matches


def affected_components(candidates: Iterable[Candidate]) -> Matches:
    """Match all candidates at once."""
    *_, matches = match_in_chunks(candidates)
    return matches


def snapshot_digest(reasons: Mapping[ImageKey, Iterable[tuple[str, str]]]) -> str:
    """Return the SHA-256 (hex) of the affected images and why each is, in any order."""
    digest = hashlib.sha256()
    for image in sorted(reasons):
        for why in sorted(set(reasons[image])):
            digest.update(canonical_json((*image, *why)) + b"\n")
    return digest.hexdigest()

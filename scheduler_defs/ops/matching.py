"""Which components advisories affect: candidates from PostgreSQL, compared by the engine in chunks."""

from resources.inventory_records import CandidateRow
from resources.selection import Selection
from scheduler_defs.engines.impact import Candidate, Matches, match_in_chunks
from scheduler_defs.engines.versions import AffectedRange, RangeKind
from scheduler_defs.ops.attempt import Attempt


def match_components(attempt: Attempt, selection: Selection, *, with_withdrawn: bool) -> Matches:
    """Matches each distinct component version of the tenant once; stops between chunks when asked to."""
    with attempt.begin() as store:
        rows = store.images.list_candidates(attempt.run.tenant_id, selection, with_withdrawn=with_withdrawn)
    matches = Matches()
    for matches in match_in_chunks(map(_candidate, rows)):
        attempt.check()
        attempt.log(f"compared {matches.evaluated} of {len(rows)} candidates", "debug")
    return matches


def _candidate(row: CandidateRow) -> Candidate:
    events = tuple((str(kind), str(version)) for kind, version in row.events)
    kind: RangeKind = "SEMVER" if row.kind == "SEMVER" else "ECOSYSTEM"
    affected = AffectedRange(row.type, row.package, kind, events, tuple(row.versions), row.distro)
    return Candidate(row.component_id, row.version, row.advisory_id, affected)

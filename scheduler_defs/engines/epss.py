"""Reader of EPSS: FIRST's daily scores of all CVEs, as CSV."""

import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from resources.errors import InvalidDocument
from scheduler_defs.engines.digests import digest_of
from scheduler_defs.engines.exploits import Score
from scheduler_defs.engines.malformed import LeaveOut, Malformed
from scheduler_defs.engines.validation import shortened

EPSS_LIMIT = 64 << 20

_MODEL = "#model_version:v2023.03.01,score_date:2024-05-01T00:00:00+0000"
_HEADER = "cve,epss,percentile"
_FIRST = re.compile(r"# ?model_version:([A-Za-z0-9._+-]+), ?score_date:(\S+)")
_ROW = re.compile(r"(CVE-[0-9]{4}-[0-9]{4,19}),([0-9][0-9.eE+-]*),([0-9][0-9.eE+-]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class EpssDocument:
    """The scores of one day: CVE to (score, percentile), 0.0-1.0 each; there is at least one."""

    version: str
    dated_at: datetime
    scores: Mapping[str, Score]

    @property
    def digest(self) -> str:
        """The SHA-256 of all that it says, whatever its order and layout."""
        return digest_of([self.version, self.dated_at.isoformat(), self.scores])


def load_epss(source: str, raw: bytes, leave_out: LeaveOut | None = None) -> EpssDocument:
    """Read a document from its text; raises what read_epss raises."""
    with io.TextIOWrapper(io.BytesIO(raw), "utf-8-sig", errors="replace") as lines:
        return read_epss(source, lines, leave_out)


def read_epss(source: str, lines: Iterable[str], leave_out: LeaveOut | None = None) -> EpssDocument:
    """Read a document's lines, with their ends; `source` is only named in messages.

    Raises InvalidDocument with the line of what is wrong. A row goes to `leave_out` instead, where there is one, and
    the rest is read; but a document without any usable row is refused, and one that ends amid a row.
    """
    numbered = enumerate(lines, start=1)
    version, dated_at = _model(source, next(numbered, (1, ""))[1].strip())
    header = next(numbered, (2, ""))[1].strip()
    if header != _HEADER:
        raise InvalidDocument(source, "line 2", f"is {shortened(repr(header))}; expected {_HEADER}")
    scores: dict[str, Score] = {}
    first: InvalidDocument | None = None
    rows = ((number, line) for number, line in numbered if line.strip())
    for record, (number, line) in enumerate(rows, start=1):
        try:
            _add(scores, source, number, line.strip())
        except InvalidDocument as error:
            # What ends a file without ending its line may be part of a row: more may be lost than the row.
            if leave_out is None or not line.endswith("\n"):
                raise
            first = first or InvalidDocument(source, error.path, error.reason)
            leave_out(record, Malformed(source, number, "", error.reason))
    if not scores:
        missing = f"is missing; expected a CVE's score, as {_HEADER}"
        raise first or InvalidDocument(source, "line 3", missing)
    return EpssDocument(version, dated_at, scores)


def _add(scores: dict[str, Score], source: str, number: int, line: str) -> None:
    cve, score = _row(source, number, line)
    if cve in scores:
        raise InvalidDocument(source, f"line {number}", f"scores {cve}, which an earlier line does too")
    scores[cve] = score


def _model(source: str, line: str) -> tuple[str, datetime]:
    found = _FIRST.fullmatch(line)
    try:
        if found and (dated_at := datetime.fromisoformat(found[2])).tzinfo is not None:
            return found[1], dated_at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidDocument(source, "line 1", f"is {shortened(repr(line))}; expected such as {_MODEL}")


def _row(source: str, number: int, line: str) -> tuple[str, Score]:
    found = _ROW.fullmatch(line)
    try:
        if found and 0 <= (score := float(found[2])) <= 1 and 0 <= (percentile := float(found[3])) <= 1:
            return found[1].upper(), (score, percentile)
    except ValueError:
        pass
    expected = "expected a CVE, its score and its percentile, both 0 to 1, such as CVE-2021-44228,0.975,0.999"
    raise InvalidDocument(source, f"line {number}", f"is {shortened(repr(line))}; {expected}")

"""Severity of an advisory: CVSS vectors first, else a database's own word, else unknown."""

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache

from cvss import CVSS2, CVSS3, CVSS4

MAX_VECTOR_LENGTH = 512


class Severity(StrEnum):
    """Qualitative severity rating (CVSS v3.1 section 5); unknown when nothing rates the advisory."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """Position from unknown (0) over none (1) to critical (5); unknown never outranks a rating."""
        return _RANKS[self]


_RANKS = {
    Severity.UNKNOWN: 0,
    Severity.NONE: 1,
    Severity.LOW: 2,
    Severity.MEDIUM: 3,
    Severity.HIGH: 4,
    Severity.CRITICAL: 5,
}
_LABELS = {**{severity.value: severity for severity in Severity}, "moderate": Severity.MEDIUM}
_LABELS |= {"important": Severity.HIGH, "negligible": Severity.LOW}


def severity_of_score(score: float, *, version2: bool = False) -> Severity:
    """Map a base score 0.0-10.0 to its rating; version2 uses NVD's three bands of CVSS v2."""
    bands = (
        ((7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.0, Severity.LOW))
        if version2
        else ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.1, Severity.LOW))
    )
    return next((severity for floor, severity in bands if score >= floor), Severity.NONE)


@lru_cache(maxsize=16384)
def score_vector(vector: str) -> tuple[float, Severity]:
    """Return (base score 0.0-10.0, severity) of a CVSS v2, v3.0, v3.1 or v4.0 vector.

    A vector that cannot be read gives (0.0, Severity.UNKNOWN).
    """
    text = vector.strip()
    if len(text) > MAX_VECTOR_LENGTH:
        return 0.0, Severity.UNKNOWN
    version2 = not text.startswith("CVSS:")
    reader = CVSS2 if version2 else CVSS4 if text.startswith("CVSS:4") else CVSS3
    # The library raises more than its own CVSSError on odd metrics; a vector it cannot read has no score.
    try:
        score = float(reader(text).base_score)
    except Exception:
        return 0.0, Severity.UNKNOWN
    return score, severity_of_score(score, version2=version2)


def severity_of_label(label: str) -> Severity:
    """Return the severity a database's own word stands for ('MODERATE' is medium), else Severity.UNKNOWN."""
    return _LABELS.get(label.strip().lower(), Severity.UNKNOWN)


def rate(vectors: Iterable[str], labels: Iterable[str]) -> tuple[Severity, float, str | None]:
    """Return (severity, score, vector) of a record: the highest of its vectors, else its highest label.

    The score of a label is 0.0 and its vector None. Ties go to the higher score, then the greater text.
    """
    scored = [
        (severity.rank, score, vector) for vector in vectors for score, severity in [score_vector(vector)]
    ]
    _, score, vector = max(scored, default=(0, 0.0, ""))
    severity = score_vector(vector)[1] if vector else Severity.UNKNOWN
    if severity is not Severity.UNKNOWN:
        return severity, score, vector
    return max(map(severity_of_label, labels), key=lambda one: one.rank, default=Severity.UNKNOWN), 0.0, None

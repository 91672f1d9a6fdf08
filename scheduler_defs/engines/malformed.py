"""What of a source cannot be used, where the rest goes on."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Malformed:
    """A record that cannot be used: where it stands, the path inside it, and why."""

    source: str
    line: int | None
    path: str
    reason: str


LeaveOut = Callable[[int, Malformed], None]
"""Gets each record that cannot be used, with its number in the document from 1; may raise."""

"""What callers ask of table execution_logs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from resources.pages import Page
from resources.records import LogHit, LogLine, Run
from resources.states import LogLevel


class ExecutionLogs(Protocol):
    """What runs said; append-only.

    ``level`` is the least that is wanted, ``text`` a part of the message, or of the fields as
    JSON with a space after colons and commas, in capitals or not; no wildcards.
    """

    def append(self, run: Run, lines: Sequence[LogLine]) -> None:
        """Appends lines of a run in one statement."""

    def tail(
        self,
        tenant_id: str,
        run_id: UUID,
        after: tuple[int, int] = (0, 0),
        *,
        level: LogLevel | None = None,
        text: str | None = None,
        cursor: str | None = None,
        limit: int = 1000,
    ) -> Page[LogLine]:
        """Lines after an (attempt, line), oldest first.

        The last page has no cursor though the run may go on: whoever follows it begins ``after`` the last line.
        """

    def search(
        self,
        tenant_id: str,
        since: datetime,
        until: datetime,
        *,
        run_id: UUID | None = None,
        schedule_id: UUID | None = None,
        level: LogLevel | None = None,
        text: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[LogHit]:
        """Lines of a period, ``until`` left out, newest first; raises InvalidInput for an empty period."""

    def ensure_partitions(self, since: datetime, until: datetime) -> int:
        """Makes the monthly partitions of a period; returns how many were missing. The system's."""

"""Table execution_logs."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from resources.records import LogLine, Run
from resources.repositories.base import Repository


class ExecutionLogRepository(Repository):
    """What runs said; append-only."""

    def append(self, run: Run, lines: Sequence[LogLine]) -> None:
        """Appends lines of a run in one statement."""
        self._execute(
            "execution_logs/append",
            tenant_id=run.tenant_id,
            run_id=run.id,
            attempt=run.attempt,
            lines=[line.line for line in lines],
            at=[line.at for line in lines],
            levels=[line.level for line in lines],
            messages=[line.message for line in lines],
            fields=[Jsonb(dict(line.fields)) for line in lines],
        )

    def tail(
        self, tenant_id: str, run_id: UUID, after: tuple[int, int] = (0, 0), limit: int = 1000
    ) -> list[LogLine]:
        """Lines after an (attempt, line), oldest first."""
        attempt, line = after
        return self._all(
            "execution_logs/tail",
            LogLine,
            tenant_id=tenant_id,
            run_id=run_id,
            attempt=attempt,
            line=line,
            limit=limit,
        )

    def ensure_partitions(self, since: datetime, until: datetime) -> int:
        """Makes the monthly partitions of a period; returns how many were missing. The system's."""
        made: int = self._scalar("execution_logs/ensure_partitions", since=since, until=until)
        return made

"""Table execution_logs."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from resources.errors import InvalidInput
from resources.pages import Page
from resources.protocols.execution_logs import ExecutionLogs
from resources.records import LogHit, LogLine, Run
from resources.repositories.base import Repository
from resources.states import LogLevel

LIKE_SPECIAL = str.maketrans({special: f"\\{special}" for special in "\\%_"})


class ExecutionLogRepository(Repository, ExecutionLogs):
    """ExecutionLogs on PostgreSQL."""

    def append(self, run: Run, lines: Sequence[LogLine]) -> None:
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
        attempt, line = after
        return self._page(
            "execution_logs/tail",
            LogLine,
            ("attempt", "line"),
            cursor=cursor,
            limit=limit,
            tenant_id=tenant_id,
            run_id=run_id,
            attempt=attempt,
            line=line,
            levels=_at_least(level),
            pattern=_pattern(text),
        )

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
        if since >= until:
            raise InvalidInput("until", until.isoformat(), f"later than since, {since.isoformat()}")
        return self._page(
            "execution_logs/search",
            LogHit,
            ("at", "run_id", "attempt", "line"),
            cursor=cursor,
            limit=limit,
            tenant_id=tenant_id,
            since=since,
            until=until,
            run_id=run_id,
            schedule_id=schedule_id,
            levels=_at_least(level),
            pattern=_pattern(text),
        )

    def ensure_partitions(self, since: datetime, until: datetime) -> int:
        made: int = self._scalar("execution_logs/ensure_partitions", since=since, until=until)
        return made


def _at_least(level: LogLevel | None) -> list[LogLevel] | None:
    levels = list(LogLevel)
    return levels[levels.index(level) :] if level else None


def _pattern(text: str | None) -> str | None:
    return f"%{text.translate(LIKE_SPECIAL)}%" if text else None

"""Every error this product raises on purpose; the docstring of each is its meaning.

A command that ends in one of these prints `str(error)` and exits with `exit_code`; it never prints a traceback.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum

from resources.texts import duration


class SchedulerError(Exception):
    """Root of all errors raised on purpose."""

    exit_code = 1


class InvalidInput(SchedulerError):
    """A value from outside is wrong: names the field, the value and what would be right."""

    exit_code = 2

    def __init__(self, field: str, value: object, expected: str) -> None:
        self.field, self.value, self.expected = field, value, expected
        super().__init__(f"{field}: {_shown(value)} is not valid; expected {expected}")


class InvalidSettings(SchedulerError):
    """The settings cannot work: names the setting, its value and what would be right."""

    exit_code = 2

    def __init__(self, field: str, value: object, expected: str) -> None:
        self.field, self.value, self.expected = field, value, expected
        super().__init__(f"{field}: {_shown(value)} is not usable; expected {expected}")


class InvalidDocument(SchedulerError):
    """A document (SBOM, advisory, policy) cannot be read: names the source, the path inside it and the reason."""

    exit_code = 2

    def __init__(self, source: str, path: str, reason: str) -> None:
        self.source, self.path, self.reason = source, path, reason
        super().__init__(f"{source}: at {path or '/'}: {reason}")


class DamagedFile(InvalidDocument):
    """A file of several documents cannot be read to its end: what it holds from there on is lost."""


class ServerUnavailable(SchedulerError):
    """PostgreSQL cannot be reached or started; says which server, why, and what to do."""

    exit_code = 2


class SchemaMismatch(SchedulerError):
    """The database's schema is not the one this code needs: not migrated, newer, or a migration was edited."""

    exit_code = 2


class PreparedStatementsRefused(SchedulerError):
    """A pooler in transaction mode shares sessions, so a prepared statement was somebody else's or was gone."""

    exit_code = 2


class DirectConnectionRequired(SchedulerError):
    """What was asked for needs a session of its own; the connection leads through a pooler."""

    exit_code = 2


class NotFound(SchedulerError):
    """The named row does not exist for this tenant."""

    exit_code = 2

    def __init__(self, entity: str, key: object) -> None:
        self.entity, self.key = entity, key
        scope = "" if entity in {"tenant", "launch", "lock", "worker"} else " for this tenant"
        super().__init__(f"{entity} {_shown(key)} does not exist{scope}")


class AlreadyExists(SchedulerError):
    """A row with this name or key exists already."""

    exit_code = 2

    def __init__(self, entity: str, key: object) -> None:
        self.entity, self.key = entity, key
        super().__init__(f"{entity} {_shown(key)} exists already")


class NotSet(Enum):
    """The type of NOT_SET."""

    NOT_SET = "not set"


NOT_SET = NotSet.NOT_SET
"""Yours, of a field that an edit leaves as it is."""


class VersionConflict(SchedulerError):
    """Somebody else edited the row since it was read; says who, when, and each field as (yours, theirs).

    Yours is NOT_SET where they changed what the refused edit did not want to.
    """

    def __init__(
        self,
        entity: str,
        key: object,
        expected: int,
        found: int,
        *,
        changed_by: str,
        changed_at: datetime,
        differences: Mapping[str, tuple[object, object]],
    ) -> None:
        self.entity, self.key, self.expected, self.found = entity, key, expected, found
        self.changed_by, self.changed_at, self.differences = changed_by, changed_at, differences
        fields = "; ".join(
            f"{field}: {'' if yours is NOT_SET else f'yours {_shown(yours, 1000)}, '}theirs {_shown(theirs, 1000)}"
            for field, (yours, theirs) in differences.items()
        )
        super().__init__(
            f"{entity} {_shown(key)} is at version {found}, the edit was made from version {expected}: "
            f"{changed_by} changed it at {changed_at.isoformat(timespec='seconds')}; "
            f"{fields or 'no field differs'}"
        )


class IllegalTransition(SchedulerError):
    """The state machine has no edge from the row's state to the wanted one."""

    def __init__(self, entity: str, key: object, source: str, target: str, why: str | None = None) -> None:
        self.entity, self.key, self.source, self.target = entity, key, source, target
        super().__init__(f"{entity} {_shown(key)} is {source}; {why or f'it cannot become {target}'}")


class StaleAttempt(SchedulerError):
    """A write came from an attempt that is no longer the current one; nothing was written."""

    def __init__(self, entity: str, key: object, token: int | str) -> None:
        """``token`` is what the attempt held: a fencing token, or the name of a launch, Dagster run or lease."""
        self.entity, self.key, self.token = entity, key, token
        held = f"fencing token {token}" if isinstance(token, int) else token
        super().__init__(f"{entity} {_shown(key)}: {held} is not the current one; nothing was written")


class LockLost(SchedulerError):
    """The caller no longer holds the lock: it expired, was taken, released or forced free, or its session ended."""

    def __init__(self, key: str, token: int, reason: str) -> None:
        self.key, self.token, self.reason = key, token, reason
        super().__init__(f"lock {_shown(key)} is not held by fencing token {token}: {reason}")


class CancelRequested(SchedulerError):
    """Somebody asked the running attempt to stop; raised between chunks of work, its results so far stay."""


class LeaveRequested(SchedulerError):
    """The process that carries the attempt was told to leave; raised between chunks, its results so far stay."""


class RunTimedOut(SchedulerError):
    """The attempt took longer than its schedule's run_timeout; raised between chunks, its results so far stay."""


class RunsFailed(SchedulerError):
    """Some runs of a launch failed; each has its error in the ledger."""


class TenantRequired(SchedulerError):
    """A statement touched tenant rows in a transaction that names no tenant."""


def _shown(value: object, limit: int = 120) -> str:
    match value:
        case str():
            text = repr(value)
        case timedelta():
            text = duration(value)
        case _:
            text = str(value)
    return text if len(text) <= limit else f"{text[:limit]}…"

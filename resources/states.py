"""States and the edges between them; the guards in sql/queries mirror these tables."""

from enum import StrEnum


class JobKind(StrEnum):
    """What a run does."""

    GRAPH = "graph"
    IMPACT = "impact"
    POLICY = "policy"


class TriggerKind(StrEnum):
    """Why a run exists."""

    CRON = "cron"
    INTERVAL = "interval"
    ONCE = "once"
    EVENT = "event"
    MANUAL = "manual"
    RETRY = "retry"


class RunState(StrEnum):
    """Where a run stands."""

    PENDING = "pending"
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class WorkState(StrEnum):
    """Where a work item (graph_jobs, policy_jobs) stands."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class NotificationKind(StrEnum):
    """What people are told of."""

    SCHEDULE_PAUSED = "schedule_paused"


class LaunchState(StrEnum):
    """Where a launch stands: offered to Dagster until a run acknowledges it."""

    OFFERED = "offered"
    ACKNOWLEDGED = "acknowledged"
    FINISHED = "finished"
    DEAD = "dead"


class LockStrategy(StrEnum):
    """What a lock's holder has: a row that expires, or a session's advisory lock."""

    LEASE = "lease"
    ADVISORY = "advisory"


class WorkerState(StrEnum):
    """Where a worker stands: gone deregistered itself, dead was declared so by rescue."""

    ACTIVE = "active"
    DRAINING = "draining"
    GONE = "gone"
    DEAD = "dead"


class LogLevel(StrEnum):
    """How much a line of a log matters, the least first."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class PolicyMode(StrEnum):
    """How a policy run treats images and findings."""

    FULL = "full"
    INCREMENTAL = "incremental"
    SIMULATE = "simulate"


class Overlap(StrEnum):
    """What happens when a schedule fires while an earlier run of it is still open."""

    SKIP = "skip"
    BUFFER_ONE = "buffer_one"
    BUFFER_ALL = "buffer_all"
    CANCEL_RUNNING = "cancel_running"
    ALLOW = "allow"


class CatchUp(StrEnum):
    """Which missed occurrences fire after downtime."""

    NONE = "none"
    LATEST = "latest"
    ALL = "all"


class DstGap(StrEnum):
    """What a fire in the hour that spring skips does."""

    SKIP = "skip"
    SHIFT = "shift"


class DstOverlap(StrEnum):
    """Which of the two instants of a repeated hour fire."""

    FIRST = "first"
    SECOND = "second"
    BOTH = "both"


class CalendarMode(StrEnum):
    """What a calendar's entries name: the times it excludes, or the only ones it does not."""

    EXCLUDE = "exclude"
    INCLUDE = "include"


class OnExcluded(StrEnum):
    """What an occurrence that a calendar excludes does: nothing, or it fires when the excluded stretch ends."""

    SKIP = "skip"
    MOVE = "move"


class DayMatch(StrEnum):
    """How day-of-month and day-of-week combine in a cron that restricts both."""

    OR = "or"
    AND = "and"


TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    RunState.PENDING: frozenset({RunState.QUEUED, RunState.CANCELLED}),
    RunState.QUEUED: frozenset({RunState.RUNNING, RunState.PENDING, RunState.FAILED, RunState.CANCELLED}),
    RunState.RUNNING: frozenset({RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED, RunState.PENDING}),
    RunState.COMPLETED: frozenset(),
    RunState.FAILED: frozenset(),
    RunState.CANCELLED: frozenset(),
    RunState.SKIPPED: frozenset(),
}

WORK_TRANSITIONS: dict[WorkState, frozenset[WorkState]] = {
    WorkState.PENDING: frozenset({WorkState.RUNNING, WorkState.CANCELLED}),
    WorkState.RUNNING: frozenset(
        {WorkState.COMPLETED, WorkState.FAILED, WorkState.CANCELLED, WorkState.PENDING}
    ),
    WorkState.COMPLETED: frozenset(),
    WorkState.FAILED: frozenset(),
    WorkState.CANCELLED: frozenset(),
}

LAUNCH_TRANSITIONS: dict[LaunchState, frozenset[LaunchState]] = {
    LaunchState.OFFERED: frozenset({LaunchState.ACKNOWLEDGED, LaunchState.DEAD}),
    LaunchState.ACKNOWLEDGED: frozenset({LaunchState.FINISHED, LaunchState.DEAD}),
    LaunchState.FINISHED: frozenset(),
    LaunchState.DEAD: frozenset(),
}

TERMINAL = frozenset(state for state, targets in TRANSITIONS.items() if not targets)

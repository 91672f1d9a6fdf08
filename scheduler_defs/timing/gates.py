"""What keeps a due occurrence of a schedule from starting: conditions, rate, overlap."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from resources.records import FiringFacts, OpenRuns, Schedule
from resources.states import Overlap
from scheduler_defs.timing.overlap import Decision, decide

RATE = "rate"
OVERLAP = "overlap"


def _report_is_older(facts: FiringFacts, days: Any, now: datetime) -> bool:
    return facts.last_started_at is None or now - facts.last_started_at > timedelta(days=days)


CONDITIONS: Mapping[str, Callable[[FiringFacts, Any, datetime], bool]] = {
    "report_older_than_days": _report_is_older,
    "feed_changed": lambda facts, _, __: facts.feed_changed,
    "policy_revision_changed": lambda facts, _, __: facts.policy_revision_changed,
}
"""What ``only_if`` may ask for, in the order in which it is looked at."""


class Gate:
    """Decides one occurrence of a schedule after the other; what it lets through counts for the next."""

    def __init__(
        self, schedule: Schedule, open_runs: OpenRuns | None, facts: FiringFacts | None, now: datetime
    ) -> None:
        self.cancels = False
        """Whether something started that is to take the place of what is open."""
        self._overlap, self._rate = schedule.overlap, schedule.max_runs_per_hour
        self._active, self._pending = (open_runs.active, open_runs.pending) if open_runs else (0, 0)
        self._fired = facts.fired if facts else 0
        self._unmet = _unmet(schedule.only_if or {}, facts, now)

    def refuses(self, newest: bool) -> str | None:
        """The reason an occurrence is skipped for, None when it starts; with cancel_running only the newest does."""
        if self._unmet:
            return self._unmet
        if self._rate is not None and self._fired >= self._rate:
            return RATE
        if self._overlap is Overlap.CANCEL_RUNNING and not newest:
            return OVERLAP
        decision = decide(self._overlap, self._active, self._pending)
        if decision is Decision.SKIP:
            return OVERLAP
        self._fired += 1
        if decision is Decision.BUFFER:
            self._pending += 1
        else:
            self._active += 1
        self.cancels |= decision is Decision.CANCEL_RUNNING_AND_START
        return None


def _unmet(only_if: Mapping[str, Any], facts: FiringFacts | None, now: datetime) -> str | None:
    """The reason the first condition that does not hold gives; before any run completed all hold.

    One that makes no sense, which only SQL by hand can write, does not hold.
    """
    if facts is None or facts.last_started_at is None:
        return None
    for name, holds in CONDITIONS.items():
        try:
            if name in only_if and not holds(facts, only_if[name], now):
                return f"only_if:{name}"
        except Exception as error:  # a schedule's mistake is its own: every other schedule still fires
            return f"invalid only_if:{name}: {error}"
    return None

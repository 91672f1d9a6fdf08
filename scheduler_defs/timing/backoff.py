"""When a run is tried again after a failed attempt, and for how long it may be tried. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from resources.records import Schedule


@dataclass(frozen=True)
class FailurePolicy:
    """What follows a failed attempt; the defaults hold for runs without a schedule.

    ``factor`` multiplies the wait with each failure up to ``cap``; up to the share ``jitter`` of it is taken off.
    ``timeout`` bounds one attempt; None lets it take as long as it likes.
    """

    max_attempts: int = 3
    base: timedelta = timedelta(seconds=30)
    factor: float = 2.0
    cap: timedelta = timedelta(hours=1)
    jitter: float = 0.1
    timeout: timedelta | None = None


def policy_of(schedule: Schedule | None) -> FailurePolicy:
    """The policy of a schedule's runs, or of runs without one."""
    if schedule is None:
        return FailurePolicy()
    return FailurePolicy(
        max_attempts=schedule.max_attempts,
        base=schedule.backoff_base,
        factor=schedule.backoff_factor,
        cap=schedule.backoff_cap,
        jitter=schedule.backoff_jitter,
        timeout=schedule.run_timeout,
    )


def wait_after(policy: FailurePolicy, of: UUID, failures: int) -> timedelta | None:
    """How long a run, or what else is tried again, waits after failure number ``failures`` (from 1); None at the last.

    Exponential with deterministic jitter: the same id ``of`` it and failure wait equally long wherever computed.
    """
    if failures >= policy.max_attempts:
        return None
    try:
        wait = policy.base.total_seconds() * policy.factor ** (failures - 1)
    except OverflowError:
        wait = policy.cap.total_seconds()
    wait = min(wait, policy.cap.total_seconds())
    return timedelta(seconds=wait * (1 - policy.jitter * _share(of, failures)))


def _share(of: UUID, failures: int) -> float:
    digest = hashlib.sha256(f"{of}:{failures}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64

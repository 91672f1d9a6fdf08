"""What to do with a fire while earlier runs of its schedule are not finished."""

from enum import StrEnum

from resources.states import Overlap


class Decision(StrEnum):
    """What becomes of one occurrence."""

    START = "start"
    BUFFER = "buffer"
    SKIP = "skip"
    CANCEL_RUNNING_AND_START = "cancel_running_and_start"


def decide(policy: Overlap, open_runs: int, buffered: int) -> Decision:
    """Decide one occurrence of a schedule with `open_runs` queued or running and `buffered` pending runs.

    buffer_all keeps order: a new run waits behind a pending one even when nothing is open. cancel_running
    replaces pending runs too: left alone they would start beside the new one.
    """
    if policy is Overlap.ALLOW or (open_runs == 0 and buffered == 0):
        return Decision.START
    match policy:
        case Overlap.BUFFER_ONE if buffered == 0:
            return Decision.BUFFER
        case Overlap.BUFFER_ALL:
            return Decision.BUFFER
        case Overlap.CANCEL_RUNNING:
            return Decision.CANCEL_RUNNING_AND_START
        case _:
            return Decision.SKIP

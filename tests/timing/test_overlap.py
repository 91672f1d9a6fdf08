import pytest

from resources.states import Overlap
from scheduler_defs.timing.overlap import Decision, decide

START, BUFFER, SKIP = Decision.START, Decision.BUFFER, Decision.SKIP
CANCEL = Decision.CANCEL_RUNNING_AND_START

# (open runs, buffered) -> decision
TABLE = {
    Overlap.SKIP: {(0, 0): START, (1, 0): SKIP, (0, 1): SKIP, (1, 1): SKIP, (3, 2): SKIP},
    Overlap.BUFFER_ONE: {
        (0, 0): START,
        (1, 0): BUFFER,
        (0, 1): SKIP,
        (1, 1): SKIP,
        (3, 0): BUFFER,
        (3, 2): SKIP,
    },
    Overlap.BUFFER_ALL: {(0, 0): START, (1, 0): BUFFER, (0, 1): BUFFER, (1, 1): BUFFER, (3, 2): BUFFER},
    Overlap.CANCEL_RUNNING: {(0, 0): START, (1, 0): CANCEL, (0, 1): CANCEL, (1, 1): CANCEL, (3, 2): CANCEL},
    Overlap.ALLOW: {(0, 0): START, (1, 0): START, (0, 1): START, (1, 1): START, (3, 2): START},
}
CASES = [(policy, *state, decision) for policy, rows in TABLE.items() for state, decision in rows.items()]


@pytest.mark.parametrize(("policy", "open_runs", "buffered", "expected"), CASES)
def test_decision(policy: Overlap, open_runs: int, buffered: int, expected: Decision) -> None:
    assert decide(policy, open_runs, buffered) is expected


def test_the_table_covers_every_policy() -> None:
    assert set(TABLE) == set(Overlap)

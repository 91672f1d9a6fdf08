"""Many processes, one key or many: nobody is inside together, tokens only grow, and the queue is fair."""

import os
from itertools import pairwise
from statistics import median, quantiles

import pytest

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
PROCESSES = 50 if LONG else 16
ACQUISITIONS, THROUGH_POOLER = (3_000, 1_000) if LONG else (300, 100)


def check(result, keys, acquisitions):
    """Every acquisition is told once, in the order in which the independent counter was moved."""
    assert (result["failed"], result["complaints"]) == ([], "")
    seen = [one for worker in result["workers"] for one in worker]
    assert result["values"] == [acquisitions // keys] * keys
    assert not any(one["overlap"] for one in seen)
    for key in range(keys):
        of_key = sorted((one["number"], one["token"]) for one in seen if one["key"] == key)
        assert [number for number, _ in of_key] == list(range(acquisitions // keys))
        tokens = [token for _, token in of_key]
        assert all(earlier < later for earlier, later in pairwise(tokens))
    return seen


def row(strategy, keys, result, seen):
    """What the lock table at the end of the tests shows."""
    waits = [one["wait"] * 1000 for one in seen]
    shares = [len(worker) for worker in result["workers"]]
    cuts = quantiles(waits, n=20)
    return {
        "strategy": strategy,
        "processes": len(shares),
        "keys": keys,
        "acquisitions": len(seen),
        "overlaps": sum(one["overlap"] for one in seen),
        "per s": f"{len(seen) / result['seconds']:.0f}",
        "wait p50 / p95 / max, ms": f"{cuts[9]:.0f} / {cuts[18]:.0f} / {max(waits):.0f}",
        "a process: min / median / max": f"{min(shares)} / {median(shares):.0f} / {max(shares)}",
    }


@pytest.mark.parametrize(("strategies", "keys"), [("advisory", 1), ("lease", 1), ("advisory,lease", 50)])
def test_many_processes_never_meet_inside(contend, record_property, strategies, keys):
    result = contend(strategies, PROCESSES, keys, ACQUISITIONS)
    seen = check(result, keys, ACQUISITIONS)
    record_property("lock table", row(strategies, keys, result, seen))


def test_processes_behind_a_pooler_never_meet_inside(contend, record_property, pooler, settings):
    dsn = pooler.settings(settings).conninfo()
    result = contend("lease", PROCESSES if LONG else PROCESSES // 2, 1, THROUGH_POOLER, SCHEDULER_DSN=dsn)
    seen = check(result, 1, THROUGH_POOLER)
    record_property("lock table", row("lease, PgBouncer", 1, result, seen))

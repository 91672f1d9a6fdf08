"""Puts pending runs into launches, so that Dagster's cost per run is shared when many are pending. Pure."""

from collections.abc import Iterable
from itertools import groupby
from uuid import UUID

from resources.ids import new_id
from resources.records import Launchable

ONE_RUN_EACH_UP_TO = 4
RUNS_A_LAUNCH = 50


def pack(
    runs: Iterable[Launchable], one_each_up_to: int = ONE_RUN_EACH_UP_TO, size: int = RUNS_A_LAUNCH
) -> dict[UUID, list[Launchable]]:
    """New launch ids, each with its runs, all of one kind: one run each while few of a kind are pending.

    A run that something died with before shares its launch with no other.
    """
    packed: dict[UUID, list[Launchable]] = {}
    by_kind = sorted(runs, key=lambda run: (run.kind, run.alone))
    for (_, alone), group in groupby(by_kind, key=lambda run: (run.kind, run.alone)):
        pending = list(group)
        step = 1 if alone or len(pending) <= one_each_up_to else size
        for start in range(0, len(pending), step):
            packed[new_id()] = pending[start : start + step]
    return packed

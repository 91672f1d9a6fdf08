"""Every pair of states of runs, work items and launches, on PostgreSQL.

A legal pair is gone by the repository's own transition; where nobody knows one, that fails. Every other pair is tried
by an UPDATE by hand, which the trigger legal_edges must refuse, and so is any change of what has ended.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from resources.scratch import TenantTable, change_row, set_state
from resources.states import (
    LAUNCH_TRANSITIONS,
    TRANSITIONS,
    WORK_TRANSITIONS,
    JobKind,
    LaunchState,
    RunState,
    WorkState,
)
from scheduler_defs.verification import ways
from scheduler_defs.verification.check import Bench, Failed, Named, expect, expect_equal
from scheduler_defs.verification.world import World

REFUSED = "SC003"


@dataclass(frozen=True)
class Machine:
    """One table of states: how to get a row into a state, and by which way each edge is gone."""

    table: TenantTable
    transitions: Mapping[Any, frozenset[Any]]
    make: Callable[[World, Any], UUID]
    ways: Mapping[tuple[Any, Any], Callable[[World, UUID], object]]
    state_of: Callable[[World, UUID], StrEnum]
    column: str = "state"


def check_machine(machine: Machine, bench: Bench) -> str:
    """Goes every legal edge and tries every other pair of states."""
    legal = illegal = 0
    with bench.world() as world:
        world.image()
        for source, targets in machine.transitions.items():
            for target in type(source):
                if target in targets:
                    _go(machine, world, source, target)
                    legal += 1
                elif target is not source:
                    _try(machine, world, source, target)
                    illegal += 1
            _touch(machine, world, source, ended=not targets)
    return f"{legal} legal edges gone, {illegal} illegal ones refused"


def _go(machine: Machine, world: World, source: StrEnum, target: StrEnum) -> None:
    way = machine.ways.get((source, target))
    if way is None:
        raise Failed(f"no way from {source} to {target} is known to scheduler_defs/verification/ways.py")
    row_id = machine.make(world, source)
    way(world, row_id)
    expect_equal(f"{machine.table} after {source} → {target}", machine.state_of(world, row_id), target)


def _try(machine: Machine, world: World, source: StrEnum, target: StrEnum) -> None:
    row_id = machine.make(world, source)
    with world.begin_system() as store:
        refusal = set_state(store, machine.table, row_id, target, machine.column)
    expect(refusal == REFUSED, f"{machine.table}: {source} → {target} was {_said(refusal)}")
    expect_equal(f"{machine.table} after that", machine.state_of(world, row_id), source)


def _touch(machine: Machine, world: World, state: StrEnum, *, ended: bool) -> None:
    row_id = machine.make(world, state)
    with world.begin_system() as store:
        refusal = change_row(store, machine.table, row_id)
    if ended:
        expect(refusal == REFUSED, f"{machine.table}: a change of what is {state} was {_said(refusal)}")


def _said(refusal: str | None) -> str:
    return f"refused only by {refusal}, not by the state machine" if refusal else "not refused"


def _run_state(world: World, run_id: UUID) -> RunState:
    return world.read(run_id).state


def _launch_state(world: World, launch_id: UUID) -> LaunchState:
    with world.begin_system() as store:
        return store.launches.get(launch_id).state


def _item_state(kind: JobKind) -> Callable[[World, UUID], WorkState]:
    def state(world: World, item_id: UUID) -> WorkState:
        with world.begin() as store:
            return ways.items_of(store, kind).get(world.tenant, item_id).status

    return state


def _items(kind: JobKind, table: str) -> Machine:
    return Machine(
        TenantTable("scheduler", table),
        WORK_TRANSITIONS,
        ways.item_maker(kind),
        ways.of_items(kind),
        _item_state(kind),
        column="status",
    )


RUNS = Machine(TenantTable("scheduler", "runs"), TRANSITIONS, ways.make_run, ways.OF_RUNS, _run_state)
LAUNCHES = Machine(
    TenantTable("scheduler", "launches"),
    LAUNCH_TRANSITIONS,
    ways.make_launch,
    ways.OF_LAUNCHES,
    _launch_state,
)
GRAPH_JOBS = _items(JobKind.GRAPH, "graph_jobs")
POLICY_JOBS = _items(JobKind.POLICY, "policy_jobs")

CHECKS: tuple[Named, ...] = tuple(
    (f"transitions: {machine.table.name}", lambda bench, machine=machine: check_machine(machine, bench))  # type: ignore[misc]
    for machine in (RUNS, LAUNCHES, GRAPH_JOBS, POLICY_JOBS)
)

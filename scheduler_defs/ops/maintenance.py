"""The ops of maintenance_job: one a step of the upkeep, one after the other, and what people read of them."""

from collections.abc import Callable, Sequence
from datetime import datetime

from dagster import OpDefinition, OpExecutionContext, op

from resources.database import Database
from resources.postgres import PostgresResource
from scheduler_defs.ops.metadata import table
from scheduler_defs.ops.upkeep import Say, Step


def step_op(run_step: Callable[[Database, datetime, Say], Step]) -> OpDefinition:
    """A step of the upkeep as an op; takes the steps before it, returns them and its own."""

    @op(name=run_step.__name__, description=run_step.__doc__)
    def runs_step(context: OpExecutionContext, before: list[Step], postgres: PostgresResource) -> list[Step]:
        with postgres.begin_system() as store:
            now = store.now()
        step = run_step(postgres.database, now, context.log.info)
        for left in step.left:
            context.log.warning(left)
        context.add_output_metadata({"done": table(rows_of([step])), **step.done})
        return [*before, step]

    return runs_step


@op
def begin_maintenance() -> list[Step]:
    """Begins with no step done."""
    return []


@op
def report_maintenance(context: OpExecutionContext, steps: list[Step]) -> None:
    """Shows what each step did and how it locked which tables."""
    context.add_output_metadata({"steps": table(rows_of(steps)), "locks": table(lock_rows_of(steps))})


def rows_of(steps: Sequence[Step]) -> list[dict[str, str | int | float | None]]:
    """What was done, one row a step and thing."""
    return [
        {"step": step.name, "what": what, "number": number, "left": "; ".join(step.left)}
        for step in steps
        for what, number in step.done.items()
    ]


def lock_rows_of(steps: Sequence[Step]) -> list[dict[str, str | int | float | None]]:
    """The locks taken, one row a step, table and mode."""
    return [
        {"step": step.name, "relation": lock.relation, "mode": lock.mode}
        for step in steps
        for lock in sorted(step.locks, key=lambda lock: (lock.relation, lock.mode))
    ]

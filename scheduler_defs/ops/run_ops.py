"""The three ops of every job, each over the runs of one launch: open_runs, execute, close_runs."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from dagster import DagsterExecutionInterruptedError, DagsterRunStatus, OpDefinition, OpExecutionContext, op
from dagster._core.definitions.metadata import RawMetadataValue

from resources.errors import InvalidInput
from resources.postgres import PostgresResource
from resources.states import JobKind, RunState
from resources.worker import WorkerResource
from scheduler_defs.launching.instances import owner_of
from scheduler_defs.ops.attempt import ALONE, Engine, Outcome, Process, Result, Say, carry_out
from scheduler_defs.ops.configs import GraphConfig, ImpactConfig, LaunchConfig, PolicyConfig
from scheduler_defs.ops.launches import (
    ManualLaunch,
    Opened,
    add_manual,
    add_retries,
    close_run,
    finish_launch,
    open_launch,
    raise_for_failures,
)
from scheduler_defs.ops.leaving import told_to_leave
from scheduler_defs.ops.metadata import LAUNCH_TAG, TAG, launch_metadata, tags_of
from scheduler_defs.ops.pictures import picture_metadata

AnyConfig = GraphConfig | ImpactConfig | PolicyConfig
Handed = Any
"""What the op before handed over; None in a re-execution that leaves it out."""
TERMINATED = {DagsterRunStatus.CANCELING, DagsterRunStatus.CANCELED}


def open_runs(
    context: OpExecutionContext,
    kind: JobKind,
    config: AnyConfig,
    postgres: PostgresResource,
    worker: WorkerResource,
) -> Opened:
    """Takes the launch of the config, or makes one for a manual start; starts the attempts of its runs.

    In a re-execution of an earlier Dagster run it makes one that tries that one's runs again.
    """
    launch_id = (
        _retry_launch(context, kind, postgres)
        or config.launch
        or _manual_launch(context, kind, config, postgres)
    )
    return _open(context, launch_id, kind, postgres, worker)


def _open(
    context: OpExecutionContext,
    launch_id: UUID,
    kind: JobKind,
    postgres: PostgresResource,
    worker: WorkerResource,
) -> Opened:
    opened = open_launch(postgres.database, launch_id, kind, context.run_id, worker.worker_id)
    if opened.runs:
        context.instance.add_run_tags(context.run_id, {**tags_of(opened.runs), LAUNCH_TAG: str(launch_id)})
    else:
        context.log.warning(f"launch {launch_id} has no run left to open: it was opened or ended before")
    context.add_output_metadata({"launch": str(launch_id), "runs": len(opened.runs)})
    return opened


def _retry_launch(context: OpExecutionContext, kind: JobKind, postgres: PostgresResource) -> UUID | None:
    """The launch of a re-execution; None when this is none, or of a Dagster run that never had a launch."""
    parent = context.run.parent_run_id and context.instance.get_run_by_id(context.run.parent_run_id)
    if not parent or f"{TAG}launch" not in parent.tags:
        return None
    actor = context.run.tags.get("user", "launchpad")
    with postgres.begin_system() as store:
        return add_retries(store, parent.tags, kind, actor, owner_of(context.instance))


def reopen_runs(
    context: OpExecutionContext, kind: JobKind, postgres: PostgresResource, worker: WorkerResource
) -> Opened:
    """What an op does that Dagster re-executes without open_runs: it tries the earlier Dagster run's runs again.

    Raises InvalidInput when that one had no launch.
    """
    launch_id = _retry_launch(context, kind, postgres)
    if launch_id is None:
        raise InvalidInput("re-execution", context.run_id, "one of a Dagster run that had opened a launch")
    return _open(context, launch_id, kind, postgres, worker)


def _manual_launch(
    context: OpExecutionContext, kind: JobKind, config: AnyConfig, postgres: PostgresResource
) -> UUID:
    wanted = ManualLaunch(
        tenant_id=config.tenant,
        kind=kind,
        selection=config.selection.to_selection(),
        priority=config.priority,
        mode=config.mode if isinstance(config, PolicyConfig) else None,
        requested_by=context.run.tags.get("user", "launchpad"),
    )
    with postgres.begin_system() as store:
        return add_manual(store, wanted, owner_of(context.instance))


def execute(
    context: OpExecutionContext,
    opened: Opened,
    engine: Engine,
    postgres: PostgresResource,
    worker: WorkerResource | None = None,
) -> list[Outcome]:
    """Carries out each run of the launch with the engine and closes it at once; one run's failure is its own.

    A process that is told to leave by a signal stops between chunks of work, a worker that drains between runs.
    What it has not finished is handed back, or cancelled when somebody terminated the Dagster run. Raises
    DagsterExecutionInterruptedError after a signal.
    """
    outcomes: list[Outcome] = []
    with told_to_leave() as told:
        process = Process(told.is_set, worker.heartbeat.progress if worker else ALONE.progress)
        for run in opened.runs:
            if told.is_set() or (worker and worker.draining.is_set()):
                outcome = Outcome(
                    run, RunState.PENDING, _now(postgres), Result({}), "its worker was told to leave"
                )
            else:
                outcome = carry_out(postgres.database, run, opened.worker_id, engine, _say(context), process)
            if outcome.state is RunState.PENDING and _is_terminated(context):
                outcome = replace(outcome, state=RunState.CANCELLED, error=None)
            outcomes.append(_closed(context, postgres, outcome))
    if told.is_set():
        finish_launch(postgres.database, opened)
        raise DagsterExecutionInterruptedError()
    return outcomes


def _closed(context: OpExecutionContext, postgres: PostgresResource, outcome: Outcome) -> Outcome:
    state = close_run(postgres.database, outcome)
    if state is None:
        context.log.warning(f"run {outcome.run.id} is another attempt's by now; nothing was written")
    elif state is RunState.PENDING:
        context.log.warning(f"run {outcome.run.id} waits for its next attempt: {outcome.error}")
    return replace(outcome, state=state)


def _is_terminated(context: OpExecutionContext) -> bool:
    dagster_run = context.instance.get_run_by_id(context.run_id)
    return dagster_run is not None and dagster_run.status in TERMINATED


def _now(postgres: PostgresResource) -> datetime:
    with postgres.begin_system() as store:
        return store.now()


def close_runs(
    context: OpExecutionContext, opened: Opened, outcomes: list[Outcome], postgres: PostgresResource
) -> None:
    """Ends the launch, whose runs are all closed, and shows how they ended; fails when a run's attempt failed."""
    if opened.runs:
        finish_launch(postgres.database, opened)
    context.add_output_metadata({**_picture(context, outcomes, postgres), **launch_metadata(outcomes)})
    raise_for_failures(outcomes)


def _picture(
    context: OpExecutionContext, outcomes: list[Outcome], postgres: PostgresResource
) -> dict[str, RawMetadataValue]:
    try:
        return picture_metadata(postgres.database, outcomes)
    except Exception as error:  # the runs have ended: what is only shown fails none of them
        context.log.warning(f"there is no picture: {error}")
        return {}


def open_op(kind: JobKind, config_type: type[LaunchConfig]) -> OpDefinition:
    """The op open_runs for one kind of job, with its config."""

    @op(name=f"open_{kind}_runs", description=open_runs.__doc__)
    def opens(context, config: config_type, postgres: PostgresResource, worker: WorkerResource) -> Handed:  # type: ignore[no-untyped-def, valid-type]
        return open_runs(context, kind, config, postgres, worker)

    return opens


def execute_op(kind: JobKind, engine: Engine) -> OpDefinition:
    """The op that carries out the runs with an engine."""

    @op(name=f"execute_{kind}_runs", description=engine.__doc__)
    def executes(
        context: OpExecutionContext, opened: Handed, postgres: PostgresResource, worker: WorkerResource
    ) -> Handed:
        launch = opened or reopen_runs(context, kind, postgres, worker)
        return launch, execute(context, launch, engine, postgres, worker)

    return executes


def close_op(kind: JobKind, engine: Engine) -> OpDefinition:
    """The op close_runs for one kind of job; re-executed by itself it carries the runs out too."""

    @op(name=f"close_{kind}_runs", description=close_runs.__doc__)
    def closes(
        context: OpExecutionContext, done: Handed, postgres: PostgresResource, worker: WorkerResource
    ) -> None:
        if done:
            launch, outcomes = done
        else:
            launch = reopen_runs(context, kind, postgres, worker)
            outcomes = execute(context, launch, engine, postgres, worker)
        close_runs(context, launch, outcomes, postgres)

    return closes


def _say(context: OpExecutionContext) -> Say:
    def say(level: str, message: str) -> None:
        context.log.log(level.upper(), message)

    return say

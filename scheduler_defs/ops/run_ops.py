"""The three ops of every job, each over the runs of one launch: open_runs, execute, close_runs."""

from dataclasses import replace
from uuid import UUID

from dagster import OpDefinition, OpExecutionContext, op

from resources.postgres import PostgresResource
from resources.states import JobKind
from resources.worker import WorkerResource
from scheduler_defs.launching.instances import owner_of
from scheduler_defs.ops.attempt import Engine, Outcome, Progress, Say, carry_out
from scheduler_defs.ops.configs import GraphConfig, ImpactConfig, LaunchConfig, PolicyConfig
from scheduler_defs.ops.launches import (
    ManualLaunch,
    Opened,
    add_manual,
    close_run,
    finish_launch,
    open_launch,
    raise_for_failures,
)
from scheduler_defs.ops.metadata import launch_metadata, tags_of

AnyConfig = GraphConfig | ImpactConfig | PolicyConfig


def open_runs(
    context: OpExecutionContext,
    kind: JobKind,
    config: AnyConfig,
    postgres: PostgresResource,
    worker: WorkerResource,
) -> Opened:
    """Takes the launch of the config, or makes one for a manual start; starts the attempts of its runs."""
    launch_id = config.launch or _manual_launch(context, kind, config, postgres)
    opened = open_launch(postgres.database, launch_id, kind, context.run_id, worker.worker_id)
    if opened.runs:
        context.instance.add_run_tags(
            context.run_id, {**tags_of(opened.runs), "scheduler/launch": str(launch_id)}
        )
    else:
        context.log.warning(f"launch {launch_id} has no run left to open: it was opened or ended before")
    context.add_output_metadata({"launch": str(launch_id), "runs": len(opened.runs)})
    return opened


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
    progress: Progress = lambda: None,
) -> list[Outcome]:
    """Carries out each run of the launch with the engine and closes it at once; one run's failure is its own."""
    outcomes = []
    for run in opened.runs:
        outcome = carry_out(postgres.database, run, opened.worker_id, engine, _say(context), progress)
        if not close_run(postgres.database, outcome):
            context.log.warning(f"run {run.id} is another attempt's by now; nothing was written")
            outcome = replace(outcome, state=None)
        outcomes.append(outcome)
    return outcomes


def close_runs(
    context: OpExecutionContext, opened: Opened, outcomes: list[Outcome], postgres: PostgresResource
) -> None:
    """Ends the launch, whose runs are all closed, and shows how they ended; fails when a run failed."""
    if opened.runs:
        finish_launch(postgres.database, opened)
    context.add_output_metadata(launch_metadata(outcomes))
    raise_for_failures(outcomes)


def open_op(kind: JobKind, config_type: type[LaunchConfig]) -> OpDefinition:
    """The op open_runs for one kind of job, with its config."""

    @op(name=f"open_{kind}_runs", description=open_runs.__doc__)
    def opens(context, config: config_type, postgres: PostgresResource, worker: WorkerResource):  # type: ignore[no-untyped-def, valid-type]
        return open_runs(context, kind, config, postgres, worker)

    return opens


def execute_op(kind: JobKind, engine: Engine) -> OpDefinition:
    """The op that carries out the runs with an engine."""

    @op(name=f"execute_{kind}_runs", description=engine.__doc__)
    def executes(
        context: OpExecutionContext, opened: Opened, postgres: PostgresResource, worker: WorkerResource
    ) -> list[Outcome]:
        return execute(context, opened, engine, postgres, worker.heartbeat.progress)

    return executes


def close_op(kind: JobKind) -> OpDefinition:
    """The op close_runs for one kind of job."""

    @op(name=f"close_{kind}_runs", description=close_runs.__doc__)
    def closes(
        context: OpExecutionContext, opened: Opened, outcomes: list[Outcome], postgres: PostgresResource
    ) -> None:
        close_runs(context, opened, outcomes, postgres)

    return closes


def _say(context: OpExecutionContext) -> Say:
    def say(level: str, message: str) -> None:
        context.log.log(level.upper(), message)

    return say

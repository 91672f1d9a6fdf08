"""graph_job, impact_job and policy_job: one shape, three engines."""

from dagster import JobDefinition, RunConfig, in_process_executor, job

from resources.states import JobKind
from scheduler_defs.ops.attempt import Engine
from scheduler_defs.ops.configs import GraphConfig, ImpactConfig, LaunchConfig, PolicyConfig
from scheduler_defs.ops.graph import build_graphs
from scheduler_defs.ops.impact import find_impact
from scheduler_defs.ops.policy import evaluate_policies
from scheduler_defs.ops.run_ops import close_op, execute_op, open_op


def _job(kind: JobKind, config_type: type[LaunchConfig], engine: Engine, description: str) -> JobDefinition:
    opens, executes, closes = open_op(kind, config_type), execute_op(kind, engine), close_op(kind, engine)

    @job(
        name=f"{kind}_job",
        description=description,
        config=RunConfig(ops={opens.name: config_type()}),
        executor_def=in_process_executor,
        tags={"scheduler/kind": str(kind)},
    )
    def runs_of_a_launch() -> None:
        closes(executes(opens()))

    return runs_of_a_launch


graph_job = _job(
    JobKind.GRAPH,
    GraphConfig,
    build_graphs,
    "Builds the dependency graph of each selected image's SBOM. A manual launch needs nothing but a tenant.",
)
impact_job = _job(
    JobKind.IMPACT,
    ImpactConfig,
    find_impact,
    "Finds which of the selected images advisories affect. A manual launch needs nothing but a tenant.",
)
policy_job = _job(
    JobKind.POLICY,
    PolicyConfig,
    evaluate_policies,
    "Evaluates the tenant's policies over the selected images. A manual launch needs nothing but a tenant.",
)
RUN_JOBS = {JobKind.GRAPH: graph_job, JobKind.IMPACT: impact_job, JobKind.POLICY: policy_job}

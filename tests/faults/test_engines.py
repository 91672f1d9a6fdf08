"""The real engines, whose processes are killed in the middle of their work items."""

from pathlib import Path

from resources.states import JobKind
from scheduler_defs.inputs.advisories import ingest_advisories
from scheduler_defs.inputs.policies import apply_policy
from scheduler_defs.inputs.sboms import Placement, ingest_sbom
from tests.faults.disturbing import AnyOf, Kill, TerminateSessions

EXAMPLES = Path(__file__).parents[2] / "examples"
ITEMS = """
    SELECT status, count(*) FROM (
        SELECT status FROM scheduler.graph_jobs UNION ALL SELECT status FROM scheduler.policy_jobs) AS items
    GROUP BY status"""


def test_graph_impact_and_policy_runs_whose_workers_are_killed(stage):
    def prepare(tenants):
        database = stage.database
        ingest_advisories(database, EXAMPLES / "advisories.osv.jsonl", "tests")
        for tenant in tenants:
            with database.begin(tenant) as store:
                apply_policy(store, tenant, "policy.yaml", (EXAMPLES / "policy.yaml").read_text(), "tests")
            ingest_sbom(database, tenant, EXAMPLES / "shop.cdx.json", Placement(namespace="shop"), "tests")

    verdict = stage.play(
        "real engines",
        AnyOf(Kill("worker"), TerminateSessions()),
        kinds=tuple(JobKind),
        engine="real",
        prepare=prepare,
    )
    assert verdict.problems == []
    with stage.admin() as admin:
        assert {status for status, _ in admin.execute(ITEMS)} == {"completed"}

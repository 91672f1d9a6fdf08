"""verification_job as Dagster runs it: the asset verification_report, whole and with a check that fails."""

import pytest
from dagster import AssetKey, DagsterInstance

from resources.postgres import shared_database
from scheduler_defs.definitions import defs
from scheduler_defs.verification.verify import checks as verify_checks


@pytest.fixture
def verify(environment, monkeypatch):
    """verify() runs the job in this process; its result and the report's metadata."""
    for name in ("SCHEDULER_PERSISTENCE", "SCHEDULER_DSN"):
        monkeypatch.setenv(name, environment[name])
    shared_database.cache_clear()
    with DagsterInstance.ephemeral() as instance:

        def run():
            job = defs.resolve_job_def("verification_job")
            result = job.execute_in_process(instance=instance, raise_on_error=False)
            found = {
                event.asset_key.to_user_string(): event.materialization.metadata
                for event in result.get_asset_materialization_events()
            }
            assert found.keys() == {"fire_ledger", "verification_report"}
            return result, found["verification_report"]

        yield run
    shared_database().close()
    shared_database.cache_clear()


def test_the_report_is_a_page_and_its_counts_are_plotted(tenant, verify):
    result, metadata = verify()
    assert result.success
    page = metadata["report"].value
    assert page.startswith("# Verification\n\n**verified: ")
    assert f"digest {metadata['digest'].value}**" in page
    for name in (
        "schema: migrations",
        "repository: runs",
        "jobs: policy",
        "isolation: reads",
        "nothing is left",
    ):
        assert f"| {name} | passed | " in page
    assert (metadata["failed"].value, metadata["skipped"].value) == (0, 0)
    assert metadata["passed"].value == page.count(" | passed | ")
    assert 0 < metadata["seconds"].value < 300


def test_a_check_that_fails_fails_the_run_and_is_on_the_page(tenant, verify, admin):
    admin.execute("DROP TRIGGER legal_edges ON scheduler.graph_jobs")
    result, metadata = verify()
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_key == "verification_report"
    assert "transitions: graph_jobs" in failure.step_failure_data.error.message
    assert metadata["failed"].value == 2
    assert metadata["passed"].value == len(verify_checks()) - 1
    assert "| transitions: graph_jobs | **failed** | " in metadata["report"].value
    assert AssetKey("fire_ledger") in {event.asset_key for event in result.get_asset_materialization_events()}

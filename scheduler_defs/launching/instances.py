"""Which Dagster instance this is, and how one of its runs is ended from outside."""

from dagster import DagsterInstance
from dagster._core.storage.runs import SqlRunStorage


def owner_of(instance: DagsterInstance) -> str:
    """The id of the instance's run storage: equal for its daemon, webserver and runs, different for another Dagster.

    Reads ``SqlRunStorage.get_run_storage_id``, which is not part of Dagster's public API.
    """
    storage = instance.run_storage
    if isinstance(storage, SqlRunStorage):
        return str(storage.get_run_storage_id())
    return f"{type(storage).__name__}"


def fail_dagster_run(instance: DagsterInstance, dagster_run_id: str, why: str) -> bool:
    """Marks a Dagster run as failed unless it has ended or is not of this instance; returns whether it did."""
    dagster_run = instance.get_run_by_id(dagster_run_id)
    if dagster_run is None or dagster_run.is_finished:
        return False
    instance.report_run_failed(dagster_run, why)
    return True

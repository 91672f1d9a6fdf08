"""Which Dagster instance this is."""

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

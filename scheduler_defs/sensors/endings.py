"""Ends runs from outside their own process."""

from resources.database import Database
from resources.errors import IllegalTransition, StaleAttempt
from resources.records import Run
from resources.states import RunState


def end_run(database: Database, run: Run, state: RunState, why: str) -> bool:
    """Ends a run that its launch left queued or running, with its work items; False when it ended itself."""
    error = why if state is RunState.FAILED else None
    try:
        with database.begin(run.tenant_id) as store:
            now = store.now()
            store.runs.end_with_launch(run, state, now, error=error, reason=None if error else why)
            store.graph_jobs.cancel_open_of_run(run, now)
            store.policy_jobs.cancel_open_of_run(run, now)
            store.run_summaries.roll_up(run.tenant_id, run.schedule_id, run.kind, now, now)
    except (StaleAttempt, IllegalTransition):
        return False
    return True

-- Declares workers dead that were silent for longer than the limit; one heard in the future, by a clock that was set back since, counts as heard now. Guard: alive until now; returns the ids and their Dagster runs.
WITH ahead AS (
    UPDATE scheduler.workers
    SET last_heartbeat_at = %(now)s
    WHERE status IN ('active', 'draining') AND last_heartbeat_at > %(now)s)
UPDATE scheduler.workers
SET status = 'dead', ended_at = %(now)s
WHERE status IN ('active', 'draining') AND last_heartbeat_at < %(now)s - %(limit)s::interval
RETURNING id, dagster_run_id

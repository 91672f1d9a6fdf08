-- Declares workers dead that were silent for longer than the limit. Guard: alive until now; returns the ids and their Dagster runs.
UPDATE scheduler.workers
SET status = 'dead', ended_at = %(now)s
WHERE status IN ('active', 'draining') AND last_heartbeat_at < %(now)s - %(limit)s::interval
RETURNING id, dagster_run_id

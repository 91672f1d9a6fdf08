-- Cancels a run that waits, or asks a running one to stop. Guard: state in pending, queued, running; returns the state after.
UPDATE scheduler.runs
SET state = CASE WHEN state = 'running' THEN state ELSE 'cancelled' END,
    finished_at = CASE WHEN state = 'running' THEN NULL ELSE %(now)s END,
    reason = %(reason)s,
    cancel_requested_at = coalesce(cancel_requested_at, %(now)s)
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND state IN ('pending', 'queued', 'running')
RETURNING state

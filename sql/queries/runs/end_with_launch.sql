-- Ends a run whose launch ended without it, not before it started, should the clock have been set back. Guard: still queued or running in that launch; returns the id.
UPDATE scheduler.runs
SET state = %(state)s, error = %(error)s, reason = CASE WHEN %(state)s::text = 'cancelled' THEN coalesce(reason, %(reason)s) ELSE %(reason)s END,
    finished_at = greatest(%(now)s, started_at)
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND launch_id = %(launch_id)s AND state IN ('queued', 'running')
RETURNING id

-- Ends a running attempt, not before it started, should the clock have been set back; a cancelled one keeps the reason of whoever asked it to stop. Guard: state = 'running' and its fencing token.
UPDATE scheduler.runs
SET state = %(state)s, stats = %(stats)s, deltas = %(deltas)s, error = %(error)s,
    reason = CASE WHEN %(state)s = 'cancelled' THEN coalesce(reason, %(reason)s) ELSE %(reason)s END, finished_at = greatest(%(now)s, started_at)
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND state = 'running' AND fencing_token = %(token)s
RETURNING id

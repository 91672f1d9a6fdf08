-- Ends a running attempt. Guard: state = 'running' and its fencing token.
UPDATE scheduler.runs
SET state = %(state)s, stats = %(stats)s, deltas = %(deltas)s, error = %(error)s, reason = %(reason)s, finished_at = %(now)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND state = 'running' AND fencing_token = %(token)s
RETURNING id

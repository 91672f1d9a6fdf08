-- Says that a worker lives, and reads what is asked of it. Guard: not gone and not declared dead.
UPDATE scheduler.workers
SET last_heartbeat_at = greatest(last_heartbeat_at, %(now)s)
WHERE id = %(id)s AND status IN ('active', 'draining')
RETURNING status

-- Lets a worker go. Guard: not gone and not declared dead.
UPDATE scheduler.workers
SET status = 'gone', ended_at = %(now)s
WHERE id = %(id)s AND status IN ('active', 'draining')
RETURNING id

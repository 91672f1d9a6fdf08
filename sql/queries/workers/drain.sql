-- Lets a worker finish what it carries and take nothing more. Guard: status = 'active'.
UPDATE scheduler.workers
SET status = 'draining'
WHERE id = %(id)s AND status = 'active'
RETURNING id

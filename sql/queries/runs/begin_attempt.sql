-- Begins the attempt of an opened run: a packed launch opens its runs together, but carries them out in turn. Guard: state = 'running' and its fencing token.
UPDATE scheduler.runs
SET started_at = %(now)s, begun = true
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND state = 'running' AND fencing_token = %(token)s
RETURNING id

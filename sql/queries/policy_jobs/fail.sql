-- Ends a work item with its error. Guard: status = 'running' under this worker's lease of this attempt; returns its id.
UPDATE scheduler.policy_jobs AS j
SET status = 'failed', error = %(error)s, stats = %(stats)s, finished_at = greatest(%(now)s, j.started_at),
    lease_owner = NULL, lease_expires_at = NULL
FROM unnest(%(ids)s::uuid[], %(attempts)s::integer[]) AS held (id, attempts)
WHERE j.tenant_id = %(tenant_id)s AND j.id = held.id AND j.status = 'running' AND j.lease_owner = %(worker)s
    AND j.attempts = held.attempts
RETURNING j.id

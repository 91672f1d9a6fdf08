-- Takes work items for a worker. Guard: status = 'pending'; returns the ids taken.
UPDATE scheduler.policy_jobs
SET status = 'running', attempts = attempts + 1, started_at = %(now)s, lease_owner = %(worker)s,
    lease_expires_at = %(now)s + %(lease)s::interval
WHERE tenant_id = %(tenant_id)s AND id = ANY(%(ids)s) AND status = 'pending'
RETURNING id

-- Ends a work item with its result or error. Guard: status = 'running' under this worker's lease.
UPDATE scheduler.graph_jobs
SET status = %(status)s, result_digest = %(result_digest)s, stats = %(stats)s, error = %(error)s, finished_at = %(now)s,
    lease_owner = NULL, lease_expires_at = NULL
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND status = 'running' AND lease_owner = %(worker)s
RETURNING id

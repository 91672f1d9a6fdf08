-- Gives back what earlier attempts of a graph run began. Guard: status = 'running'.
UPDATE scheduler.graph_jobs
SET status = 'pending', started_at = NULL, lease_owner = NULL, lease_expires_at = NULL
WHERE tenant_id = %(tenant_id)s AND run_id = %(run_id)s AND status = 'running'

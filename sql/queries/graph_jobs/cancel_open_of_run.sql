-- Cancels what a run that ends early leaves undone. Guard: status in pending, running.
UPDATE scheduler.graph_jobs
SET status = 'cancelled', finished_at = %(now)s, lease_owner = NULL, lease_expires_at = NULL
WHERE tenant_id = %(tenant_id)s AND run_id = %(run_id)s AND status IN ('pending', 'running')

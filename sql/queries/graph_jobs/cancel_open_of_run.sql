-- Cancels what a run that ends early leaves undone. Guard: status in pending, running.
-- The end may have been read before an item was claimed: it is no earlier than what the item knows.
UPDATE scheduler.graph_jobs
SET status = 'cancelled', finished_at = greatest(%(now)s, created_at, started_at), lease_owner = NULL, lease_expires_at = NULL
WHERE tenant_id = %(tenant_id)s AND run_id = %(run_id)s AND status IN ('pending', 'running')

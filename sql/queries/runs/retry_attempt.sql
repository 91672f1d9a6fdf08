-- Lets a run wait for its next attempt; one that had not begun keeps its number and has not failed. Guard: state = 'running', its fencing token, and nobody asked it to stop.
UPDATE scheduler.runs
SET state = 'pending', attempt = attempt + begun::integer, failures = failures + (begun AND %(charged)s)::integer,
    begun = false, available_at = %(available_at)s, launch_id = NULL, fencing_token = NULL, started_at = NULL,
    dagster_run_id = NULL, worker_id = NULL, reason = %(reason)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND state = 'running' AND fencing_token = %(token)s
  AND cancel_requested_at IS NULL
RETURNING id

-- Starts the attempt of each run of a launch under a new fencing token. Guard: state = 'queued'.
UPDATE scheduler.runs AS r
SET state = 'running', fencing_token = nextval('scheduler.fencing_tokens'), started_at = %(now)s,
    dagster_run_id = %(dagster_run_id)s, worker_id = %(worker_id)s
WHERE r.launch_id = %(launch_id)s AND r.state = 'queued'
RETURNING r.tenant_id, r.id

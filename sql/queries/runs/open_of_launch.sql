-- Starts the attempt of each run of a launch under a new fencing token; locks in the order of tenant and id, as all that change many runs. Guard: state = 'queued'.
UPDATE scheduler.runs AS r
SET state = 'running', fencing_token = nextval('scheduler.fencing_tokens'), started_at = %(now)s,
    dagster_run_id = %(dagster_run_id)s, worker_id = %(worker_id)s
FROM (
    SELECT tenant_id, id
    FROM scheduler.runs
    WHERE launch_id = %(launch_id)s AND state = 'queued'
    ORDER BY tenant_id, id
    FOR NO KEY UPDATE) AS held
WHERE r.tenant_id = held.tenant_id AND r.id = held.id
RETURNING r.tenant_id, r.id

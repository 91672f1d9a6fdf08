-- Starts the attempt of each run of a launch under a new fencing token; locks in the order of tenant and id, as all that change many runs. Guard: state = 'queued', in a launch that this Dagster run took.
UPDATE scheduler.runs AS r
SET state = 'running', fencing_token = nextval('scheduler.fencing_tokens'), started_at = %(now)s,
    dagster_run_id = %(dagster_run_id)s, worker_id = %(worker_id)s
FROM (
    SELECT q.tenant_id, q.id
    FROM scheduler.launches AS l
    JOIN scheduler.runs AS q ON q.launch_id = l.id
    WHERE l.id = %(launch_id)s AND l.state = 'acknowledged' AND l.dagster_run_id = %(dagster_run_id)s AND q.state = 'queued'
    ORDER BY q.tenant_id, q.id
    FOR NO KEY UPDATE OF q) AS held
WHERE r.tenant_id = held.tenant_id AND r.id = held.id
RETURNING r.tenant_id, r.id

-- Gives back work items of policy runs, of every tenant. Guard: status = 'running', the lease expired and nobody is writing.
WITH expired AS MATERIALIZED (
    SELECT tenant_id, id
    FROM scheduler.policy_jobs
    WHERE status = 'running' AND lease_expires_at <= %(now)s
    ORDER BY lease_expires_at
    LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE scheduler.policy_jobs AS j
SET status = 'pending', started_at = NULL, lease_owner = NULL, lease_expires_at = NULL
FROM expired
WHERE j.tenant_id = expired.tenant_id AND j.id = expired.id
RETURNING j.tenant_id, j.id, j.run_id, j.kind, j.image_id, j.sbom_id, j.status, j.attempts, j.lease_owner,
    j.lease_expires_at, j.input_digest, j.result_digest, j.stats, j.error, j.created_at, j.started_at,
    j.finished_at

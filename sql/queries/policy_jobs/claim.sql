-- Takes the oldest work items of a policy run for a worker. Guard: status = 'pending'; what another is taking is passed over.
-- MATERIALIZED: evaluated once whatever the plan, so that no more than the limit is locked and taken.
WITH free AS MATERIALIZED (
    SELECT id
    FROM scheduler.policy_jobs
    WHERE tenant_id = %(tenant_id)s AND run_id = %(run_id)s AND status = 'pending'
    ORDER BY id
    LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
), taken AS (
    UPDATE scheduler.policy_jobs AS j
    SET status = 'running', attempts = attempts + 1, started_at = greatest(%(now)s, created_at), lease_owner = %(worker)s,
        lease_expires_at = greatest(%(now)s, created_at) + %(lease)s::interval
    FROM free
    WHERE j.tenant_id = %(tenant_id)s AND j.id = free.id
    RETURNING j.*
)
SELECT tenant_id, id, run_id, kind, image_id, sbom_id, status, attempts, lease_owner, lease_expires_at, input_digest,
    result_digest, stats, error, created_at, started_at, finished_at
FROM taken
ORDER BY id

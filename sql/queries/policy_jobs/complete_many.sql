-- Ends work items with their digests and counts. Guard: status = 'running' under this worker's lease; returns the ids ended.
UPDATE scheduler.policy_jobs AS j
SET status = 'completed', input_digest = done.input_digest, result_digest = done.result_digest, stats = done.stats,
    finished_at = %(now)s, lease_owner = NULL, lease_expires_at = NULL
FROM unnest(%(ids)s::uuid[], %(input_digests)s::text[], %(result_digests)s::text[], %(stats)s::jsonb[])
     AS done (id, input_digest, result_digest, stats)
WHERE j.tenant_id = %(tenant_id)s AND j.id = done.id AND j.status = 'running' AND j.lease_owner = %(worker)s
RETURNING j.id

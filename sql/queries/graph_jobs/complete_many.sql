-- Ends work items with their results. Guard: status = 'running' under this worker's lease of this attempt; returns the ids ended.
UPDATE scheduler.graph_jobs AS j
SET status = 'completed', result_digest = done.result_digest, stats = done.stats,
    finished_at = greatest(%(now)s, j.started_at), lease_owner = NULL, lease_expires_at = NULL
FROM unnest(%(ids)s::uuid[], %(attempts)s::integer[], %(result_digests)s::text[], %(stats)s::jsonb[])
     AS done (id, attempts, result_digest, stats)
WHERE j.tenant_id = %(tenant_id)s AND j.id = done.id AND j.status = 'running' AND j.lease_owner = %(worker)s
    AND j.attempts = done.attempts
RETURNING j.id

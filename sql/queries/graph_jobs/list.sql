-- Work items of graph runs after an id, newest first.
SELECT tenant_id, id, run_id, kind, image_id, sbom_id, status, attempts, lease_owner, lease_expires_at, result_digest, stats,
    error, created_at, started_at, finished_at
FROM scheduler.graph_jobs
WHERE tenant_id = %(tenant_id)s
    AND (%(run_id)s::uuid IS NULL OR run_id = %(run_id)s)
    AND (%(status)s::text IS NULL OR status = %(status)s)
    AND (%(image_id)s::uuid IS NULL OR image_id = %(image_id)s)
    AND (%(after_id)s::uuid IS NULL OR id < %(after_id)s)
ORDER BY id DESC
LIMIT %(limit)s

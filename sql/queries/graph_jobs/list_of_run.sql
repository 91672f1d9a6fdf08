-- The work items of a graph run.
SELECT tenant_id, id, run_id, kind, image_id, sbom_id, status, attempts, lease_owner, lease_expires_at, result_digest, stats,
    error, created_at, started_at, finished_at
FROM scheduler.graph_jobs
WHERE tenant_id = %(tenant_id)s AND run_id = %(run_id)s
ORDER BY id

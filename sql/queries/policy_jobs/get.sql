-- One work item of a policy run.
SELECT tenant_id, id, run_id, kind, image_id, sbom_id, status, attempts, lease_owner, lease_expires_at, input_digest,
    result_digest, stats, error, created_at, started_at, finished_at
FROM scheduler.policy_jobs
WHERE tenant_id = %(tenant_id)s AND id = %(id)s

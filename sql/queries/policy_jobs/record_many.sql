-- Adds the items of images that a policy run has evaluated, as completed. Guard: one item a run and image; returns the images added.
INSERT INTO scheduler.policy_jobs (tenant_id, id, run_id, kind, image_id, sbom_id, status, attempts, input_digest, result_digest,
    stats, created_at, started_at, finished_at)
SELECT %(tenant_id)s, id, %(run_id)s, %(kind)s, image_id, sbom_id, 'completed', 1, input_digest, result_digest, stats,
    %(began_at)s, %(began_at)s, greatest(%(now)s, %(began_at)s)
FROM jsonb_to_recordset(%(evaluated)s::jsonb)
    AS evaluated (id uuid, image_id uuid, sbom_id uuid, input_digest text, result_digest text, stats jsonb)
ON CONFLICT (tenant_id, run_id, image_id) DO NOTHING
RETURNING image_id

-- The last evaluation of each image: the one whose findings were written last.
SELECT wanted.image_id, last.input_digest, last.result_digest, last.stats
FROM unnest(%(images)s::uuid[]) AS wanted (image_id)
CROSS JOIN LATERAL (
    SELECT j.input_digest, j.result_digest, j.stats
    FROM scheduler.policy_jobs AS j
    WHERE j.tenant_id = %(tenant_id)s AND j.image_id = wanted.image_id AND j.status = 'completed' AND j.kind <> 'simulate'
    ORDER BY j.finished_at DESC, j.id DESC
    LIMIT 1) AS last

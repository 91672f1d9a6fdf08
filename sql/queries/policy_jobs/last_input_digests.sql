-- The input digest that each image was last evaluated at.
SELECT wanted.image_id, last.input_digest
FROM unnest(%(images)s::uuid[]) AS wanted (image_id)
CROSS JOIN LATERAL (
    SELECT j.input_digest
    FROM scheduler.policy_jobs AS j
    WHERE j.tenant_id = %(tenant_id)s AND j.image_id = wanted.image_id AND j.status = 'completed' AND j.kind <> 'simulate'
    ORDER BY j.id DESC
    LIMIT 1) AS last

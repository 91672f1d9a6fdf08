-- Puts pending runs into their launches; locks in the order of tenant and id, as all that change many runs. Guard: state = 'pending'; returns the ids moved.
UPDATE scheduler.runs AS r
SET state = 'queued', launch_id = packed.launch_id
FROM (
    SELECT w.tenant_id, w.id, wanted.launch_id
    FROM unnest(%(tenants)s::text[], %(ids)s::uuid[], %(launches)s::uuid[]) AS wanted (tenant_id, id, launch_id)
    JOIN scheduler.runs AS w ON w.tenant_id = wanted.tenant_id AND w.id = wanted.id
    WHERE w.state = 'pending'
    ORDER BY w.tenant_id, w.id
    FOR NO KEY UPDATE OF w) AS packed
WHERE r.tenant_id = packed.tenant_id AND r.id = packed.id AND r.state = 'pending'
RETURNING r.id

-- Puts pending runs into their launches. Guard: state = 'pending'; returns the ids moved.
UPDATE scheduler.runs AS r
SET state = 'queued', launch_id = packed.launch_id
FROM unnest(%(tenants)s::text[], %(ids)s::uuid[], %(launches)s::uuid[]) AS packed (tenant_id, id, launch_id)
WHERE r.tenant_id = packed.tenant_id AND r.id = packed.id AND r.state = 'pending'
RETURNING r.id

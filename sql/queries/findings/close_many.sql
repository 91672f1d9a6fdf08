-- Closes open findings that a run did not see again. Guard: fixed_at IS NULL.
UPDATE inventory.findings AS f
SET fixed_at = %(now)s
FROM unnest(%(images)s::uuid[], %(policies)s::uuid[], %(components)s::bigint[], %(advisories)s::text[])
    AS gone (image_id, policy_id, component_id, advisory_id)
WHERE f.tenant_id = %(tenant_id)s AND f.image_id = gone.image_id AND f.policy_id = gone.policy_id
    AND f.component_id = gone.component_id AND f.advisory_id = gone.advisory_id AND f.fixed_at IS NULL

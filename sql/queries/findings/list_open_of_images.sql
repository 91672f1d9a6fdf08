-- The open findings of images.
SELECT policy_id, component_id, advisory_id, policy_revision, match, severity, verdict, rule, message, image_id
FROM inventory.findings
WHERE tenant_id = %(tenant_id)s AND image_id = ANY(%(images)s) AND fixed_at IS NULL

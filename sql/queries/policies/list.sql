-- The policies of a tenant with their current documents, without those that were removed.
SELECT p.id AS policy_id, p.name, p.revision, r.document, r.digest
FROM inventory.policies AS p
JOIN inventory.policy_revisions AS r ON r.tenant_id = p.tenant_id AND r.policy_id = p.id AND r.revision = p.revision
WHERE p.tenant_id = %(tenant_id)s AND p.deleted_at IS NULL
ORDER BY p.name

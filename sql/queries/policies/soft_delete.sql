-- Takes a policy out; its revisions stay. Guard: deleted_at IS NULL.
UPDATE inventory.policies AS p
SET deleted_at = %(now)s, updated_at = %(now)s
FROM inventory.policy_revisions AS r
WHERE p.tenant_id = %(tenant_id)s AND p.name = %(name)s AND p.deleted_at IS NULL
    AND r.tenant_id = p.tenant_id AND r.policy_id = p.id AND r.revision = p.revision
RETURNING p.id AS policy_id, p.name, p.revision, r.document, r.digest

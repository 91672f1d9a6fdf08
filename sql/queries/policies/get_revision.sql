-- One revision of a policy, also of one that was removed, by name.
SELECT p.id AS policy_id, p.name, r.revision, r.document, r.digest
FROM inventory.policies AS p
JOIN inventory.policy_revisions AS r ON r.tenant_id = p.tenant_id AND r.policy_id = p.id
WHERE p.tenant_id = %(tenant_id)s AND p.name = %(name)s AND r.revision = %(revision)s

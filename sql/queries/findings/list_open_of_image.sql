-- The open findings of one image for people to read.
SELECT i.id AS image_id, i.registry, i.repository, i.tag, i.digest, c.purl, c.version, f.advisory_id, f.severity, f.verdict, f.match,
    p.name AS policy, f.rule, f.message, f.first_seen_at
FROM inventory.findings AS f
JOIN inventory.images AS i ON i.tenant_id = f.tenant_id AND i.id = f.image_id
JOIN inventory.component_versions AS c ON c.tenant_id = f.tenant_id AND c.id = f.component_id
JOIN inventory.policies AS p ON p.tenant_id = f.tenant_id AND p.id = f.policy_id
WHERE f.tenant_id = %(tenant_id)s AND f.image_id = %(image_id)s AND f.fixed_at IS NULL
ORDER BY p.name, c.purl, c.version, f.advisory_id

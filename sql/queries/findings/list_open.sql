-- The open findings of a tenant for people to read, worst first.
SELECT i.id AS image_id, i.registry, i.repository, i.tag, i.digest, c.purl, c.version, f.advisory_id, f.severity, f.verdict, f.match,
    p.name AS policy, f.rule, f.message, f.first_seen_at
FROM inventory.findings AS f
JOIN inventory.images AS i ON i.tenant_id = f.tenant_id AND i.id = f.image_id
JOIN inventory.component_versions AS c ON c.tenant_id = f.tenant_id AND c.id = f.component_id
JOIN inventory.policies AS p ON p.tenant_id = f.tenant_id AND p.id = f.policy_id
WHERE f.tenant_id = %(tenant_id)s AND f.fixed_at IS NULL AND (%(verdict)s::text IS NULL OR f.verdict = %(verdict)s)
  AND (%(advisories)s::text[] IS NULL OR f.advisory_id = ANY(%(advisories)s))
  AND (%(namespace)s::text IS NULL OR i.namespace = %(namespace)s)
  AND (%(repository_like)s::text IS NULL OR i.repository LIKE %(repository_like)s
      OR concat_ws('/', nullif(i.registry, ''), i.repository) LIKE %(name_like)s)
  AND (%(digest)s::text IS NULL OR i.digest = %(digest)s)
  AND i.labels @> %(labels)s
  AND (%(ingested_since)s::timestamptz IS NULL OR i.changed_at >= %(ingested_since)s)
ORDER BY array_position(ARRAY['block', 'warn', 'ignore'], f.verdict),
    array_position(ARRAY['critical', 'high', 'unknown', 'medium', 'low', 'none'], f.severity), c.purl, c.version, f.advisory_id, f.image_id
LIMIT %(limit)s

-- The images of a selection that have an SBOM, for people to read, by name.
SELECT i.id, i.registry, i.repository, i.digest, i.tag, i.identity, i.namespace, i.labels, s.component_count AS components, i.changed_at
FROM inventory.images AS i
JOIN inventory.sboms AS s ON s.tenant_id = i.tenant_id AND s.id = i.sbom_id
WHERE i.tenant_id = %(tenant_id)s
  AND (%(namespace)s::text IS NULL OR i.namespace = %(namespace)s)
  AND (%(repository_like)s::text IS NULL OR i.repository LIKE %(repository_like)s
      OR concat_ws('/', nullif(i.registry, ''), i.repository) LIKE %(name_like)s)
  AND (%(digest)s::text IS NULL OR i.digest = %(digest)s)
  AND i.labels @> %(labels)s
  AND (%(ingested_since)s::timestamptz IS NULL OR i.changed_at >= %(ingested_since)s)
  AND (%(after_registry)s::text IS NULL
      OR (i.registry, i.repository, i.identity) > (%(after_registry)s, %(after_repository)s::text, %(after_identity)s::text))
ORDER BY i.registry, i.repository, i.identity
LIMIT %(limit)s

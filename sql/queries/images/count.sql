-- How many images a selection names that have an SBOM.
SELECT count(*)
FROM inventory.images AS i
WHERE i.tenant_id = %(tenant_id)s AND i.sbom_id IS NOT NULL
  AND (%(namespace)s::text IS NULL OR i.namespace = %(namespace)s)
  AND (%(repository_like)s::text IS NULL OR i.repository LIKE %(repository_like)s
      OR concat_ws('/', nullif(i.registry, ''), i.repository) LIKE %(name_like)s)
  AND (%(digest)s::text IS NULL OR i.digest = %(digest)s)
  AND i.labels @> %(labels)s
  AND (%(ingested_since)s::timestamptz IS NULL OR i.changed_at >= %(ingested_since)s)

-- The images of a tenant that a selection names and that have an SBOM.
SELECT tenant_id, id, registry, repository, digest, tag, namespace, labels, sbom_id
FROM inventory.images
WHERE tenant_id = %(tenant_id)s AND sbom_id IS NOT NULL
  AND (%(namespace)s::text IS NULL OR namespace = %(namespace)s)
  AND (%(repository_like)s::text IS NULL OR repository LIKE %(repository_like)s
      OR concat_ws('/', nullif(registry, ''), repository) LIKE %(name_like)s)
  AND (%(digest)s::text IS NULL OR digest = %(digest)s)
  AND labels @> %(labels)s
  AND (%(ingested_since)s::timestamptz IS NULL OR changed_at >= %(ingested_since)s)
ORDER BY id

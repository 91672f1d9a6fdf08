-- An image by what tells it apart, locked until the transaction ends.
SELECT tenant_id, id, registry, repository, digest, tag, namespace, labels, sbom_id
FROM inventory.images
WHERE tenant_id = %(tenant_id)s AND registry = %(registry)s AND repository = %(repository)s
  AND identity = coalesce(%(digest)s::text, 'tag:' || coalesce(%(tag)s::text, ''))
FOR NO KEY UPDATE

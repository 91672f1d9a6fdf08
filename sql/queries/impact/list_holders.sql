-- The images of a selection that hold some components, each with those it holds.
SELECT i.id, i.registry, i.repository, i.digest, i.tag, held.components
FROM (
    SELECT image_id, array_agg(component_id ORDER BY component_id) AS components
    FROM inventory.image_components
    WHERE tenant_id = %(tenant_id)s AND component_id = ANY(%(components)s)
    GROUP BY image_id) AS held
JOIN inventory.images AS i ON i.tenant_id = %(tenant_id)s AND i.id = held.image_id
WHERE i.sbom_id IS NOT NULL
  AND (%(namespace)s::text IS NULL OR i.namespace = %(namespace)s)
  AND (%(repository_like)s::text IS NULL OR i.repository LIKE %(repository_like)s)
  AND (%(digest)s::text IS NULL OR i.digest = %(digest)s)
  AND i.labels @> %(labels)s
ORDER BY i.id

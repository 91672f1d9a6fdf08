-- The images of a selection that hold some components, each with those it holds.
-- LATERAL with a limit: each is looked up by its key; the planner takes a filter by labels to leave none, and would read all images.
SELECT i.id, i.registry, i.repository, i.digest, i.tag, held.components
FROM (
    SELECT image_id, array_agg(component_id ORDER BY component_id) AS components
    FROM inventory.image_components
    WHERE tenant_id = %(tenant_id)s AND component_id = ANY(%(components)s)
    GROUP BY image_id) AS held
CROSS JOIN LATERAL (
    SELECT *
    FROM inventory.images
    WHERE tenant_id = %(tenant_id)s AND id = held.image_id AND sbom_id IS NOT NULL
      AND (%(namespace)s::text IS NULL OR namespace = %(namespace)s)
      AND (%(repository_like)s::text IS NULL OR repository LIKE %(repository_like)s
          OR concat_ws('/', nullif(registry, ''), repository) LIKE %(name_like)s)
      AND (%(digest)s::text IS NULL OR digest = %(digest)s)
      AND labels @> %(labels)s
      AND (%(ingested_since)s::timestamptz IS NULL OR changed_at >= %(ingested_since)s)
    LIMIT 1) AS i
ORDER BY held.image_id

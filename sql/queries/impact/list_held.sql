-- Of each of some images the SBOM that holds now, and those of some components that it names.
SELECT i.id AS image_id, i.sbom_id, s.digest AS sbom_digest, coalesce(held.components, '{}') AS components
FROM inventory.images AS i
JOIN inventory.sboms AS s ON s.tenant_id = i.tenant_id AND s.id = i.sbom_id
LEFT JOIN (
    SELECT image_id, array_agg(component_id ORDER BY component_id) AS components
    FROM inventory.image_components
    WHERE tenant_id = %(tenant_id)s AND component_id = ANY(%(components)s) AND image_id = ANY(%(images)s)
    GROUP BY image_id) AS held ON held.image_id = i.id
WHERE i.tenant_id = %(tenant_id)s AND i.id = ANY(%(images)s)

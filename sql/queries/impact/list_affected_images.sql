-- The images among some that hold components, with each pair of component and advisory.
SELECT ic.image_id, c.id AS component_id, c.purl, c.version, hit.advisory_id
FROM unnest(%(components)s::bigint[], %(advisories)s::text[]) AS hit (component_id, advisory_id)
JOIN inventory.image_components AS ic ON ic.tenant_id = %(tenant_id)s AND ic.component_id = hit.component_id
JOIN inventory.component_versions AS c ON c.tenant_id = %(tenant_id)s AND c.id = hit.component_id
WHERE ic.image_id = ANY(%(images)s)
ORDER BY ic.image_id, c.purl, c.version, hit.advisory_id, c.id
